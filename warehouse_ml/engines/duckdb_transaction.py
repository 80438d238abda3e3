"""Transactions on the registry of a DuckDB database, each on a cursor of its own."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from warehouse_ml.engines.base import ConflictError, Load, Part, RegistryMissingError
from warehouse_ml.errors import ReadOnlyError
from warehouse_ml.quoting import quoted
from warehouse_ml.statements import statement

SCHEMA = "warehouse_ml"
"""Where the registry lives in a database."""


class DuckDBTransaction:
    """Fills `base.Transaction` with a cursor."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Use a cursor in a transaction."""
        self._cursor = cursor

    def run(self, name: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement by its file name."""
        with _registry_errors():
            return self._cursor.execute(statement("duckdb", name), list(parameters)).fetchall()

    def stage(self, name: str, *parameters: object) -> None:
        """Nothing: the database holds bytes itself."""


@contextmanager
def transaction(
    connection: duckdb.DuckDBPyConnection, database: str, create: bool = False
) -> Iterator[DuckDBTransaction]:
    """A transaction in which the registry's tables are found by their bare names.

    Args:
        connection: The connection whose database it is; it is left alone.
        database: The name of the database, one of those that are attached.
        create: Make the schema first where it is missing.
    """
    cursor = connection.cursor()
    started = DuckDBTransaction(cursor)
    try:
        cursor.begin()
        try:
            if create:
                started.run("set_search_path", _path(database, "main"))
                started.run("create_schema")
            started.run("set_search_path", _path(database, SCHEMA))
            yield started
        except BaseException:
            with suppress(duckdb.TransactionException):
                cursor.rollback()
            raise
        with _registry_errors():
            cursor.commit()
    finally:
        cursor.close()


@contextmanager
def _registry_errors() -> Iterator[None]:
    try:
        yield
    except (duckdb.TransactionException, duckdb.ConstraintException) as error:
        raise ConflictError(str(error)) from error
    except duckdb.CatalogException as error:
        raise RegistryMissingError("The database holds no registry of models.") from error
    except duckdb.InvalidInputException as error:
        if "read-only mode" not in str(error):
            raise
        raise ReadOnlyError("store models") from error


def _path(database: str, schema: str) -> str:
    return f"{quoted(database)}.{quoted(schema)}"


def read_in_transaction(
    database: str, load: Load, connection: duckdb.DuckDBPyConnection, part: Part
) -> bytes | None:
    """What `load` reads in a transaction of its own; None where the connection is closed."""
    try:
        with transaction(connection, database) as started:
            return load(started, part)
    except RegistryMissingError:
        if part == "plan":  # a registry that an older release made
            return b""
        raise
    except duckdb.ConnectionException:
        return None
