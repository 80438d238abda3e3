"""Expressions as plain lists for JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from warehouse_ml.backends.program import Expression, Forest, Lookup, walk

_FOREST_ARRAYS = {
    "roots": np.int64,
    "feature": np.int64,
    "threshold": np.float64,
    "left": np.int64,
    "right": np.int64,
    "missing_left": np.bool_,
    "leaf": np.int64,
}


def plain(roots: Sequence[Expression]) -> dict[str, Any]:
    """Expressions as numbers, texts, lists and mappings. Shared ones are written once, forests too.

    Args:
        roots: The expressions.
    """
    positions: dict[int, int] = {}
    forests: dict[int, tuple[int, Forest]] = {}
    nodes: list[list[Any]] = []
    for expression in walk(*roots):
        value = expression.value
        if expression.operator == "leaf":
            forest, tree = value
            number = forests.setdefault(id(forest), (len(forests), forest))[0]
            value = [number, tree]
        positions[id(expression)] = len(nodes)
        arguments = [positions[id(part)] for part in expression.arguments]
        nodes.append([expression.operator, expression.dtype, arguments, _plain_value(value)])
    return {
        "nodes": nodes,
        "forests": [_plain_forest(forest) for _, forest in forests.values()],
        "roots": [positions[id(root)] for root in roots],
    }


def expressions(facts: Mapping[str, Any]) -> list[Expression]:
    """Read what `plain` returned."""
    forests = [_forest(entry) for entry in facts["forests"]]
    made: list[Expression] = []
    for operator, dtype, arguments, value in facts["nodes"]:
        parts = tuple(made[position] for position in arguments)
        made.append(Expression(operator, dtype, parts, _value(operator, dtype, value, forests)))
    return [made[position] for position in facts["roots"]]


def _plain_value(value: Any) -> Any:
    if isinstance(value, Lookup):
        return [[[_scalar(k), _scalar(v)] for k, v in value.table.items()], _scalar(value.default)]
    if isinstance(value, np.ndarray):
        return [_scalar(item) for item in value.tolist()]
    if isinstance(value, tuple | list):
        return [_plain_value(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def _value(operator: str, dtype: str, value: Any, forests: Sequence[Forest]) -> Any:
    if operator == "leaf":
        return forests[value[0]], value[1]
    if operator == "lookup":
        return Lookup(dict(value[0]), value[1])
    if operator == "linear":
        return tuple(value[0]), value[1]
    if operator in ("take", "dot"):
        return np.array(value, dtype=object if dtype == "string" else dtype)
    return value


def _plain_forest(forest: Forest) -> dict[str, Any]:
    facts: dict[str, Any] = {name: getattr(forest, name).tolist() for name in _FOREST_ARRAYS}
    return {**facts, "comparison": forest.comparison, "precision": forest.precision}


def _forest(facts: Mapping[str, Any]) -> Forest:
    arrays: dict[str, Any] = {
        name: np.array(facts[name], dtype=dtype) for name, dtype in _FOREST_ARRAYS.items()
    }
    return Forest(**arrays, comparison=facts["comparison"], precision=facts["precision"])
