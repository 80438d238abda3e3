"""The part of a graph that depends on its features through trees alone: there sums of leaves are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto, helper

from warehouse_ml.backends.cut import captured, with_outputs
from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.read import NotRowwiseError, read_program

Cells = Mapping[str, tuple[Expression, ...]]
"""The columns of some tensors, by name."""

_MOST_EXPRESSIONS = 1_000_000
_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE)
_SCORES = {"TreeEnsembleClassifier": 1, "TreeEnsembleRegressor": 0}
"""Which output of a tree operator is a matrix of numbers."""


def region(model: onnx.ModelProto) -> tuple[list[str], list[str]]:
    """Tensors of numbers that trees alone decide, of shape [rows] or [rows, columns].

    Returns:
        Their names in the order of the graph, and the matrices that those trees read. Trees that read what
        comes out of other trees do not count.
    """
    constant = {entry.name for entry in model.graph.initializer}
    dependent: set[str] = set()
    decided: set[str] = set()
    matrices: dict[str, None] = {}
    for node in model.graph.node:
        given = [name for name in (*node.input, *captured(node)) if name]
        if node.op_type.startswith("TreeEnsemble"):
            if dependent.isdisjoint(given):
                matrices[node.input[0]] = None
                decided.update(node.output)
            dependent.update(node.output)
            continue
        if not dependent.isdisjoint(given):
            dependent.update(node.output)
        if constant.issuperset(given):
            constant.update(node.output)
        elif not any(True for _ in captured(node)) and all(n in constant or n in decided for n in given):
            decided.update(node.output)
    known = types_of(model)
    names = [
        name
        for node in model.graph.node
        for name in node.output
        if name in decided and name in known and _is_table(known[name])
    ]
    return names, list(matrices)


def types_of(model: onnx.ModelProto) -> dict[str, onnx.TypeProto.Tensor]:
    """The types of the graph's tensors; those of tree operators, which onnx does not infer, are stated."""
    told = onnx.ModelProto()
    told.CopyFrom(model)
    for node in model.graph.node:
        if node.op_type in _SCORES:
            name = node.output[_SCORES[node.op_type]]
            told.graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]))
    graph = onnx.shape_inference.infer_shapes(told).graph
    return {
        entry.name: entry.type.tensor_type for entry in (*graph.input, *graph.value_info, *model.graph.output)
    }


def _is_table(kind: onnx.TypeProto.Tensor) -> bool:
    return kind.elem_type in _FLOATS and kind.HasField("shape") and len(kind.shape.dim) in (1, 2)


def cells_of(model: onnx.ModelProto, names: Sequence[str]) -> Cells | None:
    """The columns of some tensors as expressions, or None where they cannot be read."""
    try:
        return read_program(with_outputs(model, names), limit=_MOST_EXPRESSIONS).outputs
    except NotRowwiseError:
        return None
