"""A constant that is added to a matrix product -> its bias."""

import onnx

from warehouse_ml.backends.simplify.flow import Edit, Flow, rewritten
from warehouse_ml.backends.simplify.products import Product, row


def use_gemm(flow: Flow) -> Flow:
    """MatMul + row -> Gemm; Gemm + row -> Gemm."""
    return rewritten(flow, _step)


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    if node.op_type not in ("Add", "Sub") or node.domain:
        return False
    for source, other in (tuple(node.input), tuple(reversed(node.input))):
        if node.op_type == "Sub" and source != node.input[0]:
            continue
        product = Product.of(flow.maker(source, "MatMul", "Gemm", sole=True), flow, exact=True)
        if product is None:
            continue
        constant = row(flow.value(other), product.weights.shape[1])
        if constant is None:
            continue
        if product.bias is not None and (product.dtype == "float32" or not product.is_small(product.bias)):
            continue  # the constant's digits would be lost in the bias that the product takes away
        added = -constant if node.op_type == "Sub" else constant
        bias = added if product.bias is None else product.bias + added
        return product.write(edit, product.source, product.weights, bias, node.output[0])
    return False
