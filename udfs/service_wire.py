"""Between the JSON of a service function and the columns of a scorer.

Snowflake sends `{"data": [[0, a, b], [1, a, b]]}` and wants `{"data": [[0, p], [1, p]]}`: numbers, booleans,
texts, objects and null are what they are in JSON, all else is text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx_udf import Column

_NOT_FINITE = {
    "nan": np.nan,
    "inf": np.inf,
    "+inf": np.inf,
    "-inf": -np.inf,
    "infinity": np.inf,
    "-infinity": -np.inf,
}
"""JSON has no such numbers; as texts they are read in any case of letters."""

_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)

_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)

_TIME = re.compile(r"(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?)?)(?: ?(?:Z|[+-]00:?00))?", re.ASCII)
"""A TIMESTAMP_NTZ as text; a zone other than UTC would be another type."""


class BatchError(Exception):
    """A batch is not as the service function's contract has it; the message holds no value of it."""


class CellError(BatchError):
    """A single value cannot be one of its feature; TRY_PREDICT gives NULL for its row."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a request.

    Attributes:
        rows: How many there are.
        columns: A column for each feature, of shape [rows].
        refused: A bool mask of the rows that get no score, or None.
    """

    rows: int
    columns: list[Column]
    refused: Any = None


def read_batch(
    body: bytes, features: Sequence[Mapping[str, Any]], *, packed: bool = False, lenient: bool = False
) -> Batch:
    """Read the rows of a request.

    Args:
        body: The JSON text.
        features: The features, as the signature lists them.
        packed: Whether a row holds one object with the features by name. Its numbers may be texts, as
            they are within any OBJECT.
        lenient: Whether a value that cannot be one of its feature, or a key that an object lacks, makes the
            score of its row NULL.

    Raises:
        BatchError: It is not JSON, or not the rows of this model.
    """
    rows = _rows(body)
    width = 1 if packed else len(features)
    for place, row in enumerate(rows):
        if type(row) is not list or len(row) != width + 1:
            held = len(row) - 1 if type(row) is list else "no list of"
            raise BatchError(f"Row {place} has {held} arguments; the function takes {width}.")
        if type(row[0]) is not int or row[0] != place:
            raise BatchError(f"Row {place} has another number; rows are numbered 0, 1, 2 and so on.")
    refused = np.zeros(len(rows), dtype=bool)
    if packed:
        objects = [_object(row[1], place) for place, row in enumerate(rows)]
        arguments = [_at_key(objects, feature["name"], refused, lenient) for feature in features]
    else:
        arguments = [[row[place] for row in rows] for place in range(1, width + 1)]
    columns = [
        _column(values, feature, refused, packed, lenient)
        for feature, values in zip(features, arguments, strict=True)
    ]
    return Batch(len(rows), columns, refused if refused.any() else None)


def _rows(body: bytes) -> list[Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BatchError("The body is not JSON.") from None
    if type(document) is not dict or type(document.get("data")) is not list:
        raise BatchError('The body is no object {"data": [[0, …], [1, …]]}.')
    rows: list[Any] = document["data"]
    return rows


def _object(value: Any, place: int) -> Mapping[str, Any]:
    if value is None:
        return {}
    if type(value) is not dict:
        raise BatchError(f"Row {place} holds no object; the function takes its features in one OBJECT.")
    return value


def _at_key(objects: Sequence[Mapping[str, Any]], name: str, refused: Any, lenient: bool) -> list[Any]:
    """What each object holds for a feature; rows that lack its key are added to `refused` where allowed."""
    try:
        return [row[name] for row in objects]
    except KeyError:
        lacking = np.fromiter((name not in row for row in objects), dtype=bool, count=len(objects))
    if not lenient:
        raise CellError(
            f"Row {int(lacking.argmax())}: the OBJECT has no key {name!r}, spelled so, a feature of the "
            "model. Make it by OBJECT_CONSTRUCT_KEEP_NULL: OBJECT_CONSTRUCT leaves out the keys of NULLs."
        )
    refused |= lacking
    return [row.get(name) for row in objects]


def _column(
    values: list[Any], feature: Mapping[str, Any], refused: Any, packed: bool, lenient: bool
) -> Column:
    """A feature's values; rows whose value does not fit are added to `refused` where that is allowed."""
    read, name = _READERS[feature["type"]], feature["name"]
    try:
        return read(values, name, packed)
    except CellError:
        if not lenient:
            raise
    for place, value in enumerate(values):
        try:
            read([value], name, packed)
        except CellError:
            refused[place], values[place] = True, None
    return read(values, name, packed)


def _missing(values: Sequence[Any]) -> Any:
    if None not in values:
        return None
    return np.fromiter((value is None for value in values), dtype=bool, count=len(values))


def _check(values: Sequence[Any], name: str, kinds: set[type], wanted: str, packed: bool) -> None:
    """Refuse values of other kinds; within an OBJECT they are a matter of one row."""
    if set(map(type, values)) <= kinds | {type(None)}:
        return
    place = next(place for place, value in enumerate(values) if type(value) not in kinds | {type(None)})
    held = _HELD.get(type(values[place]), "a number")
    error = CellError if packed else BatchError
    raise error(f"Row {place}: the feature {name!r} is {held}, and {wanted} is wanted.")


_HELD = {str: "a text", bool: "a boolean", dict: "an object", list: "an array"}


def _doubles(values: Sequence[Any], name: str, packed: bool) -> Column:
    if str in set(map(type, values)):
        values = [_number(value, packed) if type(value) is str else value for value in values]
    _check(values, name, {float, int}, "a number", packed)
    try:
        # None becomes NaN
        return np.array(values, dtype=np.float64), _missing(values)
    except OverflowError:
        raise CellError(f"The feature {name!r} holds a number that no FLOAT can be.") from None


def _number(text: str, packed: bool) -> Any:
    """A number that came as text, or the text where it cannot be one."""
    if packed and _DECIMAL.fullmatch(text):
        return float(text)
    return _NOT_FINITE.get(text.lower(), text)


def _bigints(values: Sequence[Any], name: str, packed: bool) -> Column:
    if not set(map(type, values)) <= {int, type(None)}:
        _check(values, name, {int, float, str}, "a whole number", packed)
        values = [_whole(value, name, place) for place, value in enumerate(values)]
    try:
        return np.array([0 if value is None else value for value in values], np.int64), _missing(values)
    except OverflowError:
        raise CellError(f"The feature {name!r} holds a number beyond 64 bits.") from None


def _whole(value: Any, name: str, place: int) -> Any:
    """A whole number that came as text or as 3.0; a float beyond 2^53 may be a rounded one."""
    if value is None or type(value) is int:
        return value
    if type(value) is str and _WHOLE.fullmatch(value):
        return int(value)
    if type(value) is float and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    raise CellError(f"Row {place}: the feature {name!r} is no whole number.")


def _booleans(values: Sequence[Any], name: str, packed: bool) -> Column:
    if packed:
        values = [_TRUTH.get(value.lower(), value) if type(value) is str else value for value in values]
    _check(values, name, {bool}, "a boolean", packed)
    return np.array([value is True for value in values], dtype=bool), _missing(values)


_TRUTH = {"true": True, "false": False}


def _texts(values: Sequence[Any], name: str, packed: bool) -> Column:
    _check(values, name, {str}, "a text", packed)
    try:
        "".join(value for value in values if value is not None).encode()
    except UnicodeEncodeError:  # JSON can write half a character, which no text of a graph is
        raise CellError(f"The feature {name!r} holds a text that is no Unicode.") from None
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column, _missing(values)


def _times(values: Sequence[Any], name: str, packed: bool) -> Column:
    _check(values, name, {str}, "a time as text", packed)
    texts = []
    for place, value in enumerate(values):
        found = _TIME.fullmatch("1970-01-01" if value is None else value)
        if found is None:
            raise CellError(
                f"Row {place}: the feature {name!r} is no time like 2024-01-31 23:59:59.5 without a zone."
            )
        texts.append(found[1])
    try:
        times = np.array(texts, dtype="datetime64[us]")
    except ValueError:
        raise CellError(f"The feature {name!r} holds a time that is in no calendar.") from None
    return times.astype(np.int64), _missing(values)


_READERS: Mapping[str, Callable[[Sequence[Any], str, bool], Column]] = {
    "DOUBLE": _doubles,
    "BIGINT": _bigints,
    "BOOLEAN": _booleans,
    "VARCHAR": _texts,
    "TIMESTAMP": _times,
}


def write_batch(leaves: Sequence[Column], output: Mapping[str, Any], refused: Any = None) -> bytes:
    """Write the JSON text of an answer.

    NULL and NaN are null, infinity is the text `inf`, as JSON has no such number. A STRUCT is an
    object, or null where all its parts are.

    Args:
        leaves: A column for each leaf of the result, in order, of shape [rows].
        output: The result, as the signature describes it.
        refused: A bool mask of the rows that get no score, or None.
    """
    values = _values(iter(leaves), output)
    if refused is not None:
        values = [None if gone else value for value, gone in zip(values, refused.tolist(), strict=True)]
    document = {"data": list(enumerate(values))}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _values(leaves: Iterator[Column], output: Mapping[str, Any]) -> list[Any]:
    if output["type"] != "STRUCT":
        values, missing = next(leaves)
        return _leaf(values, missing, output["type"])
    names = [field["name"] for field in output["fields"]]
    parts = [_values(leaves, field) for field in output["fields"]]
    return [
        None if all(value is None for value in row) else dict(zip(names, row, strict=True))
        for row in zip(*parts, strict=True)
    ]


def _leaf(values: Any, missing: Any, kind: str) -> list[Any]:
    if missing is not None and kind not in ("DOUBLE", "VARCHAR"):
        values = np.where(missing, np.zeros(1, dtype=values.dtype), values)
    if kind == "TIMESTAMP":
        values = np.datetime_as_string(values.astype(np.int64).astype("datetime64[us]"))
    plain: list[Any] = values.astype(_RESULTS.get(kind, np.object_)).tolist()
    if kind == "DOUBLE" and not np.isfinite(values).all():
        plain = [value if np.isfinite(value) else _odd(value) for value in plain]
    if missing is None:
        return plain
    return [None if gone else value for value, gone in zip(plain, missing.tolist(), strict=True)]


_RESULTS = {"DOUBLE": np.float64, "BIGINT": np.int64, "BOOLEAN": np.bool_}


def _odd(value: float) -> str | None:
    return None if np.isnan(value) else str(value)
