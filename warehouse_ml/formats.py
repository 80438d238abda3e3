"""A result as a table for the terminal, as CSV, JSON lines or Parquet.

DuckDB itself writes the values as text and as JSON, whichever engine they come from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import ENOENT
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import click
import duckdb
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from warehouse_ml.result import Result
from warehouse_ml.statements import statement

TABLE_ROWS = 100
"""How many rows a table shows, because it is for eyes; the other formats write all."""

_BATCH_ROWS = 65_536
_ANY_WIDTH = 100_000
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_NO_ANSWER = (["Count"], ["Success"])  # what DuckDB returns for a CREATE and a SET: a column and no row


def write(result: Result, form: str, output: str | None = None) -> None:
    """Write a result.

    Args:
        result: The rows.
        form: One of `FORMATS`; `parquet` needs an output.
        output: The file, which afterwards holds all the rows or is as it was; by default standard output.
    """
    if not result.columns:
        return
    if output is None:
        _TEXT_FORMATS[form](result, sys.stdout)
        sys.stdout.flush()
        return
    with _whole_file(Path(output)) as path:
        if form == "parquet":
            _write_parquet(result, path)
        else:
            with path.open("w", encoding="utf-8", newline="") as stream:
                _TEXT_FORMATS[form](result, stream)


def _write_table(result: Result, stream: TextIO) -> None:
    rows: list[tuple[str | None, ...]] = []
    for batch in _rendered(result, "select_as_text", TABLE_ROWS + 1):
        rows += batch
        if len(rows) > TABLE_ROWS:
            break
    if not rows and result.columns in _NO_ANSWER:
        return
    table = Table()
    # Everything is Text, because brackets in the data are no markup.
    for column, kind in zip(result.columns, result.types, strict=True):
        number = kind.removeprefix("U").partition("(")[0] in _NUMBERS
        table.add_column(Text(column), overflow="fold", justify="right" if number else "left")
    for row in rows[:TABLE_ROWS]:
        table.add_row(*(Text("NULL", "dim") if value is None else Text(value) for value in row))
    # A file or a pipe has no width that a line could be too long for.
    Console(file=stream, width=None if stream.isatty() else _ANY_WIDTH).print(table)
    if len(rows) > TABLE_ROWS:
        click.echo(f"Only the first {TABLE_ROWS} rows are shown; --format csv writes all.", err=True)


def _write_csv(result: Result, stream: TextIO) -> None:
    stream.write(_csv_line(result.columns))
    for batch in _rendered(result, "select_as_text"):
        stream.writelines(map(_csv_line, batch))


def _csv_line(values: Sequence[str | None]) -> str:
    """A line as DuckDB writes it: NULL is empty, and an empty text is quoted, which the csv module cannot."""
    return ",".join("" if value is None else _csv_field(value) for value in values) + "\n"


def _csv_field(value: str) -> str:
    plain = value and value == value.strip() and not any(mark in value for mark in ',"\r\n')
    return value if plain else '"' + value.replace('"', '""') + '"'


def _write_json(result: Result, stream: TextIO) -> None:
    for batch in _rendered(result, "select_as_json"):
        stream.writelines(f"{line}\n" for (line,) in batch)


def _write_parquet(result: Result, path: Path) -> None:
    reader = result.arrow_batches(_BATCH_ROWS)
    with pq.ParquetWriter(path, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _rendered(
    result: Result, statement_name: str, rows: int = _BATCH_ROWS
) -> Iterator[list[tuple[str | None, ...]]]:
    """The rows with their values as text, batch by batch."""
    with duckdb.connect() as connection:
        for batch in result.arrow_batches(rows):
            connection.register("rows_to_write", batch)
            yield connection.execute(statement("duckdb", statement_name)).fetchall()


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """A path to write to; what was written takes the place of the file at the end."""
    if path.exists() and not path.is_file():
        yield path  # a pipe or a device cannot be replaced
        return
    if not path.parent.is_dir():
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path.parent))
    # a folder of our own beside it: no file of the user's is overwritten, no link followed
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        part = Path(folder) / path.name
        yield part
        part.replace(path)


_TEXT_FORMATS: Mapping[str, Callable[[Result, TextIO], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
}

FORMATS = (*_TEXT_FORMATS, "parquet")
