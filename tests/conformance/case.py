"""One pipeline to be registered: fitted, with rows that show its features and rows to be scored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

Feeding = Literal["frame", "matrix", "texts"]

ORDINARY = 40
"""How many held-out rows are scored as they are, before the hard ones."""

EXTREMES = (0.0, -1.0, 1e-6, 30.0, -1000.0)
"""Numbers that are put into every numeric feature, as multiples of its largest, one row each."""

STRANGE = ("", "never seen", "Ünseen ❄", "A b")
"""Texts that are put into every text feature, one row each."""


@dataclass(frozen=True, slots=True)
class Case:
    """A fitted estimator and what is done with it.

    Attributes:
        estimator: The fitted estimator.
        sample: What it is registered with.
        rows: What it scores: ordinary rows, then rows with NULLs, unseen categories and extreme values.
        feeding: What it was fitted on.
    """

    estimator: Any
    sample: pd.DataFrame
    rows: pd.DataFrame
    feeding: Feeding = "frame"

    def fed(self, rows: pd.DataFrame) -> Any:
        """Rows in the form that the estimator was fitted on."""
        if self.feeding == "matrix":
            return rows.to_numpy()
        return rows.iloc[:, 0] if self.feeding == "texts" else rows


Factory = Callable[[], Case]


def case(estimator: Any, features: Any, target: Any = None) -> Case:
    """Fit on the first four fifths of the rows, show some of them as the sample, score the others.

    Args:
        estimator: Not fitted yet.
        features: A frame, a matrix of numbers, or a series of texts.
        target: What is predicted, or None for what has no target.
    """
    feeding: Feeding = "frame"
    if isinstance(features, np.ndarray):
        feeding = "matrix"
        frame = pd.DataFrame(features, columns=[f"x{i}" for i in range(features.shape[1])])
    elif isinstance(features, pd.Series):
        feeding, frame = "texts", features.to_frame("text")
    else:
        frame = features
    frame = frame.reset_index(drop=True)
    cut = len(frame) * 4 // 5
    empty = Case(estimator, frame, frame, feeding)
    known = None if target is None else np.asarray(target)[:cut]
    estimator.fit(empty.fed(frame[:cut]), known) if known is not None else estimator.fit(
        empty.fed(frame[:cut])
    )
    held_out = frame[cut : cut + ORDINARY]
    return Case(estimator, frame[: min(cut, 120)], pd.concat([held_out, hard_rows(held_out)]), feeding)


class _Multiple(float):
    """A number that is a multiple of a feature's largest."""


def hard_rows(ordinary: pd.DataFrame) -> pd.DataFrame:
    """Rows that break what is only nearly right: a NULL per feature, strange texts, extreme numbers.

    Args:
        ordinary: Real rows; each hard row is one of them with a value changed.
    """
    changes: list[tuple[list[str], Any]] = []
    names = list(ordinary.columns)
    for name in names[:12]:
        changes.append(([name], None))
    changes.append((names, None))
    texts = [name for name in names if _is_text(ordinary[name])]
    numbers = [name for name in names if pd.api.types.is_numeric_dtype(ordinary[name].dtype)]
    numbers = [name for name in numbers if ordinary[name].dtype.kind in "iuf"]
    changes += [(texts, text) for text in STRANGE if texts]
    changes += [(numbers, _Multiple(number)) for number in EXTREMES if numbers]
    rows = ordinary.iloc[[index % len(ordinary) for index in range(len(changes))]].reset_index(drop=True)
    wide = [name for name in numbers if rows[name].dtype.kind in "iu"]
    rows = rows.astype(dict.fromkeys(wide, np.float64))
    for name in names:
        if rows[name].dtype.kind == "b":
            rows[name] = rows[name].astype(object)
    for row, (columns, value) in enumerate(changes):
        for name in columns:
            if value is None:
                rows.at[row, name] = _missing(rows[name])
            elif isinstance(value, _Multiple):
                rows.at[row, name] = value * float(ordinary[name].abs().max())
            else:
                rows.at[row, name] = value
    return rows


def _is_text(column: "pd.Series[Any]") -> bool:
    return column.dtype == object or pd.api.types.is_string_dtype(column.dtype)


def _missing(column: "pd.Series[Any]") -> Any:
    return None if column.dtype == object else np.nan
