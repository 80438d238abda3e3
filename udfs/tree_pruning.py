"""Trees without the branches that no row of a statement reaches, for batches that keep to what it promised.

A statement says of some columns between which bounds they lie. Nodes whose outcome is known from that are
cut; the order of the trees, and the values of their leaves, stay, so that sums are equal to the last bit.
Each batch is looked at: one that does not keep to the bounds is scored by the whole trees.

This file stands alone: numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_NODES = 1000
"""Smaller ensembles are not worth pruning."""

LARGEST_REST = 0.5
"""Above this share of the nodes the rest is not worth it either: to rank the values takes its own time."""

Bounds = tuple[float, float, bool]
"""What a column lies between, both inclusive, and whether it may be missing (masked or NaN)."""

ANY: Bounds = (-np.inf, np.inf, True)


def pruned(
    arrays: Mapping[str, NDArray[Any]], bounds: Sequence[Bounds], codes: Sequence[NDArray[np.bool_] | None]
) -> dict[str, NDArray[Any]]:
    """The arrays of `TreeKernel` without the nodes that rows within some bounds do not reach.

    Args:
        arrays: What `TreeKernel` takes.
        bounds: For each column of numbers its bounds.
        codes: For each column of categories which codes occur, bool [codes]; None where any may.
    """
    split = arrays["feature"] >= 0
    goes = _outcomes(arrays, bounds, codes, split)
    target = np.arange(len(split))
    decided = goes != 0
    target[decided] = np.where(goes[decided] < 0, arrays["left"][decided], arrays["right"][decided])
    while True:  # as often as decided nodes follow one another
        further = target[target]
        if (further == target).all():
            break
        target = further
    roots = target[arrays["roots"]]
    open_nodes = split & ~decided
    kept = np.zeros(len(split), dtype=bool)
    level = np.unique(roots)
    while len(level):
        kept[level] = True
        parents = level[open_nodes[level]]
        level = np.unique(target[np.concatenate([arrays["left"][parents], arrays["right"][parents]])])
    place = np.cumsum(kept) - 1
    found = {name: array for name, array in arrays.items() if name not in ("roots", "left", "right")}
    for name in ("feature", "threshold", "missing_left", "category_set", "leaf"):
        found[name] = arrays[name][kept]
    for name in ("left", "right"):
        child = arrays[name][kept]
        found[name] = np.where(child >= 0, place[target[child]], -1).astype(arrays[name].dtype)
    found["roots"] = place[roots].astype(arrays["roots"].dtype)
    return found


def _outcomes(
    arrays: Mapping[str, NDArray[Any]],
    bounds: Sequence[Bounds],
    codes: Sequence[NDArray[np.bool_] | None],
    split: NDArray[np.bool_],
) -> NDArray[np.int8]:
    """For each node -1 where all rows go left, 1 where all go right, else 0."""
    column = np.where(split, arrays["feature"], 0)
    low, high = (np.array([bound[side] for bound in bounds], dtype=np.float64) for side in (0, 1))
    single = arrays["kinds"] == 1
    with np.errstate(over="ignore"):
        low[single] = low[single].astype(np.float32)
        high[single] = high[single].astype(np.float32)
    missing = np.array([bound[2] for bound in bounds])
    missing_left, threshold = arrays["missing_left"], arrays["threshold"]
    numbers = split & (arrays["category_set"] < 0)
    left = numbers & (high[column] <= threshold) & (missing_left | ~missing[column])
    right = numbers & (low[column] > threshold) & (~missing_left | ~missing[column])
    goes = np.where(left, -1, np.where(right, 1, 0)).astype(np.int8)
    for place, possible in enumerate(codes):
        if possible is None:
            continue
        nodes = np.flatnonzero(split & (column == place) & (arrays["category_set"] >= 0))
        chosen = arrays["sets"][arrays["category_set"][nodes]][:, : len(possible)][:, possible]
        goes[nodes] = np.where(chosen.all(axis=1), -1, np.where(~chosen.any(axis=1), 1, 0))
    return goes


class BoundedKernel:
    """A kernel of whole trees, and one of pruned trees for the batches that keep to the bounds."""

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any]],
        bounds: Sequence[Bounds],
        codes: Sequence[NDArray[np.bool_] | None],
        kernel: Callable[[Mapping[str, NDArray[Any]]], Any],
    ) -> None:
        """Prune, where that pays.

        Args:
            arrays: What `TreeKernel` takes.
            bounds: As for `pruned`.
            codes: As for `pruned`.
            kernel: The class `TreeKernel`.
        """
        self._whole = kernel(arrays)
        self._bounds, self._codes = list(bounds), list(codes)
        rest = pruned(arrays, bounds, codes)
        nodes = len(arrays["feature"])
        pays = nodes >= LEAST_NODES and len(rest["feature"]) <= LARGEST_REST * nodes
        self._pruned: Any = kernel(rest) if pays else None

    def score(
        self, columns: Sequence[NDArray[Any]], missing: Sequence[NDArray[np.bool_] | None]
    ) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """See `TreeKernel.score`."""
        keeps = self._pruned is not None and self._keep(columns, missing)
        kernel = self._pruned if keeps else self._whole
        found: tuple[NDArray[Any], NDArray[np.uint8]] = kernel.score(columns, missing)
        return found

    def _keep(self, columns: Sequence[NDArray[Any]], missing: Sequence[NDArray[np.bool_] | None]) -> bool:
        """Whether a batch keeps to the bounds."""
        for values, gone, bound, possible in zip(columns, missing, self._bounds, self._codes, strict=True):
            if possible is not None:
                if len(values) and not (values.min() >= 0 and values.max() < len(possible)):
                    return False
                if not possible[values].all():
                    return False
            elif bound != ANY and not _within(values, gone, bound):
                return False
        return True


def _within(values: NDArray[Any], gone: NDArray[np.bool_] | None, bound: Bounds) -> bool:
    low, high, may_miss = bound
    if gone is not None and gone.any():
        if not may_miss:
            return False
        values = values[~gone]
    if not len(values):
        return True
    smallest, largest = float(values.min()), float(values.max())  # numpy would round a bound to float32
    if may_miss and (smallest != smallest or largest != largest):
        values = values[values == values]
        if not len(values):
            return True
        smallest, largest = float(values.min()), float(values.max())
    return bool(low <= smallest and largest <= high)
