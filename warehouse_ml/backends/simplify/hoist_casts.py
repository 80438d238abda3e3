"""Concat of columns that are cast one by one -> one Cast of their Concat."""

import onnx

from warehouse_ml.backends.simplify.flow import Edit, Flow, Kind, attribute, rewritten


def hoist_casts(flow: Flow) -> Flow:
    """Where every part of a Concat is cast from one type to another, and for the Concat alone.

    Numbers that an estimator rounds to float32 are cast twice.
    """
    while (changed := rewritten(flow, _step)) is not flow:
        flow = changed
    return flow


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    if node.op_type != "Concat" or len(set(node.input)) < 2:
        return False
    casts = [flow.maker(name, "Cast", sole=True) for name in node.input]
    sources = [cast.input[0] for cast in casts if cast is not None]
    if len(sources) < len(node.input):
        return False
    before = {flow.kind(name).dtype for name in sources}
    after = {attribute(cast, "to") for cast in casts if cast is not None}
    if len(before) != 1 or len(after) != 1 or before & {"", "str"}:
        return False
    kind = Kind(before.pop(), flow.kind(node.output[0]).shape)
    joined = edit.node("Concat", sources, kind=kind, axis=attribute(node, "axis"))
    edit.node("Cast", [joined], output=node.output[0], to=after.pop())
    return True
