"""A constant that is added to a matrix product -> its bias."""

import numpy as np
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
        product = Product.of(flow.maker(source, "MatMul", "Gemm", sole=True), flow)
        if product is None:
            continue
        constant = row(flow.value(other), product.weights.shape[1])
        if constant is None:
            continue
        if product.bias is not None and (np.abs(product.bias) > product.limit).any():
            continue  # what it takes away, the constant must not be lost in
        added = -constant if node.op_type == "Sub" else constant
        bias = added if product.bias is None else product.bias + added
        weights, shift = product.rounded(product.weights), product.rounded(bias)
        if weights is None or shift is None:
            continue
        given = [product.source, edit.constant(weights), edit.constant(shift)]
        edit.node("Gemm", given, output=node.output[0])
        return True
    return False
