"""The columns of a Snowflake result in Arrow, of the same type in every batch and on every run."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from warehouse_ml.errors import SqlError

_NAMES = (
    *("NUMBER", "FLOAT", "VARCHAR", "DATE", "TIMESTAMP", "VARIANT", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"),
    *("TIMESTAMP_NTZ", "OBJECT", "ARRAY", "BINARY", "TIME", "BOOLEAN", "GEOGRAPHY", "GEOMETRY", "VECTOR"),
    *("MAP", "FILE"),
)
"""The types by the numbers that the connector's descriptions give them."""

_ARROW = {
    "FLOAT": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_NTZ": pa.timestamp("us"),
    "TIMESTAMP_LTZ": pa.timestamp("us", "UTC"),
    "TIMESTAMP_TZ": pa.timestamp("us", "UTC"),
    "BINARY": pa.binary(),
    "TIME": pa.time64("us"),
    "BOOLEAN": pa.bool_(),
}

_EXACT_DIGITS = 18
"""Digits that every int64 holds."""


class ResultColumn(NamedTuple):
    """A column of a result.

    Attributes:
        name: Its name.
        kind: Its type, without precision.
        precision: The digits of a NUMBER, else None.
        scale: Those after the point.
    """

    name: str
    kind: str
    precision: int | None
    scale: int | None

    @property
    def type(self) -> str:
        """The type as Snowflake writes it."""
        return f"{self.kind}({self.precision},{self.scale})" if self.kind == "NUMBER" else self.kind


def result_columns(description: Iterable[Any]) -> list[ResultColumn]:
    """The columns of the connector's `ResultMetadata`."""
    found = []
    for entry in description:
        kind = _NAMES[entry.type_code] if entry.type_code < len(_NAMES) else "VARIANT"
        number = kind == "NUMBER"
        precision, scale = (entry.precision or 38, entry.scale or 0) if number else (None, None)
        found.append(ResultColumn(entry.name, kind, precision, scale))
    return found


def as_table(tables: Iterable[Any], columns: Sequence[ResultColumn]) -> Any:
    """One `pyarrow.Table` of the connector's tables."""
    parts = list(tables)
    wide = {place for place in _wide(columns) if not all(_fits(part.column(place)) for part in parts)}
    schema = _schema(columns, wide)
    if not parts:
        return schema.empty_table()
    return pa.concat_tables([_cast(part, schema) for part in parts])


def as_batches(tables: Iterable[Any], columns: Sequence[ResultColumn], rows: int) -> Any:
    """A `pyarrow.RecordBatchReader` over the connector's tables.

    Raises:
        SqlError: While it is read: whole numbers of more than 18 digits, whose first batch had none that
            long, do not fit.
    """
    source = iter(tables)
    first = next(source, None)
    wide = set() if first is None else {at for at in _wide(columns) if not _fits(first.column(at))}
    schema = _schema(columns, wide)

    def batches() -> Iterator[Any]:
        table = first
        while table is not None:
            yield from _cast(table, schema).to_batches(max_chunksize=rows)
            table = next(source, None)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _wide(columns: Sequence[ResultColumn]) -> list[int]:
    """The columns of whole numbers that may be longer than int64 holds; an INTEGER is such a one."""
    return [
        place
        for place, column in enumerate(columns)
        if column.scale == 0 and (column.precision or 0) > _EXACT_DIGITS
    ]


def _fits(column: Any) -> bool:
    if pa.types.is_integer(column.type):
        return True
    try:
        column.cast(pa.int64())
    except pa.ArrowInvalid:
        return False
    return True


def _schema(columns: Sequence[ResultColumn], wide: set[int]) -> Any:
    return pa.schema(
        [pa.field(column.name, _type(column, place in wide)) for place, column in enumerate(columns)]
    )


def _type(column: ResultColumn, wide: bool) -> Any:
    if column.kind != "NUMBER":
        return _ARROW.get(column.kind, pa.string())
    if column.scale == 0 and not wide:
        return pa.int64()
    return pa.decimal128(column.precision or 38, column.scale or 0)


def _cast(table: Any, schema: Any) -> Any:
    try:
        parts = [column.cast(field.type) for column, field in zip(table.columns, schema, strict=True)]
    except pa.ArrowInvalid:
        # Arrow's own sentence shows the value.
        raise SqlError(
            "A column of the result holds values that its type in Arrow cannot; cast it in the query."
        ) from None
    return pa.Table.from_arrays(parts, schema=schema)
