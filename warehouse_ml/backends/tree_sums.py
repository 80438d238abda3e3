"""Recognize sums of tree leaves among expressions, and put their trees side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.evaluate import evaluate
from warehouse_ml.backends.program import Expression, Forest


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What one tree adds to a sum.

    Attributes:
        leaf: The expression of the leaf where the row ends.
        table: What is added, by the leaf's number.
    """

    leaf: Expression
    table: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A number to which trees add one after another.

    Attributes:
        start: What it starts with; -0.0, which changes nothing, where it starts with the first tree.
        terms: What the trees add, in order.
        dtype: The type in which is added.
    """

    start: float
    terms: tuple[Term, ...]
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Sums of one type to which each tree adds the same number of values.

    Attributes:
        dtype: Their type.
        width: To how many neighbouring sums a tree adds.
        sums: The sums, `width` of them for the same trees.
        columns: The columns that they are, in the same order.
    """

    dtype: str
    width: int
    sums: tuple[Sum, ...]
    columns: tuple[Expression, ...]

    def trees(self) -> Iterator[tuple[Expression, int, NDArray[Any]]]:
        """For each tree its leaf, the first sum it adds to, and its values [leaf numbers, width]."""
        for first in range(0, len(self.sums), self.width):
            block = self.sums[first : first + self.width]
            for terms in zip(*(entry.terms for entry in block), strict=True):
                yield terms[0].leaf, first, np.stack([term.table for term in terms], axis=1)


class Tables:
    """Reads sums; tables that are made from others are made once."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._terms: dict[int, tuple[Expression, Term | None]] = {}

    def sum(self, expression: Expression) -> Sum | None:
        """An expression as a sum of trees, or None if it is none."""
        if expression.dtype not in ("float32", "float64"):
            return None
        terms: list[Term] = []
        rest: Expression | None = expression
        while rest is not None:
            term = self._term(rest)
            if term is not None:
                terms.append(term)
                return Sum(-0.0, tuple(reversed(terms)), expression.dtype)
            if rest.operator == "constant":
                return Sum(float(rest.value), tuple(reversed(terms)), expression.dtype)
            if rest.operator not in ("add", "sum") or rest.dtype != expression.dtype:
                return None
            first, *others = rest.arguments
            if len(others) == 1 and others[0].operator == "constant":
                first, others = others[0], [first]
            for other in reversed(others):
                added = self._term(other)
                if added is None:
                    return None
                terms.append(added)
            rest = first
        return None

    def _term(self, expression: Expression) -> Term | None:
        if id(expression) not in self._terms:
            self._terms[id(expression)] = expression, _term(expression)
        return self._terms[id(expression)][1]


def _term(expression: Expression) -> Term | None:
    if expression.operator == "take" and expression.arguments[0].operator == "leaf":
        return Term(
            expression.arguments[0], np.asarray(expression.value).astype(expression.dtype, copy=False)
        )
    below: dict[int, Expression] = {}
    leaf: Expression | None = None
    stack = [expression]
    while stack:  # down to the leaves, not into the trees
        part = stack.pop()
        if id(part) in below:
            continue
        below[id(part)] = part
        if part.operator == "leaf":
            if leaf is not None or len(below) > _LARGEST_TERM:
                return None
            leaf = part
        elif part.operator == "input" or len(below) > _LARGEST_TERM:
            return None
        else:
            stack.extend(part.arguments)
    return None if leaf is None else Term(leaf, _table(expression, leaf))


_LARGEST_TERM = 200
"""How many expressions may lie between a leaf and what it adds."""


def _table(expression: Expression, leaf: Expression) -> NDArray[Any]:
    """The values of an expression of one leaf, by the leaf's number."""
    forest: Forest = leaf.value[0]
    made = {id(leaf): Expression("input", "int64", (), "leaf")}

    def copied(part: Expression) -> Expression:
        if id(part) not in made:
            arguments = tuple(copied(argument) for argument in part.arguments)
            made[id(part)] = Expression(part.operator, part.dtype, arguments, part.value)
        return made[id(part)]

    numbers = np.arange(int(forest.leaf[leaf_nodes(leaf)].max()) + 1)
    (values,) = evaluate([copied(expression)], {"leaf": numbers})
    return np.array(values)


def leaf_nodes(leaf: Expression) -> NDArray[np.int64]:
    """The leaves of the tree of a leaf expression, as positions among the forest's nodes."""
    forest, tree = leaf.value
    nodes = tree_nodes(forest, tree)
    found: NDArray[np.int64] = nodes[forest.feature[nodes] < 0]
    return found


def tree_nodes(forest: Forest, tree: int) -> NDArray[np.int64]:
    """The nodes of a tree in their order, the root first."""
    level = forest.roots[tree : tree + 1]
    levels = [level]
    while True:
        level = level[forest.feature[level] >= 0]
        if len(level) == 0:
            break
        level = np.unique(np.concatenate([forest.left[level], forest.right[level]]))
        levels.append(level)
    nodes = np.unique(np.concatenate(levels))
    root = forest.roots[tree]
    found: NDArray[np.int64] = np.concatenate([[root], nodes[nodes != root]])
    return found


def grouped(columns: Sequence[Expression], sums: Sequence[Sum]) -> list[Group]:
    """Columns in groups that one kernel can compute; equal columns only once.

    Neighbouring sums of the same trees share them.
    """
    blocks: list[list[int]] = []
    seen: set[int] = set()
    last: Any = None
    for place, (column, entry) in enumerate(zip(columns, sums, strict=True)):
        if id(column) in seen:
            continue
        seen.add(id(column))
        key = (entry.dtype, tuple(id(term.leaf) for term in entry.terms))
        if key == last:
            blocks[-1].append(place)
        else:
            blocks.append([place])
        last = key
    kinds: dict[tuple[str, int], list[int]] = {}
    for block in blocks:
        kinds.setdefault((sums[block[0]].dtype, len(block)), []).extend(block)
    return [
        Group(dtype, width, tuple(sums[place] for place in places), tuple(columns[place] for place in places))
        for (dtype, width), places in kinds.items()
    ]
