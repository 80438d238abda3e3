"""Score batches of rows inside Snowflake: the module that every version's functions enter by.

This file stands alone beside `onnx_udf.py`: numpy, pandas and onnxruntime. The folder that holds it, the
imports of a function, also holds `model.onnx` and `deployment.json`: the digest of the model's bytes, its
signature, and whether the features come packed. Snowflake hands over batches as DataFrames of any size whose
columns are to be taken by their place, and whose dtypes depend on the types of the arguments and on the
version of pandas; so each is looked at and nothing is taken for granted.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from onnx_udf import Column, Scorer, ScoringError

MOST_ROWS = 4096
"""The largest batch that is taken: of 256 to 65,536 rows, 2,048 to 8,192 cost the least per row for linear
models, trees, neighbours and networks of 4 to 400 features, and a batch must end within 180 seconds."""

SIGNATURE = "warehouse_ml.signature"
"""Where a model file carries its own copy of the signature."""

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?)(?: ?(?:Z|[+-]00:?00))?", re.ASCII
)
"""A TIMESTAMP_NTZ as text; a zone other than UTC would be another type."""


class DeploymentError(Exception):
    """The files of a function do not belong together."""


class Deployment:
    """The model in one folder of imports, ready to score."""

    def __init__(self, folder: Path) -> None:
        """Load a model.

        Args:
            folder: Where the files of a function lie.

        Raises:
            DeploymentError: A file is missing, or is not the one that was pushed.
        """
        facts = json.loads(_bytes_of(folder, "deployment.json"))
        self._signature: Mapping[str, Any] = facts["signature"]
        self._features: list[Mapping[str, Any]] = self._signature["features"]
        self._packed: bool = facts["packed"]
        model = _checked(folder, "model.onnx", facts["sha256"])
        scorer: Any = None
        if facts.get("plan"):
            scorer = _planned(_checked(folder, "plan.npz", facts["plan"]), self._signature)
        self._scorer: Scorer = Scorer(model, self._signature) if scorer is None else scorer
        if json.loads(self._scorer.metadata.get(SIGNATURE, "null")) not in (None, self._signature):
            raise DeploymentError(
                "The signature in deployment.json is not that of model.onnx. Push the version again."
            )

    def score(self, frame: pd.DataFrame, method: str) -> pd.Series[Any]:
        """Score a batch.

        Args:
            frame: One column per feature in the signature's order, whatever their names; or, packed, one
                column of dicts.
            method: `predict`, `predict_proba` or `try_predict`.

        Returns:
            One value per row: float64 with NaN, nullable Int64 and boolean, text or None as objects,
            datetime64[ns] with NaT; for a STRUCT dicts by the names of its fields, or None.

        Raises:
            ScoringError: A row cannot be scored, or a value is not of its feature's type.
        """
        lenient = method == "try_predict"
        refused = np.zeros(len(frame), dtype=bool)
        columns: list[Column] = []
        for feature, values in zip(self._features, self._values(frame, refused, lenient), strict=True):
            columns.append(_read(values, feature, refused, packed=self._packed, lenient=lenient))
        leaves = self._scorer.score(columns, method)
        if refused.any():
            leaves = [(v, refused if gone is None else gone | refused) for v, gone in leaves]
        return _result(leaves, self._scorer.results[method])

    def _values(self, frame: pd.DataFrame, refused: Any, lenient: bool) -> Iterator[Any]:
        """What the batch holds for each feature: a column, or objects out of the packed one.

        A key that is missing is refused and not taken for NULL, which a misspelled key would be too.
        """
        expected = 1 if self._packed else len(self._features)
        if frame.shape[1] != expected:
            raise DeploymentError(
                f"The function was called with {frame.shape[1]} columns, and the model takes {expected}."
            )
        if not self._packed:
            yield from (column for _, column in frame.items())
            return
        rows: list[Mapping[str, Any]] = []
        for place, value in enumerate(frame.iloc[:, 0]):
            fits = isinstance(value, Mapping)
            rows.append(value if fits else {})
            if not fits and not _is_null(value):
                if not lenient:
                    raise ScoringError("The argument is no OBJECT that holds the features by their names.")
                refused[place] = True
        for feature in self._features:
            name = feature["name"]
            try:
                values = np.fromiter((row[name] for row in rows), dtype=object, count=len(rows))
            except KeyError:
                if not lenient:
                    raise ScoringError(
                        f"The OBJECT has no key {name!r}, spelled so, a feature of the model. Make it by "
                        "OBJECT_CONSTRUCT_KEEP_NULL: OBJECT_CONSTRUCT leaves out the keys of NULLs."
                    ) from None
                refused |= np.fromiter((name not in row for row in rows), dtype=bool, count=len(rows))
                values = np.fromiter((row.get(name) for row in rows), dtype=object, count=len(rows))
            yield values


def predict(frame: pd.DataFrame) -> pd.Series[Any]:
    """The handler of PREDICT; see `Deployment.score`."""
    return deployed().score(frame, "predict")


def predict_proba(frame: pd.DataFrame) -> pd.Series[Any]:
    """The handler of PREDICT_PROBA."""
    return deployed().score(frame, "predict_proba")


def try_predict(frame: pd.DataFrame) -> pd.Series[Any]:
    """The handler of TRY_PREDICT."""
    return deployed().score(frame, "try_predict")


for _handler in (predict, predict_proba, try_predict):
    # the attributes by which Snowflake knows a vectorized handler; a decorator would need its own module
    _handler._sf_vectorized_input = pd.DataFrame  # type: ignore[attr-defined]
    _handler._sf_max_batch_size = MOST_ROWS  # type: ignore[attr-defined]

_deployments: dict[str, Deployment] = {}
_loading = threading.Lock()


def deployed() -> Deployment:
    """The model of the function that runs, loaded once however many threads ask.

    It is kept by its folder, so that functions that share an interpreter do not share a model. A load that
    fails leaves nothing behind: the next call tries again, and fails by itself.

    Raises:
        DeploymentError: See `Deployment`.
    """
    folder = str(sys._xoptions.get("snowflake_import_directory", ""))
    found = _deployments.get(folder)
    if found is None:
        with _loading:
            found = _deployments.get(folder)
            if found is None:
                found = _deployments[folder] = Deployment(Path(folder))
    return found


def _bytes_of(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError:
        raise DeploymentError(
            f"{name} is not among the imports of this function. Push the version again."
        ) from None


def _checked(folder: Path, name: str, sha256: str) -> bytes:
    data = _bytes_of(folder, name)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DeploymentError(
            f"{name} is not the file that was pushed: its SHA-256 is another than {sha256[:16]}…, so it is "
            "not loaded. The file on the stage was changed: remove it there, and push the version again."
        )
    return data


def _planned(plan: bytes, signature: Mapping[str, Any]) -> Any:
    """The scorer of a plan; None where a library that it needs is not among the packages."""
    # numba keeps what it compiled; the folder of the imports cannot be written
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir(), "warehouse_ml_numba")))
    try:
        # by name: these files need not be among the imports
        handler = importlib.import_module("planned_udf")
        entries = handler.read_plan(plan)
        if not entries:  # it only says what a GPU runs
            return None
        kernel = None
        if handler.has_trees(entries):
            kernel = importlib.import_module("tree_kernel").TreeKernel
    except ImportError:
        return None
    return handler.PlannedScorer(entries, signature, kernel)


def _is_null(value: Any) -> bool:
    # NULL within a VARIANT is an object of Snowflake's own, which says so
    return bool(getattr(value, "is_sql_null", False)) or (pd.api.types.is_scalar(value) and pd.isna(value))


def _read(
    values: Any, feature: Mapping[str, Any], refused: Any, *, packed: bool = False, lenient: bool = False
) -> Column:
    """A feature's values as `Scorer` takes them.

    Args:
        values: A pandas Series of any dtype, or an array of objects.
        feature: The feature, as its signature lists it.
        refused: The rows that get no score; where `lenient`, rows are added whose value does not fit.
        packed: Whether the values come out of an OBJECT, where numbers and times may be texts.
        lenient: Whether a value that does not fit is no error.
    """
    name, dtype, types = feature["type"], values.dtype, pd.api.types
    kind = _KINDS[name]
    if isinstance(dtype, np.dtype):
        if name == "TIMESTAMP" and dtype.kind == "M":
            times = values.to_numpy()
            return times.astype("datetime64[us]").astype(np.int64), np.isnat(times)
        if dtype.kind in kind.direct:
            return values.to_numpy(dtype=kind.dtype), None
    elif name == "DOUBLE" and types.is_numeric_dtype(dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan), None
    elif (name == "BIGINT" and types.is_signed_integer_dtype(dtype)) or (
        name == "BOOLEAN" and types.is_bool_dtype(dtype)
    ):
        missing = values.isna().to_numpy(dtype=bool)
        return values.to_numpy(dtype=kind.dtype, na_value=kind.fill), missing
    objects = values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
    return _from_objects(objects, feature, refused, packed, lenient)


def _from_objects(
    values: Any, feature: Mapping[str, Any], refused: Any, packed: bool, lenient: bool
) -> Column:
    kind = _KINDS[feature["type"]]
    missing = pd.isna(values)
    found = set(map(type, values[~missing]))
    values[missing] = kind.fill
    if found <= kind.plain:
        try:
            ready = values.astype(kind.dtype)
            # a Decimal may have lost a fraction
            if feature["type"] != "BIGINT" or (ready == values).all():
                return ready, missing
        except OverflowError:
            pass  # one number is too large, and is named below
    ready = np.full(len(values), kind.fill, dtype=kind.dtype)
    for row in np.flatnonzero(~missing):
        value = values[row]
        if getattr(value, "is_sql_null", False):
            missing[row] = True
            continue
        try:
            ready[row] = kind.parse(value, packed)
        except (TypeError, ValueError, ArithmeticError) as error:
            # a column of another type is a mistake in the function and not in a row
            if not lenient or (isinstance(error, TypeError) and not packed):
                said = f"The model refuses {value!r} for the feature {feature['name']!r}"
                raise ScoringError(f"{said}: {kind.wanted} is wanted.") from None
            refused[row] = True
    return ready, missing


def _number(value: Any, packed: bool) -> float:
    if isinstance(value, str) and packed and "_" not in value:
        return float(value)
    if isinstance(value, bool | int | float | Decimal | np.number | np.bool_):
        return float(value)
    raise TypeError


def _whole_number(value: Any, packed: bool) -> int:
    if isinstance(value, str) and packed and "_" not in value:
        value = Decimal(value)
    if not isinstance(value, bool | int | float | Decimal | np.number | np.bool_):
        raise TypeError
    # a float beyond 2^53 may be a rounded one
    limit = 2**53 + 1 if isinstance(value, float | np.floating) else 2**63
    if not -limit <= value < limit or int(value) != value:
        raise ValueError
    return int(value)


def _truth(value: Any, packed: bool) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str) and packed and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise TypeError


def _text(value: Any, packed: bool) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _time(value: Any, packed: bool) -> int:
    if isinstance(value, str) and packed:
        text = _TIME.fullmatch(value)
        if text is None:
            raise ValueError
        value = np.datetime64(text[1])
    if not isinstance(value, date | np.datetime64) or getattr(value, "tzinfo", None) is not None:
        raise TypeError
    return int(np.datetime64(value).astype("datetime64[us]").astype(np.int64))


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the values of one type are read.

    Attributes:
        dtype: What they become.
        fill: What stands where none is.
        direct: The kinds of numpy's dtypes that are cast as they are.
        plain: The types of Python whose objects numpy casts at once.
        parse: Reads any other object; the flag says that it comes out of an OBJECT.
        wanted: What they are, as an error says it.
    """

    dtype: Any
    fill: Any
    direct: str
    plain: frozenset[type]
    parse: Callable[[Any, bool], Any]
    wanted: str


_NUMBERS, _TRUTHS = frozenset((bool, int, float, Decimal, np.float64)), frozenset((bool, np.bool_))
_WHOLE, _TIMES = "a whole number of 64 bits", "a date, or a time without a time zone,"

_KINDS = {
    "DOUBLE": _Kind(np.float64, np.nan, "fiub", _NUMBERS, _number, "a number"),
    "BIGINT": _Kind(np.int64, 0, "i", frozenset((int, Decimal)), _whole_number, _WHOLE),
    "BOOLEAN": _Kind(np.bool_, False, "b", _TRUTHS, _truth, "true or false"),
    "VARCHAR": _Kind(np.object_, "", "", frozenset((str,)), _text, "a text"),
    "TIMESTAMP": _Kind(np.int64, 0, "", frozenset(), _time, _TIMES),
}


def _result(leaves: Sequence[Column], output: Mapping[str, Any]) -> pd.Series[Any]:
    """A result as Snowflake takes it: a plain typed column, or dicts."""
    if output["type"] == "STRUCT":
        return pd.Series(_objects(iter(leaves), output)[0], dtype=object)
    ((values, missing),) = leaves
    kind = output["type"]
    gone = np.zeros(len(values), dtype=bool) if missing is None else missing
    if kind == "BIGINT":
        return pd.Series(pd.arrays.IntegerArray(values.astype(np.int64), gone))
    if kind == "BOOLEAN":
        return pd.Series(pd.arrays.BooleanArray(values.astype(np.bool_), gone))
    if kind == "DOUBLE":
        return pd.Series(np.where(gone, np.nan, values))
    if kind == "TIMESTAMP":
        times = np.where(gone, _NAT, values.astype(np.int64).astype("datetime64[us]"))
        counts = times.astype(np.int64)[~gone]
        if not len(counts) or max(counts.max(), -counts.min()) < _NANOSECONDS:
            return pd.Series(times.astype("datetime64[ns]"))
        return pd.Series(times.astype(object), dtype=object)
    return pd.Series(np.where(gone, None, values), dtype=object)


_NAT = np.datetime64("NaT", "us")
_NANOSECONDS = 2**63 // 1000
"""How many microseconds before and after 1970 datetime64[ns] holds."""


def _objects(leaves: Iterator[Column], output: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """A value for each row as JSON has it, and the rows that have none; a STRUCT without any part is NULL."""
    if output["type"] != "STRUCT":
        values, missing = next(leaves)
        gone = np.zeros(len(values), dtype=bool) if missing is None else missing
        values = values.astype(_KINDS[output["type"]].dtype)
        if output["type"] == "TIMESTAMP":
            values = np.datetime_as_string(values.astype("datetime64[us]"))
        plain = values.tolist()
        for row in np.flatnonzero(gone):
            plain[row] = None
        return plain, gone
    parts = [_objects(leaves, field) for field in output["fields"]]
    names = [field["name"] for field in output["fields"]]
    gone = np.logical_and.reduce([mask for _, mask in parts])
    rows: list[Any] = [
        dict(zip(names, row, strict=True)) for row in zip(*(values for values, _ in parts), strict=True)
    ]
    for row in np.flatnonzero(gone):
        rows[row] = None
    return rows, gone
