"""Which rows are held out, and the folds of a cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.errors import TrainError

Rows = NDArray[np.int64]


def split(
    count: int, classes: NDArray[Any] | None, test_fraction: float, seed: int
) -> tuple[Rows, Rows, bool]:
    """The positions of the training rows and of the held-out ones, both in ascending order.

    Args:
        count: How many rows there are.
        classes: The class of each row, where the shares of the classes are to stay the same.
        test_fraction: The share that is held out; 0 for none.
        seed: Chooses the rows.

    Returns:
        Training rows, held-out rows, and whether the shares of the classes are the same: not where a
        class has one row only, or a part has fewer rows than there are classes.

    Raises:
        TrainError: The share is out of range, or leaves a part without a row.
    """
    if (
        isinstance(test_fraction, bool)
        or not isinstance(test_fraction, int | float)
        or not 0 <= test_fraction < 1
    ):
        raise TrainError(f"test_fraction is a share from 0 to below 1, not {test_fraction!r}.")
    positions = np.arange(count)
    if test_fraction == 0:
        return positions, positions[:0], False
    held_out = int(np.ceil(test_fraction * count))
    if held_out >= count:
        raise TrainError(
            f"{count} row{'s' * (count != 1)} cannot be split with test_fraction={test_fraction}: "
            "none is left to train on. Take more rows, or test_fraction=0."
        )
    from sklearn.model_selection import train_test_split

    if classes is not None:
        sizes = np.unique(classes, return_counts=True)[1]
        if sizes.min() < 2 or min(held_out, count - held_out) < len(sizes):
            classes = None
    train, test = train_test_split(positions, test_size=held_out, random_state=seed, stratify=classes)
    return np.sort(train), np.sort(test), classes is not None


def folds(
    splitter: Any, rows: Any, target: NDArray[Any] | None, classes: NDArray[Any] | None, seed: int
) -> list[tuple[Rows, Rows]]:
    """The folds of a cross-validation, as positions among the rows.

    Args:
        splitter: The number of folds, or a splitter of scikit-learn.
        rows: The features.
        target: The target.
        classes: The class of each row, for folds with the same shares of each.
        seed: Shuffles the rows where a number is given.

    Raises:
        TrainError: It is neither, or there are fewer rows than folds.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if hasattr(splitter, "get_n_splits"):
        try:
            return list(splitter.split(rows, target))
        except ValueError as error:
            raise TrainError(f"{splitter!r} cannot split the training rows: {error}") from error
    if isinstance(splitter, bool) or not isinstance(splitter, int) or splitter < 2:
        raise TrainError(f"cross_validation is a number of folds from 2 on, or a splitter, not {splitter!r}.")
    fewest = len(rows) if classes is None else int(np.unique(classes, return_counts=True)[1].min())
    if len(rows) < splitter or (classes is not None and fewest < splitter):
        what = "training rows" if classes is None else "training rows of the rarest class"
        raise TrainError(f"{splitter} folds need {splitter} {what}; there are {fewest}.")
    kind = KFold if classes is None else StratifiedKFold
    return list(kind(splitter, shuffle=True, random_state=seed).split(rows, classes))
