"""How much of a statement DuckDB has done."""

from contextlib import suppress

import duckdb

from warehouse_ml.statements import statement


class Progress:
    """Makes DuckDB count what it has done of the statements between `start` and `stop`.

    It counts while its own progress bar is on. So the bar is turned on and its display off, and the settings
    are put back; after a statement that has aborted the user's transaction, only when that is over.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Count on a connection."""
        self._connection = connection
        self._counts = False
        self._before: tuple[bool, bool] | None = None

    def start(self) -> None:
        """Count from now on; a connection that refuses, as in an aborted transaction, counts nothing."""
        self.settle()
        self._counts = True
        with suppress(duckdb.Error):
            query = statement("duckdb", "select_progress_settings")
            on, shown = self._connection.sql(query).fetchall()[0]
            if shown or not on:
                self._before = (on, shown)
                self._set(on=True, shown=False)

    def stop(self) -> None:
        """Count no longer."""
        self._counts = False
        self.settle()

    def settle(self) -> None:
        """Put the settings back, if that is still to be done and the connection takes them."""
        if self._before is None or self._counts:
            return
        on, shown = self._before
        with suppress(duckdb.Error):
            self._set(on=on, shown=shown)
            self._before = None

    def share(self) -> float | None:
        """What is done of the running statement, from 0 to 1, or None where DuckDB does not know.

        Any thread may ask.
        """
        try:
            percent = self._connection.query_progress()
        except duckdb.Error:
            return None
        return percent / 100 if percent >= 0 else None

    def _set(self, *, on: bool, shown: bool) -> None:
        # What is turned off comes first, so that no bar is shown in between.
        for name, value in sorted([("set_progress", on), ("set_progress_print", shown)], key=lambda s: s[1]):
            self._connection.sql(statement("duckdb", name), params=[value])
