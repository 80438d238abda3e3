"""Whether the user has begun a transaction on a connection, which DuckDB does not tell."""

import duckdb

from warehouse_ml.engines.duckdb_bind import binder, bound_columns
from warehouse_ml.statements import statement


def transaction_open(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a transaction is open: then two statements have one number."""
    query = statement("duckdb", "select_transaction")
    try:
        return connection.sql(query).fetchall() == connection.sql(query).fetchall()
    except duckdb.TransactionException:
        return True
    except duckdb.ResourceInUseException:
        # A result of the user's own keeps the connection busy; nothing can run on it anyway.
        return False


def may_not_fail(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether an error would end a transaction of the user's; also where the connection is busy.

    It asks the binder twice, which takes a fifth of running the question of `transaction_open`.
    """
    asked = "SELECT * FROM query('SELECT 1 AS \"' || txid_current() || '\"')"
    bind = binder(connection, asked)
    if bind is None:
        return transaction_open(connection)
    numbers = [bound_columns(bind()) for _ in range(2)]
    return None in numbers or numbers[0] == numbers[1]
