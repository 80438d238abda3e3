"""Rows that a sample does not hold and that production does: where exports go wrong without an error."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from warehouse_ml.signature import Feature

UNSEEN_TEXT = "unseen \u00e9\u00fc\U0001f9ea value"

_LARGE = (2.0**24 + 1, 1_767_225_601.0, 1_767_225_601_123.0, 1e18, 1e30, 3e38, 1e308, np.inf)
"""Beyond float32's whole numbers; now in seconds and in milliseconds; and up to what a double holds."""


@dataclass(frozen=True, slots=True)
class HardRows:
    """Invented rows.

    Attributes:
        values: The rows, as values.
        feature: For each row the position of the feature that was changed.
        magnitude: For each row the extreme magnitude put there, or 0 where an ordinary value was.
    """

    values: pd.DataFrame
    feature: np.ndarray[Any, Any]
    magnitude: np.ndarray[Any, Any]


def hard_rows(
    values: pd.DataFrame,
    features: Sequence[Feature],
    *,
    seed: int = 0,
    limit: int = 2000,
    familiar: Collection[int] = (),
) -> HardRows:
    """Change one feature at a time in rows of the sample.

    Numbers become their own floating-point neighbours, values in and around the sample's range, zeros,
    denormals and, in two rows each, extremes within the feature's limit; texts become empty, unseen, padded,
    of another case; each becomes NULL. The sample's first row stands twice, and once each without any value
    and with 0, 1 and -1 for all numbers whose range allows it.

    Args:
        values: The sample's rows, as values.
        features: The features with policies and limits.
        seed: Chooses the rows and the neighbours.
        limit: How many rows at the most, evenly thinned.
        familiar: The positions of features that get only values that the sample holds, and NULL.
    """
    random = np.random.default_rng(seed)
    changes: list[tuple[int, int, Any, float]] = []
    for index, feature in enumerate(features):
        ordinary = _ordinary(values[feature.name], feature, random)
        extreme = _extreme(values[feature.name], feature)
        if index in familiar:
            known = set(values[feature.name])
            ordinary, extreme = [value for value in ordinary if value is None or value in known], []
        hard = [(value, 0.0) for value in ordinary] + [(value, abs(value)) for value in 2 * extreme]
        changes += [(kind, index, value, magnitude) for kind, (value, magnitude) in enumerate(hard)]
    if len(changes) > limit:
        changes = [changes[i] for i in np.linspace(0, len(changes) - 1, limit).round().astype(int)]
    # one kind of change after another: an estimator refuses neighbours, which are found in few questions
    changes.sort(key=lambda change: change[:2])
    whole = [values.iloc[[0, 0]], *_whole(values, features, familiar)]
    picked = values.iloc[random.integers(len(values), size=len(changes))]
    columns = {name: picked[name].to_numpy(dtype=object, copy=True) for name in values.columns}
    for row, (_, index, value, _) in enumerate(changes):
        columns[features[index].name][row] = value
    frame = pd.concat([*whole, pd.DataFrame(columns, dtype=object)], ignore_index=True).astype(object)
    unattributed = len(frame) - len(changes)
    changed = np.array([-1] * unattributed + [index for _, index, _, _ in changes])
    magnitudes = np.array([0.0] * unattributed + [magnitude for *_, magnitude in changes])
    return HardRows(frame, changed, magnitudes)


def _whole(
    values: pd.DataFrame, features: Sequence[Feature], familiar: Collection[int]
) -> list[pd.DataFrame]:
    """Rows in which every feature is changed: to NULL, and every number to 0, 1 and -1."""
    rows = [pd.DataFrame({name: [None] for name in values.columns}, dtype=object)]
    for number in (0.0, 1.0, -1.0):
        row = values.iloc[:1].copy()
        for index, feature in enumerate(features):
            if feature.type == "DOUBLE" and index not in familiar:
                reach = _reach(values[feature.name])
                if abs(number) <= min(reach, np.inf if feature.limit is None else feature.limit):
                    row[feature.name] = pd.Series([number], index=row.index, dtype=object)
        rows.append(row)
    return rows


def _ordinary(column: pd.Series[Any], feature: Feature, random: np.random.Generator) -> list[Any]:
    known = [value for value in column if value is not None]
    hard: list[Any] = [None]
    if feature.type == "VARCHAR":
        hard += ["", UNSEEN_TEXT]
        if known:
            some = str(known[int(random.integers(len(known)))])
            hard += [some, some + " ", some.swapcase()]
    elif feature.type == "BOOLEAN":
        hard += [True, False]
    elif feature.type == "DOUBLE" and known:
        numbers = np.array(known, dtype=np.float64)
        low, high = numbers.min(), numbers.max()
        reach = (high - low) or 1.0
        picked = random.choice(numbers, 4)
        hard += [low - reach / 2, high + reach / 2, (low + high) / 2, 0.0, -0.0, 5e-324, -1e-310, 1e-40]
        hard += [np.nextafter(picked[0], np.inf), np.nextafter(picked[1], -np.inf)]
        hard += [(picked[0] + picked[1]) / 2, np.float64(np.float32(picked[2])), picked[3]]
        if all(float(value).is_integer() for value in numbers[:1000]):
            hard += [float(np.floor((low + high) / 2)), high + 1, low - 1]
        if feature.limit is not None:
            hard = [value for value in hard if value is None or abs(value) <= feature.limit]
    elif feature.type == "BIGINT" and known:
        hard = [None, int(min(known)), int(max(known)), int(known[0]) + 1, 2**53 + 1]
    elif feature.type == "TIMESTAMP" and known:
        times = pd.to_datetime(pd.Series(known))
        hard += [times.min(), times.max(), times.max() + pd.Timedelta(days=400), pd.Timestamp(0)]
    return hard


def _extreme(column: pd.Series[Any], feature: Feature) -> list[float]:
    if feature.type != "DOUBLE":
        return []
    reach = _reach(column)
    # a limit that must be lowered stays above the sample, and above what is ordinary elsewhere
    near = (10.0 * reach, 1e3 * reach, 1e5 * reach, 1.0, 1e3, 1e5)
    top = np.inf if feature.limit is None else feature.limit
    magnitudes = [magnitude for magnitude in sorted({*near, *_LARGE}) if reach < magnitude <= top]
    return [sign * magnitude for magnitude in magnitudes for sign in (1, -1)]


def _reach(column: pd.Series[Any]) -> float:
    """The largest magnitude of a column's numbers."""
    return max((abs(float(value)) for value in column if value is not None), default=1.0)
