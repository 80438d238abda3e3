"""The nodes of an ensemble, level by level, and how many levels are evaluated bottom-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_THRESHOLDS = 255
"""The greatest number in a byte: so many thresholds a column may have in a group."""

_UPPER, _STEP, _ENTER = 0.025, 1.1, 4.0
"""What one row costs, in some unit: a node of the upper levels, a step of a walk, the start of a walk."""


class Nodes:
    """The nodes of all trees, tree by tree, level by level; children lie side by side.

    Attributes:
        place: Where a node was in the given arrays.
        tree, depth: Of each node.
        left: The left child's position in this order; the right child is next to it. -1 at a leaf.
        bounds: Where each tree starts, and the end.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        roots, leaf = arrays["roots"], arrays["leaf"]
        nodes, trees = roots.astype(np.int64), np.arange(len(roots))
        levels: list[tuple[NDArray[Any], ...]] = []
        seen = 0
        while len(nodes):
            levels.append((nodes, trees, np.full(len(nodes), len(levels))))
            seen += len(nodes)
            if seen > len(leaf):
                raise ValueError(f"The trees share nodes: more than {len(leaf)} are reached from the roots.")
            split = leaf[nodes] < 0
            parents = nodes[split]
            nodes = np.stack([arrays["left"][parents], arrays["right"][parents]], axis=1).reshape(-1)
            trees = np.repeat(trees[split], 2)
        place, tree, depth = (
            np.concatenate([np.zeros(0), *(level[part] for level in levels)]).astype(np.int64)
            for part in range(3)
        )
        order = np.argsort(tree, kind="stable")
        self.place, self.tree, self.depth = place[order], tree[order], depth[order]
        position = np.empty(len(leaf), dtype=np.int64)
        position[self.place] = np.arange(len(order))
        self.leaf = leaf[self.place]
        self.split = self.leaf < 0
        self.left = np.full(len(order), -1)
        self.left[self.split] = position[arrays["left"][self.place[self.split]]]
        self.bounds = np.searchsorted(self.tree, np.arange(len(roots) + 1))


def cut_levels(nodes: Nodes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many levels of each tree are evaluated bottom-up, and how many it has."""
    cuts, heights = [], []
    for start, end in zip(nodes.bounds[:-1], nodes.bounds[1:], strict=True):
        depth = nodes.depth[start:end]
        counts = np.bincount(depth[nodes.split[start:end]])
        total = np.append(0, np.cumsum(counts))
        height = len(counts)
        below = height - np.arange(height + 1)
        cost = np.where(
            total <= MOST_THRESHOLDS, _UPPER * total + np.where(below > 0, _ENTER + _STEP * below, 0), np.inf
        )
        cuts.append(int(cost.argmin()))
        heights.append(height)
    return np.array(cuts, dtype=np.int64), np.array(heights, dtype=np.int64)
