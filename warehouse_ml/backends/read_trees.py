"""The tree operators of ai.onnx.ml: which leaf a row ends in, and what the leaves add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.program import Dtype, Expression, Forest
from warehouse_ml.backends.read_cells import Builder, Cells, NotRowwiseError, Value
from warehouse_ml.backends.read_choices import gather
from warehouse_ml.backends.read_elementwise import cast_to
from warehouse_ml.backends.read_learned import class_labels, label_of, logistic, transformed
from warehouse_ml.backends.read_node import Node, Operator, cells_of

_EXACT = 2**24
"""Whole numbers below it are exact in float32."""

_COMPARISONS: Mapping[str, tuple[str, bool]] = {
    "BRANCH_LT": ("<", False),
    "BRANCH_LEQ": ("<=", False),
    "BRANCH_GTE": ("<", True),
    "BRANCH_GT": ("<=", True),
}
"""What a split asks, and whether its children change places: x >= t is not x < t, but for NaN."""


@dataclass(frozen=True, slots=True)
class _Trees:
    """A tree operator.

    Attributes:
        forest: The trees; a leaf's number is its position among the leaves of its tree.
        tree: For each leaf its tree; int64 of shape [leaves].
        leaf: For each value that a leaf gives the number of that leaf; int64 of shape [values].
        output: For each value the output that it is added to; likewise.
        value: The values, in float32 or, where features are double, in float64; likewise.
    """

    forest: Forest
    tree: NDArray[np.int64]
    leaf: NDArray[np.int64]
    output: NDArray[np.int64]
    value: NDArray[Any]


def _trees(node: Node, kind: str, double: bool) -> _Trees:
    """Read the attributes.

    Args:
        node: The operator.
        kind: What its leaves' values are called: `target` or `class`.
        double: Whether the features are float64.
    """
    attributes = node.attributes
    ids = np.array(attributes["nodes_treeids"], np.int64)
    numbers = np.array(attributes["nodes_nodeids"], np.int64)
    modes = np.array(attributes["nodes_modes"])
    is_leaf = modes == b"LEAF"
    asked = np.unique(modes[~is_leaf]).tolist() or [b"BRANCH_LEQ"]
    for mode in asked:
        if mode.decode() not in _COMPARISONS:
            raise NotRowwiseError(f"its trees have splits of the kind {mode.decode()}")
    comparisons = {_COMPARISONS[mode.decode()][0] for mode in asked}
    if len(comparisons) > 1:
        raise NotRowwiseError("its trees have splits of two kinds")
    order = np.lexsort((numbers, ids))
    if (np.diff(ids) < 0).any():
        raise NotRowwiseError("its trees do not come one after another")
    swapped = np.isin(modes, [b"BRANCH_GTE", b"BRANCH_GT"])
    on_true = _positions(ids, attributes["nodes_truenodeids"], ids, numbers, order, ~is_leaf)
    on_false = _positions(ids, attributes["nodes_falsenodeids"], ids, numbers, order, ~is_leaf)
    missing = np.array(attributes.get("nodes_missing_value_tracks_true", np.zeros(len(ids))), bool) & ~is_leaf
    # a split that was turned around sends NaN right where it was not told to send it to its true child
    missing_left = np.where(swapped, ~missing & ~is_leaf, missing)
    roots = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1))
    tree_of = np.cumsum(np.diff(ids, prepend=ids[0]) != 0)
    leaves = np.flatnonzero(is_leaf)
    place = np.full(len(ids), -1)
    place[leaves] = np.arange(len(leaves))
    first = np.searchsorted(tree_of[leaves], np.arange(len(roots)))
    forest = Forest(
        roots=roots.astype(np.int64),
        feature=np.where(is_leaf, -1, np.array(attributes["nodes_featureids"], np.int64)),
        threshold=_numbers(attributes, "nodes_values").astype(np.float64),
        left=np.where(swapped, on_false, on_true),
        right=np.where(swapped, on_true, on_false),
        missing_left=missing_left,
        leaf=np.where(is_leaf, place - first[tree_of], -1),
        comparison="<" if comparisons == {"<"} else "<=",
        precision="float64" if double else "float32",
    )
    given = np.array(attributes[f"{kind}_treeids"], np.int64)
    ends = _positions(
        given, attributes[f"{kind}_nodeids"], ids, numbers, order, np.ones(len(given), dtype=bool)
    )
    if not is_leaf[ends].all():
        raise NotRowwiseError("a split of its trees has a value")
    return _Trees(
        forest,
        tree_of[leaves],
        place[ends],
        np.array(attributes[f"{kind}_ids"], np.int64),
        _numbers(attributes, f"{kind}_weights").astype(np.float64 if double else np.float32),
    )


def _positions(
    trees: NDArray[np.int64],
    nodes: Sequence[int],
    ids: NDArray[np.int64],
    numbers: NDArray[np.int64],
    order: NDArray[np.int64],
    wanted: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Where nodes lie among all; 0 for those that are not wanted."""
    width = int(numbers.max()) + 1
    keys = (ids * width + numbers)[order]
    asked = trees * width + np.array(nodes, np.int64)
    found = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    if (keys[found] != asked)[wanted].any():
        raise NotRowwiseError("its trees are damaged")
    return np.where(wanted, order[found], 0)


def _numbers(attributes: Mapping[str, Any], name: str) -> NDArray[Any]:
    if f"{name}_as_tensor" in attributes:
        return np.asarray(attributes[f"{name}_as_tensor"]).ravel()
    return np.array(attributes[name], np.float32)


def _leaf(builder: Builder, forest: Forest, tree: int, columns: tuple[Expression, ...]) -> Expression:
    root = forest.roots[tree]
    if forest.feature[root] < 0:
        return builder.constant(forest.leaf[root], "int64")
    return builder.leaf(forest, tree, columns)


def _columns(value: Cells, builder: Builder) -> tuple[Expression, ...]:
    if value.array.ndim != 2 or value.dtype == "string":
        raise NotRowwiseError("a tree operator gets no matrix of numbers")
    cells = value if value.dtype == "float64" else cells_of(cast_to(value, "float32", builder))
    return builder.row(cells.array[0].tolist())


def _regressor(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = cells_of(values[0])
    attributes = node.attributes
    if attributes.get("aggregate_function", b"SUM") != b"SUM":
        raise NotRowwiseError("its trees are not added up")
    if attributes.get("post_transform", b"NONE") not in (b"NONE", b"SOFTMAX", b"LOGISTIC"):
        raise NotRowwiseError("it changes what its trees add up to")
    trees = _trees(node, "target", value.dtype == "float64")
    outputs = int(attributes.get("n_targets", 1))
    columns = _columns(value, builder)
    base = _base(attributes, outputs)
    if _finds_leaves(trees, outputs) and not base.any():
        return _found(trees, columns, builder)
    if attributes.get("post_transform", b"NONE") != b"NONE":
        raise NotRowwiseError("it changes what its trees add up to")
    sums = _sums(trees, columns, outputs, builder)
    sums = _with_base(sums, base, builder)
    return cast_to(sums, "float32", builder)


def _base(attributes: Mapping[str, Any], outputs: int) -> NDArray[Any]:
    base = np.zeros(0)
    if "base_values_as_tensor" in attributes or attributes.get("base_values"):
        base = _numbers(attributes, "base_values").astype(np.float64)
    return base if len(base) == outputs else np.zeros(outputs)


def _with_base(sums: Cells, base: NDArray[Any], builder: Builder) -> Cells:
    if not base.any():
        return sums
    return cells_of(builder.elementwise("add", None, sums, base.astype(sums.dtype).reshape(1, -1)))


def _finds_leaves(trees: _Trees, outputs: int) -> bool:
    """Whether each output is the number of the leaf of one tree, as this project's own graphs have it."""
    if len(trees.leaf) != len(trees.tree) or outputs != len(trees.forest.roots):
        return False
    whole = (trees.value >= 0) & (trees.value < _EXACT) & (trees.value == np.floor(trees.value))
    once = np.bincount(trees.leaf, minlength=len(trees.tree)) == 1
    return bool(whole.all() and once.all() and (trees.output == trees.tree[trees.leaf]).all())


def _found(trees: _Trees, columns: tuple[Expression, ...], builder: Builder) -> Cells:
    old = trees.forest
    called = np.zeros(len(trees.tree), np.int64)
    called[trees.leaf] = trees.value.astype(np.int64)
    number = np.full(len(old.feature), -1)
    number[old.feature < 0] = called
    forest = Forest(
        old.roots,
        old.feature,
        old.threshold,
        old.left,
        old.right,
        old.missing_left,
        number,
        old.comparison,
        old.precision,
    )
    builder.spend(len(old.roots))
    cells = np.empty((1, len(old.roots)), dtype=object)
    for tree in range(len(old.roots)):
        leaf = _leaf(builder, forest, tree, columns)
        cells[0, tree] = builder.make("cast", "float32", leaf)
    return Cells(cells, "float32")


def _sums(trees: _Trees, columns: tuple[Expression, ...], outputs: int, builder: Builder) -> Cells:
    """The values of the leaves, tree after tree, for each output."""
    forest, count = trees.forest, len(trees.forest.roots)
    dtype: Dtype = "float32" if trees.value.dtype == np.float32 else "float64"
    first = np.searchsorted(trees.tree, np.arange(count + 1))
    given = trees.tree[trees.leaf]
    order = np.argsort(given, kind="stable")
    bounds = np.searchsorted(given[order], np.arange(count + 1))
    totals: list[Expression | None] = [None] * outputs
    for tree in range(count):
        mine = order[bounds[tree] : bounds[tree + 1]]
        for output in np.unique(trees.output[mine]).tolist():
            chosen = mine[trees.output[mine] == output]
            table = np.zeros((first[tree + 1] - first[tree], 1), trees.value.dtype)
            np.add.at(table[:, 0], trees.leaf[chosen] - first[tree], trees.value[chosen])
            builder.spend(1)
            added = builder.take(table, 0, _leaf(builder, forest, tree, columns), dtype)
            before = totals[output]
            totals[output] = added if before is None else builder.make("add", dtype, before, added)
    zero = builder.constant(0, dtype)
    cells = np.empty((1, outputs), dtype=object)
    cells[0, :] = [zero if total is None else total for total in totals]
    return Cells(cells, dtype)


def _classifier(node: Node, values: Sequence[Value | None], builder: Builder) -> Sequence[Value]:
    value = cells_of(values[0])
    attributes = node.attributes
    labels = class_labels(node)
    trees = _trees(node, "class", value.dtype == "float64")
    transform = attributes.get("post_transform", b"NONE").decode()
    columns = _columns(value, builder)
    if len(labels) > 2:
        if not _all_scored(trees, len(labels)):
            raise NotRowwiseError("a leaf of its trees leaves a class without a score")
        base = _base(attributes, len(labels))
        sums = _with_base(_sums(trees, columns, len(labels), builder), base, builder)
        result = logistic(sums, builder) if transform == "LOGISTIC" else transformed(sums, transform, builder)
        return [label_of(sums, labels, builder), cast_to(result, "float32", builder)]
    if len(labels) != 2 or trees.output.any() or not _all_scored(trees, 1):
        raise NotRowwiseError("its classes are scored in a way that is not known")
    base = _numbers(attributes, "base_values") if attributes.get("base_values") else np.zeros(1)
    if len(base) != 1:
        raise NotRowwiseError("its classes are scored in a way that is not known")
    score = _with_base(_sums(trees, columns, 1, builder), base, builder)
    positive = not (trees.value < 0).any()
    limit = np.array(0.5 if positive else 0.0, score.dtype)
    wins = cells_of(builder.elementwise("gt", "bool", score, limit))
    places = cells_of(cast_to(wins.of(wins.array.reshape(1)), "int64", builder))
    label = gather(labels, places, 0, builder)
    if positive:
        other = builder.elementwise("sub", None, np.array(1, score.dtype), score)
        shares: list[Value] = [other, score]
    else:
        opposite = builder.elementwise("neg", None, score)
        shares = [opposite, score]
        if transform == "LOGISTIC":
            shares = [logistic(share, builder) for share in shares]
    joined = np.concatenate([cells_of(share).array for share in shares], axis=1)
    return [label, cast_to(Cells(joined, score.dtype), "float32", builder)]


def _all_scored(trees: _Trees, outputs: int) -> bool:
    """Whether each output has a tree all of whose leaves add to it."""
    pairs = np.unique(np.stack([trees.output, trees.leaf]), axis=1)
    for output in range(outputs):
        scored = np.bincount(trees.tree[pairs[1][pairs[0] == output]], minlength=len(trees.forest.roots))
        if not (scored == np.bincount(trees.tree, minlength=len(scored))).any():
            return False
    return True


TREES: Mapping[str, Operator] = {
    "TreeEnsembleClassifier": _classifier,
    "TreeEnsembleRegressor": _regressor,
}
"""By name, of ai.onnx.ml."""
