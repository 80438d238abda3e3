"""The answer to a statement, with a progress bar while it is computed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from warehouse_ml.engines.base import Rows


class WatchedRows:
    """Fills `base.Rows` with the rows of an engine, and watches every read of them.

    A stream is read at its reader's pace, so it has no bar.
    """

    def __init__(self, rows: Rows, watch: Callable[[], AbstractContextManager[None]]) -> None:
        """Wrap rows; `watch` is entered for the time that they are computed."""
        self._rows = rows
        self._watch = watch
        self.columns: list[str] = list(rows.columns)
        self.types: list[str] = list(rows.types)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of one run; all are computed before the first one is there."""
        rows = self._rows.rows()
        with self._watch():
            first = next(rows, None)
        if first is not None:
            yield first
            yield from rows

    def arrow(self) -> Any:
        """A `pyarrow.Table`."""
        with self._watch():
            return self._rows.arrow()

    def batches(self, rows: int) -> Any:
        """A `pyarrow.RecordBatchReader` that computes batches as it is read."""
        return self._rows.batches(rows)

    def df(self) -> Any:
        """A `pandas.DataFrame`."""
        with self._watch():
            return self._rows.df()

    def pl(self) -> Any:
        """A `polars.DataFrame`."""
        with self._watch():
            return self._rows.pl()

    def text(self, rows: int | None = None) -> str:
        """The first rows as a table to look at."""
        with self._watch():
            return self._rows.text(rows)
