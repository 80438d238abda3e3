"""The matrix products of ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.read_along import fold_sum
from warehouse_ml.backends.read_cells import Builder, Cells, NotRowwiseError, Value, dtype_of
from warehouse_ml.backends.read_node import Node, Operator, constant_of, given


def _matmul(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    return matmul(given(values[0]), given(values[1]), builder)


def matmul(left: Value, right: Value, builder: Builder) -> Value:
    """The product of matrices, of which the first dimension of one is the rows."""
    if not isinstance(left, Cells) and not isinstance(right, Cells):
        return np.asarray(left @ right)
    if isinstance(left, Cells) and not isinstance(right, Cells):
        return _weighted(left, right, builder)
    first, second = builder.wrapped(left), builder.wrapped(right)
    if not isinstance(right, Cells) or second.ndim < 3 or first.ndim > second.ndim:
        raise NotRowwiseError("a step mixes rows")
    if isinstance(left, Cells) and first.ndim != second.ndim:
        raise NotRowwiseError("a step mixes rows")
    dtype = right.dtype
    batch = np.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    first = np.broadcast_to(first, (*batch, *first.shape[-2:])).reshape(-1, *first.shape[-2:])
    second = np.broadcast_to(second, (*batch, *second.shape[-2:])).reshape(-1, *second.shape[-2:])
    height, inner, width = first.shape[1], first.shape[2], second.shape[2]
    builder.spend(len(first) * height * inner * width)
    cells = np.empty((len(first), height, width), dtype=object)
    for index, i, j in np.ndindex(cells.shape):
        pairs = zip(first[index, i].tolist(), second[index, :, j].tolist(), strict=True)
        terms = [builder.make("mul", dtype, *pair) for pair in pairs]
        cells[index, i, j] = fold_sum(builder, dtype, terms)
    return right.of(cells.reshape(*batch, height, width))


def _weighted(left: Cells, weights: NDArray[Any], builder: Builder) -> Cells:
    """Each row of cells times each column of weights."""
    if weights.ndim not in (1, 2) or left.array.ndim < 2:
        raise NotRowwiseError("it multiplies with more than a matrix")
    table = weights if weights.ndim == 2 else weights[:, None]
    lanes = left.array.reshape(-1, left.array.shape[-1])
    builder.spend(lanes.size + len(lanes) * table.shape[1])
    cells = np.empty((len(lanes), table.shape[1]), dtype=object)
    for index, lane in enumerate(lanes.tolist()):
        row = builder.row(lane)
        cells[index] = [builder.dot(row, table, j, left.dtype) for j in range(table.shape[1])]
    return left.of(cells.reshape(*left.array.shape[:-1], *weights.shape[1:]))


def _gemm(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    left, right = given(values[0]), given(values[1])
    if node.attributes.get("transA", 0):
        left = constant_of(left).T
    if node.attributes.get("transB", 0):
        right = constant_of(right).T
    product = matmul(left, right, builder)
    dtype = dtype_of(product)
    if node.attributes.get("alpha", 1.0) != 1.0:
        product = builder.elementwise("mul", None, product, np.array(node.attributes["alpha"], dtype))
    if len(values) < 3 or values[2] is None:
        return product
    added = given(values[2])
    if node.attributes.get("beta", 1.0) != 1.0:
        added = builder.elementwise("mul", None, added, np.array(node.attributes["beta"], dtype))
    return builder.elementwise("add", None, product, added)


PRODUCTS: Mapping[str, Operator] = {
    "MatMul": _matmul,
    "Gemm": _gemm,
}
"""By name, of the standard domain."""
