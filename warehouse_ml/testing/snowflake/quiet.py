"""A DuckDB connection for fakesnow, which reads results in a way that DuckDB warns of."""

from typing import Any

ROWS = 1_000_000
"""Rows of one Arrow batch of a result."""


class QuietConnection:
    """Hands everything on to a connection, but gives a result as Arrow without the warning.

    The warning would be an error in a test suite that makes errors of warnings; and filters of warnings are
    shared by all threads, so that a server's thread may not change them.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def to_arrow_table(self) -> Any:
        """The rows of the last statement."""
        return self._connection._result_as_arrow(ROWS, reader=False)
