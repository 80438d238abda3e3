"""A comparison of a score with constants as one SQL condition that does not compute the score.

What a tree or a choice between labels gives is known beforehand, so that the comparison becomes a table of
true and false. What a score makes of a sum by growing or falling functions becomes a test of that sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from warehouse_ml.backends.finite_domain import leaf_numbers
from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.backends.inline_call import LARGEST_TEXT, ORDINARY, Call, NoSqlError, result_names
from warehouse_ml.backends.monotone import Flip, Rows, flip_of
from warehouse_ml.backends.program import Expression, Lookup, walk
from warehouse_ml.backends.shorter_form import by_differences
from warehouse_ml.backends.sql_expression import Writer
from warehouse_ml.backends.sql_literal import double
from warehouse_ml.backends.value_range import Range
from warehouse_ml.signature import Method, Output

_NUMBERS = frozenset(["DOUBLE", "BIGINT"])

_STRICT = frozenset(["add", "sub", "mul", "neg", "sum", "abs", "square", "sqrt", "exp", "dot"])
"""Operators whose SQL is NULL where an argument is; `greatest` and `least` pass over NULL."""

MARGIN = "wml_z"
"""What the sum is called while the engine is asked for the place where a comparison changes."""


class Condition(Protocol):
    """What a score is compared with; see `optimize.comparisons.Comparison`."""

    @property
    def text(self) -> str:
        """The condition as SQL, without the value before it."""

    @property
    def operator(self) -> str:
        """The operator."""

    @property
    def negated(self) -> bool:
        """Whether it is the opposite."""

    @property
    def constants(self) -> tuple[Any, ...]:
        """What the value is compared with."""

    @property
    def bounds(self) -> tuple[tuple[str, Any], ...]:
        """Comparisons that must all hold, but for a negated condition."""

    def holds(self, value: Any) -> bool:
        """Whether a value meets the condition."""


def compared_sql(
    form: InlineForm,
    method: Method,
    condition: Condition,
    features: Sequence[str],
    types: Sequence[str | None],
    ask: Callable[[str], Rows],
    otherwise: str | None = None,
    decided: InlineForm | None = None,
) -> tuple[str, str] | None:
    """A condition on a score as one SQL condition; NULL where the score is.

    Args:
        form: The model.
        method: The method that gives the score.
        condition: The condition.
        features: The SQL text of each feature, as for `InlineForm.sql`.
        types: The SQL type of each.
        ask: Gives the rows of a query.
        otherwise: The SQL text of a call that gives the score of rows that are not ordinary, or None.
        decided: What `decided_form` gives for the condition.

    Returns:
        The SQL text, and in words what is tested; None where there is no such form, or it gains nothing.
    """
    result = form.signature.result(method)
    if result is None or not _is_comparable(condition, result):
        return None
    other = None if otherwise is None else f"({otherwise} {condition.text})"
    try:
        if decided is not None:
            lenient: Method = "try_predict" if method == "try_predict" else "predict"
            text = Call(decided, lenient, features, types, otherwise=other).sql()
            told = "the leaves of the tree" if _has_leaf(decided) else "the sign of the sum"
        elif result.type not in _NUMBERS:
            return None
        else:
            call = MarginCall(form, method, condition, features, types, ask, other)
            text, told = call.sql(), call.told
    except NoSqlError:
        return None
    return (text, told) if len(text) <= LARGEST_TEXT else None


def decided_form(form: InlineForm, method: Method, condition: Condition) -> InlineForm | None:
    """The form whose PREDICT says whether a score meets a condition, where it never is NaN.

    None where the score is not one of a few values, or the engine would cast one side of the condition.
    """
    result = form.signature.result(method)
    if result is None or not _is_comparable(condition, result):
        return None
    name = result_names(method)[0]
    groups = []
    for cells in (form.cells, form.fused):
        cell = cells[name][-1]
        test = _decided(cell, condition)
        if test is None or _inputs(test) != _inputs(cell):  # what is not read is not refused either
            return None
        groups.append({**cells, "prediction": (test,)})
    output = Output("prediction", "BOOLEAN", form.signature.prediction.tensor, 0)
    signature = replace(form.signature, prediction=output, probabilities=None)
    return InlineForm(signature, groups[0], groups[1])


def _inputs(cell: Expression) -> set[str]:
    return {expression.value for expression in walk(cell) if expression.operator == "input"}


def _is_comparable(condition: Condition, result: Output) -> bool:
    kinds = {
        "DOUBLE": (int, float),
        "BIGINT": (int, float),
        "VARCHAR": (str,),
        "BOOLEAN": (bool,),
    }.get(result.type, ())
    plain = result.type == "BOOLEAN" or not any(isinstance(c, bool) for c in condition.constants)
    ordered = condition.operator in ("=", "<>", "IN")
    return (
        plain
        and all(isinstance(c, kinds) for c in condition.constants)
        and (ordered or result.type in _NUMBERS)
    )


def _decided(cell: Expression, condition: Condition) -> Expression | None:
    """The condition where the value is one of a few that are known; None elsewhere."""
    if cell.operator == "constant":
        return None if _is_nan(cell.value) else _truth(condition.holds(_plain(cell.value)))
    if cell.operator == "where":
        test, *sides = cell.arguments
        yes, no = (_decided(side, condition) for side in sides)
        if yes is None or no is None:
            return None
        if yes.operator == "constant" and no.operator == "constant":
            if yes.value == no.value:
                return yes
            return test if yes.value else Expression("not", "bool", (test,))
        return Expression("where", "bool", (test, yes, no))
    if cell.operator == "take":
        values = [_plain(value) for value in cell.value]
        (place,) = cell.arguments
        reached = set(leaf_numbers(place).tolist()) if place.operator == "leaf" else set(range(len(values)))
        if any(_is_nan(values[number]) for number in reached):
            return None
        table = np.array([number in reached and condition.holds(v) for number, v in enumerate(values)])
        if len({bool(table[number]) for number in reached}) == 1:
            return _truth(bool(table[next(iter(reached))]))
        return Expression("take", "bool", (place,), table)
    if cell.operator == "lookup" and cell.arguments[0].dtype == "string":
        entries = {key: _plain(value) for key, value in cell.value.table.items()}
        values = [*entries.values(), _plain(cell.value.default)]
        if any(map(_is_nan, values)):
            return None
        chosen = {key: condition.holds(value) for key, value in entries.items()}
        return Expression("lookup", "bool", cell.arguments, Lookup(chosen, condition.holds(values[-1])))
    return None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _truth(value: bool) -> Expression:
    return Expression("constant", "bool", (), value)


def _has_leaf(form: InlineForm) -> bool:
    return any(expression.operator == "leaf" for expression in walk(*form.fused["prediction"]))


class MarginCall(Call):
    """A call whose score comes of a single sum: the sum is compared, not the score."""

    def __init__(
        self,
        form: InlineForm,
        method: Method,
        condition: Condition,
        features: Sequence[str],
        types: Sequence[str | None],
        ask: Callable[[str], Rows],
        otherwise: str | None,
    ) -> None:
        """Prepare; see `compared_sql`.

        Raises:
            NoSqlError: The score is no growing or falling function of one sum, or it is that sum.
        """
        super().__init__(form, method, features, types, otherwise=otherwise)
        self._condition = condition
        cells = by_differences(self._fused)
        margin = _only_sum(cells)
        if margin is None or condition.operator == "IN":
            raise NoSqlError("a score of several sums")
        self._flips = self._found(margin, cells[0], ask)
        self._bare = self._needs_no_check(margin, cells)
        if margin is cells[0] and not self._bare:
            raise NoSqlError("nothing to gain: the score is the sum")

    @property
    def told(self) -> str:
        """What is tested, in words."""
        return "the sum " + " and ".join(f"{sign} {bound:.6g}" for sign, bound in self._flips)

    def sql(self) -> str:
        """The condition.

        Raises:
            NoSqlError: It has no exact form, or none that is short enough.
        """
        if not self._bare:
            return super().sql()
        margin = _only_sum(by_differences(self._fused))
        if margin is None:
            raise NoSqlError("a score of several sums")
        return self._tested(self._writer(True).value(margin))

    def _written(self, writer: Writer, cells: Sequence[Expression]) -> str:
        if all(mine is theirs for mine, theirs in zip(cells, self._cells, strict=True)):
            return f"({super()._written(writer, cells)} {self._condition.text})"
        margin = _only_sum(cells)
        if margin is None:
            raise NoSqlError("a score of several sums")
        return self._tested(writer.value(margin))

    def _tested(self, sum_text: str) -> str:
        tests = " AND ".join(f"{sum_text} {sign} {double(bound)}" for sign, bound in self._flips)
        return f"(NOT ({tests}))" if self._condition.negated else f"({tests})"

    def _found(self, margin: Expression, cell: Expression, ask: Callable[[str], Rows]) -> list[Flip]:
        """The tests of the sum that say the same as those of the score.

        Raises:
            NoSqlError: The score may grow and fall, or meets the condition everywhere or nowhere.
        """
        writer = Writer({}, {}, fast=True, bound={id(margin): (MARGIN, Range(-ORDINARY, ORDINARY))})
        text = writer.value(cell)
        flips = []
        for sign, constant in self._condition.bounds:
            signs = (">=", "<=") if sign == "=" else (sign,)
            if sign == "<>":
                raise NoSqlError("a score that is compared by <>")
            for one in signs:
                found = flip_of(cell, margin, one, float(constant), text, MARGIN, ask)
                if found is None:
                    raise NoSqlError("no single place where the comparison changes")
                flips.append(found)
        return flips

    def _needs_no_check(self, margin: Expression, cells: Sequence[Expression]) -> bool:
        """Whether every row is ordinary, or has NULL for the sum where it has none for the score."""
        guard = self._guard(cells)
        columns = self._checked()
        if guard.terms or guard.tests or any(column.floating for column in columns):
            return False
        if any(column.failures(self._lenient) for column in columns) or self._refused:
            return False
        passed = {id(self._inputs[name]) for name in _null_of(margin)}
        for column in columns:
            if column.feature.type == "TIMESTAMP" or (column.must_be_present and id(column) not in passed):
                return False
        known = self._writer(True).range(margin)
        return known.low >= -ORDINARY and known.high <= ORDINARY and not known.missing


def _null_of(margin: Expression) -> set[str]:
    """The inputs of which NULL surely makes a sum NULL."""
    found: set[str] = set()
    stack = [margin]
    while stack:
        current = stack.pop()
        if current.operator == "input":
            found.add(current.value)
        elif current.operator == "linear":
            weights = current.value[0]
            stack += [part for part, weight in zip(current.arguments, weights, strict=True) if weight]
        elif current.operator in _STRICT or (
            current.operator == "cast" and current.dtype.startswith(("float", "int"))
        ):
            stack += current.arguments
    return found


def _only_sum(cells: Sequence[Expression]) -> Expression | None:
    """The only sum over features that some cells depend on; None where they depend on features otherwise."""
    if len(cells) != 1:
        return None
    found: dict[int, Expression] = {}
    stack, seen = [cells[0]], set()
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if current.operator == "input":
            return None
        if current.operator == "linear" and not any(part.operator == "exp" for part in current.arguments):
            found[id(current)] = current
        else:
            stack.extend(current.arguments)
    return next(iter(found.values())) if len(found) == 1 else None
