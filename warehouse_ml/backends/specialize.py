"""A small model for rows of which something is known: constants are put in, and what cannot be is cut off."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from warehouse_ml.backends.evaluate import apply
from warehouse_ml.backends.finite_domain import NULL_TEXT, rebuilt
from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.backends.known_value import Known
from warehouse_ml.backends.program import Expression, Lookup, walk
from warehouse_ml.backends.pruned_tree import node_count, without_unreached
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.value_range import ANY, Range, range_of
from warehouse_ml.signature import Feature, Signature

_RAISES = frozenset(["log", "sqrt", "pow", "mod", "round", "erf"])
"""Operators whose SQL raises for some numbers; so do casts of large ones."""


_ARITHMETIC = frozenset(["add", "sub", "mul", "div", "neg", "abs", "sum", "dot", "square"])


_made: OrderedDict[tuple[object, ...], tuple[InlineForm, InlineForm | None]] = OrderedDict()
_MOST_KEPT = 64


def specialized(
    form: InlineForm, known: Mapping[int, Known], types: Sequence[str | None]
) -> InlineForm | None:
    """The form for rows of which something is known; for other rows it is wrong, but raises nothing new.

    Args:
        form: A model.
        known: What is known, by the position of the feature.
        types: The SQL type of each feature's column, or None.

    Returns:
        The form; features that it no longer reads have no checks left where they are known to pass them.
        None where nothing is gained, or the rows that the model refuses would no longer be seen.
    """
    known = {place: fact for place, fact in known.items() if _is_usable(form.signature.features[place], fact)}
    if not known:
        return None
    key = (id(form), *types, *sorted(known.items(), key=lambda item: item[0]))
    found = _made.get(key)
    if found is None:  # what is kept keeps its form, so that no other one has its id
        found = _made[key] = form, _specialized(form, known, types)
        while len(_made) > _MOST_KEPT:
            _made.popitem(last=False)
    return found[1]


def _specialized(
    form: InlineForm, known: Mapping[int, Known], types: Sequence[str | None]
) -> InlineForm | None:
    signature = form.signature
    cells, fused = (_pruned(groups, signature, known) for groups in (form.cells, form.fused))
    fused = {name: tuple(map(_shorter, cells[name], group)) for name, group in fused.items()}
    before, after = _size(form.fused), _size(fused)
    kept = [place for place, cell in enumerate(cells.get("refused", ())) if not _is_false(cell)]
    if any(cell.operator == "constant" and cell.value for cell in cells.get("refused", ())):
        return None
    roots = [cell for group in (*cells.values(), *fused.values()) for cell in group]
    if any(_may_raise(expression) for expression in _outside_trees(roots)):
        return None
    if signature.refusals:
        cells["refused"], fused["refused"] = (
            tuple(group["refused"][place] for place in kept) for group in (cells, fused)
        )
        if not kept:
            del cells["refused"], fused["refused"]
    positions = {entry.name: entry.feature for entry in signature.inputs}
    read, read_before = _read(positions, cells, fused), _read(positions, form.cells, form.fused)
    for place in read_before - read:
        feature = signature.features[place]
        column = FeatureColumn.of(feature, "", types[place], True)
        seen = feature.missing in ("null", "error") or (place in known and _passes(feature, known[place]))
        if column is None or (column.failures(False) and not seen):
            return None
    features = tuple(
        _without_checks(feature)
        if place in known and place not in read and _passes(feature, known[place])
        else feature
        for place, feature in enumerate(signature.features)
    )
    if after >= before and features == signature.features:
        return None
    refusals = tuple(signature.refusals[place] for place in kept)
    return InlineForm(replace(signature, features=features, refusals=refusals), cells, fused)


def _size(groups: Mapping[str, Sequence[Expression]]) -> int:
    """How many steps, splits and keys there are."""
    size = 0
    for expression in walk(*(cell for group in groups.values() for cell in group)):
        size += 1
        if expression.operator == "lookup":
            size += len(expression.value.table)
        elif expression.operator == "leaf":
            forest, tree = expression.value
            size += node_count(forest, tree)
    return size


def _read(positions: Mapping[str, int], *forms: Mapping[str, Sequence[Expression]]) -> set[int]:
    roots = [cell for groups in forms for group in groups.values() for cell in group]
    return {positions[e.value] for e in walk(*roots) if e.operator == "input"}


def _shorter(cell: Expression, fused: Expression) -> Expression:
    """The fused cell, unless it reads what the cell does not: that has no column then."""
    inputs, fused_inputs = ({e.value for e in walk(c) if e.operator == "input"} for c in (cell, fused))
    return fused if fused_inputs <= inputs else cell


def features_read(form: InlineForm) -> set[int]:
    """The positions of the features that a form reads, be it only to see that they are there."""
    positions = {entry.name: entry.feature for entry in form.signature.inputs}
    return _read(positions, form.cells, form.fused) | {
        place for place, feature in enumerate(form.signature.features) if feature.missing in ("null", "error")
    }


def _is_usable(feature: Feature, fact: Known) -> bool:
    """Whether a fact says something of a feature; one that is always NULL may leave no score."""
    if fact.low > fact.high or (fact.values == () and feature.missing != "model"):
        return False
    return feature.type in ("DOUBLE", "BIGINT", "VARCHAR", "BOOLEAN")


def _passes(feature: Feature, fact: Known) -> bool:
    """Whether no value in question would be refused or leave no score."""
    if feature.missing in ("null", "error") and fact.missing:
        return False
    if feature.limit is None or feature.type in ("VARCHAR", "BIGINT"):
        return True
    if fact.values is not None:
        return all(abs(float(value)) <= feature.limit for value in fact.values)
    return -feature.limit <= fact.low and fact.high <= feature.limit


def _without_checks(feature: Feature) -> Feature:
    return replace(feature, missing="model", default=None, limit=None)


def _is_false(cell: Expression) -> bool:
    return cell.operator == "constant" and not cell.value


def _outside_trees(roots: Sequence[Expression]) -> list[Expression]:
    """The expressions that are written as they are: a tree does not write the casts of its columns."""
    found: dict[int, Expression] = {}
    stack = list(roots)
    while stack:
        current = stack.pop()
        if id(current) in found:
            continue
        found[id(current)] = current
        for part in current.arguments:
            inner = part
            while current.operator == "leaf" and inner.operator == "cast":
                (inner,) = inner.arguments
            stack.append(inner)
    return list(found.values())


def _may_raise(expression: Expression) -> bool:
    if expression.operator == "cast":
        return expression.dtype not in ("float64", "bool") and expression.arguments[0].dtype != "bool"
    whole = expression.dtype == "int64" and expression.operator in _ARITHMETIC
    return expression.operator in _RAISES or whole


def _pruned(
    groups: Mapping[str, tuple[Expression, ...]], signature: Signature, known: Mapping[int, Known]
) -> dict[str, tuple[Expression, ...]]:
    pruner = _Pruner(signature, known)
    roots = [cell for group in groups.values() for cell in group]
    made = iter(pruner.pruned(roots))
    return {name: tuple(next(made) for _ in group) for name, group in groups.items()}


class _Pruner:
    """Puts what is known into expressions."""

    def __init__(self, signature: Signature, known: Mapping[int, Known]) -> None:
        positions = {entry.name: entry.feature for entry in signature.inputs}
        self._features = {name: signature.features[place] for name, place in positions.items()}
        self._known = {name: known[place] for name, place in positions.items() if place in known}
        self._ranges: dict[int, Range] = {}
        self._kept: list[Expression] = []

    def pruned(self, roots: Sequence[Expression]) -> list[Expression]:
        made: dict[int, Expression] = {}
        for expression in walk(*roots):
            parts = tuple(made[id(part)] for part in expression.arguments)
            made[id(expression)] = self._simpler(rebuilt(expression, parts))
        return [made[id(root)] for root in roots]

    def _range(self, expression: Expression) -> Range:
        if id(expression) not in self._ranges:
            if expression.operator == "input":
                found = self._input_range(expression)
            else:
                found = range_of(expression, [self._range(part) for part in expression.arguments])
            self._ranges[id(expression)] = found
            self._kept.append(expression)
        return self._ranges[id(expression)]

    def _input_range(self, expression: Expression) -> Range:
        feature, fact = self._features[expression.value], self._known.get(expression.value, Known())
        if feature.type == "TIMESTAMP":
            return ANY
        if feature.type == "VARCHAR":
            return Range(null=feature.missing == "model" and fact.null)
        low, high = fact.low, fact.high
        if fact.values:
            low = max(low, min(float(value) for value in fact.values))
            high = min(high, max(float(value) for value in fact.values))
        missing = fact.missing and feature.missing == "model"
        if feature.missing == "default" and fact.missing:
            default = float(feature.default or 0)
            low, high = min(low, default), max(high, default)
        return Range(low, high, missing, missing)

    def _simpler(self, expression: Expression) -> Expression:
        operator, parts = expression.operator, expression.arguments
        if operator == "input":
            return self._input(expression)
        if operator == "leaf":
            return self._leaf(expression)
        if operator == "linear":
            return _linear(expression)
        if parts and all(part.operator == "constant" for part in parts):
            return _folded(expression)
        if operator == "where" and parts[0].operator == "constant":
            return parts[1] if parts[0].value else parts[2]
        if operator in ("and", "or"):
            return _joined(expression)
        if operator in ("lt", "le", "gt", "ge", "isnan"):
            return self._test(expression)
        if operator == "lookup" and parts[0].operator == "input" and parts[0].value in self._known:
            return self._lookup(expression)
        return expression

    def _input(self, expression: Expression) -> Expression:
        feature, fact = self._features[expression.value], self._known.get(expression.value)
        if fact is None or feature.type == "TIMESTAMP":
            return expression
        value: Any = fact.constant
        if value is None and fact.values == () and feature.missing == "model":
            value = NULL_TEXT if feature.type == "VARCHAR" else math.nan
            if feature.type == "BIGINT":
                return expression
        if value is None:
            return expression
        if feature.type == "VARCHAR":
            return expression if expression.dtype != "string" else _constant(expression, str(value))
        return _constant(expression, float(value) if expression.dtype.startswith("float") else value)

    def _test(self, expression: Expression) -> Expression:
        ranges = [self._range(part) for part in expression.arguments]
        if expression.operator == "isnan":
            return expression if ranges[0].missing else _constant(expression, False)
        left, right = ranges
        if left.missing or right.missing:
            return expression
        if expression.operator in ("gt", "ge"):
            left, right = right, left
        strict = expression.operator in ("lt", "gt")
        if left.high < right.low or (left.high == right.low and not strict):
            return _constant(expression, True)
        if left.low > right.high or (left.low == right.high and strict):
            return _constant(expression, False)
        return expression

    def _lookup(self, expression: Expression) -> Expression:
        """A table over a text of which the values are known."""
        (place,) = expression.arguments
        fact, lookup = self._known[place.value], expression.value
        if fact.values is None or fact.missing or not fact.values or place.dtype != "string":
            return expression
        found = {str(key): lookup.table.get(str(key), lookup.default) for key in fact.values}
        if len(set(found.values())) == 1:
            return _constant(expression, next(iter(found.values())))
        *keys, last = found
        table = {key: found[key] for key in keys}
        return Expression("lookup", expression.dtype, (place,), Lookup(table, found[last]))

    def _leaf(self, expression: Expression) -> Expression:
        forest, tree = expression.value
        parts = expression.arguments
        known: list[tuple[float, float, bool]] = []
        for part in parts:
            if part.operator == "constant":
                value = float(np.asarray(part.value, dtype=forest.precision))
                gone = math.isnan(value)
                known.append((math.inf, -math.inf, True) if gone else (value, value, False))
            else:
                found = self._range(part)
                low, high = np.array([found.low, found.high]).astype(forest.precision).tolist()
                known.append((low, high, found.missing))
        return without_unreached(expression, forest, tree, known)


def _constant(expression: Expression, value: Any) -> Expression:
    return Expression("constant", expression.dtype, (), value)


def _joined(expression: Expression) -> Expression:
    """A conjunction or disjunction of which one side is known."""
    left, right = expression.arguments
    decides = expression.operator == "or"
    for side, other in ((left, right), (right, left)):
        if side.operator == "constant":
            return side if bool(side.value) == decides else other
    return expression


def _linear(expression: Expression) -> Expression:
    """A sum whose known terms are added to its constant."""
    weights, constant = expression.value
    terms = list(zip(expression.arguments, weights, strict=True))
    open_terms = [(part, weight) for part, weight in terms if part.operator != "constant"]
    if len(open_terms) == len(terms):
        return expression
    closed = [float(part.value) * weight for part, weight in terms if part.operator == "constant"]
    total = math.fsum([constant, *closed]) if all(map(math.isfinite, closed)) else math.nan
    if not math.isfinite(total):
        return expression
    if not open_terms:
        return _constant(expression, total)
    parts = tuple(part for part, _ in open_terms)
    return Expression("linear", "float64", parts, (tuple(weight for _, weight in open_terms), total))


def _folded(expression: Expression) -> Expression:
    values = [np.array([part.value], dtype=_numpy(part.dtype)) for part in expression.arguments]
    if expression.operator == "square":
        found: Any = values[0] * values[0]
    elif expression.operator == "share":
        found = values[0] / values[1]
    else:
        found = apply(expression, values)
    return _constant(expression, np.asarray(found).ravel()[0])


def _numpy(dtype: str) -> Any:
    return object if dtype == "string" else dtype
