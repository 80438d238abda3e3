"""The operators of ONNX that compute each cell from cells at the same place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial, reduce

import numpy as np

from warehouse_ml.backends.program import Dtype, Expression
from warehouse_ml.backends.read_cells import ROWS, Builder, Cells, NotRowwiseError, Value, dtype_of
from warehouse_ml.backends.read_node import INT32, TYPES, Node, Operator, given


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
    if node.attributes["to"] not in TYPES:
        raise NotRowwiseError(f"it computes with the type number {node.attributes['to']}")
    if node.attributes["to"] == INT32 and dtype_of(given(values[0])).startswith("float"):
        raise NotRowwiseError("it makes 32-bit integers of fractions")
    return cast_to(given(values[0]), TYPES[node.attributes["to"]], builder)


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


ELEMENTWISE: Mapping[str, Operator] = {
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
}
"""By name, of the standard domain."""
