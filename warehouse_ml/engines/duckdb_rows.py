"""The answer of DuckDB to a statement: a relation, which runs again at every read."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any, Protocol

import pyarrow as pa

from warehouse_ml.errors import (
    MissingDependencyError,
    SqlError,
    StatementInterruptedError,
    WarehouseMLError,
)

_ROWS_AT_ONCE = 1024


class Host(Protocol):
    """What the rows ask of their engine."""

    def reading(self) -> AbstractContextManager[None]:
        """Make the connection ready for a read, and translate the errors of what is done within."""
        ...

    def translating(self) -> AbstractContextManager[None]:
        """Translate the errors of what is done within."""
        ...

    def lend(self, stream: "Stream") -> None:
        """Leave the connection to a stream until it is wanted back."""
        ...


class DuckDBRows:
    """Fills `base.Rows` with a `DuckDBPyRelation`."""

    def __init__(self, relation: Any, host: Host) -> None:
        """Wrap a relation of the engine's connection."""
        self._relation = relation
        self._host = host
        self.columns: list[str] = list(relation.columns)
        self.types: list[str] = [str(kind) for kind in relation.types]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of one run; DuckDB keeps them, and the connection is free."""
        with self._host.reading():
            rows = self._relation.iter_rows(_ROWS_AT_ONCE)
            first = next(rows, None)
        if first is not None:
            yield first
            yield from rows

    def arrow(self) -> Any:
        """A `pyarrow.Table`."""
        with self._host.reading():
            return self._relation.to_arrow_table()

    def batches(self, rows: int) -> Any:
        """A `pyarrow.RecordBatchReader` that computes batches as it is read."""
        with self._host.reading():
            stream = Stream(self._relation.to_arrow_reader(rows), self._host)
        self._host.lend(stream)
        return pa.RecordBatchReader.from_batches(stream.schema, stream)

    def df(self) -> Any:
        """A `pandas.DataFrame`."""
        if find_spec("pandas") is None:
            raise MissingDependencyError("pandas", "train")
        with self._host.reading():
            return self._relation.df()

    def pl(self) -> Any:
        """A `polars.DataFrame`."""
        if find_spec("polars") is None:
            raise MissingDependencyError("polars", "polars")
        with self._host.reading():
            return self._relation.pl()

    def text(self, rows: int | None = None) -> str:
        """The first rows as a table to look at."""
        with self._host.reading():
            return str(self._relation) if rows is None else str(self._relation.preview(rows))


class Stream:
    """Batches that DuckDB computes as they are read.

    They keep the connection busy, so `keep` puts the rest into memory when the connection is wanted.
    """

    def __init__(self, reader: Any, host: Host) -> None:
        """Wrap a `pyarrow.RecordBatchReader` of DuckDB."""
        self.schema = reader.schema
        self._open: tuple[Any, Host] | None = (reader, host)
        self._kept: deque[Any] = deque()
        self._failed: WarehouseMLError | OSError | pa.ArrowException | None = None
        self._lock = threading.Lock()

    def __iter__(self) -> "Stream":
        """The stream itself: it is read once."""
        return self

    def __next__(self) -> Any:
        """The next batch."""
        with self._lock:
            if not self._kept:
                self._read()
            if self._kept:
                return self._kept.popleft()
            # Not kept: Arrow holds this stream, and the error's frames hold the Arrow reader.
            failed, self._failed = self._failed, None
            if failed is not None:
                raise failed
            raise StopIteration

    def keep(self) -> None:
        """Read the rest into memory. An error is raised where it would have been."""
        with self._lock:
            while self._open is not None:
                self._read()

    def stop(self) -> None:
        """Leave what is not read yet: the connection is about to be closed."""
        with self._lock:
            if self._open is not None:
                self._failed = SqlError("The session was closed before its stream was read to the end.")
                self._end()

    def _read(self) -> None:
        if self._open is None:
            return
        reader, host = self._open
        try:
            with host.translating():
                self._kept.append(reader.read_next_batch())
        except StopIteration:
            self._end()
        except (WarehouseMLError, OSError, pa.ArrowException) as error:
            self._failed = error.with_traceback(None)
            self._end()
        except BaseException:
            # Ctrl-C: whoever reads on must not take this for the end.
            self._failed = StatementInterruptedError()
            self._end()
            raise

    def _end(self) -> None:
        if self._open is not None:
            self._open[0].close()
            # Nothing here may hold the connection longer than it is needed.
            self._open = None
