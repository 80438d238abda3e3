"""Small rewrites that make an expression's SQL short, or show what values it can have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from warehouse_ml.backends.finite_domain import rebuilt
from warehouse_ml.backends.program import Expression, walk


def shortened(roots: Sequence[Expression]) -> list[Expression]:
    """The same values after each of `RULES` was applied to each expression.

    Two operators are new: `square`, and `share`, a quotient that lies between 0 and 1.
    """
    made: dict[int, Expression] = {}
    known: dict[tuple[object, ...], Expression] = {}
    for expression in walk(*roots):
        current = rebuilt(expression, tuple(made[id(part)] for part in expression.arguments))
        for rule in RULES:
            current = rule(current)
        # what has become equal becomes one
        key = (current.operator, current.dtype, id(current.value), *map(id, current.arguments))
        made[id(expression)] = known.setdefault(key, current)
    return [made[id(root)] for root in roots]


def without_rounding(roots: Sequence[Expression], exact: Collection[str]) -> list[Expression]:
    """The same values where some inputs are numbers of float32 already: rounding them changes nothing.

    Args:
        roots: Some expressions.
        exact: The names of those inputs.
    """
    made: dict[int, Expression] = {}
    for expression in walk(*roots):
        current = rebuilt(expression, tuple(made[id(part)] for part in expression.arguments))
        if current.operator == "cast" and current.dtype == "float64":
            (single,) = current.arguments
            if single.operator == "cast" and single.dtype == "float32":
                (source,) = single.arguments
                if source.operator == "input" and source.dtype == "float64" and source.value in exact:
                    current = source
        made[id(expression)] = current
    return [made[id(root)] for root in roots]


def _squares(expression: Expression) -> Expression:
    if expression.operator == "mul" and expression.arguments[0] is expression.arguments[1]:
        return Expression("square", expression.dtype, expression.arguments[:1])
    return expression


def _same_cast(expression: Expression) -> Expression:
    if expression.operator == "cast" and expression.arguments[0].dtype == expression.dtype:
        return expression.arguments[0]
    return expression


def _choices(expression: Expression) -> Expression:
    """An element at a place that a condition chooses is a choice of two elements."""
    if expression.operator != "take":
        return expression
    return _taken(expression, expression.arguments[0]) or expression


def _taken(expression: Expression, place: Expression) -> Expression | None:
    if place.operator == "constant":
        return Expression("constant", expression.dtype, (), expression.value[int(place.value)])
    if place.operator == "where":
        sides = [_taken(expression, side) for side in place.arguments[1:]]
        if sides[0] is None or sides[1] is None:
            return None
        return Expression("where", expression.dtype, (place.arguments[0], sides[0], sides[1]))
    if place.operator == "cast" and place.arguments[0].dtype == "bool":
        no, yes = (Expression("constant", expression.dtype, (), expression.value[side]) for side in (0, 1))
        return Expression("where", expression.dtype, (place.arguments[0], yes, no))
    return None


def _shares(expression: Expression) -> Expression:
    """A quotient of a softmax: exp(z - max) over the sum of all of them."""
    if expression.operator != "div":
        return expression
    part, total = expression.arguments
    parts = _parts(total)
    if part not in parts or not all(one.operator == "exp" and _below(one) is not None for one in parts):
        return expression
    largest = _below(part)
    if any(_below(one) is not largest for one in parts):
        return expression
    return Expression("share", expression.dtype, expression.arguments)


def _parts(total: Expression) -> list[Expression]:
    if total.operator in ("sum", "add"):
        return [one for part in total.arguments for one in _parts(part)]
    if total.operator == "linear" and set(total.value[0]) == {1.0} and total.value[1] == 0:
        return list(total.arguments)
    return [total]


def _below(exponential: Expression) -> Expression | None:
    """The maximum that is taken away from what is in the exponent."""
    (inside,) = exponential.arguments if exponential.operator == "exp" else (None,)
    if inside is None:
        return None
    if inside.operator == "sub" and inside.arguments[1].operator == "max":
        return inside.arguments[1]
    if inside.operator == "linear":
        weights, _ = inside.value
        found = [p for p, w in zip(inside.arguments, weights, strict=True) if p.operator == "max" and w == -1]
        return found[0] if len(found) == 1 else None
    return None


def by_differences(roots: Sequence[Expression]) -> list[Expression]:
    """The shares of a few classes without their maximum: 1 / (1 + exp(z1 - z) + exp(z2 - z)).

    It differs only where a score is infinite.
    """
    made: dict[int, Expression] = {}
    for expression in walk(*roots):
        current = rebuilt(expression, tuple(made[id(part)] for part in expression.arguments))
        made[id(expression)] = _difference_form(current) or current
    return [made[id(root)] for root in roots]


def _difference_form(expression: Expression) -> Expression | None:
    if expression.operator != "share" or expression.dtype != "float64":
        return None
    own = _raised_score(expression.arguments[0])
    parts = _parts(expression.arguments[1])
    scores = [_raised_score(part) for part in parts]
    if own is None or len(parts) > LARGEST_DIFFERENCES:
        return None
    ratios = []
    for part, score in zip(parts, scores, strict=True):
        if score is None:
            return None
        if part is not expression.arguments[0]:
            difference = Expression("sub", "float64", (score, own))
            ratios.append(Expression("exp", "float64", (difference,)))
    one = Expression("constant", "float64", (), 1.0)
    weights = (1.0,) * len(ratios)
    return Expression(
        "share", "float64", (one, Expression("linear", "float64", tuple(ratios), (weights, 1.0)))
    )


def _raised_score(exponential: Expression) -> Expression | None:
    """The score z of exp(z - max)."""
    (inside,) = exponential.arguments
    if inside.operator == "sub":
        return inside.arguments[0]
    weights, constant = inside.value
    if sorted(weights) != [-1.0, 1.0] or constant != 0:
        return None
    score: Expression = inside.arguments[weights.index(1.0)]
    return score


LARGEST_DIFFERENCES = 4
"""For how many classes the square of their number of exponentials is less than naming each."""

RULES: tuple[Callable[[Expression], Expression], ...] = (_same_cast, _squares, _choices, _shares)
