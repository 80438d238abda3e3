"""What a statement gives back, in the form that the connector expects."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow
from fakesnow.arrow import to_ipc, to_sf
from fakesnow.rowtype import ColumnInfo, describe_as_rowtype
from fakesnow.statement_type import DML_TYPE_IDS

DUCKDB_NAMES = {"string": "VARCHAR", "int64": "BIGINT", "bool": "BOOLEAN", "double": "DOUBLE"}


def with_missing_times(converted: Any, table: Any) -> Any:
    """A converted table in which times that are NULL are so: fakesnow makes 1970 of them."""
    for place, column in enumerate(table.columns):
        if pyarrow.types.is_timestamp(column.type) and column.null_count:
            struct = converted.column(place).combine_chunks()
            if isinstance(struct, pyarrow.ChunkedArray):
                struct = pyarrow.concat_arrays(struct.chunks)
            parts = [struct.field(part).fill_null(0) for part in range(struct.type.num_fields)]
            null = pyarrow.concat_arrays(column.is_null().chunks)
            array = pyarrow.StructArray.from_arrays(parts, fields=[*struct.type], mask=null)
            converted = converted.set_column(place, converted.field(place), array)
    return converted


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, their columns' types, and the number of the kind of statement; `transfer` is a PUT's or GET's."""

    table: Any
    rowtype: list[ColumnInfo]
    kind: int = 0
    transfer: dict[str, Any] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, Any]:
        """The part of the reply that holds rows."""
        if self.kind in DML_TYPE_IDS:
            columns = [column.to_pylist() for column in self.table.columns]
            rows = [
                [None if value is None else str(value) for value in row] for row in zip(*columns, strict=True)
            ]
            return {"queryResultFormat": "json", "rowset": rows, "total": len(rows)}
        encoded = b64encode(to_ipc(with_missing_times(to_sf(self.table, self.rowtype), self.table))).decode()
        return {"queryResultFormat": "arrow", "rowsetBase64": encoded, "total": self.table.num_rows}


def answer(columns: Sequence[str], rows: Sequence[Sequence[Any]], kind: int = 0) -> Answer:
    """An answer of texts, whole numbers and truth values; columns of no rows are texts."""
    arrays = [pyarrow.array([row[place] for row in rows]) for place in range(len(columns))]
    arrays = [array.cast("string") if pyarrow.types.is_null(array.type) else array for array in arrays]
    table = pyarrow.table(dict(zip(columns, arrays, strict=True)))
    described = [
        (name, DUCKDB_NAMES[str(array.type)], None, None, None, None)
        for name, array in zip(columns, arrays, strict=True)
    ]
    return Answer(table, describe_as_rowtype(described), kind)


def status(text: str) -> Answer:
    """The answer of a DDL statement: one row that says what was done."""
    return answer(["status"], [[text]])
