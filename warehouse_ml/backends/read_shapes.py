"""The operators of ONNX that move cells, and those that compute shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from warehouse_ml.backends.read_cells import ROWS, Builder, Cells, NotRowwiseError, Value, dtype_of
from warehouse_ml.backends.read_node import Node, Operator, axes_of, cells_of, constant_of, given


def _identity(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    return given(values[0])


def _shape(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = given(values[0])
    if isinstance(value, Cells):
        return np.array([ROWS, *value.array.shape[1:]], np.int64)
    return np.array(value.shape, np.int64)


def _reshape(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, target = given(values[0]), constant_of(values[1]).tolist()
    if not isinstance(value, Cells):
        sizes = [value.shape[i] if size == 0 else size for i, size in enumerate(target)]
        return value.reshape(sizes)
    if not target or target[0] not in (0, -1, ROWS):
        raise NotRowwiseError("a step mixes rows")
    known = value.array.shape
    sizes = [1] + [known[i] if size == 0 else size for i, size in enumerate(target) if i > 0]
    if target[0] == -1 and -1 in sizes:
        raise NotRowwiseError("a shape is not known")
    if -1 not in sizes and np.prod(sizes) != value.array.size:
        raise NotRowwiseError("a step mixes rows")
    return value.of(value.array.reshape(sizes))


def _flatten(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = cells_of(values[0])
    if node.attributes.get("axis", 1) != 1:
        raise NotRowwiseError("a step mixes rows")
    return value.of(value.array.reshape(1, -1))


def _unsqueeze(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, axes = given(values[0]), tuple(axes_of(node, values) or ())
    if not isinstance(value, Cells):
        return np.expand_dims(value, axes)
    rank = value.array.ndim + len(axes)
    if 0 in [axis % rank for axis in axes]:
        raise NotRowwiseError("a step mixes rows")
    return value.of(np.expand_dims(value.array, axes))


def _squeeze(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, axes = given(values[0]), axes_of(node, values)
    if not isinstance(value, Cells):
        return np.squeeze(value, None if axes is None else tuple(axes))
    if axes is None:
        axes = [axis for axis, size in enumerate(value.array.shape) if axis and size == 1]
    if 0 in [axis % value.array.ndim for axis in axes]:
        raise NotRowwiseError("a step mixes rows")
    return value.of(np.squeeze(value.array, tuple(axes)))


def _transpose(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = given(values[0])
    order = node.attributes.get("perm")
    if not isinstance(value, Cells):
        return value.transpose(order)
    order = order or list(range(value.array.ndim))[::-1]
    if order[0] != 0:
        raise NotRowwiseError("a step mixes rows")
    return value.of(value.array.transpose(order))


def _concat(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    axis = node.attributes["axis"]
    if not any(isinstance(value, Cells) for value in values):
        return np.concatenate([constant_of(value) for value in values], axis)
    parts = [cells_of(value) for value in values]
    if axis % parts[0].array.ndim == 0:
        raise NotRowwiseError("a step mixes rows")
    return parts[0].of(np.concatenate([part.array for part in parts], axis))


def _split(node: Node, values: Sequence[Value | None], builder: Builder) -> Sequence[Value]:
    value, axis = given(values[0]), node.attributes.get("axis", 0)
    array = value.array if isinstance(value, Cells) else value
    axis %= array.ndim
    sizes = node.attributes.get("split")
    if len(values) > 1 and values[1] is not None:
        sizes = constant_of(values[1]).tolist()
    if sizes is None:
        each = -(-array.shape[axis] // len(node.outputs))
        ends = [each * (index + 1) for index in range(len(node.outputs) - 1)]
    else:
        ends = np.cumsum(sizes)[:-1].tolist()
    if isinstance(value, Cells) and axis == 0:
        raise NotRowwiseError("a step mixes rows")
    parts = np.split(array, ends, axis)
    return [value.of(part) for part in parts] if isinstance(value, Cells) else parts


def _slice(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = given(values[0])
    lists: list[Any] = [None if part is None else constant_of(part).tolist() for part in values[1:]]
    if not lists:
        lists = [node.attributes["starts"], node.attributes["ends"], node.attributes.get("axes")]
    starts, ends, axes, steps = [*lists, None, None][:4]
    array = value.array if isinstance(value, Cells) else value
    axes = list(range(len(starts))) if axes is None else [axis % array.ndim for axis in axes]
    parts = [slice(None)] * array.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps or [1] * len(starts), strict=True):
        if isinstance(value, Cells) and axis == 0:
            raise NotRowwiseError("a step mixes rows")
        if step < 0 and end < -array.shape[axis]:
            end = None
        parts[axis] = slice(start, end, step)
    return value.of(array[tuple(parts)]) if isinstance(value, Cells) else array[tuple(parts)]


def _expand(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, target = given(values[0]), constant_of(values[1])
    if not isinstance(value, Cells) and ROWS not in target.tolist():
        return np.broadcast_to(value, np.broadcast_shapes(value.shape, tuple(target.tolist())))
    array = value.array if isinstance(value, Cells) else value
    sizes = target.tolist()
    if len(sizes) < array.ndim:
        sizes = [1] * (array.ndim - len(sizes)) + sizes
    if sizes[0] not in (ROWS, 1) or (isinstance(value, Cells) and len(sizes) > array.ndim):
        raise NotRowwiseError("a step mixes rows")
    sizes[0] = 1
    shape = np.broadcast_shapes(array.shape, tuple(sizes))
    builder.spend(int(np.prod(shape)))
    cells = np.broadcast_to(builder.wrapped(value), shape)
    return Cells(cells, dtype_of(value)).of(cells)


def _constant_of_shape(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    sizes = constant_of(values[0]).tolist()
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).ravel()
    if ROWS not in sizes:
        return np.broadcast_to(value, sizes)
    if sizes.index(ROWS) != 0:
        raise NotRowwiseError("a step mixes rows")
    shape = (1, *sizes[1:])
    builder.spend(int(np.prod(shape)))
    return Cells(np.broadcast_to(builder.wrapped(value), shape), dtype_of(value))


SHAPES: Mapping[str, Operator] = {
    "Identity": _identity,
    "Shape": _shape,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Expand": _expand,
    "ConstantOfShape": _constant_of_shape,
}
"""By name, of the standard domain."""
