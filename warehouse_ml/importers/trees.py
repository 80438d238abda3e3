"""Check that the trees of a tree ensemble operator are trees.

onnxruntime follows the node numbers recursively: a chain of 20,000 nodes overflows the stack of the
process (measured with 1.31.1), and numbers that lead back never end.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.errors import ImportModelError

if TYPE_CHECKING:
    from onnx import NodeProto

TREE_OPERATORS = ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor")
MAX_DEPTH = 1000
"""Safe on the 512 kB stacks that some systems give to threads."""

_NODE_LISTS = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_falsenodeids",
)


def check_trees(node: "NodeProto") -> None:
    """Check the trees of one operator.

    Raises:
        ImportModelError: They are not trees, or deeper than `MAX_DEPTH`.
    """
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type == "TreeEnsemble":
        _check_flat(attributes)
        return
    for attribute in attributes.values():
        if attribute.name.endswith("_as_tensor"):
            listed = attributes.get(attribute.name.removesuffix("_as_tensor"))
            if listed is not None and listed.floats:
                raise _damaged(f"{attribute.name} is given twice")
    lists = {name: attributes[name] for name in _NODE_LISTS if name in attributes}
    if len(lists) < len(_NODE_LISTS):
        raise _damaged("a list of its nodes is missing")
    modes = np.array(lists["nodes_modes"].strings, object)
    numbers = {name: np.array(entry.ints, np.int64) for name, entry in lists.items() if name != "nodes_modes"}
    if any(len(values) != len(modes) for values in numbers.values()) or len(modes) == 0:
        raise _damaged("the lists of its nodes differ in length")
    values = _values_length(attributes)
    if values is not None and values != len(modes):
        raise _damaged("the lists of its nodes differ in length")
    trees, nodes = numbers["nodes_treeids"].tolist(), numbers["nodes_nodeids"].tolist()
    positions = {key: place for place, key in enumerate(zip(trees, nodes, strict=True))}
    if len(positions) < len(modes):
        raise _damaged("a node is given twice")
    branches = np.flatnonzero(modes != b"LEAF")
    if (numbers["nodes_featureids"][branches] < 0).any():
        raise _damaged("a node has no feature")
    children = np.full((2, len(modes)), -1, np.int64)
    for row, side in enumerate(("nodes_truenodeids", "nodes_falsenodeids")):
        targets = numbers[side].tolist()
        for branch in branches.tolist():
            target = positions.get((trees[branch], targets[branch]))
            if target is None:
                raise _damaged("a node leads to one that does not exist")
            children[row, branch] = target
    _check_depth(children)
    _check_leaves(attributes, positions)


def _check_flat(attributes: dict[str, Any]) -> None:
    """The form of ai.onnx.ml 5: nodes are numbered by position, and leaves in a list of their own."""
    names = (
        "nodes_featureids",
        "nodes_truenodeids",
        "nodes_falsenodeids",
        "nodes_trueleafs",
        "nodes_falseleafs",
    )
    if any(name not in attributes for name in (*names, "tree_roots", "leaf_targetids")):
        raise _damaged("a list of its nodes is missing")
    features, on_true, on_false, true_leaf, false_leaf = (
        np.array(attributes[name].ints, np.int64) for name in names
    )
    count, leaves = len(features), len(attributes["leaf_targetids"].ints)
    if any(len(values) != count for values in (on_true, on_false, true_leaf, false_leaf)):
        raise _damaged("the lists of its nodes differ in length")
    for target, is_leaf in ((on_true, true_leaf), (on_false, false_leaf)):
        limit = np.where(is_leaf != 0, leaves, count)
        if ((target < 0) | (target >= limit)).any():
            raise _damaged("a node leads to one that does not exist")
    roots = np.array(attributes["tree_roots"].ints, np.int64)
    if ((roots < 0) | (roots >= count)).any() or (features < 0).any():
        raise _damaged("a tree starts at a node that does not exist")
    inner = np.stack([true_leaf == 0, false_leaf == 0])
    _check_depth(np.where(inner, np.stack([on_true, on_false]), -1))


def _check_depth(children: NDArray[np.int64]) -> None:
    """Peel the nodes off level by level, from the roots; what is never free lies on a circle.

    Two nodes may lead to the same one: converters write set membership as a series of equalities.

    Args:
        children: The positions of each node's children, or -1; shape [2, nodes].
    """
    waiting = np.bincount(children[children >= 0], minlength=children.shape[1])
    free = np.flatnonzero(waiting == 0)
    peeled = 0
    for _ in range(MAX_DEPTH):
        peeled += len(free)
        below = children[:, free]
        below = below[below >= 0]
        np.subtract.at(waiting, below, 1)
        free = np.unique(below[waiting[below] == 0])
    if peeled < children.shape[1]:
        raise ImportModelError(
            f"A tree ensemble goes in a circle or is deeper than {MAX_DEPTH:,} levels, which is refused."
        )


def _check_leaves(attributes: dict[str, Any], positions: dict[tuple[int, int], int]) -> None:
    for kind in ("class", "target"):
        if f"{kind}_nodeids" not in attributes:
            continue
        names = (f"{kind}_treeids", f"{kind}_nodeids", f"{kind}_ids")
        if any(name not in attributes for name in names):
            raise _damaged("a list of its leaves is missing")
        trees, nodes, ids = (attributes[name].ints for name in names)
        if not len(trees) == len(nodes) == len(ids):
            raise _damaged("the lists of its leaves differ in length")
        if any(key not in positions for key in zip(trees, nodes, strict=True)):
            raise _damaged("a leaf's value belongs to a node that does not exist")
        limit = _target_count(attributes, kind)
        if any(not 0 <= index < limit for index in ids):
            raise _damaged("a leaf's value belongs to a result that does not exist")


def _target_count(attributes: dict[str, Any], kind: str) -> int:
    if kind == "target":
        return int(attributes["n_targets"].i) if "n_targets" in attributes else 1
    labels = attributes.get("classlabels_int64s"), attributes.get("classlabels_strings")
    return max(max((len(entry.ints), len(entry.strings))) if entry is not None else 0 for entry in labels)


def _values_length(attributes: dict[str, Any]) -> int | None:
    if "nodes_values" in attributes:
        return len(attributes["nodes_values"].floats)
    if "nodes_values_as_tensor" in attributes:
        return int(np.prod(attributes["nodes_values_as_tensor"].t.dims))
    return None


def _damaged(reason: str) -> ImportModelError:
    return ImportModelError(f"A tree ensemble of the file is damaged: {reason}.")
