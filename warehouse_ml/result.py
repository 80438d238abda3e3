"""What a statement returns."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from warehouse_ml.engines.base import Rows
from warehouse_ml.errors import SqlError


class Result:
    """The answer to a statement.

    A SELECT runs when it is read, and again at every further read, over the data as they are then. What
    changes data, and what it returns, has run once, before the result was made. `fetchone` and `fetchmany`
    share a place in one run; everything else reads all the rows.
    """

    def __init__(self, rows: Rows | None) -> None:
        """Wrap the rows of an engine; None where the text held no statement."""
        self._rows = rows
        self._place: Iterator[tuple[Any, ...]] | None = None

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [] if self._rows is None else list(self._rows.columns)

    @property
    def types(self) -> list[str]:
        """The types of the columns, as the engine writes them."""
        return [] if self._rows is None else list(self._rows.types)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return list(self)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None after the last one."""
        return next(self._next_rows(), None)

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next rows, at most `size`; fewer at the end."""
        return list(islice(self._next_rows(), _at_least(0, size)))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """All rows, one by one."""
        return iter(()) if self._rows is None else self._rows.rows()

    def df(self) -> Any:
        """A `pandas.DataFrame`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return self._some().df()

    def pl(self) -> Any:
        """A `polars.DataFrame`.

        Raises:
            MissingDependencyError: polars is not installed.
        """
        return self._some().pl()

    def arrow(self) -> Any:
        """A `pyarrow.Table`."""
        return self._some().arrow()

    def arrow_batches(self, rows: int = 65_536) -> Any:
        """Rows as they are computed, for results that do not fit into memory.

        Another statement on the same session puts what is not read yet into memory; use a cursor for
        work beside a long stream.

        Args:
            rows: The size of a batch, roughly.

        Returns:
            A `pyarrow.RecordBatchReader`.
        """
        return self._some().batches(_at_least(1, rows))

    def show(self, rows: int | None = None) -> None:
        """Print the first rows.

        Args:
            rows: How many; by default as many as fit.
        """
        print("" if self._rows is None else self._rows.text(rows))

    def __repr__(self) -> str:
        """The first rows, as `show` prints them."""
        return "Result()" if self._rows is None else self._rows.text()

    def _next_rows(self) -> Iterator[tuple[Any, ...]]:
        if self._place is None:
            self._place = iter(self)
        return self._place

    def _some(self) -> Rows:
        if self._rows is None:
            raise SqlError("The text holds no statement, so there is nothing to read.")
        return self._rows


def _at_least(least: int, rows: int) -> int:
    if rows < least:
        raise SqlError(f"The number of rows is {least} or more, not {rows}.")
    return rows
