"""What depends on one text, or on the leaf of one tree, is a table: the table takes the expression's place.

A one-hot column, its imputer, its target encoding, the label at a leaf: all are known beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.evaluate import apply
from warehouse_ml.backends.program import Expression, Lookup, walk

OTHER = "\ufdd1other"
"""Stands for every text that the program does not name."""

NULL_TEXT = "\ufdd0NULL"
"""What the handler puts in the place of NULL (`udfs/onnx_udf.py`)."""


def tabulated(roots: Sequence[Expression]) -> list[Expression]:
    """The same values, with tables for all that hangs on one text or one leaf.

    Args:
        roots: Some expressions of a program.

    Returns:
        Expressions in the same order; those that were shared still are.
    """
    order = list(walk(*roots))
    source = _sources(order)
    domains = _text_domains(order, source)
    needed = _outermost(roots, source)
    made: dict[int, Expression] = {}
    for expression in order:
        place = source.get(id(expression))
        if place is not None and place is not expression and id(expression) in needed:
            made[id(expression)] = _table(expression, place, domains, made)
        elif id(expression) in needed:
            parts = tuple(made[id(part)] for part in expression.arguments)
            made[id(expression)] = rebuilt(expression, parts)
    return [made[id(root)] for root in roots]


def rebuilt(expression: Expression, parts: tuple[Expression, ...]) -> Expression:
    """The same operator on other arguments; the same object where they are the same."""
    if all(new is old for new, old in zip(parts, expression.arguments, strict=True)):
        return expression
    return Expression(expression.operator, expression.dtype, parts, expression.value)


def _sources(order: Sequence[Expression]) -> Mapping[int, Expression | None]:
    """For each expression the only text or leaf that it depends on; None where there are several or numbers.

    Constants have no entry.
    """
    found: dict[int, Expression | None] = {}
    for expression in order:
        if expression.operator == "leaf" or (expression.operator == "input" and expression.dtype == "string"):
            found[id(expression)] = expression
        elif expression.operator == "input":
            found[id(expression)] = None
        else:
            places = {id(p): p for p in (found[id(a)] for a in expression.arguments if id(a) in found)}
            if places:
                found[id(expression)] = next(iter(places.values())) if len(places) == 1 else None
    return found


def _outermost(roots: Sequence[Expression], source: Mapping[int, Expression | None]) -> set[int]:
    """The expressions that remain: not those inside a table. A leaf stays, and so do its columns."""
    needed: set[int] = set()
    stack = list(roots)
    while stack:
        expression = stack.pop()
        if id(expression) in needed:
            continue
        needed.add(id(expression))
        place = source.get(id(expression))
        inside = place is not None and place is not expression
        stack.extend([place] if inside and place is not None else expression.arguments)
    return needed


def _text_domains(
    order: Sequence[Expression], source: Mapping[int, Expression | None]
) -> Mapping[int, list[str]]:
    domains: dict[int, dict[str, None]] = {}
    for expression in order:
        place = source.get(id(expression))
        if place is None or place.dtype != "string":
            continue
        keys = domains.setdefault(id(place), {NULL_TEXT: None})
        if expression.operator == "lookup":
            keys.update(dict.fromkeys(key for key in expression.value.table if isinstance(key, str)))
        for part in expression.arguments:
            if part.operator == "constant" and part.dtype == "string":
                keys[str(part.value)] = None
    return {place: [*keys, OTHER] for place, keys in domains.items()}


def _table(
    expression: Expression,
    place: Expression,
    domains: Mapping[int, list[str]],
    made: Mapping[int, Expression],
) -> Expression:
    if place.operator == "leaf":
        numbers = leaf_numbers(place)
        values = _over(expression, place, numbers)
        table = np.full(int(numbers.max()) + 1, values[0], dtype=values.dtype)
        table[numbers] = values
        return Expression("take", expression.dtype, (made[id(place)],), table)
    domain = domains[id(place)]
    keys = np.empty(len(domain), dtype=object)
    keys[:] = domain
    *known, default = _over(expression, place, keys).tolist()
    return Expression(
        "lookup",
        expression.dtype,
        (made[id(place)],),
        Lookup(dict(zip(domain, known, strict=False)), default),
    )


def leaf_numbers(leaf: Expression) -> NDArray[np.int64]:
    """The numbers of the leaves that a row can end in, each once."""
    forest, tree = leaf.value
    numbers: set[int] = set()
    stack = [int(forest.roots[tree])]
    while stack:
        node = stack.pop()
        if forest.feature[node] < 0:
            numbers.add(int(forest.leaf[node]))
        else:
            stack += [int(forest.left[node]), int(forest.right[node])]
    return np.array(sorted(numbers), dtype=np.int64)


def _over(expression: Expression, place: Expression, values: NDArray[Any]) -> NDArray[Any]:
    """The values of an expression where its source has certain values."""
    known: dict[int, NDArray[Any]] = {id(place): values}
    stack = [expression]
    while stack:
        current = stack[-1]
        waiting = [part for part in current.arguments if id(part) not in known]
        if id(current) in known or not waiting:
            stack.pop()
            if id(current) not in known:
                known[id(current)] = apply(current, [known[id(part)] for part in current.arguments])
        else:
            stack.extend(waiting)
    return np.broadcast_to(known[id(expression)], values.shape)
