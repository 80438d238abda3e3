"""Trees as the kernel walks them: arrays of nodes whose splits test the kernel's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.fold import NumberTests
from warehouse_ml.backends.program import Forest
from warehouse_ml.backends.tree_sums import Group, tree_nodes

_GROWTH = 8
_ALLOWANCE = 64
"""A tree may grow to this many times its nodes, and some more, where a split becomes several."""


@dataclass(frozen=True, slots=True, eq=False)
class Tests:
    """What the splits of some forests ask of the kernel's columns.

    Attributes:
        column: The kernel's column that is tested; int32 of shape [tests].
        numbers: The tests of numbers; of a test of a category they have no cuts.
        category_set: The row of `sets` of a test of a category, else -1; int32 of shape [tests].
        sets: Which codes go left; bool of shape [sets, codes].
        of_node: For each forest the test of each node, -1 at a leaf; int64 of shape [nodes].
    """

    column: NDArray[np.int32]
    numbers: NumberTests
    category_set: NDArray[np.int32]
    sets: NDArray[np.bool_]
    of_node: Mapping[int, NDArray[np.int64]]

    def cuts(self, test: int) -> NDArray[np.float64]:
        """Where the outcome of a test of a number changes."""
        return self.numbers.cuts[self.numbers.starts[test] : self.numbers.starts[test + 1]]


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """The nodes of one tree; the root is node 0, children are positions among them."""

    test: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    leaf: NDArray[np.int64]


def kernel_arrays(
    group: Group, tests: Tests, kinds: Sequence[int], limits: Sequence[float]
) -> dict[str, NDArray[Any]] | None:
    """The arrays that `TreeKernel` takes.

    Args:
        group: The sums.
        tests: What the splits ask.
        kinds: For each column 0, 1 or 2: a double, one that is rounded to float32, or a code.
        limits: For each column the largest magnitude that the estimator accepts.

    Returns:
        The arrays, or None where a tree would grow too much.
    """
    known: dict[tuple[int, int], _Nodes | None] = {}
    parts: list[_Nodes] = []
    leaves: list[NDArray[np.int64]] = []
    values: list[NDArray[Any]] = []
    output: list[int] = []
    rows = 0
    for leaf, first, table in group.trees():
        forest, tree = leaf.value
        key = (id(forest), tree)
        if key not in known:
            known[key] = _tree(forest, tree, tests)
        nodes = known[key]
        if nodes is None:
            return None
        numbers, places = np.unique(nodes.leaf[nodes.leaf >= 0], return_inverse=True)
        row = np.full(len(nodes.leaf), -1)
        row[nodes.leaf >= 0] = rows + places.ravel()
        parts.append(nodes)
        leaves.append(row)
        values.append(table[numbers])
        output.append(first)
        rows += len(numbers)
    sizes = [len(part.leaf) for part in parts]
    roots = np.append(0, np.cumsum(sizes))[:-1].astype(np.int64)
    offset = np.repeat(roots, sizes)
    test = np.concatenate([part.test for part in parts])
    split = test >= 0
    safe = np.where(split, test, 0)
    leaf_rows = np.concatenate(leaves)

    def child(side: str) -> NDArray[np.int32]:
        places = np.concatenate([getattr(part, side) for part in parts]) + offset
        return np.where(split, places, -1).astype(np.int32)

    return {
        "roots": roots,
        "feature": np.where(split, tests.column[safe], -1).astype(np.int32),
        "threshold": np.concatenate([part.threshold for part in parts]),
        "left": child("left"),
        "right": child("right"),
        "missing_left": np.concatenate([part.missing_left for part in parts]),
        "category_set": np.where(split, tests.category_set[safe], -1).astype(np.int32),
        "sets": tests.sets,
        "leaf": leaf_rows.astype(np.int32),
        "values": np.ascontiguousarray(np.concatenate(values), dtype=group.dtype),
        "output": np.array(output, np.int32),
        "base": np.array([entry.start for entry in group.sums], group.dtype),
        "kinds": np.array(kinds, np.uint8),
        "limits": np.array(limits, np.float64),
    }


def _tree(forest: Forest, tree: int, tests: Tests) -> _Nodes | None:
    nodes = tree_nodes(forest, tree)
    test = tests.of_node[id(forest)][nodes]
    split = test >= 0
    chosen = np.where(split, test, 0)
    numbers = tests.numbers
    single = (numbers.starts[chosen + 1] - numbers.starts[chosen] == 1) | (tests.category_set[chosen] >= 0)
    if not single[split].all() or len(nodes) != 2 * split.sum() + 1:
        return _rebuilt(forest, tree, tests, _GROWTH * len(nodes) + _ALLOWANCE)
    place = np.full(len(forest.feature), -1)
    place[nodes] = np.arange(len(nodes))
    below, above = place[forest.left[nodes]], place[forest.right[nodes]]
    first, missing = numbers.first[chosen], numbers.missing[chosen]
    cut = numbers.starts[chosen]
    is_number = split & (tests.category_set[chosen] < 0)
    threshold = np.zeros(len(nodes))
    threshold[is_number] = numbers.cuts[cut[is_number]]
    return _Nodes(
        test=test,
        threshold=threshold,
        left=np.where(first, below, above),
        right=np.where(first, above, below),
        missing_left=is_number & (first == missing),
        leaf=np.where(split, -1, forest.leaf[nodes]),
    )


_Bounds = tuple[float | None, float, bool]
"""What is known of a column on the way to a node: it is above the first (None: nothing is known) and at most
the second, and whether it may be missing. An empty interval: it is missing."""

_ANY: _Bounds = (None, np.inf, True)


def _rebuilt(forest: Forest, tree: int, tests: Tests, most: int) -> _Nodes | None:
    """A tree whose splits may cut a line several times, or never; what cannot be reached is left out.

    Args:
        forest: The forest.
        tree: The tree.
        tests: What its splits ask.
        most: How many nodes it may get.
    """
    of_node = tests.of_node[id(forest)]
    made: list[list[Any]] = []  # test, threshold, left, right, missing_left, leaf
    stack: list[tuple[int, dict[int, _Bounds], int, int]] = [(int(forest.roots[tree]), {}, -1, 2)]
    while stack:
        node, known, parent, side = stack.pop()
        found = None
        while of_node[node] >= 0:
            found = _asked(int(of_node[node]), known, tests)
            if not isinstance(found, bool):
                break
            node = int(forest.left[node] if found else forest.right[node])
        if parent >= 0:
            made[parent][side] = len(made)
        if len(made) >= most:
            return None
        here = len(made)
        if of_node[node] < 0:
            made.append([-1, 0.0, -1, -1, False, int(forest.leaf[node])])
            continue
        test = int(of_node[node])
        if tests.category_set[test] >= 0:
            made.append([test, 0.0, -1, -1, False, -1])
            stack.append((int(forest.right[node]), known, here, 3))
            stack.append((int(forest.left[node]), known, here, 2))
            continue
        threshold, below, above = found  # type: ignore[misc]
        made.append([test, threshold, -1, -1, below[2], -1])
        column = int(tests.column[test])
        stack.append((node, {**known, column: above}, here, 3))
        stack.append((node, {**known, column: below}, here, 2))
    columns = list(zip(*made, strict=True))
    return _Nodes(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.float64),
        np.array(columns[2], np.int64),
        np.array(columns[3], np.int64),
        np.array(columns[4], np.bool_),
        np.array(columns[5], np.int64),
    )


def _asked(
    test: int, known: Mapping[int, _Bounds], tests: Tests
) -> bool | tuple[float, _Bounds, _Bounds] | None:
    """The outcome of a test, or the next cut to ask for and what is known below and above it.

    Returns:
        None for a test of a category, which is asked as it is.
    """
    if tests.category_set[test] >= 0:
        return None
    low, high, missing = known.get(int(tests.column[test]), _ANY)
    when_missing = bool(tests.numbers.missing[test])
    if low is not None and low >= high:
        return when_missing
    cuts = tests.cuts(test)
    first = bool(tests.numbers.first[test])
    inside = cuts[(cuts > low if low is not None else True) & (cuts < high)]
    if low is not None and np.count_nonzero(cuts <= low) % 2:
        first = not first
    if len(inside) == 0:
        if not missing or first == when_missing:
            return first
        return np.inf, (low, high, False), (np.inf, np.inf, True)
    middle = len(inside) // 2
    cut = float(inside[middle])
    # a missing value follows numbers with its outcome: below the cut lie the pieces 0 to `middle`
    goes_below = middle > 0 or first == when_missing
    return cut, (low, cut, missing and goes_below), (cut, high, missing and not goes_below)
