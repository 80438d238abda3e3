"""Sums of products with constants become one: scalers, encoders and weights are fused.

`((x - mean) / scale) * weight + ... + bias` is `x * (weight / scale) + ... + constant`: one product and
one sum per feature. A mean that is large against its scale would cost digits: such a difference is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from warehouse_ml.backends.finite_domain import rebuilt
from warehouse_ml.backends.program import Expression, Lookup, walk

LARGEST_SHIFT = 1e4
"""How many scales a mean may lie from zero: its rounding then stays below 1e-12 of a scale."""

_ADDITIVE = frozenset(["add", "sub", "neg", "sum", "dot", "mul", "div"])


def fused(roots: Sequence[Expression]) -> list[Expression]:
    """The same values with `linear` in the place of nested sums and products in float64.

    An expression `linear` has a pair (weights, constant) of floats as its value. What is added up over
    trees stays as it is: the order of such sums is part of the model.

    Args:
        roots: Some expressions of a program.
    """
    order = list(walk(*roots))
    ordered = _ordered(order)
    whole = {id(root) for root in roots}
    for expression in order:
        if not _is_linear(expression, ordered) or _shift(expression) > LARGEST_SHIFT:
            whole.update(map(id, expression.arguments))
    made: dict[int, Expression] = {}
    for expression in order:
        if not _is_linear(expression, ordered):
            made[id(expression)] = _plain(expression, made)
        elif id(expression) in whole:
            form = _Form(made, ordered, whole)
            form.add_parts(expression, 1.0)
            made[id(expression)] = form.expression() or _plain(expression, made)
    return [made[id(root)] for root in roots]


def with_tables(roots: Sequence[Expression]) -> list[Expression]:
    """The same values with one table for all terms of a product of matrices that one text decides.

    Nothing else is fused: each step overflows where that of the graph does.
    """
    made: dict[int, Expression] = {}
    for expression in walk(*roots):
        current = _plain(expression, made)
        if current.operator == "dot" and current.dtype == "float64":
            weighted = [(p, float(w)) for p, w in zip(current.arguments, current.value, strict=True)]
            terms = _merged(weighted)
            weights = tuple(weight for _, weight in terms)
            if all(map(math.isfinite, weights)):
                current = Expression("linear", "float64", tuple(term for term, _ in terms), (weights, 0.0))
        made[id(expression)] = current
    return [made[id(root)] for root in roots]


def _plain(expression: Expression, made: dict[int, Expression]) -> Expression:
    """The same operator on the new arguments; a sum that has no linear form is made part by part."""
    for part in expression.arguments:
        if id(part) not in made:
            made[id(part)] = _plain(part, made)
    return rebuilt(expression, tuple(made[id(part)] for part in expression.arguments))


def _ordered(order: Sequence[Expression]) -> set[int]:
    """The expressions over leaves of trees."""
    found: set[int] = set()
    for expression in order:
        if expression.operator == "leaf" or any(id(part) in found for part in expression.arguments):
            found.add(id(expression))
    return found


def _is_linear(expression: Expression, ordered: set[int]) -> bool:
    if expression.dtype != "float64" or expression.operator not in _ADDITIVE or id(expression) in ordered:
        return False
    if expression.operator == "mul":
        return any(_factor(part) is not None for part in expression.arguments)
    if expression.operator == "div":
        divisor = _factor(expression.arguments[1])
        return divisor is not None and divisor != 0 and math.isfinite(1 / divisor)
    return True


def _factor(expression: Expression) -> float | None:
    if expression.operator != "constant" or not np.isfinite(expression.value):
        return None
    return float(expression.value)


class _Form:
    """A sum while it is collected: weights by term, and a constant."""

    def __init__(self, made: dict[int, Expression], ordered: set[int], whole: set[int]) -> None:
        self._made, self._ordered, self._whole = made, ordered, whole
        self._terms: dict[int, Expression] = {}
        self._weights: dict[int, float] = {}
        self._constant = 0.0

    def add(self, expression: Expression, weight: float) -> None:
        """Add a multiple of an expression; one that is needed by itself too is not taken apart."""
        factor = _factor(expression)
        if factor is not None:
            self._constant += weight * factor
        elif id(expression) in self._whole or not _is_linear(expression, self._ordered):
            self._add_term(self._made[id(expression)], weight)
        elif _shift(expression) > LARGEST_SHIFT:
            self._add_term(_plain(expression, self._made), weight)
        else:
            self.add_parts(expression, weight)

    def add_parts(self, expression: Expression, weight: float) -> None:
        """Add a multiple of what an operator adds up."""
        parts = expression.arguments
        if expression.operator in ("add", "sum"):
            for part in parts:
                self.add(part, weight)
        elif expression.operator == "sub":
            self.add(parts[0], weight)
            self.add(parts[1], -weight)
        elif expression.operator == "neg":
            self.add(parts[0], -weight)
        elif expression.operator == "dot":
            for part, each in zip(parts, expression.value, strict=True):
                self.add(part, weight * float(each))
        elif expression.operator == "div":
            self._scaled(parts[0], weight, 1 / float(parts[1].value))
        else:
            constant, other = parts if _factor(parts[0]) is not None else parts[::-1]
            self._scaled(other, weight, float(constant.value))

    def _scaled(self, part: Expression, weight: float, factor: float) -> None:
        """Add a multiple of a product: how far its difference is shifted counts in units of the product."""
        if not _shift(part) or id(part) in self._whole:
            self.add(part, weight * factor)
        elif _shift(part) * abs(factor) > LARGEST_SHIFT:
            self._add_term(_plain(part, self._made), weight * factor)
        else:
            self.add_parts(part, weight * factor)

    def _add_term(self, term: Expression, weight: float) -> None:
        self._terms.setdefault(id(term), term)
        self._weights[id(term)] = self._weights.get(id(term), 0.0) + weight

    def expression(self) -> Expression | None:
        """The sum; None where a weight is no number."""
        numbers = [*self._weights.values(), self._constant]
        if not all(map(math.isfinite, numbers)) or not self._terms:
            return None
        terms = [(self._terms[key], self._weights[key]) for key in self._terms]
        terms = _merged(terms)
        weights = tuple(weight for _, weight in terms)
        return Expression("linear", "float64", tuple(t for t, _ in terms), (weights, self._constant))


def _shift(expression: Expression) -> float:
    """How far a difference or a sum moves its only term that is no constant."""
    if expression.operator not in ("sub", "add") or expression.dtype != "float64":
        return 0.0
    factors = [abs(f) for f in map(_factor, expression.arguments) if f is not None]
    return factors[0] if len(factors) == 1 else 0.0


def _merged(terms: list[tuple[Expression, float]]) -> list[tuple[Expression, float]]:
    """The terms, with one table for all that are looked up by the same text."""
    groups: dict[int, list[tuple[Expression, float]]] = {}
    merged: list[tuple[Expression, float]] = []
    for term, weight in terms:
        key = _looked_up_by(term)
        if key is None:
            merged.append((term, weight))
        else:
            groups.setdefault(id(key), []).append((term, weight))
    for group in groups.values():
        if len(group) == 1:
            merged += group
        else:
            merged.append((_one_table(group), 1.0))
    return merged


def _looked_up_by(term: Expression) -> Expression | None:
    if term.operator != "lookup" or term.arguments[0].dtype != "string":
        return None
    return term.arguments[0]


def _one_table(group: list[tuple[Expression, float]]) -> Expression:
    keys = {key: None for term, _ in group for key in term.value.table}
    table = {
        key: math.fsum(w * float(t.value.table.get(key, t.value.default)) for t, w in group) for key in keys
    }
    default = math.fsum(w * float(t.value.default) for t, w in group)
    return Expression("lookup", "float64", group[0][0].arguments, Lookup(table, default))
