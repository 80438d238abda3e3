"""One tree as nested CASE."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.spelling import Spelling
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.sql_literal import double, double_at_most, float_at_most
from warehouse_ml.backends.value_range import Range

_INTEGERS = frozenset(["TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT"])


class Operands(Protocol):
    """What a tree needs of the writer of its columns."""

    spelling: Spelling

    def value(self, expression: Expression) -> str:
        """The SQL text of a column."""

    def range(self, expression: Expression) -> Range:
        """What values it can have."""

    def column(self, expression: Expression) -> FeatureColumn | None:
        """The feature that it is, or None."""


def tree_sql(operands: Operands, leaf: Expression, shown: Callable[[int], str]) -> str:
    """A tree, where each leaf is a text; a split whose sides are the same text is left out.

    Args:
        operands: Writes the columns.
        leaf: An expression `leaf`.
        shown: The SQL text that stands for the leaf of a number.
    """
    forest, tree = leaf.value

    def written(node: int) -> str:
        if forest.feature[node] < 0:
            return shown(int(forest.leaf[node]))
        left, right = written(int(forest.left[node])), written(int(forest.right[node]))
        if left == right:
            return left
        column = leaf.arguments[int(forest.feature[node])]
        bound = double_at_most(float(forest.threshold[node]), forest.comparison, forest.precision)
        return _split(operands, column, bound, bool(forest.missing_left[node]), left, right)

    return written(int(forest.roots[tree]))


def _split(
    operands: Operands, column: Expression, bound: float, missing_left: bool, left: str, right: str
) -> str:
    """`left` where the column is at most the bound; NaN and NULL go where they have to."""
    if column.operator == "cast" and column.dtype == "float32" and column.arguments[0].dtype == "float64":
        column = column.arguments[0]  # the bound says the same of the number before it was rounded
    if column.operator == "cast" and column.dtype == "float64" and column.arguments[0].dtype == "float32":
        column = column.arguments[0]
    known = operands.range(column)
    text, limit = operands.value(column), operands.spelling.double(bound)
    feature = operands.column(column)
    if feature is not None and feature.feature.type == "DOUBLE" and feature.feature.missing != "default":
        # without a cast: the same bound in the column's own type
        if feature.sql_type == "FLOAT" and math.isfinite(bound):
            text, limit = (
                feature.text,
                f"CAST({double(float(str(np.float32(float_at_most(bound)))))} AS FLOAT)",
            )
            if not math.isfinite(float_at_most(bound)):
                text, limit = operands.value(column), operands.spelling.double(bound)
        elif feature.sql_type in _INTEGERS and abs(bound) < 2**31 - 1:
            text, limit = feature.text, str(math.floor(bound))
    if not known.missing:
        if bound >= known.high:
            return left
        if bound < known.low:
            return right
    if not missing_left or not known.missing:
        return f"CASE WHEN {text} <= {limit} THEN {left} ELSE {right} END"
    if known.nan:
        known_right = f"{text} > {limit} AND NOT {operands.spelling.is_nan(text)}"
        return f"CASE WHEN {known_right} THEN {right} ELSE {left} END"
    return f"CASE WHEN {text} > {limit} THEN {right} ELSE {left} END"
