"""Sums of what leaves hold: how a graph adds them up, and how a GPU does in the same order.

CUDA's CumSum adds up all that lies before each element anew, so that n trees take n² / 2 additions; and it
counts elements in int32. Here the values are split by rounds of trees and added eight at a time, from left
to right, each sum rounded as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from warehouse_ml.backends.simplify.flow import Edit, Flow, Kind, attribute

_AT_ONCE = 8
"""How many tensors CUDA's Sum adds in one kernel."""


@dataclass(frozen=True, slots=True, eq=False)
class RunningSum:
    """What a graph makes of leaf numbers: values, added up round after round.

    Attributes:
        nodes: The nodes between the tree operator and the sum, the last included.
        table: The values by leaf number, of shape [numbers] or [numbers, width].
        rounds: How many rounds of trees there are.
        outputs: How many sums there are.
        start: The tensor that they start with, [rows, 1, outputs], or None.
        result: The tensor of the sums, [rows, 1, outputs].
    """

    nodes: tuple[onnx.NodeProto, ...]
    table: NDArray[Any]
    rounds: int
    outputs: int
    start: str | None
    result: str

    @property
    def width(self) -> int:
        """How many values a leaf holds."""
        return self.table.shape[1] if self.table.ndim == 2 else 1


def running_sum(
    flow: Flow, readers: Mapping[str, Sequence[onnx.NodeProto]], numbers: str
) -> RunningSum | None:
    """The sum that leaf numbers go into, or None where something else is made of them.

    Args:
        flow: The graph.
        readers: The nodes that read a tensor.
        numbers: The tree operator's output.
    """
    nodes: list[onnx.NodeProto] = []

    def then(operator: str, name: str, place: int = 0) -> onnx.NodeProto | None:
        found = readers.get(name, ())
        if len(found) != 1 or flow.readers[name] != 1 or found[0].op_type != operator:
            return None
        if found[0].input[place] != name:
            return None
        nodes.append(found[0])
        return found[0]

    cast = then("Cast", numbers)
    taken = cast and then("Gather", cast.output[0], 1)
    shaped = taken and then("Reshape", taken.output[0])
    if taken is None or shaped is None:
        return None
    table, shape = flow.value(taken.input[0]), flow.value(shaped.input[1])
    if table is None or table.ndim > 2 or attribute(taken, "axis", 0) != 0:
        return None
    if shape is None or len(shape) != 3 or shape[0] not in (-1, 0):
        return None
    rounds, outputs = int(shape[1]), int(shape[2])
    start, values = None, shaped.output[0]
    joined = then("Concat", values, 1) if _next(readers, values) == "Concat" else None
    if joined is not None:
        if len(joined.input) != 2 or attribute(joined, "axis") != 1:
            return None
        start, values = joined.input[0], joined.output[0]
    added = then("CumSum", values)
    last = added and then("Gather", added.output[0])
    if added is None or last is None or attribute(added, "exclusive", 0) or attribute(added, "reverse", 0):
        return None
    axis, wanted = flow.value(added.input[1]), flow.value(last.input[1])
    if axis is None or int(axis) != 1 or attribute(last, "axis", 0) != 1:
        return None
    steps = rounds + (start is not None)
    if wanted is None or wanted.tolist() != [steps - 1]:
        return None
    one = (None, 1, outputs)
    if start is not None and flow.kind(start).shape != one and flow.maker(start, "Unsqueeze") is None:
        return None
    return RunningSum(tuple(nodes), table, rounds, outputs, start, last.output[0])


def _next(readers: Mapping[str, Sequence[onnx.NodeProto]], name: str) -> str:
    found = readers.get(name, ())
    return found[0].op_type if found else ""


def split_values(edit: Edit, place: str, table: NDArray[Any], trees: int, found: RunningSum) -> list[str]:
    """Write the operators that look up what some rounds of trees add.

    Args:
        edit: The graph.
        place: Where rows end in the trees, [rows, trees].
        table: What is added, by place.
        trees: How many trees there are.
        found: The sum.

    Returns:
        What each round adds, [rows, 1, outputs].
    """
    dtype, outputs = str(table.dtype), found.outputs
    rounds = trees * found.width // outputs
    shape: tuple[int | None, ...] = (None, trees) if table.ndim == 1 else (None, trees, table.shape[1])
    values = edit.node("Gather", [edit.constant(table), place], kind=Kind(dtype, shape), axis=0)
    if shape != (None, rounds, outputs):
        wanted = edit.constant(np.array([-1, rounds, outputs]))
        values = edit.node("Reshape", [values, wanted], kind=Kind(dtype, (None, rounds, outputs)))
    if rounds == 1:
        return [values]
    first = edit.node("Split", [values], kind=Kind(dtype, (None, 1, outputs)), axis=1)
    names = [first, *(f"{first}_{number}" for number in range(1, rounds))]
    edit.nodes[-1].output.extend(names[1:])
    return names


def add_rounds(edit: Edit, parts: Sequence[str], found: RunningSum) -> None:
    """Write the operators that add what all rounds add, one after another.

    onnxruntime first runs what lies behind the last of a node's inputs, by their order in the file. These
    operators must come after the walks of all chunks: then the sum of one chunk is done before the next is
    walked, and only one chunk's tensors are alive.

    Args:
        edit: The graph.
        parts: What each round adds, [rows, 1, outputs].
        found: The sum.
    """
    one = Kind(str(found.table.dtype), (None, 1, found.outputs))
    parts = list(parts) if found.start is None else [found.start, *parts]
    total, rest = parts[0], parts[1:]
    while len(rest) >= _AT_ONCE:
        total = edit.node("Sum", [total, *rest[: _AT_ONCE - 1]], kind=one)
        rest = rest[_AT_ONCE - 1 :]
    edit.node("Sum", [total, *rest], output=found.result)
