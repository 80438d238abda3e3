"""A model as scalar expressions over one row: what the rows of a graph have in common.

A graph computes tensors whose first dimension is the rows. As long as no row looks at another one, each cell
of a row is an expression over that row's features. Those expressions, with equal ones shared, are the
program. SQL is written from it, and it shows which features a model reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Dtype = Literal["float32", "float64", "int64", "bool", "string"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Expression:
    """One value of a row. Two expressions are the same one if they are the same object.

    Attributes:
        operator: What is computed:

            * `input`: an input of the graph, by its name in `value`;
            * `constant`: `value`;
            * `add sub mul div pow min max neg abs sqrt exp log tanh sigmoid floor ceil sign erf round mod`
              and `sin cos`: arithmetic as numpy does it, in `dtype`;
            * `eq lt le gt ge and or not isnan`: bool;
            * `isinf`: bool; `where`: condition, then, else;
            * `cast`: to `dtype` as numpy's `astype` does it;
            * `lookup`: `value` is a `Lookup`, the argument its key;
            * `take`: the element of the 1-d array `value` at the position that the argument gives;
            * `dot`: the sum of the arguments times the weights in the 1-d array `value`;
            * `sum`: the sum of the arguments, in order;
            * `leaf`: `value` is a `(Forest, tree)`: the position, among the values of the forest's leaves of
              that tree, of the leaf where the row ends; the arguments are the forest's columns.
        dtype: The type of the value.
        arguments: What it is computed from.
        value: What the operator needs besides.
    """

    operator: str
    dtype: Dtype
    arguments: tuple[Expression, ...] = ()
    value: Any = None

    def __repr__(self) -> str:  # one level: what is shared would be written once for each use
        parts = " ".join(part.operator for part in self.arguments[:5])
        return f"Expression({self.operator}, {self.dtype}, [{parts}], {self.value!r:.40})"


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A table from keys to values, and the value for all other keys."""

    table: Mapping[Any, Any]
    default: Any


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """The trees of one tree operator: where a row ends in each of them.

    The nodes of all trees lie one after another; children are positions among all nodes.

    Attributes:
        roots: The position of each tree's root; int64 of shape [trees].
        feature: The column that a node compares, -1 at a leaf; int64 of shape [nodes].
        threshold: What it is compared with; float64 of shape [nodes].
        left: The child where the comparison holds; int64 of shape [nodes].
        right: The other child; likewise.
        missing_left: Whether NaN goes left; bool of shape [nodes].
        leaf: The number of a leaf as the operator returns it for its tree, -1 for a split; int64 of
            shape [nodes].
        comparison: Whether a split asks `x < threshold` or `x <= threshold`.
        precision: The type in which values are compared.
    """

    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    leaf: NDArray[np.int64]
    comparison: Literal["<", "<="]
    precision: Literal["float32", "float64"]


@dataclass(frozen=True, slots=True)
class Program:
    """The cells of a graph's outputs.

    Attributes:
        outputs: For each output of the graph its columns; a 1-d output has one.
        tensors: For tensors inside the graph that hold sums of trees: their columns, by the tensor's name.
    """

    outputs: Mapping[str, tuple[Expression, ...]]
    tensors: Mapping[str, tuple[Expression, ...]] = field(default_factory=dict)


def walk(*roots: Expression) -> Iterator[Expression]:
    """Every expression below some roots once, arguments before what uses them. No recursion."""
    seen: set[int] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        expression, ready = stack.pop()
        if id(expression) in seen:
            continue
        if ready:
            seen.add(id(expression))
            yield expression
            continue
        stack.append((expression, True))
        stack.extend((part, False) for part in reversed(expression.arguments) if id(part) not in seen)
