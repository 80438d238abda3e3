"""Run one statement on two sessions, and say where their answers differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from warehouse_ml.errors import SqlError, WarehouseMLError
from warehouse_ml.query.tokens import tokenize

if TYPE_CHECKING:
    from warehouse_ml.engines.base import Parameters
    from warehouse_ml.session import Session

TOLERANCE = 1e-6
"""How far numbers may be apart, relative to the larger one or to 1."""

_DRIVERS = ("duckdb", "_duckdb", "snowflake")

SHOWN = 5
"""How many differing values of a column are printed."""


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """A value that two answers do not share.

    Attributes:
        row: Its row, from 0, in the order in which the rows were compared.
        column: The name of its column.
        a: What the first session gave.
        b: What the second session gave.
    """

    row: int
    column: str
    a: object
    b: object

    def __str__(self) -> str:
        """One line."""
        return f"row {self.row}, {self.column}: {self.a!r} against {self.b!r}"


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between two answers to a statement; false where nothing does.

    Attributes:
        schema: Sentences on the names, the number and the kinds of the columns.
        rows: The number of rows of each answer.
        order: A sentence where the rows are the same in another order than the statement asks for.
        values: The values that differ.
        largest: For each numeric column the largest distance of two numbers, relative to the larger one or
            to 1, differing or not.
    """

    schema: tuple[str, ...]
    rows: tuple[int, int]
    order: str = ""
    values: tuple[ValueDifference, ...] = field(default=(), repr=False)
    largest: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.schema or self.order or self.values or self.rows[0] != self.rows[1])

    def __str__(self) -> str:
        """All of it, to be read by a person."""
        if not self:
            worst = max(self.largest.values(), default=0.0)
            return f"No difference in {self.rows[0]:,} rows; numbers are {worst:.2g} apart at most."
        lines = list(self.schema)
        if self.rows[0] != self.rows[1]:
            lines.append(f"{self.rows[0]:,} rows against {self.rows[1]:,}.")
        if self.order:
            lines.append(self.order)
        if self.values:
            lines.append(f"{len(self.values):,} values differ:")
            lines += [f"  {difference}" for difference in self._first()]
        return "\n".join(lines)

    def _first(self) -> Iterator[ValueDifference]:
        for column in dict.fromkeys(difference.column for difference in self.values):
            yield from islice((found for found in self.values if found.column == column), SHOWN)


def compare(
    sql: str, a: Session, b: Session, *, params: Parameters = None, tolerance: float = TOLERANCE
) -> Differences:
    """Run one statement on two sessions, such as DuckDB and Snowflake, and compare the answers.

    Names of columns are compared without case, since Snowflake folds them to upper case, and types by their
    kind: a number is a number, however wide. A STRUCT is compared with an OBJECT field by field. Without an
    ORDER BY at the end of the statement the order of rows means nothing; nor does it among rows that are
    equal in all that the statement orders by, where those are columns of the answer.

    Args:
        sql: A query that both understand.
        a: A session.
        b: Another one.
        params: Values for its parameters.
        tolerance: How far numbers may be apart, relative to the larger one or to 1.

    Returns:
        What differs; false where nothing does.

    Raises:
        SqlError: The text is not one query, or one of the sessions refuses it.
    """
    _check_query(sql)
    answers = [_answer(session, sql, params) for session in (a, b)]
    names = [tuple(name.lower() for name in answer.names) for answer in answers]
    rows = (answers[0].rows, answers[1].rows)
    if names[0] != names[1]:
        said = " against ".join(", ".join(found) or "none" for found in names)
        return Differences((f"The columns are {said}.",), rows)
    schema = [
        f"{name} is {mine} against {other}."
        for name, mine, other in zip(names[0], answers[0].kinds, answers[1].kinds, strict=True)
        if mine != other and "null" not in (mine, other)
    ]
    if schema or rows[0] != rows[1]:
        return Differences(tuple(schema), rows)
    matched = _Matched(names[0], answers[0].columns, answers[1].columns, tolerance)
    as_given = range(rows[0])
    if _is_ordered(sql):
        values = matched.differences(as_given, as_given)
        if values:
            places = matched.sorted_places()
            keys = _sorted_by(sql, names[0])
            if not matched.differences(*places):
                if keys is not None and not any(found.column in keys for found in values):
                    return Differences((), rows, "", (), matched.largest)  # equal keys have no order
                first = min(difference.row for difference in values)
                order = f"The rows are the same, but not in the same order from row {first} on."
                return Differences((), rows, order, (), matched.largest)
    else:
        values = matched.differences(*matched.sorted_places())
    return Differences((), rows, "", tuple(values), matched.largest)


@dataclass(frozen=True, slots=True)
class _Answer:
    names: list[str]
    kinds: list[str]
    columns: list[list[Any]]
    rows: int


def _check_query(sql: str) -> None:
    """Refuse what is no single query: a statement that changes data would change both sides."""
    tree = tokenize(sql)
    if tree is None:
        return  # the engines say best what is wrong with it
    level = tree.level(0, len(tree.tokens))
    ends = [place for place in level if tree.is_symbol(place, ";")]
    changes = {"INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "COPY"}
    first = tree.word(0) or ("(" if tree.is_symbol(0, "(") else "")
    if (
        first not in ("SELECT", "WITH", "FROM", "VALUES", "TABLE", "(")
        or any(place < len(tree.tokens) - 1 for place in ends)
        or (first == "WITH" and any(tree.keyword(place) in changes for place in level))
    ):
        raise SqlError("compare takes one query, a SELECT or the like, and this is none.")


def _answer(session: Session, sql: str, params: Parameters) -> _Answer:
    try:
        result = session.sql(sql, params)
        table = result.arrow()
    except Exception as error:
        if not isinstance(error, WarehouseMLError) and type(error).__module__.split(".")[0] not in _DRIVERS:
            raise
        raise SqlError(f"{session!r} refuses the statement: {error}") from error
    columns = [
        [_plain(value, may_be_json=kind.partition("(")[0] in _JSON) for value in column.to_pylist()]
        for column, kind in zip(table.columns, result.types, strict=True)
    ]
    return _Answer(result.columns, [_kind(column) for column in columns], columns, table.num_rows)


_JSON = frozenset(["OBJECT", "VARIANT", "ARRAY", "MAP", "JSON"])
"""The types whose values come as JSON texts; what a VARCHAR holds is a text, whatever it looks like."""


def _plain(value: Any, *, may_be_json: bool) -> Any:
    """A value as it is compared: an OBJECT of Snowflake comes as its JSON text, a whole number as Decimal."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if may_be_json and isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _kind(column: Sequence[Any]) -> str:
    """What the values of a column are; `null` where there are none."""
    kinds = {_kind_of(value) for value in column if value is not None}
    return kinds.pop() if len(kinds) == 1 else "null" if not kinds else "mixed"


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, dict | list):
        return "structure"
    return {"str": "text", "datetime": "time", "Timestamp": "time"}.get(
        type(value).__name__, type(value).__name__
    )


class _Matched:
    """Two answers of the same shape."""

    def __init__(
        self, names: Sequence[str], a: list[list[Any]], b: list[list[Any]], tolerance: float
    ) -> None:
        self._names, self._a, self._b, self._tolerance = names, a, b, tolerance
        self.largest: dict[str, float] = {}

    def sorted_places(self) -> tuple[Sequence[int], Sequence[int]]:
        """The rows of both answers in an order that does not hang on how they came.

        Columns without fractions come first: two scores that are almost equal may sort one way here and
        another way there.
        """
        fractional = [
            any(_is_fractional(value) for column in pair for value in column)
            for pair in zip(self._a, self._b, strict=True)
        ]
        order = sorted(range(len(self._names)), key=lambda place: fractional[place])
        return tuple(  # type: ignore[return-value]
            sorted(
                range(len(columns[0]) if columns else 0),
                key=lambda row: [_sort_key(columns[place][row]) for place in order],
            )
            for columns in (self._a, self._b)
        )

    def differences(self, mine: Sequence[int], others: Sequence[int]) -> list[ValueDifference]:
        """The values that differ, and the largest distances, of rows that are paired."""
        self.largest = {}
        found = []
        for name, a, b in zip(self._names, self._a, self._b, strict=True):
            for row, (left, right) in enumerate(zip(mine, others, strict=True)):
                if not self._same(name, a[left], b[right]):
                    found.append(ValueDifference(row, name, a[left], b[right]))
        return sorted(found, key=lambda difference: difference.row)

    def _same(self, name: str, a: Any, b: Any) -> bool:
        if a is None or b is None:
            return a is b
        if isinstance(a, dict) and isinstance(b, dict):
            # Snowflake leaves a field without a value out
            return all(self._same(f"{name}.{key}", a.get(key), b.get(key)) for key in {**a, **b})
        if isinstance(a, list) and isinstance(b, list):
            return len(a) == len(b) and all(
                self._same(name, left, right) for left, right in zip(a, b, strict=True)
            )
        if _kind_of(a) != "number" or _kind_of(b) != "number":
            return bool(a == b)
        if isinstance(a, int) and isinstance(b, int):
            return a == b
        distance = _distance(float(a), float(b))
        self.largest[name] = max(self.largest.get(name, 0.0), distance)
        return distance <= self._tolerance


def _distance(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf
    return abs(a - b) / max(1.0, abs(a), abs(b))


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if _kind_of(value) == "number":
        if isinstance(value, int):
            return (1, value)
        # almost equal scores of two sessions stand for one place
        return (2, 0) if math.isnan(value) else (1, float(f"{value:.9g}"))
    if isinstance(value, dict):  # Snowflake leaves a field without a value out
        return (4, [(key, _sort_key(value[key])) for key in sorted(value) if value[key] is not None])
    if isinstance(value, list):
        return (5, [_sort_key(part) for part in value])
    return (3, str(value))


def _is_fractional(value: Any) -> bool:
    """Whether numbers with a fraction are in a value, which may be a little apart."""
    if isinstance(value, dict | list):
        return any(map(_is_fractional, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


def _sorted_by(sql: str, names: Sequence[str]) -> frozenset[str] | None:
    """The columns of the answer that a statement orders its rows by; None where it orders by other things."""
    tree = tokenize(sql)
    if tree is None:
        return None
    level = tree.level(0, len(tree.tokens))
    starts = [place for place in level if tree.keyword(place) == "ORDER" and tree.keyword(place + 1) == "BY"]
    ends = [place for place in level if tree.keyword(place) in _AFTER_ORDER or tree.is_symbol(place, ";")]
    if len(starts) != 1:
        return None
    low = starts[0] + 2
    high = min((place for place in ends if place > low), default=len(tree.tokens))
    found = set()
    for first, last in tree.split(low, high, ","):
        after = [tree.keyword(place) for place in range(first + 1, last)]
        name = tree.tokens[first].name.lower() if tree.is_name(first) else ""
        if set(after) - _DIRECTIONS or names.count(name) != 1:
            return None
        found.add(name)
    return frozenset(found)


_AFTER_ORDER = frozenset(["LIMIT", "OFFSET", "FETCH"])
_DIRECTIONS = frozenset(["ASC", "DESC", "NULLS", "FIRST", "LAST"])


def _is_ordered(sql: str) -> bool:
    """Whether a statement asks for an order of its rows, outside all brackets."""
    tree = tokenize(sql)
    if tree is None:
        return False
    level = tree.level(0, len(tree.tokens))
    return any(tree.keyword(place) == "ORDER" and tree.keyword(place + 1) == "BY" for place in level)
