"""A guard by the features alone: where all of them are of ordinary size, so is every sum of them.

It spares the engine the sums a second time, which it would read and plan once more before it finds that it
has them already. Rows beyond the bound are scored by the version's function.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from warehouse_ml.backends.program import Expression, walk
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.sql_literal import double

LARGEST = 1e30
"""Up to which magnitude features are ordinary; few tables hold more."""

FEWEST = 8
"""Sums of fewer features are short, and comparing features costs more than writing them again."""

_SINGLE_LARGEST = 3.4e38

_STRICT = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "neg",
        "sum",
        "dot",
        "linear",
        "square",
        "abs",
        "share",
        "exp",
        "tanh",
        "sigmoid",
    ]
)
"""Operators whose SQL is NULL where an argument is. `max` and `where` are not among them."""


def bounded_tests(
    cell: Expression,
    columns: Sequence[FeatureColumn],
    inputs: Mapping[str, FeatureColumn],
    anchors: Sequence[Expression],
    largest: float,
) -> list[str] | None:
    """Conditions under which a row needs no check, and all anchors are ordinary.

    Args:
        cell: What is computed; where a feature must be there and is not, it is NULL, which is the score then.
        columns: The features that are read, or must be there.
        inputs: The feature of each input.
        anchors: Linear forms that the cell is made from.
        largest: Up to which magnitude they are ordinary.

    Returns:
        SQL conditions; None where features alone do not show it.
    """
    if not anchors or len(inputs) < FEWEST:
        return None
    present = {id(inputs[name]) for name in _nullifying(cell)}
    groups: dict[tuple[str, bool], list[FeatureColumn]] = {}
    bound = LARGEST
    for column in columns:
        if column.feature.type not in ("DOUBLE", "BIGINT") or column.feature.missing == "error":
            return None
        if column.must_be_present and id(column) not in present:
            return None
        if column.bound is not None:
            bound = min(bound, column.bound)
            groups.setdefault((column.sql_type, column.must_be_present), []).append(column)
    magnitudes = {name: _largest_of(column, bound) for name, column in inputs.items()}
    if any(_magnitude(anchor, magnitudes) > largest for anchor in anchors):
        return None
    return [test for group in groups.values() for test in _tests(group, bound)]


def _tests(group: Sequence[FeatureColumn], bound: float) -> list[str]:
    """Conditions on columns of one type; NaN is above all numbers, and NULL is passed over."""
    texts = [column.text for column in group]
    if not group[0].must_be_present:  # all of them may be NULL
        texts.append(f"CAST(0 AS {group[0].sql_type})")
    if len(texts) == 1:
        return [f"{texts[0]} BETWEEN {double(-bound)} AND {double(bound)}"]
    listed = ", ".join(texts)
    return [f"greatest({listed}) <= {double(bound)}", f"least({listed}) >= {double(-bound)}"]


def _largest_of(column: FeatureColumn, bound: float) -> float:
    default = column.feature.default if column.feature.missing == "default" else None
    own = bound if column.floating else column.magnitude
    return max(own, abs(float(default or 0)))


def _nullifying(cell: Expression) -> Collection[str]:
    """Inputs that make an expression NULL where they are and must not be."""
    found: set[str] = set()
    stack = [cell]
    while stack:
        current = stack.pop()
        if current.operator == "input":
            found.add(current.value)
        elif current.operator == "linear":
            weights = current.value[0]
            stack += [part for part, weight in zip(current.arguments, weights, strict=True) if weight != 0]
        elif current.operator == "dot":
            stack += [p for p, weight in zip(current.arguments, current.value, strict=True) if weight != 0]
        elif current.operator == "where" and _imputes(current):
            kept = current.arguments[2]
            # what must be there is written without its imputation
            found |= {kept.value} if kept.operator == "input" else set()
        elif current.operator in _STRICT or _is_number_cast(current):
            stack += current.arguments
    return found


def _is_number_cast(expression: Expression) -> bool:
    return (
        expression.operator == "cast"
        and expression.dtype in ("float32", "float64")
        and expression.arguments[0].dtype in ("float32", "float64", "int64")
    )


def _magnitude(root: Expression, inputs: Mapping[str, float]) -> float:
    """The largest magnitude of an expression, and of every sum on the way to it; infinite if not known."""
    found: dict[int, float] = {}
    for expression in walk(root):
        parts = [found[id(part)] for part in expression.arguments]
        found[id(expression)] = _own_magnitude(expression, parts, inputs)
    return found[id(root)]


def _own_magnitude(expression: Expression, parts: Sequence[float], inputs: Mapping[str, float]) -> float:
    operator = expression.operator
    if operator == "input":
        return inputs[expression.value]
    if operator == "constant" and expression.dtype.startswith("float"):
        return abs(float(expression.value)) if math.isfinite(expression.value) else math.inf
    if operator == "dot":
        return sum(abs(float(w)) * part for w, part in zip(expression.value, parts, strict=True))
    if operator == "linear":
        weights, constant = expression.value
        return float(abs(constant) + sum(abs(w) * part for w, part in zip(weights, parts, strict=True)))
    if operator in ("add", "sub", "sum"):
        return sum(parts)
    if operator in ("mul", "square"):
        return parts[0] * parts[-1]
    if _is_number_cast(expression):
        return parts[0] if expression.dtype == "float64" or parts[0] < _SINGLE_LARGEST else math.inf
    if operator in ("neg", "abs"):
        return parts[0]
    if operator == "where" and _imputes(expression):
        return max(parts[1:])
    return math.inf


def _imputes(expression: Expression) -> bool:
    test, _, kept = expression.arguments
    return test.operator == "isnan" and test.arguments[0] is kept
