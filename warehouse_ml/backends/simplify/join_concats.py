"""Concat of Concats -> one Concat."""

import onnx

from warehouse_ml.backends.simplify.flow import Edit, Flow, attribute, rewritten


def join_concats(flow: Flow) -> Flow:
    """Each inner Concat along the same axis that nothing else reads hands its parts to the outer one."""
    return rewritten(flow, _step)


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    if node.op_type != "Concat":
        return False
    axis = attribute(node, "axis")
    parts: list[str] = []
    for name in node.input:
        inner = flow.maker(name, "Concat", sole=True)
        joined = inner is not None and attribute(inner, "axis") == axis
        parts.extend(inner.input if inner is not None and joined else [name])
    if parts == list(node.input):
        return False
    edit.copy(node, parts)
    return True
