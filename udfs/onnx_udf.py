"""Score batches of rows with an ONNX model, inside the warehouse.

This file stands alone: numpy and onnxruntime, nothing of warehouse_ml. What it must know of a model it
reads from the signature, a JSON text that is stored beside the model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime

NULL_TEXT = "\ufdd0NULL"
"""Stands for NULL in a text tensor; the graphs know it."""

Column = tuple[Any, Any]
"""Values, and a bool mask of the missing ones or None: float64, int64, bool, text as objects, or times as
int64 microseconds since 1970."""

_TICKS_PER_SECOND = {"D": 1 / 86_400, "s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class ScoringError(Exception):
    """A row cannot be scored; the message names the feature and its value."""


class Scorer:
    """A loaded model.

    A session is made once and shared by all threads.
    """

    def __init__(self, model: bytes, signature: Mapping[str, Any], threads: int = 1) -> None:
        """Load a model.

        Args:
            model: The ONNX file.
            signature: The signature, as parsed from its JSON.
            threads: How many threads one batch may use; the engine runs several batches at once.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._features = signature["features"]
        self._inputs = signature["inputs"]
        self._refusals = signature["refusals"]
        self._types = {entry.name: entry.type for entry in self._session.get_inputs()}
        self._results = {"predict": signature["prediction"], "try_predict": signature["prediction"]}
        if signature["probabilities"] is not None:
            whole = signature["probabilities"]
            binary = len(signature["classes"]) == 2
            self._results["predict_proba"] = whole["fields"][1] if binary else whole

    def score(self, columns: Sequence[Column], method: str = "predict") -> list[Column]:
        """Score a batch.

        Args:
            columns: One column per feature, in the signature's order, all of one length.
            method: `predict`, `predict_proba`, or `try_predict`, which gives NULL where the others raise.

        Returns:
            A column for each leaf of the method's result.

        Raises:
            ScoringError: The estimator would have raised for a row, or a NULL meets the policy `error`.
        """
        rows = len(columns[0][0]) if columns else 0
        leaves = list(_leaves(self._results[method]))
        if rows == 0:
            return [_empty(leaf["type"]) for leaf in leaves]
        lenient = method == "try_predict"
        prepared: list[Any] = []
        null = np.zeros(rows, dtype=bool)
        for feature, (values, missing) in zip(self._features, columns, strict=True):
            ready, unscored = _prepare(feature, values, missing, lenient)
            prepared.append(ready)
            if unscored is not None:
                null |= unscored
        feeds = {
            entry["name"]: _tensor(prepared[entry["feature"]], entry["transform"], self._types[entry["name"]])
            for entry in self._inputs
        }
        wanted = list(dict.fromkeys(leaf["tensor"] for leaf in leaves))
        if self._refusals:
            wanted.append("refused")
        results = dict(zip(wanted, self._session.run(wanted, feeds), strict=True))
        if self._refusals:
            null |= self._refused(results["refused"], null, columns, lenient)
        return [_column(leaf, results[leaf["tensor"]], null, rows) for leaf in leaves]

    def _refused(self, refused: Any, null: Any, columns: Sequence[Column], lenient: bool) -> Any:
        counted = refused & ~null[:, None]
        if counted.any() and not lenient:
            row, which = np.argwhere(counted)[0]
            refusal = self._refusals[which]
            if refusal["feature"] < 0:
                raise ScoringError(f"The model refuses a row: {refusal['reason']}.")
            values, missing = columns[refusal["feature"]]
            shown = "NULL" if missing is not None and missing[row] else repr(_plain(values[row]))
            name = self._features[refusal["feature"]]["name"]
            raise ScoringError(f"The model refuses {shown} for the feature {name!r}: {refusal['reason']}.")
        return counted.any(axis=1)


def _prepare(feature: Mapping[str, Any], values: Any, missing: Any, lenient: bool) -> tuple[Any, Any]:
    """Apply a feature's policy.

    Returns:
        The values as float64 (NaN is missing), int64 or text objects (`NULL_TEXT` is missing), and a mask
        of the rows that get no score, or None.
    """
    kind = feature["type"]
    if missing is not None and not missing.any():
        missing = None
    if kind == "VARCHAR":
        values = np.asarray(values, dtype=object)
        if (values == NULL_TEXT).any():
            raise ScoringError(f"The feature {feature['name']!r} holds the text that is kept for NULL.")
    elif kind == "TIMESTAMP":
        values = _ticks(values, feature["unit"])
    elif kind != "BIGINT":
        values = np.asarray(values, dtype=np.float64)
    unscored = None
    if kind != "VARCHAR" and kind != "BIGINT":
        nan = np.isnan(values)
        if missing is not None:
            nan |= missing
        missing = nan if nan.any() else None
        limit = feature["limit"]
        if limit is not None:
            beyond = np.abs(values) > limit
            if missing is not None:
                beyond &= ~missing
            if beyond.any():
                if not lenient:
                    raise ScoringError(
                        f"The model refuses {float(values[beyond][0])!r} for the feature {feature['name']!r}: "
                        f"its magnitude is beyond {limit:.6g}."
                    )
                unscored = beyond
                values = np.where(beyond, 0.0, values)
    if missing is None:
        return values, unscored
    policy = feature["missing"]
    if policy == "error" and not lenient:
        raise ScoringError(
            f"The feature {feature['name']!r} is NULL, and the model's policy for it is 'error'."
        )
    fill: Any = "" if kind == "VARCHAR" else 0
    if policy == "model":
        fill = NULL_TEXT if kind == "VARCHAR" else np.nan
    elif policy == "default":
        fill = feature["default"]
    filled = values.copy()
    filled[missing] = fill
    if policy in ("null", "error"):
        unscored = missing if unscored is None else unscored | missing
    return filled, unscored


def _ticks(values: Any, unit: str) -> Any:
    """Microseconds as float64 counts of another unit, rounded towards the past as numpy rounds."""
    microseconds = np.asarray(values, dtype=np.int64)
    if unit == "ns":
        return (microseconds * 1000).astype(np.float64)
    size = round(_TICKS_PER_SECOND["us"] / _TICKS_PER_SECOND[unit])
    return (microseconds // size).astype(np.float64)


def _tensor(values: Any, transform: Sequence[str], kind: str) -> Any:
    if kind == "tensor(string)":
        for name in transform:
            change = _TRANSFORMS[name]
            values = np.array([v if v == NULL_TEXT else change(v) for v in values], dtype=object)
        return values.reshape(-1, 1)
    return np.ascontiguousarray(values).reshape(-1, 1)


def _strip_accents_unicode(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _strip_accents_ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


_TRANSFORMS = {
    "lower": str.lower,
    "strip_accents_unicode": _strip_accents_unicode,
    "strip_accents_ascii": _strip_accents_ascii,
}


def _leaves(output: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if output["type"] == "STRUCT":
        for field in output["fields"]:
            yield from _leaves(field)
    else:
        yield output


def _column(leaf: Mapping[str, Any], tensor: Any, null: Any, rows: int) -> Column:
    values = tensor if leaf["column"] is None else tensor[:, leaf["column"]]
    if len(values) != rows:
        raise ScoringError(f"The model returned {len(values)} values for {rows} rows.")
    missing = null
    if leaf["type"] == "DOUBLE":
        missing = null | np.isnan(values)
    return values, missing if missing.any() else None


def _empty(kind: str) -> Column:
    dtype = {"DOUBLE": np.float64, "BIGINT": np.int64, "BOOLEAN": np.bool_}.get(kind, np.object_)
    return np.empty(0, dtype=dtype), None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
