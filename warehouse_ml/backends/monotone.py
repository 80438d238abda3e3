"""Where a comparison of a growing or falling function with a constant changes, as an exact double.

The place is found by bisection over all doubles of ordinary size; the engine then says for the doubles around
it on which side they lie, since its functions may round otherwise than numpy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.evaluate import apply
from warehouse_ml.backends.program import Expression, walk
from warehouse_ml.backends.sql_literal import double

ORDINARY = 1e100
NEIGHBOURS = 8
"""How many doubles on either side the engine is asked for."""

_PARTS = 64
"""Into how many parts an interval of doubles is cut at each step."""

_LARGEST_EXPONENT = 709.0
"""From here on exp may overflow: for a comparison it is infinite."""

_MOST_KEPT = 256

Rows = Sequence[tuple[Any, ...]]
Flip = tuple[str, float]
"""A sign, and the double that a sum is compared with."""

_found: dict[tuple[str, str, str, float], Flip] = {}
"""The tests that are known, by the function as SQL: it says all of the function that matters."""

_HOLDS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def flip_of(
    cell: Expression,
    margin: Expression,
    sign: str,
    constant: float,
    text: str,
    name: str,
    ask: Callable[[str], Rows],
) -> Flip | None:
    """The test of a sum that says whether a function of it is on one side of a constant.

    Args:
        cell: The function.
        margin: The sum, below `cell`.
        sign: How the function's value is compared with the constant.
        constant: The constant.
        text: The function as SQL, of a column `name`.
        name: The name.
        ask: Gives the rows of a query.

    Returns:
        The test; None where the function may grow and fall, or the comparison is the same everywhere.
    """
    grows = direction(cell, margin)
    if grows is None or grows == 0:
        return None
    if cell is margin:
        return sign, constant
    key = (text, name, sign, constant)
    if key not in _found:
        found = _asked(cell, margin, sign, constant, text, name, ask)
        if found is None:
            return None
        if len(_found) >= _MOST_KEPT:
            _found.clear()
        _found[key] = found
    return _found.get(key)


def _asked(
    cell: Expression,
    margin: Expression,
    sign: str,
    constant: float,
    text: str,
    name: str,
    ask: Callable[[str], Rows],
) -> Flip | None:
    """The test as `flip_of` gives it, by bisection and by what the engine says."""
    low, high = _ordered(-ORDINARY), _ordered(ORDINARY)
    steps = _above(cell, margin)

    def holds(places: Sequence[int]) -> NDArray[np.bool_]:
        return np.asarray(_HOLDS[sign](_value(steps, margin, _doubles(places)), constant))

    first, last = holds([low, high]).tolist()
    if first == last:
        return None
    while high - low > 1:
        places = sorted({low + (high - low) * part // _PARTS for part in range(_PARTS + 1)})
        outcomes = holds(places)
        change = int(np.argmax(outcomes != first))
        low, high = places[change - 1], places[change]
    around = _doubles(range(low - NEIGHBOURS, high + NEIGHBOURS + 1)).tolist()
    listed = ", ".join(f"({place}, {double(value)})" for place, value in enumerate(around))
    rows = ask(
        f"SELECT place, {text} {sign} {double(constant)} FROM (VALUES {listed}) AS wml_around(place, {name})"
    )
    found = [outcome for _, outcome in sorted(rows)]
    changes = [place for place in range(1, len(found)) if found[place] != found[place - 1]]
    if len(found) != len(around) or len(changes) != 1 or found[0] != first or None in found:
        return None
    (change,) = changes
    return ("<=", around[change - 1]) if first else (">=", around[change])


def direction(cell: Expression, margin: Expression) -> int | None:
    """1 where a function never falls, -1 where it never grows, 0 where it is constant; None for others."""
    known: dict[int, int | None] = {id(margin): 1}
    for expression in walk(cell):
        if id(expression) not in known:
            parts = [known[id(part)] for part in expression.arguments if id(part) in known]
            known[id(expression)] = _direction(expression, parts)
    return known[id(cell)]


def _direction(expression: Expression, parts: Sequence[int | None]) -> int | None:
    operator = expression.operator
    if operator == "constant":
        return 0
    if operator == "input" or len(parts) != len(expression.arguments) or any(part is None for part in parts):
        return None
    moving = [part for part in parts if part is not None]
    if not any(moving):
        return 0
    if operator in ("exp", "sigmoid", "tanh", "floor", "ceil"):
        return moving[0]
    if operator in ("add", "sum", "min", "max"):
        return _together(moving)
    if operator == "sub":
        return _together([moving[0], -moving[1]])
    if operator == "neg":
        return -moving[0]
    if operator == "linear":
        return _together(
            [part * _sign(weight) for part, weight in zip(moving, expression.value[0], strict=True)]
        )
    if operator == "mul" and moving.count(0) == 1:
        return sum(moving) * _sign(expression.arguments[moving.index(0)].value)
    if operator in ("div", "share"):
        above, below = expression.arguments
        if below.operator == "constant":
            return moving[0] * _sign(below.value)
        if above.operator == "constant" and _is_positive(below):
            return -moving[1] * _sign(above.value)
    return None


def _together(moving: Sequence[int]) -> int | None:
    signs = set(moving) - {0}
    return None if len(signs) > 1 else next(iter(signs), 0)


def _sign(value: Any) -> int:
    return int(np.sign(float(value)))


def _is_positive(expression: Expression) -> bool:
    """Whether it is a sum of a positive number and exponentials."""
    if expression.operator == "exp":
        return True
    if expression.operator == "constant":
        return float(expression.value) > 0
    if expression.operator == "linear":
        weights, constant = expression.value
        return constant > 0 and min(weights) > 0 and all(map(_is_positive, expression.arguments))
    return expression.operator in ("add", "sum") and all(map(_is_positive, expression.arguments))


def _above(cell: Expression, margin: Expression) -> list[Expression]:
    """The expressions between a sum and a function of it, arguments first."""
    known, found = {id(margin)}, []
    for expression in walk(cell):
        ready = all(id(part) in known for part in expression.arguments)
        if id(expression) not in known and expression.operator != "input" and ready:
            known.add(id(expression))
            found.append(expression)
    return found


def _value(steps: Sequence[Expression], margin: Expression, values: NDArray[np.float64]) -> NDArray[Any]:
    known: dict[int, NDArray[Any]] = {id(margin): values}
    result = values
    for expression in steps:
        parts = [known[id(part)] for part in expression.arguments]
        with np.errstate(all="ignore"):
            if expression.operator == "linear":
                weights, constant = expression.value
                terms = [part * weight for part, weight in zip(parts, weights, strict=True)]
                result = np.asarray(sum(terms) + constant)
            elif expression.operator == "share":
                result = np.asarray(parts[0] / parts[1])
            elif expression.operator == "exp":
                result = _exp(parts[0])
            elif expression.operator == "sigmoid":
                result = np.asarray(1 / (1 + _exp(-parts[0])))
            else:
                result = apply(expression, parts)
        known[id(expression)] = result
    return result


def _exp(values: NDArray[Any]) -> NDArray[Any]:
    """The exponentials by the C library, as an engine computes them; numpy has its own."""
    return np.array([math.exp(value) if value < _LARGEST_EXPONENT else math.inf for value in values])


def _ordered(value: float) -> int:
    """A whole number that is larger for a larger double; neighbours differ by one."""
    bits = int(np.float64(value).view(np.int64))
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _doubles(places: Sequence[int]) -> NDArray[np.float64]:
    whole = np.array(places, dtype=np.int64)
    return np.copysign(np.abs(whole).view(np.float64), whole)
