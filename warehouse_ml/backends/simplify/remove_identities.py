"""Nodes that change nothing."""

import numpy as np
import onnx
from onnx import helper

from warehouse_ml.backends.simplify.flow import Edit, Flow, attribute, rewritten


def remove_identities(flow: Flow) -> Flow:
    """Identity, Cast to the same type and back, Reshape to the same shape and back, Gather of all columns.

    Their readers read what they read. A node that names an output of the graph stays.
    """
    stands_for: dict[str, str] = {}

    def step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
        inputs = [stands_for.get(name, name) for name in node.input]
        same = _same(node, flow)
        if same is not None and node.output[0] not in flow.outputs:
            stands_for[node.output[0]] = stands_for.get(same, same)
            return True
        if inputs == list(node.input):
            return False
        edit.copy(node, inputs)
        return True

    return rewritten(flow, step)


def _same(node: onnx.NodeProto, flow: Flow) -> str | None:
    """The tensor that a node hands on unchanged."""
    if node.domain or not node.input:
        return None
    source: str = node.input[0]
    if node.op_type == "Identity":
        return source
    if node.op_type == "Cast":
        return _cast(node, source, flow)
    if node.op_type == "Reshape":
        return _reshape(node, source, flow)
    if node.op_type == "Gather" and attribute(node, "axis", 0) in (1, -1):
        places, width = flow.value(node.input[1]), flow.kind(source).width
        if places is not None and places.ndim == 1 and width == places.size:
            return source if np.array_equal(places, np.arange(width)) else None
    return None


def _cast(node: onnx.NodeProto, source: str, flow: Flow) -> str | None:
    target = _dtype(attribute(node, "to"))
    if flow.kind(source).dtype == target:
        return source
    wider = flow.maker(source, "Cast")
    if wider is not None and flow.kind(wider.input[0]).dtype == target:
        return wider.input[0] if flow.kind(source).dtype in _HOLDS.get(target, ()) else None
    return None


def _reshape(node: onnx.NodeProto, source: str, flow: Flow) -> str | None:
    sizes = flow.value(node.input[1])
    if sizes is None:
        return None
    before = flow.maker(source, "Reshape")
    origin = source if before is None else before.input[0]
    shape = flow.kind(origin).shape
    # one size may be unknown: it follows from the others
    if shape is None or len(shape) != len(sizes) or shape.count(None) > 1 or 0 in sizes or 0 in shape:
        return None
    same = all(size == (-1 if known is None else known) for size, known in zip(sizes, shape, strict=True))
    return origin if same else None


def _dtype(code: int) -> str:
    return (
        "str"
        if code == onnx.TensorProto.STRING
        else str(np.dtype(helper.tensor_dtype_to_np_dtype(code)).name)
    )


_HOLDS = {
    "float32": ("float64",),
    "int32": ("int64", "float64"),
    "bool": ("int32", "int64", "float32", "float64"),
}
"""The types that hold every value of a type."""
