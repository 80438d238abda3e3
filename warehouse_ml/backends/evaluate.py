"""Evaluate expressions with numpy: what a program means, for the planner and for tests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.program import Expression, Forest, Lookup, walk


def evaluate(roots: Sequence[Expression], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The values of some expressions for many rows.

    Args:
        roots: The expressions.
        inputs: By name the values of each input, of shape [rows]: float64 or float32 with NaN for what is
            missing, int64, bool, or texts as objects.

    Returns:
        For each root its values, of shape [rows] and of the type that it states.
    """
    rows = max((len(np.asarray(values)) for values in inputs.values()), default=1)
    order = list(walk(*roots))
    waiting = Counter(id(part) for expression in order for part in expression.arguments)
    waiting.update(map(id, roots))
    known: dict[int, NDArray[Any]] = {}
    matrices: dict[int, NDArray[Any]] = {}
    for expression in order:
        if expression.operator == "input":
            known[id(expression)] = _typed(np.asarray(inputs[expression.value]), expression.dtype)
        elif expression.operator == "leaf":
            forest, tree = expression.value
            key = id(expression.arguments)
            if key not in matrices:
                parts = [known[id(part)] for part in expression.arguments]
                matrices[key] = _matrix(parts, forest.precision, rows)
            known[id(expression)] = find_leaves(forest, tree, matrices[key])
        else:
            known[id(expression)] = apply(expression, [known[id(part)] for part in expression.arguments])
        for part in expression.arguments:
            waiting[id(part)] -= 1
            if not waiting[id(part)]:
                del known[id(part)]
    return [np.broadcast_to(known[id(root)], (rows,)) for root in roots]


def apply(expression: Expression, arguments: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """One operator on the values of its arguments, of equal or broadcastable shapes.

    Args:
        expression: The operator; its own arguments are not looked at. No input and no leaf.
        arguments: The values of its arguments.

    Returns:
        The values, in the type that the expression states.
    """
    with np.errstate(all="ignore"):
        if expression.operator == "constant":
            return _typed(np.asarray(expression.value), expression.dtype)
        if expression.operator == "lookup":
            return _looked_up(expression.value, arguments[0], expression.dtype)
        if expression.operator == "take":
            return _typed(np.asarray(expression.value)[arguments[0]], expression.dtype)
        if expression.operator == "dot":
            return _typed(_dot(arguments, expression.value), expression.dtype)
        if expression.operator == "sum":
            return _typed(_sum(arguments), expression.dtype)
        if expression.operator == "cast":
            return _typed(arguments[0], expression.dtype)
        return _typed(np.asarray(_FUNCTIONS[expression.operator](*arguments)), expression.dtype)


def find_leaves(forest: Forest, tree: int, matrix: NDArray[Any]) -> NDArray[np.int64]:
    """The number of the leaf in which each row ends.

    Args:
        forest: The trees.
        tree: Which of them.
        matrix: The forest's columns, of shape [rows, columns] and in the forest's precision.

    Returns:
        Numbers of shape [rows].
    """
    nodes = np.full(len(matrix), forest.roots[tree])
    active = np.flatnonzero(forest.feature[nodes] >= 0)
    threshold = forest.threshold.astype(forest.precision)
    while len(active):
        at = nodes[active]
        values = matrix[active, forest.feature[at]]
        holds = values < threshold[at] if forest.comparison == "<" else values <= threshold[at]
        holds |= np.isnan(values) & forest.missing_left[at]
        nodes[active] = np.where(holds, forest.left[at], forest.right[at])
        active = active[forest.feature[nodes[active]] >= 0]
    return np.asarray(forest.leaf[nodes])


def _typed(values: Any, dtype: str) -> NDArray[Any]:
    return np.asarray(values).astype(object if dtype == "string" else dtype, copy=False)


def _matrix(parts: Sequence[NDArray[Any]], dtype: str, rows: int) -> NDArray[Any]:
    matrix = np.empty((rows, len(parts)), dtype=dtype)
    for column, part in enumerate(parts):
        matrix[:, column] = part
    return matrix


def _looked_up(lookup: Lookup, keys: NDArray[Any], dtype: str) -> NDArray[Any]:
    table = lookup.table
    found = [table.get(key, lookup.default) for key in keys.ravel().tolist()]
    values = np.empty(len(found), dtype=object if dtype == "string" else dtype)
    values[:] = found
    return values.reshape(keys.shape)


def _dot(arguments: Sequence[NDArray[Any]], weights: NDArray[Any]) -> Any:
    total: Any = arguments[0] * weights[0]
    for argument, weight in zip(arguments[1:], weights[1:], strict=True):
        total = total + argument * weight
    return total


def _sum(arguments: Sequence[NDArray[Any]]) -> Any:
    total: Any = arguments[0]
    for argument in arguments[1:]:
        total = total + argument
    return total


def _sigmoid(values: NDArray[Any]) -> Any:
    return 1 / (1 + np.exp(-values))


_ERF = np.frompyfunc(math.erf, 1, 1)

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "min": np.minimum,
    "max": np.maximum,
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "sigmoid": _sigmoid,
    "floor": np.floor,
    "ceil": np.ceil,
    "sign": np.sign,
    "erf": _ERF,
    "round": np.rint,
    "mod": np.mod,
    "eq": np.equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "where": np.where,
}
