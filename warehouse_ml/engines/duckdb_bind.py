"""The columns of a query as DuckDB's binder finds them, without a DESCRIBE, and the rows of a small one.

DuckDB's own relations bind by `_bind` of the connection, in a fifth of the time that a DESCRIBE takes. A
statement with model calls asks for columns a dozen times. The method is private, so where a release of DuckDB
has it no more, or answers otherwise, a DESCRIBE is run as before. So it is with `_submit`, by which relations
run: without a relation a small query takes half as long, and EXPLAIN a third.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import duckdb


def binder(connection: duckdb.DuckDBPyConnection, query: str) -> Callable[[], Any] | None:
    """What binds a query when it is called; None where only DESCRIBE can tell its columns.

    Args:
        connection: The connection.
        query: The query.
    """
    bind = getattr(connection, "_bind", None)
    if bind is None or ";" in query or not query.startswith(("SELECT ", "WITH ", "FROM ")):
        return None
    return partial(bind, query, capture=True, with_writes=True)


def bound_columns(answer: Any) -> list[tuple[str, str]] | None:
    """The names and types of the columns; None where a DESCRIBE must tell them.

    So it is where the binder leaves them to the run, as for PIVOT, and where a DESCRIBE may refuse the query:
    one with parameters, or one that writes.
    """
    try:
        names, types, parameters, kind, deferred, _, writes = answer
    except (TypeError, ValueError):
        return None
    if deferred or writes or parameters or kind != "query_result":
        return None
    return [(name, str(sql_type)) for name, sql_type in zip(names, types, strict=True)]


def small_rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """The rows of one small query; results of the user's own on the connection stay as they are."""
    submit = getattr(connection, "_submit", None)
    result = connection.sql(query) if submit is None else submit(query)
    rows: list[tuple[Any, ...]] = result.fetchall()
    return rows
