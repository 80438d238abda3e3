"""Transpose before arithmetic and a matrix product -> into the product."""

import onnx

from warehouse_ml.backends.simplify.flow import ELEMENTWISE, Edit, Flow, Kind, attribute, rewritten


def sink_transposes(flow: Flow) -> Flow:
    """Compute on [features, rows] for as long as a tensor is only shifted, scaled, filled or cast.

    A matrix product then reads it as it is. Constants become columns.
    """
    return rewritten(flow, _step)


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    if node.domain or not node.input:
        return False
    if node.op_type in ("MatMul", "Gemm"):
        return _product(node, flow, edit)
    kind = flow.kind(node.output[0])
    if node.op_type not in ELEMENTWISE or kind.width is None or node.output[0] in flow.outputs:
        return False
    turned: list[str] = []
    for name in node.input:
        maker = _transpose(name, flow)
        values = flow.value(name)
        if maker is not None:
            turned.append(maker.input[0])
        elif values is not None and (values.size == 1 or values.shape in ((kind.width,), (1, kind.width))):
            turned.append(edit.constant(values.reshape(()) if values.size == 1 else values.reshape(-1, 1)))
        else:
            return False
    if not any(_transpose(name, flow) for name in node.input):
        return False
    result = edit.like(node, turned, Kind(kind.dtype, (kind.width, None)))
    edit.node("Transpose", [result], output=node.output[0], perm=[1, 0])
    return True


def _product(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    """Gemm that turns its rows itself."""
    maker = _transpose(node.input[0], flow)
    kind = flow.kind(node.input[0])
    weights = flow.constants.get(node.input[1])
    if maker is None or kind.width is None or weights is None or len(weights.dims) != 2:
        return False
    if attribute(node, "transA", 0):
        return False
    given = {entry.name: attribute(node, entry.name) for entry in node.attribute}
    edit.node("Gemm", [maker.input[0], *node.input[1:]], output=node.output[0], **{**given, "transA": 1})
    return True


def _transpose(name: str, flow: Flow) -> onnx.NodeProto | None:
    maker = flow.maker(name, "Transpose")
    return maker if maker is not None and list(attribute(maker, "perm", [])) == [1, 0] else None
