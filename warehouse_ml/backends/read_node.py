"""What the functions that read operators are given: a node, and values of the kind that they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from warehouse_ml.backends.program import Dtype
from warehouse_ml.backends.read_cells import Builder, Cells, NotRowwiseError, Value


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph.

    Attributes:
        operator: Its operator.
        attributes: Its attributes: numbers, texts, lists, and tensors as arrays.
        outputs: The names of its outputs.
    """

    operator: str
    attributes: Mapping[str, Any]
    outputs: Sequence[str]


Operator = Callable[[Node, Sequence[Value | None], Builder], Value | Sequence[Value]]

INT32 = 6
TYPES: Mapping[int, Dtype] = {1: "float32", INT32: "int64", 7: "int64", 8: "string", 9: "bool", 11: "float64"}
"""The types by their numbers in ONNX; int32 is computed in int64."""


def cells_of(value: Value | None) -> Cells:
    """A value that depends on the rows, with constants refused: they are no tensor of rows."""
    if not isinstance(value, Cells):
        raise NotRowwiseError("an operator gets a constant where rows are expected")
    return value


def constant_of(value: Value | None) -> NDArray[Any]:
    """A value that no row changes."""
    if value is None or isinstance(value, Cells):
        raise NotRowwiseError("a shape or a parameter depends on the rows' values")
    return value


def given(value: Value | None) -> Value:
    """An input that the operator must have."""
    if value is None:
        raise NotRowwiseError("an operator lacks an input")
    return value


def axes_of(node: Node, values: Sequence[Value | None]) -> list[int] | None:
    """The axes, as older opsets have them in an attribute and newer ones in an input."""
    if len(values) > 1 and values[1] is not None:
        return [int(axis) for axis in constant_of(values[1]).ravel()]
    axes = node.attributes.get("axes")
    return None if axes is None else [int(axis) for axis in axes]
