"""The operators of ONNX that choose cells by their values or by computed places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from warehouse_ml.backends.program import Dtype, Expression
from warehouse_ml.backends.read_along import reduced
from warehouse_ml.backends.read_cells import Builder, Cells, NotRowwiseError, Value, dtype_of
from warehouse_ml.backends.read_node import Node, Operator, cells_of, constant_of, given

_MAX_CHOICES = 512
"""How many comparisons a choice among computed cells may take."""


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


def _extreme_place(better: str) -> Operator:
    def read(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
        if node.attributes.get("select_last_index", 0):
            raise NotRowwiseError("it takes the last of equal values")
        keepdims = bool(node.attributes.get("keepdims", 1))
        return best_places(cells_of(values[0]), node.attributes.get("axis", 0), keepdims, builder, better)

    return read


def best_places(value: Cells, axis: int, keepdims: bool, builder: Builder, better: str = "gt") -> Cells:
    """The position of the first largest or smallest; a NaN is not better than what comes before it."""

    def fold(maker: Builder, dtype: Dtype, cells: list[Expression]) -> Expression:
        best, place = cells[0], maker.constant(0, "int64")
        for index, cell in enumerate(cells[1:], 1):
            wins = maker.make(better, "bool", cell, best)
            place = maker.make("where", "int64", wins, maker.constant(index, "int64"), place)
            if index < len(cells) - 1:
                best = maker.make("where", dtype, wins, cell, best)
        return place

    return reduced(value, [axis], keepdims, fold, builder, "int64")


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
        results.append(Cells(cells.reshape(shape), dtype))
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


CHOICES: Mapping[str, Operator] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "OneHot": _one_hot,
    "ArgMax": _extreme_place("gt"),
    "ArgMin": _extreme_place("lt"),
    "TopK": _top,
}
"""By name, of the standard domain."""
