"""DuckDB's connections: a cursor for a short task, and the end of those that the package has opened."""

import atexit
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from warehouse_ml.engines.interrupts import keyboard_interrupts

_owned: "weakref.WeakSet[duckdb.DuckDBPyConnection]" = weakref.WeakSet()


@contextmanager
def own_cursor(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor that is closed afterwards; the connection itself may be busy or in a transaction."""
    cursor = connection.cursor()
    try:
        with keyboard_interrupts():
            yield cursor
    finally:
        cursor.close()


def close_at_exit(connection: duckdb.DuckDBPyConnection) -> None:
    """Close a connection at the interpreter's end, if it is still there.

    An open connection with functions makes nanobind print a page of notes then.
    """
    if not _owned:
        atexit.register(_close_owned)
    _owned.add(connection)


def _close_owned() -> None:
    for connection in list(_owned):
        connection.close()
