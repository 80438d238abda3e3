"""Write expressions as SQL: doubles as doubles, floats as floats, NaN as NaN or NULL.

This is DuckDB's SQL; `sql_snowflake` overrides what Snowflake has otherwise.

A number that is NaN in numpy is NaN or NULL in SQL, and a condition that is false may be NULL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from warehouse_ml.backends.no_sql import LARGEST_TEXT, NoSqlError
from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.spelling import DUCKDB_SPELLING, Spelling
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.sql_literal import FLOAT_INFINITE, FLOAT_LARGEST, double
from warehouse_ml.backends.sql_table import lookup_sql, member_sql, take_sql
from warehouse_ml.backends.sql_tree import tree_sql
from warehouse_ml.backends.value_range import Range, range_of

__all__ = ["LARGEST_TEXT", "NoSqlError", "Writer", "balanced"]

_INFINITE = double(math.inf)
_EXACT_INTEGER = 2.0**62


class Writer:
    """Writes expressions over the features of one call.

    Attributes:
        spelling: How constants are spelled.
    """

    spelling: Spelling = DUCKDB_SPELLING

    def __init__(
        self,
        inputs: Mapping[str, FeatureColumn],
        poisoned: Mapping[str, frozenset[str | None]],
        *,
        fast: bool,
        bound: Mapping[int, tuple[str, Range]],
        proven: Collection[str] = (),
    ) -> None:
        """Prepare.

        Args:
            inputs: The feature of each input of the graph.
            poisoned: For inputs of texts the keys that the model refuses; None is any other.
            fast: Whether the values of features are known to need no check, see `FeatureColumn.value`.
            bound: Expressions that have a name already, and their ranges.
            proven: Inputs that are known to fit in what they are cast to, or may give NULL.
        """
        self._inputs, self._poisoned, self._fast, self._proven = inputs, poisoned, fast, proven
        self._texts: dict[int, str] = {key: name for key, (name, _) in bound.items()}
        self._ranges: dict[int, Range] = {key: known for key, (_, known) in bound.items()}
        self._kept: list[Expression] = []

    def bind(self, expression: Expression, name: str, known: Range) -> None:
        """Give an expression a name that stands for it from now on."""
        self._texts[id(expression)] = name
        self._ranges[id(expression)] = known
        self._kept.append(expression)

    def range(self, expression: Expression) -> Range:
        """What values an expression can have."""
        known = self._ranges.get(id(expression))
        if known is None:
            if expression.operator == "input":
                known = self._inputs[expression.value].range(self._fast)
            else:
                known = range_of(expression, [self.range(part) for part in expression.arguments])
                if expression.operator == "where" and self._imputes(expression):
                    filled = self.range(expression.arguments[1])
                    kept = self.range(expression.arguments[2])
                    known = Range(
                        min(kept.low, filled.low), max(kept.high, filled.high), filled.nan, filled.null
                    )
            self._ranges[id(expression)] = known
            self._kept.append(expression)
        return known

    def value(self, expression: Expression) -> str:
        """The SQL text of an expression; it can stand as an operand.

        Raises:
            NoSqlError: It has no exact form.
        """
        known = self._texts.get(id(expression))
        if known is None:
            rule = _RULES.get(expression.operator)
            if rule is not None:
                known = rule(self, expression)
            elif expression.dtype == "bool":
                known = self.certain(expression)
            else:
                raise NoSqlError(f"the operator {expression.operator!r}")
            self.keep(expression, known)
        return known

    def is_new(self, expression: Expression) -> bool:
        """Whether no text is known yet for an expression."""
        return id(expression) not in self._texts

    def keep(self, expression: Expression, text: str) -> str:
        """Note the text of an expression, and return it.

        Raises:
            NoSqlError: It is too long.
        """
        if len(text) > LARGEST_TEXT:
            raise NoSqlError("the length of its text")
        self._texts[id(expression)] = text
        self._kept.append(expression)
        return text

    # --- conditions ---------------------------------------------------------------------------

    def certain(self, expression: Expression) -> str:
        """A condition that is never NULL."""
        if self._may_be_null(expression):
            return f"coalesce({self.condition(expression)}, FALSE)"
        return self.condition(expression)

    def _may_be_null(self, expression: Expression) -> bool:
        if expression.operator in ("and", "or", "eq", "lt", "le", "gt", "ge", "isinf"):
            return any(
                self._may_be_null(part) if part.dtype == "bool" else self.range(part).null
                for part in expression.arguments
            )
        return False

    def condition(self, expression: Expression) -> str:
        """A condition; NULL stands for false."""
        operator, parts = expression.operator, expression.arguments
        if operator in ("and", "or"):
            left, right = (self.condition(part) for part in parts)
            return f"({left} {operator.upper()} {right})"
        if operator == "not":
            return f"(NOT {self.certain(parts[0])})"
        if operator in _COMPARISONS:
            return self._compared(operator, *parts)
        if operator == "isnan":
            return self._is_nan(parts[0])
        if operator == "isinf":
            known = self.range(parts[0])
            finite = math.isfinite(known.low) and math.isfinite(known.high)
            return "FALSE" if finite else self.spelling.is_infinite(self.value(parts[0]))
        if operator == "lookup":
            return member_sql(self, expression)
        if operator == "cast":
            return self._truth(parts[0])
        return self.value(expression)

    def _truth(self, part: Expression) -> str:
        if part.dtype == "bool":
            return self.condition(part)
        if self.range(part).missing or part.dtype == "string":
            raise NoSqlError("a number that may be NaN as a condition")
        return f"({self.value(part)} <> 0)"

    def _is_nan(self, part: Expression) -> str:
        known, text = self.range(part), self.value(part)
        if known.nan and known.null:
            return f"({text} IS NULL OR {self.spelling.is_nan(text)})"
        if known.null:
            return f"({text} IS NULL)"
        return self.spelling.is_nan(text) if known.nan else "FALSE"

    def _compared(self, operator: str, left: Expression, right: Expression) -> str:
        if left.dtype in ("bool", "string"):
            if operator != "eq" or self.range(left).null or self.range(right).null:
                raise NoSqlError("texts or conditions compared")
            return f"({self.value(left)} = {self.value(right)})"
        a, b = self.value(left), self.value(right)
        text = f"{a} {_COMPARISONS[operator]} {b}"
        # SQL has NaN above all numbers, and equal to itself
        above = [left] if operator in ("gt", "ge") else [right] if operator in ("lt", "le") else []
        if operator == "eq" and self.range(left).nan and self.range(right).nan:
            above = [left]
        infinite = self.spelling.double(math.inf)
        checks = [f"{self.value(part)} <= {infinite}" for part in above if self.range(part).nan]
        return f"({' AND '.join([text, *checks])})"

    # --- values -------------------------------------------------------------------------------

    def _input(self, expression: Expression) -> str:
        return self._inputs[expression.value].value(self._fast)

    def _binary(self, expression: Expression) -> str:
        if expression.dtype not in ("float32", "float64"):
            known = self.range(expression)
            if expression.operator == "div" or max(abs(known.low), abs(known.high)) > _EXACT_INTEGER:
                raise NoSqlError("arithmetic of whole numbers")
        sign = {"add": "+", "sub": "-", "mul": "*", "div": "/"}[expression.operator]
        left, right = map(self.value, expression.arguments)
        return f"({left} {sign} {right})"

    def _sum(self, expression: Expression) -> str:
        return "(" + " + ".join(map(self.value, expression.arguments)) + ")"

    def _negated(self, expression: Expression) -> str:
        return f"(-({self.value(expression.arguments[0])}))"

    def _dot(self, expression: Expression) -> str:
        if expression.dtype != "float64":
            raise NoSqlError("a product of matrices in float32")
        weights = [float(w) for w in expression.value]
        return self._added(expression.arguments, weights, 0.0)

    def _linear(self, expression: Expression) -> str:
        weights, constant = expression.value
        return self._added(expression.arguments, weights, constant)

    def _added(self, parts: Sequence[Expression], weights: Sequence[float], constant: float) -> str:
        terms = []
        for part, weight in zip(parts, weights, strict=True):
            if weight == 0 and self._fast and not self._may_overflow(part):
                continue
            terms.append(self._term(part, weight))
        if constant != 0 or not terms:
            terms.append(self.spelling.double(constant))
        return balanced(terms)

    def _may_overflow(self, part: Expression) -> bool:
        known = self.range(part)
        return known.missing or math.isinf(known.low) or math.isinf(known.high)

    def _term(self, part: Expression, weight: float) -> str:
        if weight == 1:
            return self.value(part)
        if part.operator == "input" and self._fast and id(part) not in self._texts:
            return f"{self._inputs[part.value].factor} * {self.spelling.double(weight)}"
        if part.operator == "cast" and part.arguments[0].dtype == "bool":
            condition = self.condition(part.arguments[0])
            one, zero = self.spelling.double(weight), self.spelling.double(0.0)
            return f"CASE WHEN {condition} THEN {one} ELSE {zero} END"
        return f"{self.value(part)} * {self.spelling.double(weight)}"

    def _called(self, expression: Expression) -> str:
        if expression.dtype != "float64":
            raise NoSqlError(f"{expression.operator} in float32")
        return f"{_FUNCTIONS[expression.operator]}({self.value(expression.arguments[0])})"

    def _absolute(self, expression: Expression) -> str:
        return f"abs({self.value(expression.arguments[0])})"

    def _sigmoid(self, expression: Expression) -> str:
        if expression.dtype != "float64":
            raise NoSqlError("sigmoid in float32")
        return f"(1e0 / (1e0 + exp(-({self.value(expression.arguments[0])}))))"

    def _square(self, expression: Expression) -> str:
        text = self.value(expression.arguments[0])
        return f"({text} * {text})"

    def _power(self, expression: Expression) -> str:
        base, exponent = expression.arguments
        if expression.dtype != "float64" or self.range(base).missing or self.range(exponent).missing:
            raise NoSqlError("a power of what may be NaN")
        return f"pow({self.value(base)}, {self.value(exponent)})"

    def _round(self, expression: Expression) -> str:
        if expression.dtype != "float64":
            raise NoSqlError("round in float32")
        return f"round_even({self.value(expression.arguments[0])}, 0)"

    def _sign(self, expression: Expression) -> str:
        (part,) = expression.arguments
        if self.range(part).missing or expression.dtype != "float64":
            raise NoSqlError("the sign of what may be NaN")
        return f"CAST(sign({self.value(part)}) AS {self.spelling.double_type})"

    def _larger(self, expression: Expression) -> str:
        left, right = expression.arguments
        a, b = self.value(left), self.value(right)
        if not self.range(left).missing and not self.range(right).missing:
            return f"greatest({a}, {b})"
        # true for a NaN on the right alone; neither holds for NULL
        return f"CASE WHEN {a} <= {b} THEN {b} WHEN {b} <= {a} THEN {a} END"

    def _smaller(self, expression: Expression) -> str:
        left, right = expression.arguments
        if left.operator == "constant":
            left, right = right, left
        a, b = self.value(left), self.value(right)
        if not self.range(left).missing and not self.range(right).missing:
            return f"least({a}, {b})"
        if self.range(right).missing:
            a, b = f"(-({a}))", f"(-({b}))"
            return f"(-(CASE WHEN {a} <= {b} THEN {b} WHEN {b} <= {a} THEN {a} END))"
        return f"CASE WHEN {a} BETWEEN {b} AND {self.spelling.double(math.inf)} THEN {b} ELSE {a} END"

    def _where(self, expression: Expression) -> str:
        test, yes, no = expression.arguments
        if self._imputes(expression) and self.range(no).null and not self.range(no).nan:
            return f"coalesce({self.value(no)}, {self.value(yes)})"
        condition = self.condition(test)
        if condition in ("TRUE", "FALSE"):
            return self.value(yes if condition == "TRUE" else no)
        return f"CASE WHEN {condition} THEN {self.value(yes)} ELSE {self.value(no)} END"

    def _imputes(self, expression: Expression) -> bool:
        test, _, no = expression.arguments
        return test.operator == "isnan" and test.arguments[0] is no

    def _cast(self, expression: Expression) -> str:
        (part,) = expression.arguments
        if part.dtype == expression.dtype:
            return self.value(part)
        if part.dtype == "bool":
            one, zero = (self.spelling.number(truth, expression.dtype) for truth in (1, 0))
            return f"CASE WHEN {self.condition(part)} THEN {one} ELSE {zero} END"
        if part.dtype == "string" or expression.dtype == "string":
            raise NoSqlError("a text as a number")
        text, known = self.value(part), self.range(part)
        if expression.dtype == "bool":
            return self._truth(part)
        if expression.dtype == "float64":
            return f"CAST({text} AS {self.spelling.double_type})"
        largest = max(abs(known.low), abs(known.high))
        if expression.dtype == "int64":
            if known.missing or largest > _EXACT_INTEGER:
                raise NoSqlError("a number that may be too large as a whole one")
            return f"CAST(trunc({text}) AS {self.spelling.whole_type})"
        cast = "TRY_CAST" if self._fast else "CAST"  # what is guarded is cast before it is known to fit
        proven = part.operator == "input" and part.value in self._proven
        if part.dtype == "float64" and largest > FLOAT_LARGEST and not proven:
            over, under = double(FLOAT_INFINITE), double(-FLOAT_INFINITE)
            text = (
                f"CASE WHEN {text} BETWEEN {over} AND {_INFINITE} THEN {_INFINITE} "
                f"WHEN {text} <= {under} THEN {double(-math.inf)} ELSE {text} END"
            )
        return f"{cast}({text} AS FLOAT)"

    def poisoned_by(self, place: Expression) -> frozenset[str | None] | None:
        """The keys that the model refuses; None where a refusal is not the table's to notice."""
        if not self._fast or place.operator != "input":
            return None
        return self._poisoned.get(place.value, frozenset())

    def _leaf(self, expression: Expression) -> str:
        return tree_sql(self, expression, str)

    def column(self, expression: Expression) -> FeatureColumn | None:
        """The feature that an expression is, or None."""
        if expression.operator != "input" or id(expression) in self._texts:
            return None
        return self._inputs[expression.value]


def balanced(terms: Sequence[str]) -> str:
    """A sum with parentheses so that it is as deep as the logarithm of its length."""
    while len(terms) > 1:
        pairs = [f"({a} + {b})" for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = [*pairs, terms[-1]] if len(terms) % 2 else pairs
    return terms[0]


_COMPARISONS = {"eq": "=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}

_FUNCTIONS = {
    "sqrt": "sqrt",
    "exp": "exp",
    "log": "ln",
    "tanh": "tanh",
    "sin": "sin",
    "cos": "cos",
    "floor": "floor",
    "ceil": "ceil",
}

_RULES: Mapping[str, Callable[[Writer, Expression], str]] = {
    "input": Writer._input,
    "constant": lambda w, e: w.spelling.number(e.value, e.dtype),
    "add": Writer._binary,
    "sub": Writer._binary,
    "mul": Writer._binary,
    "div": Writer._binary,
    "share": lambda w, e: f"({w.value(e.arguments[0])} / {w.value(e.arguments[1])})",
    "sum": Writer._sum,
    "neg": Writer._negated,
    "dot": Writer._dot,
    "linear": Writer._linear,
    "square": Writer._square,
    "pow": Writer._power,
    "abs": Writer._absolute,
    "sign": Writer._sign,
    "round": Writer._round,
    "sigmoid": Writer._sigmoid,
    "max": Writer._larger,
    "min": Writer._smaller,
    "where": Writer._where,
    "cast": Writer._cast,
    "lookup": lookup_sql,
    "take": take_sql,
    "leaf": Writer._leaf,
    **dict.fromkeys(_FUNCTIONS, Writer._called),
}
