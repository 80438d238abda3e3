"""The SQL of one call of a method: a fast branch for ordinary rows, and another one for all others.

The fast branch is guarded by one test, that a sum over all features is of ordinary size: so no value was
missing, NaN or beyond its limit. All other rows go to the version's function. For an engine that has none
they get the handler's rules in SQL: its errors in their order, NULL, the model's refusals, and the score by
SQL that is right for NaN, NULL and infinity as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from warehouse_ml.backends.program import Expression, walk
from warehouse_ml.backends.shared_values import shared_levels, with_names
from warehouse_ml.backends.shorter_form import by_differences, without_rounding
from warehouse_ml.backends.sql_expression import LARGEST_TEXT, NoSqlError, Writer, balanced
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.sql_literal import double, number
from warehouse_ml.backends.sql_tree import tree_sql
from warehouse_ml.backends.value_range import Range
from warehouse_ml.quoting import literal, quoted
from warehouse_ml.signature import Method, Output, Signature
from warehouse_ml.variant import REFUSAL_MARK

__all__ = ["LARGEST_TEXT", "Call", "NoSqlError"]

ORDINARY = 1e100
"""Beyond it a sum is worked out in the steps of the graph, so that it overflows where they do."""

_ORDINARY_RANGE = Range(-ORDINARY, ORDINARY)

_CARRIERS = frozenset(["add", "sub", "mul", "neg", "sum", "abs", "square", "dot"])
"""Operators whose result is not finite where an argument is not; weights of zero aside."""


_COMPARERS = frozenset(["leaf", "eq", "lt", "le", "gt", "ge", "isnan", "isinf", "cast"])


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


@dataclass(frozen=True, slots=True)
class Guard:
    """What holds only in rows that need no check.

    Attributes:
        anchors: Expressions whose magnitudes are ordinary.
        terms: SQL texts that are zero.
        tests: SQL conditions that are true.
        proven: The inputs that are finite where the anchors are.
    """

    anchors: Sequence[Expression]
    terms: Sequence[str]
    tests: Sequence[str]
    proven: Collection[str] = ()


class Call:
    """One call, while its SQL is written."""

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
            column = FeatureColumn.of(feature, text, sql_type, position in used)
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
        levels = shared_levels(cells, guard.anchors)
        writer = Writer(self._inputs, self._poisoned, fast=True, bound={}, proven=guard.proven)
        whens = "".join(f" WHEN {condition} THEN {outcome}" for condition, outcome in checks)
        if levels:
            other = f"CASE{whens} ELSE {slow} END" if whens else slow
            return self._named(writer, cells, levels, other, guard)
        test = _all(
            [_ordinary([writer.value(anchor) for anchor in guard.anchors], guard.terms), *guard.tests]
        )
        for anchor in guard.anchors:
            writer.bind(anchor, writer.value(anchor), _ORDINARY_RANGE)
        fast = self._written(writer, cells)
        if test == "TRUE":
            return fast
        if fast != slow:
            return f"CASE WHEN {test} THEN {fast}{whens} ELSE {slow} END"
        return f"CASE WHEN CASE WHEN {test} THEN TRUE{whens} ELSE TRUE END THEN {fast} END"

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
            test = _ordinary([writer.value(anchor) for anchor in guard.anchors], [])
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
                yield condition, _raised(sentence)
        absent = [c for column in self._checked() for c in column.without_score(self._lenient)]
        if absent:
            yield " OR ".join(absent), "NULL"
        if not self._refused:
            return
        writer = self._writer(False)
        conditions = [writer.condition(cell) for cell in self._refused]
        if self._lenient:
            yield " OR ".join(conditions), "NULL"
            return
        for condition, refusal in zip(conditions, self._signature.refusals, strict=True):
            if refusal.feature < 0:
                yield condition, _raised(literal(f"The model refuses a row: {refusal.reason}."))
                continue
            column = self._columns[refusal.feature]
            end = literal(f" for the feature {column.feature.name!r}: {refusal.reason}.")
            yield condition, _raised(f"{literal('The model refuses ')} || {column.shown} || {end}")

    def _guard(self, cells: Sequence[Expression]) -> Guard:
        """What proves that a row needs no check."""
        anchors = _outermost_sums(cells)
        covered: set[str] = set()
        for anchor in anchors:
            covered |= _carried(anchor)
        proven = {id(self._inputs[name]) for name in covered}
        free = {id(column) for column in self._columns} - {
            id(self._inputs[name]) for name in _calculated(cells)
        }
        terms: list[str] = []
        limited: dict[tuple[float, bool, str], list[str]] = {}
        summed: dict[tuple[float, str], list[str]] = {}
        for column in self._checked():
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
        writer = self._writer(True)
        for cell in self._refused:
            place = cell.arguments[0] if cell.operator == "lookup" else None
            if place is None or place.operator != "input" or place.value not in covered:
                conditions.append(f"NOT {writer.certain(cell)}")
        return Guard(anchors, terms, conditions, covered)

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

    # --- what is returned ---------------------------------------------------------------------

    def _written(self, writer: Writer, cells: Sequence[Expression]) -> str:
        leaf = _same_leaf(cells)
        if leaf is not None and len(cells) > 1:
            return self._struct_at_leaves(writer, leaf)
        outputs = list(self._result.leaves())
        leaves = [
            (_leaf_sql(writer, cell, output), writer.range(cell).missing and output.type == "DOUBLE")
            for cell, output in zip(cells, outputs, strict=True)
        ]
        if not any(missing for _, missing in leaves):
            return _assembled(self._result, iter([text for text, _ in leaves]))
        if self._result.type != "STRUCT":
            text = leaves[0][0]
            if not writer.range(cells[0]).nan:
                return text
            return f"list_transform([{text}], lambda wml_r: CASE WHEN NOT isnan(wml_r) THEN wml_r END)[1]"
        names = [f"wml_r.r{place}" for place in range(len(leaves))]
        packed = ", ".join(f"r{place} := {text}" for place, (text, _) in enumerate(leaves))
        texts = [
            f"CASE WHEN NOT isnan({name}) THEN {name} END" if missing else name
            for name, (_, missing) in zip(names, leaves, strict=True)
        ]
        body = _assembled(self._result, iter(texts), iter(zip(names, [m for _, m in leaves], strict=True)))
        return f"list_transform([struct_pack({packed})], lambda wml_r: {body})[1]"

    def _struct_at_leaves(self, writer: Writer, leaf: Expression) -> str:
        def shown(place: int) -> str:
            texts = [
                _as_type(number(cell.value[place], cell.dtype), cell.dtype, output.type)
                for cell, output in zip(self._cells, self._result.leaves(), strict=True)
            ]
            return _assembled(self._result, iter(texts))

        return tree_sql(writer, leaf, shown)


def _ordinary(sums: Sequence[str], terms: Sequence[str]) -> str:
    """The condition that all sums are of ordinary size; magnitudes, since those of classes may cancel out."""
    sizes = [*(f"abs({text})" for text in sums), *terms]
    return f"{balanced(sizes)} <= {double(ORDINARY)}" if sizes else ""


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(filter(None, conditions)) or "TRUE"


def result_names(method: Method) -> tuple[str, ...]:
    """The groups of cells that a method needs; the first holds its result."""
    return ("probabilities" if method == "predict_proba" else "prediction", "refused")


def _raised(sentence: str) -> str:
    if sentence.startswith("'") and sentence.count(" || ") == 0:
        return f"error('{REFUSAL_MARK}ScoringError: {sentence[1:]})"
    return f"error('{REFUSAL_MARK}ScoringError: ' || {sentence})"


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


def _same_leaf(cells: Sequence[Expression]) -> Expression | None:
    places = {id(cell.arguments[0]) for cell in cells if cell.operator == "take"}
    if len(places) != 1 or any(cell.operator != "take" for cell in cells):
        return None
    return cells[0].arguments[0] if cells[0].arguments[0].operator == "leaf" else None


def _leaf_sql(writer: Writer, cell: Expression, output: Output) -> str:
    text = writer.certain(cell) if cell.dtype == "bool" else writer.value(cell)
    return _as_type(text, cell.dtype, output.type)


def _as_type(text: str, dtype: str, kind: str) -> str:
    """A cell as a value of its SQL type."""
    if (dtype, kind) in (("float64", "DOUBLE"), ("string", "VARCHAR"), ("bool", "BOOLEAN")):
        return text
    if kind in ("DOUBLE", "BIGINT", "BOOLEAN") and dtype not in ("string",):
        if kind == "BIGINT" and dtype.startswith("float"):
            text = f"trunc({text})"
        return f"CAST({text} AS {kind})"
    raise NoSqlError(f"a result of the type {kind}")


def _assembled(
    output: Output, texts: Iterator[str], missing: Iterator[tuple[str, bool]] | None = None
) -> str:
    """The texts of the leaves as the result; a STRUCT is NULL where all its parts are.

    Args:
        output: The result.
        texts: The SQL text of each leaf.
        missing: For each leaf a name for its value, and whether it can be NaN or NULL.
    """
    if output.type != "STRUCT":
        return next(texts)
    tests = []
    parts = []
    for field in output.fields:
        leaves = [next(missing) for _ in field.leaves()] if missing is not None else []
        tests += leaves
        inner = iter(leaves) if leaves else None
        parts.append(f"{quoted(field.name)} := {_assembled(field, texts, inner)}")
    packed = f"struct_pack({', '.join(parts)})"
    if not tests or not all(possible for _, possible in tests):
        return packed
    present = " OR ".join(f"NOT isnan({name})" for name, _ in tests)
    return f"CASE WHEN {present} THEN {packed} END"
