"""Groups of trees that share the ranks of their columns in bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tree_nodes import MOST_THRESHOLDS


def grouped_trees(
    trees: int, tree: NDArray[Any], slot: NDArray[Any], code: NDArray[Any], crowded: NDArray[Any]
) -> Iterator[tuple[int, int]]:
    """Trees that share ranks in bytes, as ranges: at most 255 thresholds of a column each.

    Args:
        trees: How many there are.
        tree: Of each node of the upper levels.
        slot: Likewise, where its ranks are.
        code: Likewise, its rank.
        crowded: Whether a slot has more thresholds in all.
    """
    some = crowded[slot]
    pairs = np.unique(np.stack([tree[some], slot[some], code[some]], axis=1), axis=0)
    bounds = np.searchsorted(pairs[:, 0], np.arange(trees + 1))
    taken: dict[int, set[int]] = {}
    start = 0
    for number in range(trees):
        fresh: dict[int, set[int]] = {}
        for _, where, rank in pairs[bounds[number] : bounds[number + 1]].tolist():
            fresh.setdefault(where, set()).add(rank)
        if any(len(taken.get(where, set()) | ranks) > MOST_THRESHOLDS for where, ranks in fresh.items()):
            yield start, number
            start, taken = number, {}
        for where, ranks in fresh.items():
            taken.setdefault(where, set()).update(ranks)
    if start < trees:
        yield start, trees
