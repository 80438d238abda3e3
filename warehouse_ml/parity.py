"""The parity gate: the score in SQL is the score in Python, or the model is not registered.

Three answers are compared on the sample and on generated hard rows: the estimator's, onnxruntime's, and
that of the engine's own SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from warehouse_ml.comparison import Comparison, Expected, Score, compare, expect
from warehouse_ml.errors import ParityError, SampleError
from warehouse_ml.export import Exported
from warehouse_ml.hard_rows import HardRows, hard_rows
from warehouse_ml.oracle import Oracle
from warehouse_ml.signature import Feature

TOLERANCE = 1e-5
"""How far a number may be off, relative to itself or to the mean magnitude of the sample's scores."""

SAMPLE_ROWS = 10_000
"""How many rows of a sample are compared at the most; more are thinned evenly."""

_WORST = 5


@dataclass(frozen=True, slots=True)
class ParityReport:
    """What the gate measured.

    Attributes:
        rows: The rows of the sample that were compared.
        hard_rows: The generated rows that were compared.
        refused_rows: Those for which the estimator raises; SQL must not score them either.
        difference: The largest difference of a number, as a share of the number or of the mean magnitude.
        label_mismatches: The share of labels that differ.
        tolerance: What `difference` may be.
        mismatches: How many values differ beyond the tolerance, or are labels that differ.
        worst: The worst rows: which result, what was expected, what was got, for which features.
    """

    rows: int
    hard_rows: int
    refused_rows: int
    difference: float
    label_mismatches: float
    tolerance: float
    mismatches: int
    worst: tuple[dict[str, Any], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every row agrees."""
        return self.mismatches == 0

    def figures(self) -> dict[str, Any]:
        """The numbers without the rows, for the registry."""
        facts = asdict(self)
        del facts["worst"]
        return facts

    def __str__(self) -> str:
        lines = [
            f"{self.rows:,} sample rows and {self.hard_rows:,} hard rows: largest difference "
            f"{self.difference:.2g} (tolerance {self.tolerance:.2g}), labels that differ "
            f"{self.label_mismatches:.2%}, rows the estimator refuses {self.refused_rows:,}."
        ]
        lines += [
            f"  {row['result']}: expected {row['expected']!r}, got {row['got']!r} for {row['features']}"
            for row in self.worst
        ]
        return "\n".join(lines)


def prove(
    exported: Exported,
    values: pd.DataFrame,
    oracle: Oracle,
    scorers: Sequence[Callable[[Exported], Score]],
    *,
    tolerance: float = TOLERANCE,
    seed: int = 0,
) -> tuple[Exported, ParityReport]:
    """Compare a model with its estimator.

    An extreme value that the model does not score as the estimator does, where ordinary ones agree, does
    not refuse the model: the feature's limit is lowered below it, so that SQL refuses such a value.

    Args:
        exported: The model, with policies.
        values: The sample, as values.
        oracle: The estimator.
        scorers: Each makes, of the model, what scores rows: with onnxruntime alone, and by the engine's SQL.
        tolerance: How far a number may be off.
        seed: Chooses the hard rows.

    Returns:
        The model, its limits perhaps lowered, and the report.

    Raises:
        SampleError: The estimator scores no row of the sample.
        ParityError: A row differs beyond the tolerance.
    """
    if len(values) > SAMPLE_ROWS:
        values = values.iloc[np.linspace(0, len(values) - 1, SAMPLE_ROWS).round().astype(int)]
    count = len(values)
    hard = hard_rows(values, exported.signature.features, seed=seed)
    rows = pd.concat([values, hard.values], ignore_index=True).astype(object)
    expected = expect(oracle, exported.signature, rows)
    if expected.refused[:count].all():
        raise SampleError(f"The estimator scores no row of the sample: {expected.reason}")
    first = compare(scorers[0](exported), exported.signature, rows, expected, tolerance, count)
    lowered = _lowered_limits(exported.signature.features, hard, count, first)
    if lowered != exported.signature.features:
        exported = exported.with_features(lowered)
        kept = np.concatenate([np.ones(count, dtype=bool), _within(hard, lowered)])
        rows = rows[kept].reset_index(drop=True)
        expected = expect(oracle, exported.signature, rows)
    comparisons = [
        comparison
        for scorer in scorers
        for comparison in compare(scorer(exported), exported.signature, rows, expected, tolerance, count)
    ]
    report = _report(comparisons, rows, expected, count, tolerance)
    if not report.passed:
        raise ParityError(f"The exported model does not score as the estimator does. {report}", report)
    return exported, report


def _lowered_limits(
    features: tuple[Feature, ...], hard: HardRows, sample_rows: int, comparisons: Sequence[Comparison]
) -> tuple[Feature, ...]:
    """For each feature the largest extreme magnitude up to which all extremes agree."""
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


def _within(hard: HardRows, features: Sequence[Feature]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    limits = [np.inf if feature.limit is None else feature.limit for feature in features]
    return np.array(
        [
            magnitude == 0 or magnitude <= limits[index]
            for index, magnitude in zip(hard.feature, hard.magnitude, strict=True)
        ],
        dtype=bool,
    )


def _report(
    comparisons: Sequence[Comparison],
    rows: pd.DataFrame,
    expected: Expected,
    sample_rows: int,
    tolerance: float,
) -> ParityReport:
    numbers = [c.difference.max() for c in comparisons if not c.is_label and len(rows)]
    labels = [c.wrong for c in comparisons if c.is_label]
    worst = sorted(
        ((c.difference[i], c, i) for c in comparisons for i in np.flatnonzero(c.wrong)),
        key=lambda entry: -entry[0],
    )
    return ParityReport(
        rows=sample_rows,
        hard_rows=len(rows) - sample_rows,
        refused_rows=int(expected.refused.sum()),
        difference=float(max(numbers, default=0.0)),
        label_mismatches=float(np.mean(labels)) if labels else 0.0,
        tolerance=tolerance,
        mismatches=len(worst),
        worst=tuple(
            {
                "result": comparison.name,
                "expected": comparison.expected[i],
                "got": comparison.got[i],
                "features": rows.iloc[i].to_dict(),
            }
            for _, comparison, i in worst[:_WORST]
        ),
    )
