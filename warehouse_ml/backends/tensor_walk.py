"""Walk trees with tensor operators: all trees of a chunk at once, and all rows.

Three ways, after Nakandala et al., "A Tensor Compiler for Unified Machine Learning Prediction Serving"
(OSDI 2020). Theirs for small trees multiplies by matrices of splits and leaves; here the answers of a tree's
splits are one binary number, which finds the leaf with less work. Where NaN goes is not asked at a split, but
decided by the column that it compares (`tensor_columns.py`).

* `products`: every split of a small tree is asked; the answers, times powers of two, are a number that has
  the tree's leaf in a table. The fewest operators.
* `levels`: trees are filled up to perfect ones. The children of node n are 2n and 2n + 1 of the next level.
* `pointers`: a table of children, for trees so deep that perfect ones would not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.simplify.flow import Edit, Kind
from warehouse_ml.backends.tensor_columns import SplitColumns
from warehouse_ml.backends.tensor_forest import ALWAYS, PLAIN, Chunk

Way = Literal["products", "levels", "pointers"]

MOST_SPLITS = 3
"""The largest tree whose splits are all asked. With seven of them it takes, by count, twice the traffic of
`levels` to memory, and was slower on a CPU; it was not measured on a GPU."""

MOST_FILLED = 4
"""How many leaves perfect trees may have for each node of the trees themselves."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where rows end.

    Attributes:
        place: The tensor of places, int32 of shape [rows, trees].
        numbers: For each place the number of the leaf; int64.
    """

    place: str
    numbers: NDArray[np.int64]


def way_of(chunk: Chunk) -> Way:
    """The way that suits the shape of some trees."""
    if chunk.most_splits <= MOST_SPLITS:
        return "products"
    nodes = sum(len(nodes) for nodes, _ in chunk.levels)
    return "levels" if chunk.trees << chunk.depth <= MOST_FILLED * nodes else "pointers"


def cells_per_tree(way: Way) -> int:
    """How many numbers the widest tensor of a way holds for one row and one tree."""
    return MOST_SPLITS if way == "products" else 1


def asked_of(chunk: Chunk) -> set[tuple[int, int]]:
    """The columns that the splits of a chunk compare, and how; see `SplitColumns`."""
    splits = chunk.splits
    nodes = np.concatenate([nodes for nodes, _ in chunk.levels])
    inner = nodes[splits.column[nodes] >= 0]
    asked = set(zip(splits.column[inner].tolist(), splits.kind[inner].tolist(), strict=True))
    if not asked:
        asked.add((0, PLAIN))
    if way_of(chunk) == "pointers":
        asked.add((0, ALWAYS))
    return asked


def walk_chunk(edit: Edit, chunk: Chunk, columns: SplitColumns) -> Found:
    """Write the operators that find the leaves of a chunk."""
    ways = {"products": _products, "levels": _levels, "pointers": _pointers}
    return ways[way_of(chunk)](_Walk(edit, chunk, columns))


@dataclass(frozen=True, slots=True)
class _Walk:
    """What the ways have in common."""

    edit: Edit
    chunk: Chunk
    columns: SplitColumns

    def kind(self, dtype: str) -> Kind:
        return Kind(dtype, (None, self.chunk.trees))

    def index(self, values: NDArray[Any]) -> str:
        """A constant of positions; int32 is half of what must be read."""
        return self.edit.constant(values.astype(np.int32))

    def holds(self, values: str, thresholds: str, kind: Kind) -> str:
        operator = "LessOrEqual" if self.chunk.splits.or_equal else "Less"
        return self.edit.node(operator, [values, thresholds], kind=kind)

    def asked(self, nodes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """For each node the place and the threshold; for -1 and leaves those of a split that never holds."""
        splits = self.chunk.splits
        inner = (nodes >= 0) & (splits.column[nodes] >= 0)
        places = self.columns.places(
            np.where(inner, splits.column[nodes], 0), np.where(inner, splits.kind[nodes], PLAIN)
        )
        nothing = splits.threshold.dtype.type(np.nan)
        return np.where(inner, places, 0), np.where(inner, splits.threshold[nodes], nothing)

    def first(self, places: NDArray[np.int64], thresholds: NDArray[Any]) -> str:
        """Whether splits hold that are the same for all rows, bool of shape [rows, splits]."""
        edit, count = self.edit, len(places)
        values = edit.node(
            "Gather",
            [self.columns.name, self.index(places)],
            kind=Kind(str(thresholds.dtype), (None, count)),
            axis=1,
        )
        limits = edit.constant(thresholds.reshape(1, -1))
        return self.holds(values, limits, Kind("bool", (None, count)))

    def next(self, place: str, places: str, thresholds: str) -> str:
        """Whether the split holds that each row has reached in each tree, as int32 of shape [rows, trees]."""
        edit = self.edit
        number = self.kind(str(self.chunk.splits.threshold.dtype))
        column = edit.node("Gather", [places, place], kind=self.kind("int32"), axis=0)
        limit = edit.node("Gather", [thresholds, place], kind=number, axis=0)
        value = edit.node("GatherElements", [self.columns.name, column], kind=number, axis=1)
        return self.bit(self.holds(value, limit, self.kind("bool")))

    def bit(self, holds: str) -> str:
        return self.edit.node("Cast", [holds], kind=self.kind("int32"), to=6)

    def plus(self, left: str, right: str) -> str:
        return self.edit.node("Add", [left, right], kind=self.kind("int32"))


def _products(walk: _Walk) -> Found:
    edit, trees = walk.edit, walk.chunk.trees
    splits = walk.chunk.splits
    size = max(1, walk.chunk.most_splits)
    asked = np.full((trees, size), -1)
    bit = np.zeros(len(splits.column), np.int64)
    used = np.zeros(trees, np.int64)
    for nodes, owners in walk.chunk.levels:
        for node, owner in zip(nodes.tolist(), owners.tolist(), strict=True):
            if splits.column[node] >= 0:
                bit[node] = used[owner]
                asked[owner, used[owner]] = node
                used[owner] += 1
    holds = walk.first(*walk.asked(asked.ravel()))
    wide = Kind("float32", (None, trees * size))
    ones = edit.node("Cast", [holds], kind=wide, to=1)
    # whole numbers below 2^8 with one bit each: exact in TF32 too, which CUDA multiplies in
    powers = edit.constant((2.0 ** np.arange(size)).astype(np.float32).reshape(-1, 1))
    parts = edit.node(
        "Reshape", [ones, edit.constant(np.array([-1, size]))], kind=Kind("float32", (None, size))
    )
    product = edit.node("MatMul", [parts, powers], kind=Kind("float32", (None, 1)))
    flat = edit.node("Reshape", [product, edit.constant(np.array([-1, trees]))], kind=walk.kind("float32"))
    number = edit.node("Cast", [flat], kind=walk.kind("int32"), to=6)
    place = walk.plus(number, walk.index((np.arange(trees) << size).reshape(1, -1)))
    answers = np.arange(1 << size)
    tables = []
    for root in splits.roots[walk.chunk.first : walk.chunk.last]:
        node = np.full(1 << size, root)
        while (inner := splits.column[node] >= 0).any():
            holding = (answers >> bit[node]) & 1 == 1
            node = np.where(inner, np.where(holding, splits.true[node], splits.false[node]), node)
        tables.append(splits.number[node])
    return Found(place, np.concatenate(tables))


def _levels(walk: _Walk) -> Found:
    splits, trees = walk.chunk.splits, walk.chunk.trees
    nodes = splits.roots[walk.chunk.first : walk.chunk.last]
    holds = walk.first(*walk.asked(nodes))
    place = walk.plus(walk.bit(holds), walk.index(2 * np.arange(trees).reshape(1, -1)))
    for _ in range(walk.chunk.depth - 1):
        nodes = _children(walk.chunk, nodes)
        places, thresholds = walk.asked(nodes)
        right = walk.next(place, walk.index(places), walk.edit.constant(thresholds))
        place = walk.plus(walk.plus(place, place), right)
    return Found(place, splits.number[_children(walk.chunk, nodes)])


def _children(chunk: Chunk, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The next level of perfect trees; below a leaf it is the leaf again."""
    splits = chunk.splits
    inner = splits.column[nodes] >= 0
    return np.stack(
        [np.where(inner, splits.false[nodes], nodes), np.where(inner, splits.true[nodes], nodes)], axis=1
    ).ravel()


def _pointers(walk: _Walk) -> Found:
    """Nodes are numbered so that where a split holds the child is the next one after where it does not."""
    splits, edit = walk.chunk.splits, walk.edit
    roots = splits.roots[walk.chunk.first : walk.chunk.last]
    order = [roots]
    for nodes, _ in walk.chunk.levels[1:]:
        order.append(nodes)
    all_nodes = np.concatenate(order)
    number = np.zeros(len(splits.column), np.int64)
    number[all_nodes] = np.arange(len(all_nodes))
    inner = splits.column[all_nodes] >= 0
    places, thresholds = walk.asked(all_nodes)
    # a leaf asks what always holds, and so leads to itself
    always = walk.columns.places(np.array([0]), np.array([ALWAYS]))[0]
    places = np.where(inner, places, always)
    thresholds = np.where(inner, thresholds, splits.threshold.dtype.type(1))
    child = np.where(inner, number[np.where(inner, splits.false[all_nodes], 0)], np.arange(len(inner)) - 1)
    start = slice(0, len(roots))
    holds = walk.first(places[start], thresholds[start])
    place = walk.plus(walk.bit(holds), walk.index(child[start].reshape(1, -1)))
    tables = walk.index(places), edit.constant(thresholds), walk.index(child)
    for _ in range(walk.chunk.depth - 1):
        lower = edit.node("Gather", [tables[2], place], kind=walk.kind("int32"), axis=0)
        place = walk.plus(lower, walk.next(place, *tables[:2]))
    return Found(place, splits.number[all_nodes])


def operators_of(chunks: Sequence[Chunk]) -> int:
    """About how many operators the walks of some chunks are."""
    return sum(8 if way_of(chunk) == "products" else 7 * max(1, chunk.depth) for chunk in chunks)
