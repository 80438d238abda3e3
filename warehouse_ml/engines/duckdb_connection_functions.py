"""The functions that a connection was given, kept callable through the user's transactions."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import duckdb

from warehouse_ml.engines.base import Load
from warehouse_ml.engines.duckdb_connections import own_cursor
from warehouse_ml.engines.duckdb_functions import is_callable, make_on
from warehouse_ml.engines.duckdb_transaction import read_in_transaction
from warehouse_ml.engines.lazy_scorer import LazyScorer
from warehouse_ml.errors import RegistryError

Make = Callable[[duckdb.DuckDBPyConnection], None]
"""Makes a function on a connection or a cursor."""


class ConnectionFunctions:
    """The functions of a connection, and the scorers that read their models by it.

    A function that is made in a transaction is gone after its ROLLBACK, and DuckDB then refuses to make it
    again on that connection, but not on a cursor. One that is made on a cursor is not seen by a transaction
    that is older. So it is made on a cursor where no transaction is open, and else on the connection, and
    once more on a cursor after a ROLLBACK.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Begin without functions."""
        self._connection = connection
        self._scorers: set[LazyScorer] = set()
        self._provisional: dict[str, Make] = {}

    def offer(self, scorer: LazyScorer, database: str, load: Load) -> None:
        """Let a scorer read its model by this connection.

        Args:
            scorer: The scorer.
            database: The attached database whose registry holds the model.
            load: Reads the version's parts.
        """
        scorer.offer(self._connection, partial(read_in_transaction, database, load))
        self._scorers.add(scorer)

    def make(self, name: str, make: Make, reference: str, transaction_open: Callable[[], bool]) -> None:
        """Make a function that is not callable yet.

        Args:
            name: The function's name.
            make: Makes it.
            reference: The version that an error names.
            transaction_open: Tells whether the user has begun a transaction.

        Raises:
            RegistryError: An open transaction is in the way.
        """
        with own_cursor(self._connection) as cursor:
            if not transaction_open():
                make_on(cursor, name, make)
                return
            if not is_callable(cursor, name):
                try:
                    make(self._connection)
                except duckdb.NotImplementedException:
                    make_on(cursor, name, make)
                except duckdb.TransactionException:
                    # The transaction is aborted already; the user's own statement says so best.
                    return
                else:
                    self._provisional[name] = make
        if not is_callable(self._connection, name):
            raise RegistryError(
                f"The function of '{reference}' was made after the open transaction began, which "
                "cannot see it. Commit or roll back, then run the statement again."
            )

    def settle(self) -> None:
        """Make functions once more that were made in a transaction, where it was rolled back."""
        if not self._provisional:
            return
        with own_cursor(self._connection) as cursor:
            for name, make in list(self._provisional.items()):
                # A conflict says that the transaction is still open.
                with suppress(duckdb.TransactionException):
                    if not is_callable(cursor, name):
                        make(cursor)
                    del self._provisional[name]

    def withdraw(self) -> None:
        """The connection is about to be closed: no scorer reads by it any more."""
        for scorer in self._scorers:
            scorer.withdraw(self._connection)
