"""What values an expression can take: an interval, and whether NaN or NULL are among them.

SQL compares NaN as the greatest number and carries NULL along; numpy does neither. Where an interval shows
that neither occurs, the SQL of an operator is its plain spelling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from warehouse_ml.backends.program import Expression, Lookup

_INFINITY = math.inf


@dataclass(frozen=True, slots=True)
class Range:
    """The values of an expression.

    Attributes:
        low: The smallest one that is not NaN.
        high: The largest one.
        nan: Whether NaN can occur as the SQL value NaN.
        null: Whether NaN can occur as the SQL value NULL.
    """

    low: float = -_INFINITY
    high: float = _INFINITY
    nan: bool = False
    null: bool = False

    @property
    def missing(self) -> bool:
        """Whether the expression can be NaN, in either spelling."""
        return self.nan or self.null

    def joined(self, other: Range) -> Range:
        """What either of two can be."""
        return Range(
            min(self.low, other.low),
            max(self.high, other.high),
            self.nan or other.nan,
            self.null or other.null,
        )

    def holds(self, value: float) -> bool:
        """Whether a value can occur."""
        return self.low <= value <= self.high


ANY = Range(nan=True, null=True)


def range_of(expression: Expression, parts: Sequence[Range]) -> Range:
    """The range of an operator's result, from the ranges of its arguments.

    Args:
        expression: The operator; an `input` is the caller's to know.
        parts: A range for each argument.
    """
    operator = expression.operator
    if operator == "constant":
        return of_values([expression.value])
    if operator == "lookup":
        lookup: Lookup = expression.value
        return of_values([*lookup.table.values(), lookup.default])
    if operator == "take":
        return of_values(list(expression.value))
    if operator == "leaf":
        return Range(-1, float(expression.value[0].leaf.max()))
    if operator in _BOOLEANS:
        return Range(0, 1)
    rule = _RULES.get(operator)
    if rule is None:
        return ANY
    found = rule(expression, parts)
    null = any(part.null for part in (parts[1:] if operator == "where" else parts))
    nan = found.nan or any(part.nan for part in (parts[1:] if operator == "where" else parts))
    return Range(found.low, found.high, nan, null)


def of_values(values: Sequence[object]) -> Range:
    """The range of some constants."""
    numbers = [float(v) for v in values if isinstance(v, int | float | np.number | np.bool_)]
    plain = [v for v in numbers if not math.isnan(v)]
    nan = len(plain) < len(numbers)
    return Range(min(plain), max(plain), nan) if plain else Range(nan=nan)


_BOOLEANS = frozenset(["eq", "lt", "le", "gt", "ge", "and", "or", "not", "isnan", "isinf"])


def _add(a: Range, b: Range) -> Range:
    opposed = (a.high == _INFINITY and b.low == -_INFINITY) or (a.low == -_INFINITY and b.high == _INFINITY)
    low = -_INFINITY if -_INFINITY in (a.low, b.low) else a.low + b.low
    high = _INFINITY if _INFINITY in (a.high, b.high) else a.high + b.high
    return Range(low, high, opposed)


def _negated(a: Range) -> Range:
    return Range(-a.high, -a.low, a.nan, a.null)


def _mul(a: Range, b: Range) -> Range:
    infinite = any(math.isinf(x.low) or math.isinf(x.high) for x, y in ((a, b), (b, a)) if y.holds(0.0))
    corners = [_product(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return Range(min(corners), max(corners), infinite)


def _product(x: float, y: float) -> float:
    return 0.0 if x == 0 or y == 0 else x * y


def _div(a: Range, b: Range) -> Range:
    if b.holds(0.0):
        zero = a.holds(0.0)
        both = math.isinf(b.low) or math.isinf(b.high)
        return Range(nan=zero or (both and (math.isinf(a.low) or math.isinf(a.high))))
    with np.errstate(all="ignore"):
        low, high = sorted((float(np.float64(1) / b.low), float(np.float64(1) / b.high)))
        inverse = Range(low, high)
    both = (math.isinf(a.low) or math.isinf(a.high)) and (math.isinf(b.low) or math.isinf(b.high))
    found = _mul(a, inverse)
    return Range(found.low, found.high, both)


def _exp(a: Range) -> Range:
    with np.errstate(all="ignore"):
        return Range(float(np.exp(a.low)), float(np.exp(a.high)))


def _log(a: Range) -> Range:
    with np.errstate(all="ignore"):
        return Range(float(np.log(max(a.low, 0.0))), float(np.log(max(a.high, 0.0))), a.low < 0)


def _sqrt(a: Range) -> Range:
    return Range(math.sqrt(max(a.low, 0.0)), math.sqrt(max(a.high, 0.0)), a.low < 0)


def _abs(a: Range) -> Range:
    size = max(abs(a.low), abs(a.high))
    return Range(0.0 if a.holds(0.0) else min(abs(a.low), abs(a.high)), size)


def _where(_: Expression, parts: Sequence[Range]) -> Range:
    return parts[1].joined(parts[2])


def _cast(expression: Expression, parts: Sequence[Range]) -> Range:
    (a,) = parts
    if expression.dtype == "float32":
        with np.errstate(all="ignore"):
            return Range(float(np.float32(a.low)), float(np.float32(a.high)))
    return Range(a.low, a.high)


def _dot(expression: Expression, parts: Sequence[Range]) -> Range:
    return _sum_of(
        [_mul(part, Range(float(w), float(w))) for part, w in zip(parts, expression.value, strict=True)]
    )


def _linear(expression: Expression, parts: Sequence[Range]) -> Range:
    weights, constant = expression.value
    terms = [_mul(part, Range(w, w)) for part, w in zip(parts, weights, strict=True)]
    return _sum_of([Range(constant, constant), *terms])


def _sum_of(parts: Sequence[Range]) -> Range:
    """Partial sums may overflow in any order; NaN comes of an overflow in both directions."""
    low = sum(min(part.low, 0.0) for part in parts)
    high = sum(max(part.high, 0.0) for part in parts)
    total = Range(0.0, 0.0)
    for part in parts:
        added = _add(total, part)
        total = Range(added.low, added.high)
    nan = (low == -_INFINITY and high == _INFINITY) or any(part.nan for part in parts)
    return Range(total.low, total.high, nan)


def _whole(function: Callable[[float], float]) -> Callable[[Expression, Sequence[Range]], Range]:
    def rule(_: Expression, parts: Sequence[Range]) -> Range:
        (a,) = parts
        return Range(function(a.low), function(a.high))

    return rule


_RULES: Mapping[str, Callable[[Expression, Sequence[Range]], Range]] = {
    "add": lambda _, p: _add(*p),
    "sub": lambda _, p: _add(p[0], _negated(p[1])),
    "mul": lambda _, p: _mul(*p),
    "div": lambda _, p: _div(*p),
    "neg": lambda _, p: Range(-p[0].high, -p[0].low),
    "min": lambda _, p: Range(min(p[0].low, p[1].low), min(p[0].high, p[1].high)),
    "max": lambda _, p: Range(max(p[0].low, p[1].low), max(p[0].high, p[1].high)),
    "abs": lambda _, p: _abs(p[0]),
    "square": lambda _, p: Range(0.0, _product(*([_abs(p[0]).high] * 2))),
    "sqrt": lambda _, p: _sqrt(p[0]),
    "exp": lambda _, p: _exp(p[0]),
    "log": lambda _, p: _log(p[0]),
    "sigmoid": lambda _, p: Range(0.0, 1.0),
    "tanh": lambda _, p: Range(-1.0, 1.0),
    "sign": lambda _, p: Range(-1.0, 1.0),
    "share": lambda _, p: Range(0.0, 1.0),
    "floor": _whole(lambda v: v if math.isinf(v) else math.floor(v)),
    "ceil": _whole(lambda v: v if math.isinf(v) else math.ceil(v)),
    "where": _where,
    "cast": _cast,
    "dot": _dot,
    "linear": _linear,
    "sum": lambda _, p: _sum_of(p),
}
