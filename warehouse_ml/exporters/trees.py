"""One value for every ensemble of decision trees, whichever library grew it.

XGBoost, LightGBM and scikit-learn differ in how a feature is compared, where a missing value goes, in which
precision and order leaf values are added, and what is done to the sum. Here all of that is stated, so that
whoever reads the value (the graph writer, a kernel, a SQL expression, a pruning rule) need not know the
library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Comparison = Literal["<", "<="]
Precision = Literal["float32", "float64"]
Link = Literal["identity", "sigmoid", "softmax", "exp", "log1p_exp", "signed_square", "positive"]
"""What is done to the sums: `log1p_exp` is log(1 + exp(x)), `signed_square` is x * |x|, and `positive` is 1
where x > 0, else 0."""

LEAF = -1


@dataclass(frozen=True, slots=True)
class CategorySet:
    """The codes of a categorical feature that a split sends to the left.

    Attributes:
        left: For each code from 0 on, whether it goes left, bool of shape [codes].
        others_left: Whether a code that is none of these (negative or too large) goes left.
    """

    left: tuple[bool, ...]
    others_left: bool


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """One tree as its library lists it: node 0 is the root, children are positions in the same arrays.

    Attributes:
        feature: The feature that a node splits on, `LEAF` at a leaf; int of shape [nodes].
        threshold: A split's threshold; float64 of shape [nodes].
        left: Where a node leads when its comparison holds; int of shape [nodes].
        right: Where it leads when not; int of shape [nodes].
        missing_left: Whether a missing value goes left; bool of shape [nodes].
        values: What a leaf adds, of shape [nodes, width]; its rows of splits are not read.
        output: The output that the first of these values is added to.
        categories: For each node its category set, or None where it compares with the threshold; an
            empty sequence where no node has one.
        linear: For each node its linear model or None; an empty sequence where no leaf has one.
    """

    feature: NDArray[Any]
    threshold: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    missing_left: NDArray[Any]
    values: NDArray[Any]
    output: int = 0
    categories: Sequence[CategorySet | None] = ()
    linear: Sequence[LinearLeaf | None] = ()


@dataclass(frozen=True, slots=True)
class LinearLeaf:
    """A leaf that is a linear model: constant + sum of coefficient * feature, added in this order.

    A row in which one of the features is missing gets the leaf's plain value instead.

    Attributes:
        constant: The constant.
        features: The features.
        coefficients: Their coefficients.
    """

    constant: float
    features: tuple[int, ...]
    coefficients: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TreeEnsemble:
    """Decision trees whose leaf values are added up.

    A row is scored so: features are rounded to `precision`; values that stand for missing ones become
    missing; each tree is walked from its root to a leaf; the leaves' values are added to `base` one tree
    after another, every sum rounded to the type of `values`; the sums are divided by `divisor`; `link` is
    applied to `scale` times the result.

    The nodes of all trees lie one after another. Children are positions among all nodes.

    Attributes:
        features: How many features a row has.
        outputs: How many sums there are.
        roots: The position of each tree's root; int64 of shape [trees].
        feature: The feature that a node splits on, `LEAF` at a leaf; int64 of shape [nodes].
        threshold: A split's threshold; float64 of shape [nodes].
        left: The child where the comparison holds, or the feature's code is in the category set; int64
            of shape [nodes], -1 at a leaf.
        right: The other child; likewise.
        missing_left: Whether a missing value (NaN) goes left; bool of shape [nodes].
        category_set: The position of a node's set in `category_sets`, -1 where it compares with its
            threshold; int64 of shape [nodes].
        category_sets: The distinct category sets.
        leaf: The position of a leaf in `values`, -1 for a split; int64 of shape [nodes]. Leaves are
            numbered in the order of their nodes.
        values: What the leaves add, float32 or float64 of shape [leaves, width], weights and learning rates
            included. The first value goes to the tree's output, the next to the next one.
        output: The output that a tree's first value is added to; int64 of shape [trees].
        base: What each sum starts with; of shape [outputs], in the type of `values`.
        comparison: Whether a split asks `x < threshold` or `x <= threshold`.
        precision: What features are rounded to before they are compared.
        divisor: What the sums are divided by: the number of trees where their mean is meant.
        link: What is done to the sums in the end.
        scale: What they are multiplied by before.
        missing_zero: A value whose magnitude is not above this is missing; float64 of shape [features],
            -1 where zero is a value like others.
        missing_marker: A value that stands for missing, besides NaN.
        linear: For each leaf its linear model or None; empty where no leaf has one.
    """

    features: int
    outputs: int
    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    category_set: NDArray[np.int64]
    category_sets: tuple[CategorySet, ...]
    leaf: NDArray[np.int64]
    values: NDArray[Any]
    output: NDArray[np.int64]
    base: NDArray[Any]
    comparison: Comparison
    precision: Precision
    divisor: float = 1.0
    link: Link = "identity"
    scale: float = 1.0
    missing_zero: NDArray[np.float64] | None = None
    missing_marker: float | None = None
    linear: tuple[LinearLeaf | None, ...] = ()

    @classmethod
    def of(
        cls,
        trees: Sequence[Tree],
        *,
        features: int,
        base: NDArray[Any],
        comparison: Comparison,
        precision: Precision,
        divisor: float = 1.0,
        link: Link = "identity",
        scale: float = 1.0,
        missing_zero: NDArray[np.float64] | None = None,
        missing_marker: float | None = None,
    ) -> TreeEnsemble:
        """Put trees one after another; see the attributes for the arguments."""
        sizes = [len(tree.feature) for tree in trees]
        roots = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)[:-1]
        feature = _joined([tree.feature for tree in trees], np.int64)
        is_leaf = feature < 0
        sets: dict[CategorySet, int] = {}
        category_set = np.full(len(feature), -1, np.int64)
        linear: list[LinearLeaf | None] = []
        for root, tree in zip(roots, trees, strict=True):
            for node, chosen in enumerate(tree.categories):
                if chosen is not None:
                    category_set[root + node] = sets.setdefault(chosen, len(sets))
            linear.extend(tree.linear)
        width = trees[0].values.shape[1] if trees else 1
        values = np.concatenate([np.asarray(tree.values, base.dtype) for tree in trees] or [base[:0, None]])
        children = [
            np.where(is_leaf, -1, _joined(side, np.int64) + np.repeat(roots, sizes))
            for side in ([tree.left for tree in trees], [tree.right for tree in trees])
        ]
        return cls(
            features=features,
            outputs=len(base),
            roots=roots,
            feature=np.where(is_leaf, LEAF, feature),
            threshold=_joined([tree.threshold for tree in trees], np.float64),
            left=children[0],
            right=children[1],
            missing_left=_joined([tree.missing_left for tree in trees], np.bool_),
            category_set=category_set,
            category_sets=tuple(sets),
            leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, -1),
            values=values.reshape(-1, width)[is_leaf],
            output=np.array([tree.output for tree in trees], np.int64),
            base=base,
            comparison=comparison,
            precision=precision,
            divisor=divisor,
            link=link,
            scale=scale,
            missing_zero=missing_zero,
            missing_marker=missing_marker,
            linear=tuple(np.array([*linear, None], object)[:-1][is_leaf]) if linear else (),
        )

    def narrowed(self) -> tuple[TreeEnsemble, list[int]]:
        """The same trees on the features that they ask for alone, and the positions of these."""
        terms = [feature for model in self.linear if model is not None for feature in model.features]
        used = np.unique(np.concatenate([self.feature[self.feature >= 0], np.array(terms, np.int64)]))
        if len(used) == 0:
            used = np.zeros(1, np.int64)  # a row has at least one feature
        if len(used) == self.features:
            return self, used.tolist()
        place = {feature: index for index, feature in enumerate(used.tolist())}
        linear = tuple(
            model and replace(model, features=tuple(place[feature] for feature in model.features))
            for model in self.linear
        )
        narrow = replace(
            self,
            features=len(used),
            feature=np.where(self.feature >= 0, np.searchsorted(used, self.feature), LEAF),
            missing_zero=None if self.missing_zero is None else self.missing_zero[used],
            linear=linear,
        )
        return narrow, used.tolist()

    @property
    def trees(self) -> int:
        """How many trees there are."""
        return len(self.roots)

    @property
    def width(self) -> int:
        """How many outputs one tree adds to."""
        return int(self.values.shape[1])

    @property
    def depth(self) -> int:
        """The length of the longest way from a root to a leaf, in splits."""
        depth = 0
        level = self.roots
        while True:
            level = level[self.feature[level] >= 0]
            if len(level) == 0:
                return depth
            level = np.concatenate([self.left[level], self.right[level]])
            depth += 1


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate([np.asarray(part).astype(dtype) for part in parts] or [np.empty(0, dtype)])
