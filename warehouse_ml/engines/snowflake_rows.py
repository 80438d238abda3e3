"""The answer of Snowflake: a query, which runs again at every read, or what a statement gave that has run."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import Any, Protocol

import pyarrow as pa

from warehouse_ml.engines.snowflake_arrow import ResultColumn, as_batches, as_table, result_columns
from warehouse_ml.errors import MissingDependencyError

_SHOWN_ROWS = 20


class Host(Protocol):
    """What the rows ask of their engine."""

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> Any:
        """A cursor of the connector on which a statement has run."""
        ...


class QueryRows:
    """Fills `base.Rows` with a SELECT. Snowflake has described it; it runs when it is read."""

    def __init__(
        self, host: Host, sql: str, parameters: Sequence[object] | None, columns: Sequence[ResultColumn]
    ) -> None:
        """Wrap a query.

        Args:
            host: Runs it.
            sql: Its text.
            parameters: Its values.
            columns: What it returns.
        """
        self._host = host
        self._sql = sql
        self._parameters = parameters
        self._found = list(columns)
        self.columns: list[str] = [column.name for column in columns]
        self.types: list[str] = [column.type for column in columns]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of one run."""
        yield from self._cursor()

    def arrow(self) -> Any:
        """A `pyarrow.Table`."""
        return as_table(self._tables(), self._found)

    def batches(self, rows: int) -> Any:
        """A `pyarrow.RecordBatchReader` that fetches the parts of the result as it is read."""
        return as_batches(self._tables(), self._found, rows)

    def df(self) -> Any:
        """A `pandas.DataFrame`."""
        return _frame(self.arrow())

    def pl(self) -> Any:
        """A `polars.DataFrame`."""
        return _polars(self.arrow())

    def text(self, rows: int | None = None) -> str:
        """The first rows as a table to look at."""
        limit = _SHOWN_ROWS if rows is None else rows
        first = list(islice(self.rows(), limit + 1))
        return _drawn(self.columns, first[:limit], more=len(first) > limit)

    def _tables(self) -> Iterator[Any]:
        cursor = self._cursor()
        if cursor.rowcount == 0:  # the connector cannot make a table of no batches
            return iter(())
        # Else the unit of times depends on the values of each batch.
        tables: Iterator[Any] = cursor.fetch_arrow_batches(force_microsecond_precision=True)
        return tables

    def _cursor(self) -> Any:
        return self._host.execute(self._sql, self._parameters)


class FetchedRows:
    """Fills `base.Rows` with the answer of a statement that has run."""

    def __init__(self, cursor: Any) -> None:
        """Fetch the rows of a cursor of the connector."""
        self._found = result_columns(cursor.description)
        self._rows: list[tuple[Any, ...]] = cursor.fetchall()
        self.columns: list[str] = [column.name for column in self._found]
        self.types: list[str] = [column.type for column in self._found]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows."""
        return iter(self._rows)

    def arrow(self) -> Any:
        """A `pyarrow.Table`."""
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(self._found)
        plain = pa.table([pa.array(values) for values in columns], names=self.columns)
        return as_table([plain], self._found)

    def batches(self, rows: int) -> Any:
        """A `pyarrow.RecordBatchReader`."""
        table = self.arrow()
        return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=rows))

    def df(self) -> Any:
        """A `pandas.DataFrame`."""
        return _frame(self.arrow())

    def pl(self) -> Any:
        """A `polars.DataFrame`."""
        return _polars(self.arrow())

    def text(self, rows: int | None = None) -> str:
        """The first rows as a table to look at."""
        limit = _SHOWN_ROWS if rows is None else rows
        return _drawn(self.columns, self._rows[:limit], more=len(self._rows) > limit)


def _frame(table: Any) -> Any:
    if find_spec("pandas") is None:
        raise MissingDependencyError("pandas", "train")
    return table.to_pandas()


def _polars(table: Any) -> Any:
    if find_spec("polars") is None:
        raise MissingDependencyError("polars", "polars")
    import polars

    return polars.from_arrow(table)


def _drawn(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], *, more: bool) -> str:
    """Rows under their columns' names, numbers to the right."""
    texts = [["NULL" if value is None else str(value) for value in row] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(columns, *texts, strict=True)]
    right = [
        all(isinstance(row[place], int | float) or row[place] is None for row in rows) and bool(rows)
        for place in range(len(columns))
    ]

    def line(cells: Sequence[str]) -> str:
        placed = [
            cell.rjust(width) if to_the_right else cell.ljust(width)
            for cell, width, to_the_right in zip(cells, widths, right, strict=True)
        ]
        return " | ".join(placed).rstrip()

    lines = [line(columns), "-+-".join("-" * width for width in widths), *map(line, texts)]
    return "\n".join([*lines, "..."] if more else lines)
