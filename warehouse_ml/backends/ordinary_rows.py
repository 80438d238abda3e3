"""What shows that a row is ordinary: all that the model needs is there, finite, and accepted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from warehouse_ml.backends.program import Expression, walk
from warehouse_ml.backends.sql_expression import Writer, balanced
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.sql_literal import double

ORDINARY = 1e100
"""Beyond it a sum is worked out in the steps of the graph, so that it overflows where they do."""

SMALL = 1e5
"""The same for the argument of a sine: of a larger one rounding leaves too little of the phase."""

_CARRIERS = frozenset(["add", "sub", "mul", "neg", "sum", "abs", "square", "dot"])
"""Operators whose result is not finite where an argument is not; weights of zero aside."""


_COMPARERS = frozenset(["leaf", "eq", "lt", "le", "gt", "ge", "isnan", "isinf", "cast"])


@dataclass(frozen=True, slots=True)
class Guard:
    """What holds only in rows that need no check.

    Attributes:
        anchors: Expressions whose magnitudes are ordinary.
        terms: SQL texts that are zero.
        tests: SQL conditions that are true.
        proven: The inputs that are finite where the anchors are.
        largest: Up to which magnitude anchors are ordinary.
    """

    anchors: Sequence[Expression]
    terms: Sequence[str]
    tests: Sequence[str]
    proven: Collection[str] = ()
    largest: float = ORDINARY


def guard_of(
    cells: Sequence[Expression],
    columns: Sequence[FeatureColumn],
    inputs: Mapping[str, FeatureColumn],
    refused: Sequence[Expression],
    writer: Writer,
) -> Guard:
    """What proves that a row needs no check.

    Args:
        cells: What is computed.
        columns: The features that are read, or must be there.
        inputs: The feature of each input.
        refused: Conditions under which the model refuses a row.
        writer: Writes conditions for rows whose features are ordinary.
    """
    anchors = _outermost_sums(cells)
    covered: set[str] = set()
    for anchor in anchors:
        covered |= _carried(anchor)
    proven = {id(inputs[name]) for name in covered}
    free = {id(column) for column in columns} - {id(inputs[name]) for name in _calculated(cells)}
    terms: list[str] = []
    limited: dict[tuple[float, bool, str], list[str]] = {}
    summed: dict[tuple[float, str], list[str]] = {}
    for column in columns:
        if id(column) in proven and column.finite_is_enough:
            continue
        if column.floating and column.finite_is_enough and column.must_be_present and id(column) in free:
            summed.setdefault((column.largest, column.sql_type), []).append(column.text)
        elif column.bound is not None:
            key = (column.bound, column.must_be_present, column.sql_type)
            limited.setdefault(key, []).append(column.size)
        else:
            proof = column.proof()
            terms += [] if proof is None else [proof]
    conditions = []
    for (limit, _), texts in summed.items():
        conditions.append(f"abs({balanced(texts)}) <= {double(limit)}")
    for (limit, present, _), sizes in limited.items():
        # a sum needs all of them, `greatest` passes over NULL
        largest = balanced(sizes) if present else f"greatest({', '.join(sizes)})"
        conditions.append(f"{largest} <= {double(limit)}")
    for cell in refused:
        place = cell.arguments[0] if cell.operator == "lookup" else None
        if place is None or place.operator != "input" or place.value not in covered:
            conditions.append(f"NOT {writer.certain(cell)}")
    waves = any(expression.operator in ("sin", "cos") for expression in walk(*cells))
    return Guard(anchors, terms, conditions, covered, SMALL if waves else ORDINARY)


def _outermost_sums(cells: Sequence[Expression]) -> list[Expression]:
    """The linear forms that the cells are made from, each once."""
    found: dict[int, Expression] = {}
    seen: set[int] = set()
    stack = list(reversed(cells))
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if current.operator == "linear" and _carried(current):
            found[id(current)] = current
        else:
            stack.extend(reversed(current.arguments))
    return list(found.values())


def _carried(root: Expression) -> set[str]:
    """The inputs without which, or with NaN or infinity in which, an expression is not finite."""
    found: set[str] = set()
    stack = [root]
    while stack:
        current = stack.pop()
        if current.operator == "input":
            found.add(current.value)
        elif current.operator == "linear":
            weights = current.value[0]
            stack += [p for p, w in zip(current.arguments, weights, strict=True) if abs(w) > 1e-290]
        elif current.operator == "lookup" and current.dtype == "float64":
            stack += current.arguments
        elif current.operator == "where" and current.arguments[0].operator == "isnan":
            if current.arguments[0].arguments[0] is current.arguments[2]:
                stack.append(current.arguments[2])
        elif current.operator in _CARRIERS or _is_rounding(current):
            stack += current.arguments
    return found


def _calculated(cells: Sequence[Expression]) -> set[str]:
    """The inputs that more is done with than comparing them: what is huge may become infinite there."""
    found = {cell.value for cell in cells if cell.operator == "input"}
    for expression in walk(*cells):
        if expression.operator not in _COMPARERS:
            for part in expression.arguments:
                while _is_rounding(part):
                    (part,) = part.arguments
                if part.operator == "input":
                    found.add(part.value)
    return found


def _is_rounding(expression: Expression) -> bool:
    return expression.operator == "cast" and all(
        dtype.startswith("float") for dtype in (expression.dtype, expression.arguments[0].dtype)
    )
