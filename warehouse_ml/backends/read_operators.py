"""The operators of ONNX on cells: one function each, `(node, values, builder) -> value or values`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.program import Dtype, Expression
from warehouse_ml.backends.read_cells import ROWS, Builder, Cells, NotRowwiseError, Value, dtype_of

_MAX_CHOICES = 512
"""How many comparisons a choice among computed cells may take."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph.

    Attributes:
        operator: Its operator.
        attributes: Its attributes: numbers, texts, lists, and tensors as arrays.
        outputs: The names of its outputs.
    """

    operator: str
    attributes: Mapping[str, Any]
    outputs: Sequence[str]


Operator = Callable[[Node, Sequence[Value | None], Builder], Value | Sequence[Value]]

_TYPES: Mapping[int, Dtype] = {1: "float32", 6: "int64", 7: "int64", 8: "string", 9: "bool", 11: "float64"}
"""The types by their numbers in ONNX; int32 is computed in int64."""


def cells_of(value: Value | None) -> Cells:
    """A value that depends on the rows, with constants refused: they are no tensor of rows."""
    if not isinstance(value, Cells):
        raise NotRowwiseError("an operator gets a constant where rows are expected")
    return value


def constant_of(value: Value | None) -> NDArray[Any]:
    """A value that no row changes."""
    if value is None or isinstance(value, Cells):
        raise NotRowwiseError("a shape or a parameter depends on the rows' values")
    return value


def given(value: Value | None) -> Value:
    """An input that the operator must have."""
    if value is None:
        raise NotRowwiseError("an operator lacks an input")
    return value


# --- cell by cell ---


def _elementwise(operator: str, dtype: Dtype | None = None) -> Operator:
    def read(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
        return builder.elementwise(operator, dtype, *map(given, values))

    return read


def _chain(operator: str) -> Operator:
    """For operators of any number of inputs."""

    def read(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
        return reduce(partial(builder.elementwise, operator, None), map(given, values))

    return read


def _div(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    if not dtype_of(given(values[0])).startswith("float"):
        raise NotRowwiseError("it divides whole numbers")
    return builder.elementwise("div", None, *map(given, values))


def _mod(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    if node.attributes.get("fmod", 0):
        raise NotRowwiseError("it takes the remainder of C")
    return builder.elementwise("mod", None, *map(given, values))


def _where(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    condition, yes, no = map(given, values)
    return builder.elementwise("where", dtype_of(yes), condition, yes, no)


def _xor(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    return builder.elementwise("not", None, builder.elementwise("eq", "bool", *map(given, values)))


def _isinf(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = given(values[0])
    dtype = dtype_of(value)
    positive = np.array(np.inf, dtype)
    if not node.attributes.get("detect_negative", 1):
        return builder.elementwise("eq", "bool", value, positive)
    if not node.attributes.get("detect_positive", 1):
        return builder.elementwise("eq", "bool", value, -positive)
    return builder.elementwise("isinf", "bool", value)


def _clip(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    result = given(values[0])
    dtype = dtype_of(result)
    limits = [*values[1:], None, None][:2]
    for limit, name, operator in zip(limits, ("min", "max"), ("max", "min"), strict=True):
        if limit is None and name in node.attributes:
            limit = np.array(node.attributes[name], dtype)
        if limit is not None:
            result = builder.elementwise(operator, None, result, limit)
    return result


def _relu(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = given(values[0])
    return builder.elementwise("max", None, value, np.array(0, dtype_of(value)))


def _reciprocal(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = given(values[0])
    return builder.elementwise("div", None, np.array(1, dtype_of(value)), value)


def _cast(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    if node.attributes["to"] not in _TYPES:
        raise NotRowwiseError(f"it computes with the type number {node.attributes['to']}")
    return cast_to(given(values[0]), _TYPES[node.attributes["to"]], builder)


def cast_to(value: Value, dtype: Dtype, builder: Builder) -> Value:
    """The same values in another type."""
    source = dtype_of(value)
    if source == dtype:
        return value
    if "string" in (source, dtype):
        raise NotRowwiseError("it makes texts of numbers, or numbers of texts")
    if not isinstance(value, Cells):
        with np.errstate(all="ignore"):
            return value if (value == ROWS).any() else value.astype(dtype)

    def change(cell: Expression) -> Expression:
        if cell.operator == "cast" and dtype == "int64" and cell.arguments[0].operator == "leaf":
            return cell.arguments[0]  # the number of a leaf is exact in every type
        return builder.make("cast", dtype, cell)

    return builder.each(value, dtype, change)


# --- shapes ---


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


def _axes(node: Node, values: Sequence[Value | None]) -> list[int] | None:
    """The axes, as older opsets have them in an attribute and newer ones in an input."""
    if len(values) > 1 and values[1] is not None:
        return [int(axis) for axis in constant_of(values[1]).ravel()]
    axes = node.attributes.get("axes")
    return None if axes is None else [int(axis) for axis in axes]


def _unsqueeze(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, axes = given(values[0]), tuple(_axes(node, values) or ())
    if not isinstance(value, Cells):
        return np.expand_dims(value, axes)
    rank = value.array.ndim + len(axes)
    if 0 in [axis % rank for axis in axes]:
        raise NotRowwiseError("a step mixes rows")
    return value.of(np.expand_dims(value.array, axes))


def _squeeze(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, axes = given(values[0]), _axes(node, values)
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


# --- choosing cells ---


def _gather(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    data, places = given(values[0]), given(values[1])
    axis = node.attributes.get("axis", 0)
    return gather(data, places, axis, builder)


def gather(data: Value, places: Value, axis: int, builder: Builder) -> Value:
    """Elements along an axis."""
    if not isinstance(places, Cells):
        if not isinstance(data, Cells):
            return np.take(data, places, axis)
        if axis % data.array.ndim == 0:
            raise NotRowwiseError("a step mixes rows")
        return data.of(np.asarray(np.take(data.array, places, axis), dtype=object))
    if isinstance(data, Cells) or axis % data.ndim != 0:
        raise NotRowwiseError("a step mixes rows")
    dtype = dtype_of(data)
    table = data.reshape(len(data), -1)
    builder.spend(places.array.size * table.shape[1])
    cells = np.empty((places.array.size, table.shape[1]), dtype=object)
    for index, place in enumerate(places.array.ravel().tolist()):
        cells[index] = [builder.take(table, column, place, dtype) for column in range(table.shape[1])]
    return Cells(cells.reshape(*places.array.shape, *data.shape[1:]), dtype)


def _gather_elements(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    data, places = cells_of(values[0]), cells_of(values[1])
    if data.array.ndim != 2 or node.attributes.get("axis", 0) % 2 == 0:
        raise NotRowwiseError("a step mixes rows")
    choices = data.array[0].tolist()
    if (len(choices) - 1) * places.array.size > _MAX_CHOICES:
        raise NotRowwiseError("it chooses among too many computed values")

    def change(place: Expression) -> Expression:
        chosen: Expression = choices[0]
        for index, choice in enumerate(choices[1:], 1):
            hit = builder.make("eq", "bool", place, builder.constant(index, "int64"))
            chosen = builder.make("where", data.dtype, hit, choice, chosen)
        return chosen

    return builder.each(places, data.dtype, change)


def _one_hot(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    places, size, ends = cells_of(values[0]), int(constant_of(values[1]).ravel()[0]), constant_of(values[2])
    if node.attributes.get("axis", -1) % (places.array.ndim + 1) != places.array.ndim:
        raise NotRowwiseError("a step mixes rows")
    wide = places.of(places.array[..., None])
    numbers = np.arange(size).astype(places.dtype)
    hit = builder.elementwise("eq", "bool", wide, numbers)
    below = builder.elementwise("eq", "bool", wide, numbers - np.asarray(size, places.dtype))
    either = builder.elementwise("or", "bool", hit, below)
    return builder.elementwise("where", dtype_of(ends), either, ends[1:2], ends[:1])


# --- along an axis ---


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
        value, axes = cells_of(values[0]), _axes(node, values)
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


def _extreme_place(better: str) -> Operator:
    """The position of the first largest or smallest; a NaN is not better than what comes before it."""

    def fold(builder: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
        best, place = cells[0], builder.constant(0, "int64")
        for index, cell in enumerate(cells[1:], 1):
            wins = builder.make(better, "bool", cell, best)
            place = builder.make("where", "int64", wins, builder.constant(index, "int64"), place)
            if index < len(cells) - 1:
                best = builder.make("where", dtype, wins, cell, best)
        return place

    def read(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
        if node.attributes.get("select_last_index", 0):
            raise NotRowwiseError("it takes the last of equal values")
        axis = [node.attributes.get("axis", 0)]
        keepdims = bool(node.attributes.get("keepdims", 1))
        return reduced(cells_of(values[0]), axis, keepdims, fold, builder, "int64")

    return read


def _top(node: Node, values: Sequence[Value | None], builder: Builder) -> Sequence[Value]:
    """The best k, kept in order while one cell after another is looked at."""
    value = cells_of(values[0])
    wanted = int(constant_of(values[1]).ravel()[0]) if len(values) > 1 else int(node.attributes["k"])
    axis = node.attributes.get("axis", -1) % value.array.ndim
    size = value.array.shape[axis]
    if axis != value.array.ndim - 1 or axis == 0:
        raise NotRowwiseError("a step mixes rows")
    if value.array.size * wanted > _MAX_CHOICES:
        raise NotRowwiseError("it chooses among too many computed values")
    better = "gt" if node.attributes.get("largest", 1) else "lt"
    lanes = value.array.reshape(-1, size).tolist()
    found = [_best(builder, value.dtype, lane, wanted, better) for lane in lanes]
    shape = (*value.array.shape[:-1], wanted)
    results = []
    for part, dtype in ((0, value.dtype), (1, "int64")):
        cells = np.empty(len(lanes) * wanted, dtype=object)
        cells[:] = [cell for lane in found for cell in lane[part]]
        results.append(Cells(cells.reshape(shape), dtype))  # type: ignore[arg-type]
    return results


def _best(
    builder: Builder, dtype: Dtype, cells: list[Expression], wanted: int, better: str
) -> tuple[list[Expression], list[Expression]]:
    kept: list[Expression] = []
    places: list[Expression] = []
    for index, cell in enumerate(cells):
        place = builder.constant(index, "int64")
        wins = [builder.make(better, "bool", cell, one) for one in kept]
        kept, places = (
            _inserted(builder, dtype, wins, kept, cell, wanted),
            _inserted(builder, "int64", wins, places, place, wanted),
        )
    return kept, places


def _inserted(
    builder: Builder,
    dtype: Dtype,
    wins: list[Expression],
    kept: list[Expression],
    new: Expression,
    wanted: int,
) -> list[Expression]:
    """The list with the new one before the first that it beats."""
    result = []
    for index in range(min(len(kept) + 1, wanted)):
        candidate = new if index == 0 else builder.make("where", dtype, wins[index - 1], kept[index - 1], new)
        if index < len(kept):
            candidate = builder.make("where", dtype, wins[index], candidate, kept[index])
        result.append(candidate)
    return result


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


# --- products ---


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


OPERATORS: Mapping[str, Operator] = {
    "Add": _elementwise("add"),
    "Sub": _elementwise("sub"),
    "Mul": _elementwise("mul"),
    "Div": _div,
    "Pow": _elementwise("pow"),
    "Mod": _mod,
    "Min": _chain("min"),
    "Max": _chain("max"),
    "Sum": _chain("add"),
    "Neg": _elementwise("neg"),
    "Abs": _elementwise("abs"),
    "Sqrt": _elementwise("sqrt"),
    "Exp": _elementwise("exp"),
    "Log": _elementwise("log"),
    "Sin": _elementwise("sin"),
    "Cos": _elementwise("cos"),
    "Tanh": _elementwise("tanh"),
    "Sigmoid": _elementwise("sigmoid"),
    "Floor": _elementwise("floor"),
    "Ceil": _elementwise("ceil"),
    "Round": _elementwise("round"),
    "Sign": _elementwise("sign"),
    "Erf": _elementwise("erf"),
    "Less": _elementwise("lt", "bool"),
    "LessOrEqual": _elementwise("le", "bool"),
    "Greater": _elementwise("gt", "bool"),
    "GreaterOrEqual": _elementwise("ge", "bool"),
    "Equal": _elementwise("eq", "bool"),
    "And": _elementwise("and", "bool"),
    "Or": _elementwise("or", "bool"),
    "Not": _elementwise("not", "bool"),
    "Xor": _xor,
    "IsNaN": _elementwise("isnan", "bool"),
    "IsInf": _isinf,
    "Where": _where,
    "Clip": _clip,
    "Relu": _relu,
    "Reciprocal": _reciprocal,
    "Cast": _cast,
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
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "OneHot": _one_hot,
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
    "LogSoftmax": _log_softmax,
    "ArgMax": _extreme_place("gt"),
    "ArgMin": _extreme_place("lt"),
    "TopK": _top,
    "CumSum": _cumsum,
    "MatMul": _matmul,
    "Gemm": _gemm,
}
"""By name, of the standard domain."""
