"""The gate itself: what is not scored as the estimator scores it is refused, or its limit is lowered.

Three answers are compared on the sample and on generated hard rows: the estimator's, onnxruntime's, and
that of the engine's own SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from warehouse_ml.errors import ParityError, SampleError
from warehouse_ml.export import Exported
from warehouse_ml.parity.comparison import Comparison, Expected, Score, compare
from warehouse_ml.parity.hard_rows import HardRows, hard_rows
from warehouse_ml.parity.oracle import Oracle, expect
from warehouse_ml.parity.proof import PROOF_ROWS, Proof, thinned
from warehouse_ml.parity.report import ParityReport, summarise
from warehouse_ml.parity.rows import as_arrow
from warehouse_ml.signature import Feature

SAMPLE_ROWS = 10_000
"""How many rows of a sample are compared at the most; more are thinned evenly."""

_ROUNDS = 5
"""How often limits are lowered at the most."""

_NEARLY = 0.05
"""A difference up to here is lost digits rather than another answer."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A model that passed the gate.

    Attributes:
        exported: The model, its limits perhaps lowered.
        report: What was measured.
        proof: Rows to verify it with later.
        rows: All rows that it was proved on: a `pyarrow.Table` with a column for each feature.
    """

    exported: Exported
    report: ParityReport
    proof: Proof
    rows: Any


def prove(
    exported: Exported,
    values: pd.DataFrame,
    oracle: Oracle,
    scorers: Sequence[Callable[[Exported], Score]],
    *,
    tolerance: float,
    proof_rows: int = PROOF_ROWS,
    seed: int = 0,
) -> Proved:
    """Compare a model with its estimator.

    An extreme value that the model does not score as the estimator does, where ordinary ones agree, does
    not refuse the model: the feature's limit is lowered below it, so that SQL refuses such a value.

    Args:
        exported: The model, with policies.
        values: The sample, as values.
        oracle: The estimator.
        scorers: Each makes, of the model, what scores rows: with onnxruntime alone, and by the engine's SQL.
        tolerance: How far a number may be off, relative to itself or to the sample's mean magnitude.
        proof_rows: How many of the rows to keep.
        seed: Chooses the hard rows.

    Raises:
        SampleError: The estimator scores no row of the sample.
        ParityError: A row differs beyond the tolerance.
    """
    if len(values) > SAMPLE_ROWS:
        values = values.iloc[np.linspace(0, len(values) - 1, SAMPLE_ROWS).round().astype(int)]
    count = len(values)
    signature = exported.signature
    hard = hard_rows(values, signature.features, seed=seed, familiar=signature.familiar_features)
    rows, expected = _asked(exported, values, hard, oracle)
    if expected.refused[:count].all():
        raise SampleError(f"The estimator scores no row of the sample: {expected.reason}")
    comparisons = compare(scorers[0](exported), exported.signature, rows, expected, tolerance, count)
    for number in range(_ROUNDS):  # an extreme value may overflow in one batch, and not in another
        lowered = _lowered_limits(exported.signature.features, hard, count, comparisons)
        if number > 0 and lowered == exported.signature.features:
            break
        if lowered != exported.signature.features:
            exported, hard = exported.with_features(lowered), _within(hard, lowered)
            rows, expected = _asked(exported, values, hard, oracle)
        comparisons = [
            comparison
            for scorer in scorers
            for comparison in compare(scorer(exported), exported.signature, rows, expected, tolerance, count)
        ]
    report = summarise(
        comparisons,
        expected,
        count,
        tolerance,
        lambda row: {name: rows.at[row, name] for name in rows.columns},
    )
    if not report.passed:
        advice = _advice(report, comparisons)
        raise ParityError(
            f"The exported model does not score as the estimator does. {advice} {report}", report
        )
    table = as_arrow(rows, exported.signature.features)
    return Proved(exported, report, thinned(table, expected, count, proof_rows), table)


def _asked(
    exported: Exported, values: pd.DataFrame, hard: HardRows, oracle: Oracle
) -> tuple[pd.DataFrame, Expected]:
    """The sample's rows and then the hard ones, and what the estimator says of them."""
    rows = pd.concat([values, hard.values], ignore_index=True).astype(object)
    return rows, expect(oracle, exported.signature, rows)


def _advice(report: ParityReport, comparisons: Sequence[Comparison]) -> str:
    """What can be done about differences like these."""
    if report.difference < _NEARLY and not any(c.is_label and c.wrong.any() for c in comparisons):
        return (
            "It is near: the estimator loses digits itself, as it does where it adds up numbers of very "
            "different magnitudes. Scale the features and fit again, or register it with a larger tolerance=."
        )
    return (
        "Where the estimator itself decides by chance, as between training rows that are equally near, drop "
        "duplicates and scale the features, and fit again."
    )


def _lowered_limits(
    features: tuple[Feature, ...], hard: HardRows, sample_rows: int, comparisons: Sequence[Comparison]
) -> tuple[Feature, ...]:
    """For each feature the largest extreme magnitude up to which all extremes agree.

    Where rows of the sample itself differ, no limit helps.
    """
    if any(comparison.wrong[:sample_rows].any() for comparison in comparisons):
        return features
    wrong = np.zeros(len(hard.feature), dtype=bool)
    for comparison in comparisons:
        wrong |= comparison.wrong[sample_rows:]
    lowered = list(features)
    for index, feature in enumerate(features):
        own = (hard.feature == index) & (hard.magnitude > 0)
        if not (wrong & own).any():
            continue
        first_wrong = hard.magnitude[wrong & own].min()
        proved = hard.magnitude[own & (hard.magnitude < first_wrong)]
        ordinary = [abs(v) for v in hard.values[feature.name][hard.magnitude == 0] if v is not None]
        limit = proved.max() if proved.size else min(max(ordinary), first_wrong)
        lowered[index] = replace(feature, limit=float(limit))
    return tuple(lowered)


def _within(hard: HardRows, features: Sequence[Feature]) -> HardRows:
    """The rows whose extreme values are within the limits."""
    limits = np.array([np.inf if feature.limit is None else feature.limit for feature in features])
    kept = (hard.magnitude == 0) | (hard.magnitude <= limits[hard.feature])
    return HardRows(hard.values[kept], hard.feature[kept], hard.magnitude[kept])
