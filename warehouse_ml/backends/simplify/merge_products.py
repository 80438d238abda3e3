"""Two matrix products, one after the other -> one."""

import numpy as np
import onnx

from warehouse_ml.backends.simplify.flow import Edit, Flow, rewritten
from warehouse_ml.backends.simplify.products import Product


def merge_products(flow: Flow) -> Flow:
    """(x @ a + b) @ c + d -> x @ (a @ c) + (b @ c + d), where that is less work.

    Like a shift before a scale, b must not be large: what it takes away is lost to the digits of the rest.
    """
    return rewritten(flow, _step)


_SLOW = 10**8
"""From how many multiplications on a product of `longdouble` takes too long at registration."""


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    outer = Product.of(node, flow)
    if outer is None:
        return False
    inner = Product.of(flow.maker(outer.source, "MatMul", "Gemm", sole=True), flow)
    if inner is None:
        return False
    (features, middle), outputs = inner.weights.shape, outer.weights.shape[1]
    if features * outputs > middle * (features + outputs) or features * middle * outputs > _SLOW:
        return False
    if inner.bias is not None and not inner.is_small(inner.bias):
        return False
    wide = outer.weights.astype(np.longdouble)
    weights = (inner.weights.astype(np.longdouble) @ wide).astype(np.float64)
    bias = outer.bias
    if inner.bias is not None:
        shift = inner.bias.astype(np.longdouble) @ wide
        bias = (shift if bias is None else shift + bias).astype(np.float64)
    return outer.write(edit, inner.source, weights, bias)
