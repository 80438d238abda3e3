"""What the parity gate measured, as figures and as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from warehouse_ml.parity.comparison import Comparison, Expected

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


def summarise(
    comparisons: Sequence[Comparison],
    expected: Expected,
    sample_rows: int,
    tolerance: float,
    features_of: Callable[[int], dict[str, Any]],
) -> ParityReport:
    """Sum up comparisons.

    Args:
        comparisons: Of all results and all engines, over the same rows.
        expected: The truth about the rows.
        sample_rows: How many of them are the sample's; they come first.
        tolerance: What the comparisons were made with.
        features_of: The features of a row by its position, for the worst rows.
    """
    rows = len(expected.null)
    numbers = [c.difference.max() for c in comparisons if not c.is_label and rows]
    labels = [c.wrong for c in comparisons if c.is_label]
    worst = sorted(
        ((c.difference[i], c, i) for c in comparisons for i in np.flatnonzero(c.wrong)),
        key=lambda entry: -entry[0],
    )
    return ParityReport(
        rows=sample_rows,
        hard_rows=rows - sample_rows,
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
                "features": features_of(int(i)),
            }
            for _, comparison, i in worst[:_WORST]
        ),
    )
