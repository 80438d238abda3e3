"""The rows that end in some leaves of a tree, as ranges of columns.

An engine compares a column with a constant faster than it follows nested CASE, and skips what it has stored
where a range holds none of it. So the ranges come first that all those leaves have in common. What is left is
an OR of the leaves' boxes where they are very few, else nested CASE.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.backends.inline_call import Call, NoSqlError
from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.sql_expression import Writer
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.sql_literal import double, double_at_most, float_at_most
from warehouse_ml.backends.sql_tree import tree_sql
from warehouse_ml.signature import Method

MOST_BOXES = 2
"""From three on, DuckDB is slower with an OR of boxes than with CASE: each row is asked for box after box."""

_WHOLE = frozenset(["TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT"])
_INFINITE = double(math.inf)


@dataclass(frozen=True, slots=True)
class Side:
    """What a box says of one column.

    Attributes:
        low: The values are above; -inf is no bound, and then -inf itself is one of them.
        high: The values are at most this.
        values: Whether there are values in the range; a box may hold missing ones alone.
        missing: Whether a row belongs to the box where the column is missing.
    """

    low: float = -math.inf
    high: float = math.inf
    values: bool = True
    missing: bool = True


Box = Mapping[int, Side]
"""What a box says of the columns that it asks, by the feature."""


def box_condition(
    form: InlineForm,
    method: Method,
    features: Sequence[str],
    types: Sequence[str | None],
) -> tuple[str, int] | None:
    """The leaves of a tree where PREDICT is true, as one condition of WHERE.

    Args:
        form: A form whose only result is true or false at the leaves of a tree.
        method: `predict` or `try_predict`.
        features: The SQL text of each feature, all plain columns.
        types: The SQL type of each.

    Returns:
        A condition that is true for the same rows, and how many boxes the leaves make; None where the tree
        asks for more than plain columns, or rows may be refused.
    """
    try:
        call = _BoxCall(form, method, features, types)
        boxes = call.boxes()
    except NoSqlError:
        return None
    columns = call.checked()
    if not boxes or call.refuses:
        return None
    if any(column.failures(False) for column in columns):
        return None  # what the table holds now proves nothing: a Result may be read again after a change
    hull = _hull(boxes)
    parts = []
    for column in columns:
        position = call.position(column)
        side = hull.get(position, Side())
        if column.must_be_present:
            side = replace(side, missing=False)
        text = _side_sql(column, side)
        if text is not None:
            parts.append(text)
    by_position = {call.position(column): column for column in columns}
    if len(boxes) > MOST_BOXES:
        parts.append(call.splits())
    elif len(boxes) > 1:
        parts.append(f"({' OR '.join(_box_sql(box, hull, by_position) for box in boxes)})")
    return (f"({' AND '.join(parts)})", len(boxes)) if parts else None


class _BoxCall(Call):
    """A call over a tree whose splits ask for plain columns."""

    @property
    def refuses(self) -> bool:
        return bool(self._refused)

    def checked(self) -> list[FeatureColumn]:
        return self._checked()

    def position(self, column: FeatureColumn) -> int:
        return next(place for place, other in enumerate(self._columns) if other is column)

    def boxes(self) -> list[Box] | None:
        """The boxes of the largest subtrees that are true everywhere; None where it is no tree of columns."""
        (cell,) = self._fused
        if cell.operator != "take" or cell.arguments[0].operator != "leaf":
            return None
        leaf = cell.arguments[0]
        forest, tree = leaf.value
        places: dict[int, int] = {}
        for column in {int(c) for c in forest.feature if c >= 0}:
            feature = self._feature(leaf.arguments[column])
            if feature is None:
                return None
            places[column] = feature
        found: list[Box] = []
        table = np.asarray(cell.value)

        def inside(node: int) -> bool | None:
            """Whether all leaves below a node are true; None where they differ."""
            stack, seen = [node], set()
            while stack:
                at = stack.pop()
                if forest.feature[at] < 0:
                    seen.add(bool(table[int(forest.leaf[at])]))
                    if len(seen) > 1:
                        return None
                else:
                    stack += [int(forest.left[at]), int(forest.right[at])]
            return seen.pop()

        stack: list[tuple[int, dict[int, Side]]] = [(int(forest.roots[tree]), {})]
        while stack:
            node, box = stack.pop()
            outcome = inside(node)
            if outcome is not None:
                if outcome:
                    _add(found, box)
                continue
            place = places[int(forest.feature[node])]
            bound = double_at_most(float(forest.threshold[node]), forest.comparison, forest.precision)
            left = self._missing_goes_left(place, bound, bool(forest.missing_left[node]))
            for child, side in zip(
                (forest.right[node], forest.left[node]),
                _halves(box.get(place, Side()), bound, left),
                strict=True,
            ):
                if side.values or side.missing:
                    stack.append((int(child), {**box, place: side}))
        return found

    def splits(self) -> str:
        """The tree as nested CASE, right for infinite numbers and for missing ones that the tree may meet."""
        return _leaf_condition(self._writer(False), self._fused[0])

    def _missing_goes_left(self, place: int, bound: float, missing_left: bool) -> bool:
        feature = self._columns[place].feature
        return float(feature.default or 0) <= bound if feature.missing == "default" else missing_left

    def _feature(self, expression: Expression) -> int | None:
        """The position of the number that a column of the tree is, but for rounding to float32."""
        while expression.operator == "cast" and expression.dtype in ("float32", "float64"):
            (expression,) = expression.arguments
        if expression.operator != "input":
            return None
        column = self._inputs[expression.value]
        return self.position(column) if column.feature.type == "DOUBLE" else None


def _leaf_condition(writer: Writer, cell: Expression) -> str:
    table = cell.value
    return tree_sql(writer, cell.arguments[0], lambda leaf: "TRUE" if table[leaf] else "FALSE")


def _halves(side: Side, bound: float, missing_left: bool) -> tuple[Side, Side]:
    """What lies above a bound, and what is at most that."""
    above = Side(max(side.low, bound), side.high, side.values and side.high > bound, side.missing)
    below = Side(side.low, min(side.high, bound), side.values and _reaches(side, bound), side.missing)
    if missing_left:
        return replace(above, missing=False), below
    return above, replace(below, missing=False)


def _reaches(side: Side, bound: float) -> bool:
    return side.low < bound or side.low == -math.inf


def _add(boxes: list[Box], box: Box) -> None:
    """Add a box, joined with one that it continues in a single column."""
    for place, other in enumerate(boxes):
        if other.keys() != box.keys():
            continue
        different = [column for column in box if box[column] != other[column]]
        if len(different) != 1:
            continue
        one, two = sorted((box[different[0]], other[different[0]]), key=lambda side: side.low)
        if one.values and two.values and one.high == two.low:
            joined = Side(one.low, two.high, True, one.missing or two.missing)
            del boxes[place]
            _add(boxes, {**box, different[0]: joined})
            return
    boxes.append(box)


def _hull(boxes: Sequence[Box]) -> dict[int, Side]:
    """What all boxes say of the columns that each of them asks."""
    shared = set(boxes[0]).intersection(*boxes)
    found = {}
    for place in shared:
        sides = [box[place] for box in boxes]
        ranges = [side for side in sides if side.values]
        found[place] = Side(
            min((side.low for side in ranges), default=math.inf),
            max((side.high for side in ranges), default=-math.inf),
            bool(ranges),
            any(side.missing for side in sides),
        )
    return found


def _box_sql(box: Box, hull: Box, columns: Mapping[int, FeatureColumn]) -> str:
    texts = []
    for place, side in box.items():
        column = columns[place]
        common = hull.get(place)
        if column.must_be_present:
            side = replace(side, missing=False)
        if common is not None and common.missing == side.missing and side.values:
            # what the hull says need not be said again
            low = -math.inf if side.low == common.low else side.low
            high = math.inf if side.high == common.high else side.high
            if (low, high) == (-math.inf, math.inf):
                continue
            side = replace(side, low=low, high=high)
        text = _side_sql(column, side)
        if text is not None:
            texts.append(text)
    return f"({' AND '.join(texts)})" if texts else "TRUE"


def _side_sql(column: FeatureColumn, side: Side) -> str | None:
    """The condition on a column; None where every value will do."""
    text = column.text
    tests = []
    if side.low > -math.inf:
        tests.append(f"{text} > {_bound(column, side.low)}")
    if side.high < math.inf:
        tests.append(f"{text} <= {_bound(column, side.high)}")
    elif column.floating and not (side.missing and not tests):
        tests.append(f"{text} <= {_infinite(column)}")  # NaN is above
    if not side.values:
        return column.absent if side.missing else "FALSE"
    if not tests:
        return None if side.missing else f"{text} IS NOT NULL"
    found = " AND ".join(tests)
    return f"({found} OR {column.absent})" if side.missing else found


def _bound(column: FeatureColumn, bound: float) -> str:
    if column.sql_type == "FLOAT":
        single = float_at_most(bound)
        if math.isfinite(single):
            return f"CAST({double(float(str(np.float32(single))))} AS FLOAT)"
        return double(bound)
    if column.sql_type in _WHOLE and abs(bound) < 2**31 - 1:
        return str(math.floor(bound))
    return double(bound)


def _infinite(column: FeatureColumn) -> str:
    return "CAST('inf' AS FLOAT)" if column.sql_type == "FLOAT" else _INFINITE
