"""Arrow columns of a call as a worker's batches: odd sizes, and the dtypes that Snowflake may choose."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy
import pyarrow

from warehouse_ml.testing.snowflake.errors import EmulationError
from warehouse_ml.testing.snowflake.identifiers import shown
from warehouse_ml.testing.snowflake.types import SEMI_STRUCTURED, SnowflakeType
from warehouse_ml.testing.snowflake.worker import Header
from warehouse_ml.testing.snowflake.worker_process import Batch

WIDTHS = ((4, "Int16"), (9, "Int32"), (18, "Int64"))
"""Digits that a NUMBER may have, and the dtype of a column of it."""


def split(rows: int, chance: random.Random) -> Iterator[slice]:
    """A chunk of rows as batches of odd sizes: a few rows first, then up to all."""
    start = 0
    while start < rows:
        size = min(rows - start, chance.choice((1, 7, 501, 1999, 4001)))
        yield slice(start, start + size)
        start += size


def mask(array: Any) -> bytes:
    """Whether each row is NULL, a byte a row."""
    return bytes(array.is_null().to_numpy(zero_copy_only=False).astype("?").tobytes())


def encoded(type_: SnowflakeType, array: Any, chance: random.Random, wide: str) -> tuple[Header, list[bytes]]:
    """One column: what the worker makes of it, and its buffers.

    A column without NULLs comes as a plain dtype or as a nullable one, by chance: Snowflake chooses by the
    query, and a handler may not rely on either.
    """
    nullable = bool(array.null_count) or chance.random() < 0.5
    if type_.kind == "FLOAT":
        values = array.to_numpy(zero_copy_only=False).astype("<f8")
        values[array.is_null().to_numpy(zero_copy_only=False)] = numpy.nan
        return {"kind": "FLOAT"}, [values.tobytes()]
    if type_.kind == "BOOLEAN":
        values = array.fill_null(False).to_numpy(zero_copy_only=False).astype("<i8")
        return {"kind": "BOOLEAN", "dtype": "boolean" if nullable else "bool"}, [
            values.tobytes(),
            mask(array),
        ]
    if type_.kind == "NUMBER" and not type_.scale and (type_.precision <= 18 or wide == "int64"):
        dtype = next((name for digits, name in WIDTHS if type_.precision <= digits), "Int64")
        values = array.cast("int64").fill_null(0).to_numpy(zero_copy_only=False).astype("<i8")
        spec = {"kind": "INTEGER", "dtype": dtype if nullable else dtype.lower()}
        return spec, [values.tobytes(), mask(array)]
    if type_.kind in ("TIMESTAMP_NTZ", "DATE"):
        instants = array.cast("timestamp[ns]").cast("int64").fill_null(0)
        values = instants.to_numpy(zero_copy_only=False).astype("<i8")
        return {"kind": "TIMESTAMP"}, [values.tobytes(), mask(array)]
    texts = array.to_pylist()
    if type_.kind == "NUMBER":
        decimals = [None if value is None else str(value) for value in texts]
        return {"kind": "DECIMAL"}, [json.dumps(decimals).encode()]
    if type_.kind in SEMI_STRUCTURED:
        objects = [None if text is None else json.loads(shown(text)) for text in texts]
        return {"kind": "OBJECT"}, [json.dumps(objects).encode()]
    return {"kind": "VARCHAR"}, [json.dumps(texts).encode()]


def batches(
    types: Sequence[SnowflakeType], arrays: Sequence[Any], chance: random.Random, wide: str
) -> list[Batch]:
    """All columns of one call as batches."""
    found: list[Batch] = []
    for rows in split(len(arrays[0]), chance):
        columns = [
            encoded(type_, array[rows.start : rows.stop], chance, wide)
            for type_, array in zip(types, arrays, strict=True)
        ]
        buffers = [buffer for _, parts in columns for buffer in parts]
        found.append(Batch(rows.stop - rows.start, [spec for spec, _ in columns], buffers))
    return found


def decoded(type_: SnowflakeType, rows: int, buffers: Sequence[bytes]) -> Any:
    """A worker's answer to one batch as an Arrow array; a row's NaN is NULL."""
    null = numpy.frombuffer(buffers[0], "?")
    if len(null) != rows:
        raise EmulationError(9998, f"The worker answered {len(null)} rows for a batch of {rows}.")
    if type_.kind == "FLOAT":
        return pyarrow.array(numpy.frombuffer(buffers[1], "<f8"), mask=null)
    if type_.kind in ("NUMBER", "BOOLEAN", "TIMESTAMP_NTZ"):
        values = numpy.frombuffer(buffers[1], "<i8")
        if type_.kind == "TIMESTAMP_NTZ":
            return pyarrow.array(values // 1000, "int64", mask=null).cast("timestamp[us]")
        return pyarrow.array(values.astype(bool) if type_.kind == "BOOLEAN" else values, mask=null)
    answers = json.loads(buffers[1])
    if type_.kind in SEMI_STRUCTURED:
        answers = [None if value is None else json.dumps(value) for value in answers]
    return pyarrow.array(answers, "string")
