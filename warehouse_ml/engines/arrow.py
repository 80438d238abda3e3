"""Between the columns of an engine, in Arrow, and the columns of a handler, in numpy."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse_ml.signature import Output

Column = tuple[Any, Any]
"""Values, and a bool mask of the missing ones or None, as `udfs/onnx_udf.py` takes and returns them."""

ARROW_TYPES = {
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
}
"""The Arrow type of each key of `signature.TYPES`."""

_FLAT: dict[str, Any] = {"DOUBLE": np.float64, "BIGINT": np.int64, "TIMESTAMP": np.int64}
"""The types whose values lie in one buffer as numpy has them."""

_NARROW: dict[Any, Any] = {
    pa.float32(): np.float32,
    pa.int32(): np.int32,
    pa.int16(): np.int16,
    pa.int8(): np.int8,
}


def from_arrow(column: Any, kind: str, *, as_stored: bool = False) -> Column:
    """A feature's values as a handler takes them.

    Args:
        column: A `pyarrow.Array` or `ChunkedArray`, of shape [rows].
        kind: The feature's type, a key of `signature.TYPES`.
        as_stored: Leave numbers of narrower types as they are.
    """
    array = _array(column)
    narrow = _NARROW.get(array.type) if as_stored else None
    if narrow is not None:
        return _numbers(array, narrow)
    if array.type != ARROW_TYPES[kind]:
        array = array.cast(ARROW_TYPES[kind])
    if array.null_count == 0 and kind in _FLAT:
        return _numbers(array, _FLAT[kind])
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if kind == "TIMESTAMP":
        array = array.cast(pa.int64())
    if missing is not None and kind not in ("DOUBLE", "VARCHAR"):
        array = array.fill_null(False if kind == "BOOLEAN" else 0)
    return array.to_numpy(zero_copy_only=False), missing


def _numbers(array: Any, dtype: Any) -> Column:
    """The values as they lie in memory; those under the mask mean nothing."""
    # to_numpy lets the interpreter go, and another thread's batch takes it, for each column anew
    values = np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    return values, missing


def _array(column: Any) -> Any:
    """One array; an engine hands over batches as chunked arrays of one chunk, which need no copy."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def codes_from_arrow(column: Any, texts: Sequence[str], reserved: str) -> Column:
    """A text feature as codes, as `udfs/planned_udf.py` takes it.

    Args:
        column: A `pyarrow.Array` or `ChunkedArray` of texts, of shape [rows].
        texts: The known texts, in the order of their codes.
        reserved: The text that stands for NULL in a handler.

    Returns:
        int32 of shape [rows]: the position of a known text, `len` for another one, `len + 1` for NULL; or
        the texts as they are where one is `reserved`: the handler refuses it.
    """
    array = _array(column)
    unknown = len(texts)
    found = pc.index_in(array, value_set=_value_set(tuple(texts), reserved))
    if pc.any(pc.equal(found, unknown)).as_py():
        return from_arrow(column, "VARCHAR")
    codes = found.fill_null(unknown).to_numpy()
    if array.null_count:
        codes = np.where(array.is_null().to_numpy(zero_copy_only=False), np.int32(unknown + 1), codes)
    return codes, None


@lru_cache(maxsize=256)
def _value_set(texts: tuple[str, ...], reserved: str) -> Any:
    return pa.array([*texts, reserved], pa.string())


def arrow_type(output: Output) -> Any:
    """The Arrow type of a result."""
    if output.type != "STRUCT":
        return ARROW_TYPES[output.type]
    return pa.struct([pa.field(field.name, arrow_type(field)) for field in output.fields])


def to_arrow(leaves: Sequence[Column], output: Output) -> Any:
    """A result as the engine takes it.

    A STRUCT is NULL where all its parts are.

    Args:
        leaves: A column for each leaf of the result, in order.
        output: The result.

    Returns:
        A `pyarrow.Array` of shape [rows].
    """
    return _nested(iter(leaves), output)[0]


def leaves_of(column: Any, output: Output) -> list[Column]:
    """A column for each leaf of a result that an engine returned: the inverse of `to_arrow`.

    Args:
        column: A `pyarrow.Array` or `ChunkedArray`, of shape [rows].
        output: The result.
    """
    array = _array(column)
    if output.type != "STRUCT":
        return [from_arrow(array, output.type)]
    # flatten() hands the NULLs of the STRUCT down to its fields
    return [
        leaf
        for part, field in zip(array.flatten(), output.fields, strict=True)
        for leaf in leaves_of(part, field)
    ]


def _nested(leaves: Iterator[Column], output: Output) -> tuple[Any, Any]:
    if output.type != "STRUCT":
        values, missing = next(leaves)
        return _leaf(values, missing, output.type), missing
    parts = [_nested(leaves, field) for field in output.fields]
    masks = [missing for _, missing in parts]
    null = None
    if masks and all(missing is not None for missing in masks):
        null = np.logical_and.reduce(masks)
    mask = None if null is None else pa.array(null)
    fields = list(arrow_type(output))
    return pa.StructArray.from_arrays([part for part, _ in parts], fields=fields, mask=mask), null


def _leaf(values: Any, missing: Any, kind: str) -> Any:
    if kind == "VARCHAR":
        return pa.array(values, ARROW_TYPES[kind], mask=missing)
    if missing is not None and kind != "DOUBLE":
        values = np.where(missing, np.zeros(1, dtype=values.dtype), values)
    dtype = {"DOUBLE": np.float64, "BOOLEAN": np.bool_}.get(kind, np.int64)
    array = pa.array(np.ascontiguousarray(values, dtype=dtype), mask=missing)
    return array if array.type == ARROW_TYPES[kind] else array.cast(ARROW_TYPES[kind])
