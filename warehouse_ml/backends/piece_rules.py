"""Which way an operator's result goes where its arguments rise, fall, or stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.program import Expression

_COMPARISONS = ("eq", "lt", "le", "gt", "ge")
_RISING = ("sqrt", "exp", "log", "tanh", "sigmoid", "floor", "ceil", "sign", "erf", "round")

LARGEST_WHOLE = 2.0**63
"""What is beyond becomes one and the same whole number."""

Directions = list[NDArray[np.int8]]
Values = list[NDArray[Any]]
Rule = Callable[[Expression, Directions, Values], "NDArray[Any] | None"]
"""From the directions and the first values of an operator's arguments on each piece, those of its result."""


def _same(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    """The operator does not fall in any of its arguments."""
    return _agreed(directions)


def _agreed(directions: list[NDArray[Any]]) -> NDArray[Any] | None:
    rises = np.any([direction > 0 for direction in directions], axis=0)
    falls = np.any([direction < 0 for direction in directions], axis=0)
    return None if (rises & falls).any() else rises.astype(np.int8) - falls


def _turned(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    return -directions[0]


def _subtracted(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    return _agreed([directions[0], -directions[1]])


def _signs(values: NDArray[Any]) -> NDArray[np.int8]:
    return np.nan_to_num(np.sign(values.astype(np.float64))).astype(np.int8)


def _multiplied(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    left, right = (_signs(part) for part in values)
    return _agreed([directions[0] * right, directions[1] * left])


def _divided(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    left, right = (_signs(part) for part in values)
    return _agreed([directions[0] * right, -directions[1] * left])


def _absolute(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    return directions[0] * np.where(_signs(values[0]) < 0, -1, 1)


def _power(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    base, exponent = (part.astype(np.float64) for part in values)
    if not directions[0].any():  # of a constant base
        return directions[1] * np.sign(np.log(base)).astype(np.int8) if (base > 0).all() else None
    if directions[1].any() or not (exponent > 0).all():
        return None
    even = np.where(exponent % 2 == 0, -1, np.where(exponent % 2 == 1, 1, 0))
    return directions[0] * np.where(_signs(base) < 0, even, 1)


def _weighted(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    weights = np.sign(np.asarray(expression.value, np.float64)).astype(np.int8)
    return _agreed([direction * weight for direction, weight in zip(directions, weights, strict=True)])


def _chosen(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    return np.where(values[0].astype(bool), directions[1], directions[2])


def _constant(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    """The arguments' pieces were cut where the result changes."""
    return np.zeros(len(directions[0]), np.int8)


def _comparable(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    agreed = _agreed([directions[0], -directions[1]])
    return None if agreed is None else np.zeros(len(agreed), np.int8)


def _cast(expression: Expression, directions: Directions, values: Values) -> NDArray[Any] | None:
    if expression.dtype == "string":
        return None
    if expression.dtype == "bool":
        return np.zeros(len(directions[0]), np.int8)
    if expression.dtype == "int64" and expression.arguments[0].dtype.startswith("float"):
        # what does not fit becomes one and the same number
        return np.where(np.abs(values[0]) >= LARGEST_WHOLE, 0, directions[0])
    return directions[0]


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("add", "sum", "min", "max", *_RISING), _same),
    **dict.fromkeys(_COMPARISONS, _comparable),
    **dict.fromkeys(("isnan", "isinf", "lookup", "take"), _constant),
    "sub": _subtracted,
    "neg": _turned,
    "mul": _multiplied,
    "div": _divided,
    "abs": _absolute,
    "pow": _power,
    "dot": _weighted,
    "where": _chosen,
    "cast": _cast,
}
"""By operator; the arguments are cut so that each piece has one direction and, where it matters, one sign."""
