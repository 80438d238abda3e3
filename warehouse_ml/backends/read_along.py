"""The operators of ONNX that make one cell, or running ones, of those along an axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.program import Dtype, Expression
from warehouse_ml.backends.read_cells import Builder, Cells, NotRowwiseError, Value
from warehouse_ml.backends.read_node import Node, Operator, axes_of, cells_of, constant_of


def _lanes(value: Cells, axes: Sequence[int]) -> tuple[NDArray[np.object_], tuple[int, ...]]:
    """The cells with the reduced axes last and as one: [others, reduced], and the others' shape."""
    rank = value.array.ndim
    reduced = sorted({axis % rank for axis in axes})
    if 0 in reduced or not reduced:
        raise NotRowwiseError("a step mixes rows")
    others = [axis for axis in range(rank) if axis not in reduced]
    shape = tuple(value.array.shape[axis] for axis in others)
    turned = value.array.transpose(*others, *reduced)
    return turned.reshape(int(np.prod(shape)), -1), shape


def _reduction(fold: Callable[[Builder, Dtype, list[Expression]], Expression]) -> Operator:
    def read(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
        value, axes = cells_of(values[0]), axes_of(node, values)
        if axes is None:
            raise NotRowwiseError("a step mixes rows")
        return reduced(value, axes, bool(node.attributes.get("keepdims", 1)), fold, builder)

    return read


def reduced(
    value: Cells,
    axes: Sequence[int],
    keepdims: bool,
    fold: Callable[[Builder, Dtype, list[Expression]], Expression],
    builder: Builder,
    dtype: Dtype | None = None,
) -> Cells:
    """What a function makes of the cells along some axes."""
    lanes, shape = _lanes(value, axes)
    builder.spend(lanes.size)
    cells = np.empty(len(lanes), dtype=object)
    cells[:] = [fold(builder, value.dtype, lane) for lane in lanes.tolist()]
    rank = value.array.ndim
    if keepdims:
        gone = {axis % rank for axis in axes}
        shape = tuple(1 if axis in gone else size for axis, size in enumerate(value.array.shape))
    return Cells(cells.reshape(shape), dtype or value.dtype)


def fold_sum(builder: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
    """Their sum."""
    return cells[0] if len(cells) == 1 else builder.make("sum", dtype, *cells)


def fold_mean(builder: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
    """Their mean."""
    total = fold_sum(builder, dtype, cells)
    return builder.make("div", dtype, total, builder.constant(len(cells), dtype))


def _fold(operator: str) -> Callable[[Builder, Dtype, list[Expression]], Expression]:
    def fold(builder: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
        return reduce(lambda left, right: builder.make(operator, dtype, left, right), cells)

    return fold


fold_max = _fold("max")


def _fold_squares(builder: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
    return fold_sum(builder, dtype, [builder.make("mul", dtype, cell, cell) for cell in cells])


def _fold_root(builder: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
    return builder.make("sqrt", dtype, _fold_squares(builder, dtype, cells))


def _fold_sizes(builder: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
    return fold_sum(builder, dtype, [builder.make("abs", dtype, cell) for cell in cells])


def _fold_log_sum(builder: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
    top = fold_max(builder, dtype, cells)
    terms = [builder.make("exp", dtype, builder.make("sub", dtype, cell, top)) for cell in cells]
    return builder.make("add", dtype, builder.make("log", dtype, fold_sum(builder, dtype, terms)), top)


def _softmax(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, axis = cells_of(values[0]), [node.attributes.get("axis", -1)]
    shifted = builder.elementwise("sub", None, value, reduced(value, axis, True, fold_max, builder))
    powers = cells_of(builder.elementwise("exp", None, shifted))
    return builder.elementwise("div", None, powers, reduced(powers, axis, True, fold_sum, builder))


def _log_softmax(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, axis = cells_of(values[0]), [node.attributes.get("axis", -1)]
    return builder.elementwise("sub", None, value, reduced(value, axis, True, _fold_log_sum, builder))


def _cumsum(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, axis = cells_of(values[0]), int(constant_of(values[1]).ravel()[0])
    if node.attributes.get("exclusive", 0) or node.attributes.get("reverse", 0):
        raise NotRowwiseError("it adds from behind")
    if axis % value.array.ndim == 0:
        raise NotRowwiseError("a step mixes rows")
    builder.spend(value.array.size)
    sums = np.moveaxis(value.array, axis, -1).copy()
    for lane in sums.reshape(-1, sums.shape[-1]):  # a view: what was copied is contiguous
        for index in range(1, len(lane)):
            lane[index] = builder.make("add", value.dtype, lane[index - 1], lane[index])
    return value.of(np.moveaxis(sums, -1, axis))


def _norm(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = cells_of(values[0])
    power = node.attributes.get("p", 2)
    squares = builder.elementwise("mul", None, value, value)
    parts = cells_of(squares if power == 2 else builder.elementwise("abs", None, value))
    size: Value = reduced(parts, [node.attributes.get("axis", -1)], True, fold_sum, builder)
    if power == 2:
        size = builder.elementwise("sqrt", None, size)
    zero = np.array(0, value.dtype)
    empty = builder.elementwise("eq", "bool", size, zero)
    return builder.elementwise(
        "where", value.dtype, empty, zero, builder.elementwise("div", None, value, size)
    )


ALONG: Mapping[str, Operator] = {
    "ReduceSum": _reduction(fold_sum),
    "ReduceMean": _reduction(fold_mean),
    "ReduceMax": _reduction(fold_max),
    "ReduceMin": _reduction(_fold("min")),
    "ReduceProd": _reduction(_fold("mul")),
    "ReduceSumSquare": _reduction(_fold_squares),
    "ReduceL1": _reduction(_fold_sizes),
    "ReduceL2": _reduction(_fold_root),
    "ReduceLogSumExp": _reduction(_fold_log_sum),
    "Softmax": _softmax,
    "LpNormalization": _norm,
    "LogSoftmax": _log_softmax,
    "CumSum": _cumsum,
}
"""By name, of the standard domain."""
