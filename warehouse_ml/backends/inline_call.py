"""The SQL of one call of a method: a fast branch for ordinary rows, and another one for all others.

The fast branch is guarded by one test, that a sum over all features is of ordinary size, or that all of many
features are: so no value was missing, NaN or beyond its limit. All other rows go to the version's function.
For an engine that has none they get the handler's rules in SQL: its errors in their order, NULL, the model's
refusals, and the score by SQL that is right for NaN, NULL and infinity as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from warehouse_ml.backends.bounded_rows import bounded_tests
from warehouse_ml.backends.no_sql import LARGEST_TEXT, NoSqlError
from warehouse_ml.backends.ordinary_rows import ORDINARY, Guard, guard_of
from warehouse_ml.backends.program import Expression, walk
from warehouse_ml.backends.shared_values import shared_levels, with_names
from warehouse_ml.backends.shorter_form import by_differences, without_rounding
from warehouse_ml.backends.sql_expression import Writer, balanced
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.sql_literal import double
from warehouse_ml.backends.sql_result import result_sql
from warehouse_ml.backends.value_range import Range
from warehouse_ml.signature import Method, Signature
from warehouse_ml.variant import REFUSAL_MARK

__all__ = ["LARGEST_TEXT", "ORDINARY", "Call", "NoSqlError"]

_ORDINARY_RANGE = Range(-ORDINARY, ORDINARY)


class Form(Protocol):
    """What `InlineForm` holds."""

    @property
    def signature(self) -> Signature:
        """What the version takes and returns."""

    @property
    def cells(self) -> Mapping[str, tuple[Expression, ...]]:
        """The cells in the steps of the graph."""

    @property
    def fused(self) -> Mapping[str, tuple[Expression, ...]]:
        """The cells with fused sums."""


class Call:
    """One call, while its SQL is written.

    Attributes:
        column: What a feature is where it stands in a statement.
    """

    column: type[FeatureColumn] = FeatureColumn

    def __init__(
        self,
        form: Form,
        method: Method,
        features: Sequence[str],
        types: Sequence[str | None],
        *,
        otherwise: str | None = None,
    ) -> None:
        """Prepare; see `InlineForm.sql`.

        Raises:
            NoSqlError: The method's result has no exact form, or not for these types.
        """
        signature = form.signature
        result = signature.result(method)
        if result is None:
            raise NoSqlError("no such method")
        self._signature, self._result = signature, result
        self._otherwise = otherwise
        self._lenient = method == "try_predict"
        name = result_names(method)[0]
        second = 1 if result is not signature.prediction and len(signature.classes) == 2 else 0
        self._cells = list(form.cells[name])[second:]
        self._fused = list(form.fused[name])[second:]
        self._refused = list(form.cells.get("refused", ()))
        read = {e.value for e in walk(*self._cells, *self._refused) if e.operator == "input"}
        positions = {entry.name: entry.feature for entry in signature.inputs}
        used = {positions[name] for name in read}
        self._columns: list[FeatureColumn] = []
        for position, (feature, text, sql_type) in enumerate(
            zip(signature.features, features, types, strict=True)
        ):
            column = self.column.of(feature, text, sql_type, position in used)
            if column is None:
                raise NoSqlError(f"the type {sql_type} of the feature {feature.name!r}")
            self._columns.append(column)
        self._inputs = {name: self._columns[positions[name]] for name in read}
        exact = {name for name, column in self._inputs.items() if column.single}
        if exact:
            self._cells = without_rounding(self._cells, exact)
            self._fused = without_rounding(self._fused, exact)
        self._poisoned = self._refused_keys()

    def sql(self) -> str:
        """The expression.

        Raises:
            NoSqlError: It has no exact form, or none that is short enough.
        """
        checks = list(self._checks()) if self._otherwise is None else []
        if not checks and self._otherwise is None:
            return self._slow()
        slow = self._slow() if self._otherwise is None else self._otherwise
        cells = by_differences(self._fused)
        guard = self._guard(cells)
        bounded = self._bounded(cells, guard)
        if bounded is not None:
            return bounded
        levels = shared_levels(cells, guard.anchors)
        writer = Writer(self._inputs, self._poisoned, fast=True, bound={}, proven=guard.proven)
        whens = "".join(f" WHEN {condition} THEN {outcome}" for condition, outcome in checks)
        if levels:
            other = f"CASE{whens} ELSE {slow} END" if whens else slow
            return self._named(writer, cells, levels, other, guard)
        anchors = [writer.value(anchor) for anchor in guard.anchors]
        test = _all([_ordinary(anchors, guard.terms, guard.largest), *guard.tests])
        for anchor in guard.anchors:
            writer.bind(anchor, writer.value(anchor), _ORDINARY_RANGE)
        fast = self._written(writer, cells)
        if test == "TRUE":
            return fast
        if fast != slow:
            return f"CASE WHEN {test} THEN {fast}{whens} ELSE {slow} END"
        return f"CASE WHEN CASE WHEN {test} THEN TRUE{whens} ELSE TRUE END THEN {fast} END"

    def _bounded(self, cells: Sequence[Expression], guard: Guard) -> str | None:
        """One value by a guard of the features alone; None where that does not show enough."""
        if self._otherwise is None or len(cells) != 1 or self._refused or shared_levels(cells, []):
            return None
        tests = bounded_tests(cells[0], self._checked(), self._inputs, guard.anchors, guard.largest)
        if not tests:
            return None
        writer = Writer(self._inputs, self._poisoned, fast=True, bound={}, proven=guard.proven)
        for anchor in guard.anchors:
            known = Range(-guard.largest, guard.largest, null=writer.range(anchor).null)
            writer.bind(anchor, writer.value(anchor), known)
        return (
            f"CASE WHEN {' AND '.join(tests)} THEN {self._written(writer, cells)} ELSE {self._otherwise} END"
        )

    def _named(
        self,
        writer: Writer,
        cells: Sequence[Expression],
        levels: Sequence[Sequence[Expression]],
        other: str,
        guard: Guard,
    ) -> str:
        """The fast branch with names in it; NULL leads to the other one.

        Within the names' scope no column should be read: DuckDB copies each that is.
        """

        def body() -> str:
            test = _ordinary([writer.value(anchor) for anchor in guard.anchors], [], guard.largest)
            for anchor in guard.anchors:
                writer.bind(anchor, writer.value(anchor), _ORDINARY_RANGE)
            fast = self._written(writer, cells)
            return f"CASE WHEN {test} THEN {fast} END" if test else fast

        fast = with_names(writer, levels, "wml_f", body)
        tests = _all([_ordinary([], guard.terms), *guard.tests])
        return f"coalesce({fast if tests == 'TRUE' else f'CASE WHEN {tests} THEN {fast} END'}, {other})"

    def _writer(self, fast: bool) -> Writer:
        return Writer(self._inputs, self._poisoned, fast=fast, bound={})

    def _slow(self) -> str:
        writer = self._writer(False)
        levels = shared_levels(self._cells, [], worth=6.0)
        return with_names(writer, levels, "wml_s", lambda: self._written(writer, self._cells))

    # --- what is checked ----------------------------------------------------------------------

    def _checked(self) -> list[FeatureColumn]:
        return [column for column in self._columns if column.used or column.must_be_present]

    def _checks(self) -> Iterator[tuple[str, str]]:
        """Conditions and what comes of them, in the order in which the handler finds them."""
        for column in self._checked():
            for condition, sentence in column.failures(self._lenient):
                yield condition, self._raised(sentence)
        absent = [c for column in self._checked() for c in column.without_score(self._lenient)]
        if absent:
            yield " OR ".join(absent), "NULL"
        if not self._refused:
            return
        writer = self._writer(False)
        text = writer.spelling.text
        conditions = [writer.condition(cell) for cell in self._refused]
        if self._lenient:
            yield " OR ".join(conditions), "NULL"
            return
        for condition, refusal in zip(conditions, self._signature.refusals, strict=True):
            if refusal.feature < 0:
                yield condition, self._raised(text(f"The model refuses a row: {refusal.reason}."))
                continue
            column = self._columns[refusal.feature]
            end = text(f" for the feature {column.feature.name!r}: {refusal.reason}.")
            yield condition, self._raised(f"{text('The model refuses ')} || {column.shown} || {end}")

    def _guard(self, cells: Sequence[Expression]) -> Guard:
        """What proves that a row needs no check."""
        return guard_of(cells, self._checked(), self._inputs, self._refused, self._writer(True))

    def _refused_keys(self) -> dict[str, frozenset[str | None]]:
        """For inputs of texts the keys that are refused; None stands for those that are not named."""
        found: dict[str, frozenset[str | None]] = {}
        for cell in self._refused:
            if cell.operator == "lookup" and cell.arguments[0].operator == "input":
                table, default = cell.value.table, cell.value.default
                keys: set[str | None] = {key for key, refused in table.items() if refused}
                name = cell.arguments[0].value
                found[name] = found.get(name, frozenset()) | keys | ({None} if default else set())
        return found

    def _raised(self, sentence: str) -> str:
        """What raises an error with a sentence, of which the SQL text is given."""
        if sentence.startswith("'") and sentence.count(" || ") == 0:
            return f"error('{REFUSAL_MARK}ScoringError: {sentence[1:]})"
        return f"error('{REFUSAL_MARK}ScoringError: ' || {sentence})"

    # --- what is returned ---------------------------------------------------------------------

    def _written(self, writer: Writer, cells: Sequence[Expression]) -> str:
        return result_sql(writer, cells, self._result)


def _ordinary(sums: Sequence[str], terms: Sequence[str], largest: float = ORDINARY) -> str:
    """The condition that all sums are of ordinary size; magnitudes, since those of classes may cancel out."""
    sizes = [*(f"abs({text})" for text in sums), *terms]
    return f"{balanced(sizes)} <= {double(largest)}" if sizes else ""


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(filter(None, conditions)) or "TRUE"


def result_names(method: Method) -> tuple[str, ...]:
    """The groups of cells that a method needs; the first holds its result."""
    return ("probabilities" if method == "predict_proba" else "prediction", "refused")
