"""What a caller asks of a registration, checked before any work is done."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from warehouse_ml.errors import ImportModelError, SampleError
from warehouse_ml.parity.proof import PROOF_ROWS
from warehouse_ml.signature import Feature

TOLERANCE = 1e-5
"""How far a number may be off, relative to itself or to the mean magnitude of the sample's scores."""

_DEFAULTS: Mapping[str, tuple[type, ...]] = {
    "DOUBLE": (int, float),
    "BIGINT": (int,),
    "BOOLEAN": (bool,),
    "VARCHAR": (str,),
}


def tolerance_of(tolerance: object) -> float:
    """The tolerance, or its default. Never NaN: nothing is greater, so any model would pass.

    Raises:
        SampleError: It is no number from 0 on.
    """
    if tolerance is None:
        return TOLERANCE
    if isinstance(tolerance, bool) or not isinstance(tolerance, Real) or not 0 <= float(tolerance) < math.inf:
        raise SampleError(f"A tolerance is a number from 0 on, such as 1e-5, not {tolerance!r}.")
    return float(tolerance)


def proof_rows_of(rows: object) -> int:
    """How many rows to keep, or the default.

    Raises:
        SampleError: It is no whole number from 0 on.
    """
    if rows is None:
        return PROOF_ROWS
    if isinstance(rows, bool) or not isinstance(rows, Integral) or rows < 0:
        raise SampleError(f"proof_rows is a number of rows from 0 on, not {rows!r}.")
    return int(rows)


def plain_defaults(features: Sequence[Feature], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What takes the place of NULL, in Python's own types, which the JSON of a signature holds.

    Raises:
        SampleError: A default is not of its feature's type.
    """
    plain = {name: _plain(value) for name, value in defaults.items()}
    for feature in features:
        value = plain.get(feature.name)
        if value is not None and not _fits(value, feature.type):
            raise SampleError(
                f"The default {value!r} of the feature {feature.name!r} is no {feature.type} value."
            )
    return plain


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _fits(value: object, kind: str) -> bool:
    kinds = _DEFAULTS.get(kind, ())
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) and not (isinstance(value, float) and not math.isfinite(value))


def model_bytes(source: Any) -> bytes | str | Path:
    """An ONNX model as a file or as bytes, of whatever the caller has.

    Raises:
        ImportModelError: It is neither, nor an `onnx.ModelProto`.
    """
    if isinstance(source, bytes | str | Path):
        return source
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if hasattr(source, "SerializeToString"):
        return bytes(source.SerializeToString())
    raise ImportModelError(
        "An ONNX model is given as a file, as its bytes or as an onnx.ModelProto, "
        f"not as {type(source).__name__!r}."
    )
