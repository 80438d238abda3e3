"""Trees as tensor operators want them: every split asks one thing, and chunks of trees have one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from warehouse_ml.backends.program import Forest
from warehouse_ml.backends.read_cells import Builder, Cells, NotRowwiseError
from warehouse_ml.backends.read_node import Node
from warehouse_ml.backends.read_trees import TREES

PLAIN, MISSING_LEFT, MISSING_ONLY, ALWAYS = range(4)
"""What a split compares with its threshold: the column; the column with -inf in place of NaN; 0 where the
column is NaN and 1 elsewhere; something that is below every threshold."""

_EXPRESSIONS_PER_TREE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Some trees whose splits ask only whether a value is below a threshold; NaN never is.

    The nodes of all trees lie one after another.

    Attributes:
        roots: Each tree's root; int64 of shape [trees].
        column: The column that a split compares, -1 at a leaf; int64 of shape [nodes].
        kind: `PLAIN`, `MISSING_LEFT` or `MISSING_ONLY`; int64 of shape [nodes].
        threshold: float32 or float64, as the column is; of shape [nodes].
        true: The child where the comparison holds; int64 of shape [nodes].
        false: The other one; likewise.
        number: The number of a leaf, -1 at a split; int64 of shape [nodes].
        or_equal: Whether the comparison is `<=`.
    """

    roots: NDArray[np.int64]
    column: NDArray[np.int64]
    kind: NDArray[np.int64]
    threshold: NDArray[Any]
    true: NDArray[np.int64]
    false: NDArray[np.int64]
    number: NDArray[np.int64]
    or_equal: bool

    @classmethod
    def of(cls, forest: Forest) -> Splits:
        """The trees of a forest."""
        split = forest.feature >= 0
        threshold = forest.threshold.astype(forest.precision)
        # -inf, which stands for NaN, is below every threshold but these
        never = np.isnan(threshold) | ((forest.comparison == "<") & (threshold == -np.inf))
        left = forest.missing_left & split
        kind = np.where(left, np.where(never, MISSING_ONLY, MISSING_LEFT), PLAIN)
        half = threshold.dtype.type(0.5)
        return cls(
            roots=forest.roots,
            column=np.where(split, forest.feature, -1),
            kind=kind,
            threshold=np.where(kind == MISSING_ONLY, half, threshold),
            true=forest.left,
            false=forest.right,
            number=forest.leaf,
            or_equal=forest.comparison == "<=",
        )

    @property
    def trees(self) -> int:
        """How many trees there are."""
        return len(self.roots)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Trees that are walked together.

    Attributes:
        splits: All trees of the operator.
        first: The first tree of the chunk.
        last: The one behind its last.
    """

    splits: Splits
    first: int
    last: int

    @property
    def trees(self) -> int:
        """How many trees it has."""
        return self.last - self.first

    @cached_property
    def levels(self) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
        """For each level the nodes that are there, tree after tree, and their trees within the chunk."""
        splits = self.splits
        nodes, trees = splits.roots[self.first : self.last], np.arange(self.trees)
        found = []
        while len(nodes):
            found.append((nodes, trees))
            inner = splits.column[nodes] >= 0
            nodes, trees = nodes[inner], np.repeat(trees[inner], 2)
            nodes = np.stack([splits.false[nodes], splits.true[nodes]], axis=1).ravel()
        return tuple(found)

    @property
    def depth(self) -> int:
        """How many splits lie between a root and the farthest leaf."""
        return len(self.levels) - 1

    @cached_property
    def most_splits(self) -> int:
        """How many splits the largest tree has."""
        inner = [trees[self.splits.column[nodes] >= 0] for nodes, trees in self.levels]
        return int(np.bincount(np.concatenate(inner), minlength=1).max())


def found_leaves(node: onnx.NodeProto, dtype: str, columns: int) -> Splits | None:
    """The trees of an operator that says in which leaf of each tree a row ends.

    Args:
        node: The tree operator.
        dtype: The type of its features.
        columns: How many it gets.

    Returns:
        The trees, one for each of the operator's outputs, or None where it adds up what leaves hold.

    Raises:
        NotRowwiseError: Its trees cannot be read.
    """
    cells = _cells(node, dtype, columns).array[0].tolist()
    leaves = [cell.arguments[0] if cell.operator == "cast" else cell for cell in cells]
    if any(leaf.operator not in ("leaf", "constant") for leaf in leaves):
        return None
    forest = next((leaf.value[0] for leaf in leaves if leaf.operator == "leaf"), None)
    if forest is None:
        return Splits.of(_without_splits(np.array([int(leaf.value) for leaf in leaves]), dtype))
    if any(leaf.operator == "leaf" and leaf.value != (forest, tree) for tree, leaf in enumerate(leaves)):
        return None
    children = np.concatenate([side[forest.feature >= 0] for side in (forest.left, forest.right)])
    if len(np.unique(children)) < len(children):
        raise NotRowwiseError("two splits lead to the same node")
    return Splits.of(forest) if len(forest.roots) == len(leaves) else None


def _cells(node: onnx.NodeProto, dtype: str, columns: int) -> Cells:
    attributes: Mapping[str, Any] = {
        entry.name: numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
        for entry in node.attribute
        for value in [helper.get_attribute_value(entry)]
    }
    trees = len(np.unique(attributes["nodes_treeids"]))
    builder = Builder(_EXPRESSIONS_PER_TREE * (trees + columns) + len(attributes["nodes_treeids"]))
    cells = np.empty((1, columns), dtype=object)
    precision: Any = "float64" if dtype == "float64" else "float32"
    cells[0, :] = [builder.make("input", precision, value=place, key=place) for place in range(columns)]
    read = TREES[node.op_type](
        Node(node.op_type, attributes, node.output), [Cells(cells, precision)], builder
    )
    assert isinstance(read, Cells)  # a regressor has one output
    return read


def _without_splits(numbers: NDArray[np.int64], dtype: str) -> Forest:
    """Trees that are leaves."""
    count = len(numbers)
    none = np.full(count, -1)
    return Forest(
        roots=np.arange(count),
        feature=none,
        threshold=np.zeros(count),
        left=none,
        right=none,
        missing_left=np.zeros(count, bool),
        leaf=numbers,
        comparison="<=",
        precision="float64" if dtype == "float64" else "float32",
    )


def chunks_of(splits: Splits, per_round: int, most: int) -> Sequence[Chunk]:
    """Chunks of whole rounds of trees.

    Args:
        splits: The trees.
        per_round: How many trees make a round.
        most: How many trees a chunk should have at most; one round at least.
    """
    size = max(1, most // per_round) * per_round
    starts = range(0, splits.trees, size)
    return [Chunk(splits, start, min(start + size, splits.trees)) for start in starts]
