"""A power of two that a matrix product is multiplied by -> its weights."""

import numpy as np
import onnx

from warehouse_ml.backends.simplify.flow import Edit, Flow, rewritten
from warehouse_ml.backends.simplify.products import Product


def scale_products(flow: Flow) -> Flow:
    """2 * (x @ weights) -> x @ (2 * weights), as in distances.

    Other factors round otherwise, and in |x|^2 - 2 x @ y + |y|^2 little is left of what is subtracted.
    """
    return rewritten(flow, _step)


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    if node.op_type != "Mul" or node.domain:
        return False
    for source, other in (tuple(node.input), tuple(reversed(node.input))):
        product = Product.of(flow.maker(source, "MatMul", "Gemm", sole=True), flow, exact=True)
        factor = flow.value(other)
        if product is None or factor is None or factor.size != 1 or factor.ndim > 2:
            continue
        scale = float(factor.reshape(()))
        if abs(np.frexp(scale)[0]) != 0.5:
            continue
        bias = None if product.bias is None else product.bias * scale
        return product.write(edit, product.source, product.weights * scale, bias, node.output[0])
    return False
