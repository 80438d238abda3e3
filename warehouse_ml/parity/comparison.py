"""Compare what was scored with what the estimator says, value by value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.signature import Method, Output, Signature

Score = Callable[[Any, Method], list[tuple[Any, Any]]]
"""Scores rows: a column and a mask of its NULLs (or None) for each leaf of the result."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Expected:
    """The truth about some rows.

    Attributes:
        answers: The estimator's answers for each method, as long as the rows.
        null: The rows that have no score: the policy keeps a NULL from the estimator, or it raises.
        refused: Those of them for which it raises.
        reason: What it says of the first of those.
    """

    answers: Mapping[Method, tuple[NDArray[Any], ...]]
    null: Mask
    refused: Mask
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One part of the result on all rows.

    Attributes:
        name: `PREDICT`, `PREDICT.y0`, `PREDICT_PROBA.setosa`.
        is_label: Whether it is compared for equality.
        expected: The estimator's values, None where there is no score.
        got: The values scored, None for NULL.
        difference: How far a number is off, as a share of the number or of the mean magnitude; infinite
            where one side is NULL; for labels 0 or infinite.
        wrong: Where that is too far.
    """

    name: str
    is_label: bool
    expected: NDArray[Any]
    got: NDArray[Any]
    difference: NDArray[np.float64]
    wrong: Mask


def compare(
    score: Score,
    signature: Signature,
    rows: Any,
    expected: Expected,
    tolerance: float,
    sample_rows: int,
) -> list[Comparison]:
    """Score the rows and compare every part of every method's result.

    Args:
        score: What scores them.
        signature: The model's.
        rows: The rows, in any form that `score` takes and a mask selects from; first the sample's.
        expected: The truth about them.
        tolerance: How far a number may be off, as a share of it or of the sample's mean magnitude.
        sample_rows: The rows that tell the mean magnitude.
    """
    comparisons = []
    columns = score(rows, "try_predict")
    scored = ~expected.null & ~_all_null(columns, len(rows))
    for method, answers in expected.answers.items():
        result = signature.result(method)
        if result is None or not answers:
            continue
        if method == "predict_proba":
            part = score(rows[scored], method) if scored.any() else []
            columns = [
                (_put(v, scored), ~scored if m is None else ~scored | _put(m, scored, False)) for v, m in part
            ]
            null = ~scored
        else:
            null = expected.null
        for leaf, column, wanted in zip(result.leaves(), columns, answers, strict=True):
            label = method != "predict_proba" and leaf.type != "DOUBLE"
            comparisons.append(
                _compared(_name(method, result, leaf), label, wanted, null, column, tolerance, sample_rows)
            )
    return comparisons


def _compared(
    name: str, label: bool, wanted: NDArray[Any], null: Mask, column: Any, tolerance: float, sample_rows: int
) -> Comparison:
    values, missing = column
    got_null = np.zeros(len(wanted), dtype=bool) if missing is None else np.asarray(missing)
    wanted_null = null.copy()
    difference = np.zeros(len(wanted))
    if label:
        same = [a == b for a, b in zip(_plain(wanted), _plain(values), strict=True)]
        difference[~np.array(same, dtype=bool)] = np.inf
    else:
        truth = _floats(wanted)
        found = _floats(values)
        wanted_null |= np.isnan(truth)
        got_null = got_null | np.isnan(found)
        known = np.abs(truth[:sample_rows][np.isfinite(truth[:sample_rows])])
        floor = max(known.mean() if known.size else 0.0, np.finfo(np.float64).tiny)
        with np.errstate(all="ignore"):
            difference = np.abs(found - truth) / np.maximum(np.abs(truth), floor)
        difference[found == truth] = 0.0
        difference[np.isnan(difference)] = np.inf
    difference[wanted_null != got_null] = np.inf
    difference[wanted_null & got_null] = 0.0
    return Comparison(
        name,
        label,
        _masked(wanted, wanted_null),
        _masked(values, got_null),
        difference,
        difference > tolerance,
    )


def _name(method: Method, result: Output, leaf: Output) -> str:
    function = {"predict_proba": "PREDICT_PROBA"}.get(method, "PREDICT")
    return function if leaf is result else f"{function}.{leaf.name}"


def chosen(columns: tuple[NDArray[Any], ...], signature: Signature) -> tuple[NDArray[Any], ...]:
    """Those columns of `predict_proba` that PREDICT_PROBA returns: of two classes, the second."""
    whole, part = signature.probabilities, signature.result("predict_proba")
    if whole is None or part is None or not columns:
        return ()
    if part is not whole:
        return (columns[1],)
    if any(field.type != "STRUCT" for field in whole.fields) and len(columns) == 2 * len(whole.fields):
        return columns[1::2]  # several outputs of two classes each, as a list of matrices
    return columns


def _all_null(columns: list[tuple[Any, Any]], rows: int) -> Mask:
    gone = np.ones(rows, dtype=bool)
    for _, missing in columns:
        gone &= np.zeros(rows, dtype=bool) if missing is None else missing
    return gone


def spread(columns: tuple[NDArray[Any], ...], where: Mask) -> tuple[NDArray[Any], ...]:
    """Columns of some rows as columns of all rows, None elsewhere."""
    if not columns and not where.any():
        return ()
    return tuple(_put(column, where) for column in columns)


def _put(column: Any, where: Mask, rest: Any = None) -> NDArray[Any]:
    whole = np.full(len(where), rest, dtype=object if rest is None else None)
    whole[where] = column
    return whole


def _masked(values: Any, null: Mask) -> NDArray[Any]:
    masked = np.array(_plain(values), dtype=object)
    masked[null] = None
    return masked


def _plain(values: Any) -> list[Any]:
    if isinstance(values, np.ndarray) and values.dtype != object:
        plain: list[Any] = values.tolist()
        return plain
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _floats(values: Any) -> NDArray[np.float64]:
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)  # None becomes NaN
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
