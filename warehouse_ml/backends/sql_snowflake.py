"""Expressions as SQL of Snowflake.

What differs from DuckDB's: there is no float of 32 bits, a division by zero is an error, logarithms and
roots of what has none are errors, nothing can be given a name inside an expression, and no function raises
an error, so that of a refused row is a text read as a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from warehouse_ml.backends.inline_call import Call
from warehouse_ml.backends.no_sql import NoSqlError
from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.spelling import SNOWFLAKE_SPELLING, Spelling
from warehouse_ml.backends.sql_expression import Writer
from warehouse_ml.backends.sql_feature import FeatureColumn
from warehouse_ml.backends.sql_result import leaf_sql
from warehouse_ml.backends.value_range import Range
from warehouse_ml.signature import TYPES, Feature, Output
from warehouse_ml.variant import REFUSAL_MARK

_NUMBER = re.compile(r"(?:NUMBER|DECIMAL|NUMERIC)(?:\((\d+)(?:,\s*(\d+))?\))?", re.IGNORECASE)
_INTEGERS = frozenset(["INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"])
_FLOATS = frozenset(["FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION", "REAL"])
_TEXTS = frozenset(["VARCHAR", "TEXT", "STRING", "CHAR", "CHARACTER"])

_LARGEST_EXPONENT = 709.782712893384
"""The largest double of which the exponential is one."""

_SINGLE = 2.0**24
"""Whole numbers up to here are numbers of float32."""

_END = "\\n in function "
"""What ends the sentence of an error in the engine's message, where Snowflake itself begins such a line."""

_MOVED = frozenset(["constant", "take", "lookup", "where", "input", "cast", "neg", "abs", "max", "min"])
"""Operators that round nothing, so that doubles do them as float32 does."""


@dataclass(frozen=True, slots=True)
class SnowflakeColumn(FeatureColumn):
    """A feature where it stands in a statement of Snowflake.

    Attributes:
        most: The largest magnitude that its type holds, infinity aside.
    """

    spelling: Spelling = SNOWFLAKE_SPELLING
    most: float = math.inf

    @classmethod
    def of(cls, feature: Feature, text: str, sql_type: str | None, used: bool) -> SnowflakeColumn | None:
        """A feature of a column of a type as Snowflake prints it; None where the type does not fit.

        Times are counted by the function alone, and texts that are compared by a collation too.
        """
        written = (sql_type or "").upper()
        plain = written.partition("(")[0].strip()
        number = _NUMBER.fullmatch(written)
        if feature.type == "DOUBLE" and plain in _FLOATS:
            return cls(feature, text, "DOUBLE", used)
        if number is not None or plain in _INTEGERS:
            precision, scale = int((number and number[1]) or 38), int((number and number[2]) or 0)
            if feature.type == "DOUBLE":
                whole = "DECIMAL" if scale else "INTEGER"
                return cls(feature, text, whole, used, most=10.0 ** (precision - scale))
            if feature.type == "BIGINT" and not scale and precision <= 18:
                return cls(feature, text, "BIGINT", used, most=10.0**precision)
        if feature.type == "BOOLEAN" and plain == "BOOLEAN":
            return cls(feature, text, "BOOLEAN", used, most=1.0)
        if feature.type == "VARCHAR" and plain in _TEXTS and "COLLATE" not in written:
            return cls(feature, text, "VARCHAR", used)
        return None

    @property
    def magnitude(self) -> float:
        """The largest magnitude that the type holds, infinity aside."""
        return self.most

    @property
    def single(self) -> bool:
        """Whether float32 holds every value that the model sees."""
        if self.sql_type not in ("INTEGER", "BOOLEAN") or self.most > _SINGLE:
            return False
        default = abs(float(self.feature.default or 0)) if self.feature.missing == "default" else 0.0
        return default <= _SINGLE and default == int(default)

    @property
    def number(self) -> str:
        """The value as a double; Snowflake has no cast from a truth to a FLOAT."""
        if self.sql_type == "BOOLEAN":
            return f"{self.text}::NUMBER(1,0)::FLOAT"
        return self.text if self.sql_type == "DOUBLE" else f"{self.text}::FLOAT"


class SnowflakeWriter(Writer):
    """Writes expressions for Snowflake."""

    spelling = SNOWFLAKE_SPELLING

    def value(self, expression: Expression) -> str:
        """The SQL text of an expression; it can stand as an operand.

        Raises:
            NoSqlError: It has no exact form, or is rounded to a float of 32 bits.
        """
        if expression.dtype == "float32" and expression.operator not in _MOVED:
            raise NoSqlError("arithmetic of float32")
        rule = _OWN.get(expression.operator)
        if rule is None or not self.is_new(expression):
            return super().value(expression)
        return self.keep(expression, rule(self, expression))

    def divided(self, expression: Expression) -> str:
        """A quotient whose divisor is surely not zero."""
        left, right = expression.arguments
        exponent = _logistic_exponent(expression)
        if exponent is not None:
            return self._logistic(self.value(exponent), self.range(exponent))
        known = self.range(right)
        if expression.dtype != "float64" or known.low <= 0 <= known.high:
            raise NoSqlError("a divisor that may be zero")
        return f"({self.value(left)} / {self.value(right)})"

    def share(self, expression: Expression) -> str:
        """A part of a sum; where the sum is zero there is none."""
        left, right = map(self.value, expression.arguments)
        return f"({left} / NULLIF({right}, {self.spelling.double(0.0)}))"

    def range(self, expression: Expression) -> Range:
        """What values an expression can have: the logistic function of NaN is written as NULL."""
        known = super().range(expression)
        if known.nan and (expression.operator == "sigmoid" or _logistic_exponent(expression) is not None):
            return replace(known, nan=False, null=True)
        return known

    def exponential(self, expression: Expression) -> str:
        """The exponential function, without asking for one that is beyond all doubles."""
        (part,) = expression.arguments
        text = self.value(part)
        if self.range(part).high <= _LARGEST_EXPONENT:
            return f"EXP({text})"
        limit, infinite = map(self.spelling.double, (_LARGEST_EXPONENT, math.inf))
        return f"CASE WHEN {text} > {limit} AND {text} <= {infinite} THEN {infinite} ELSE EXP({text}) END"

    def sigmoid(self, expression: Expression) -> str:
        """The logistic function."""
        (part,) = expression.arguments
        if expression.dtype != "float64":
            raise NoSqlError("sigmoid in float32")
        known = self.range(part)
        return self._logistic(f"(-({self.value(part)}))", replace(known, low=-known.high, high=-known.low))

    def _logistic(self, exponent: str, known: Range) -> str:
        """1 / (1 + exp(exponent)), without asking for an exponential that is beyond all doubles."""
        one = self.spelling.double(1.0)
        if known.nan:  # LEAST would take NaN for the larger one; of NULL it gives NULL
            exponent = f"NULLIF({exponent}, {self.spelling.double(math.nan)})"
        if known.high > _LARGEST_EXPONENT:
            exponent = f"LEAST({exponent}, {self.spelling.double(_LARGEST_EXPONENT)})"
        return f"({one} / ({one} + EXP({exponent})))"

    def root(self, expression: Expression) -> str:
        """A square root of what surely has one."""
        (part,) = expression.arguments
        if self.range(part).low < 0 or self.range(part).nan:
            raise NoSqlError("the root of what may be negative")
        return f"SQRT({self.value(part)})"

    def logarithm(self, expression: Expression) -> str:
        """A logarithm of what surely has one."""
        (part,) = expression.arguments
        if self.range(part).low <= 0 or self.range(part).nan:
            raise NoSqlError("the logarithm of what may be zero")
        return f"LN({self.value(part)})"

    def refused(self, expression: Expression) -> str:
        """What Snowflake does otherwise, or not at all."""
        raise NoSqlError(f"the operator {expression.operator!r}")

    def cast(self, expression: Expression) -> str:
        """A cast; to float32 only of what it holds exactly."""
        (part,) = expression.arguments
        if expression.dtype == "float64" and part.dtype == "float32":
            return self.value(part)
        if expression.dtype != "float32" or part.dtype == "bool":
            return self._cast(expression)
        known = self.range(part)
        whole = part.dtype == "int64" and max(abs(known.low), abs(known.high)) <= _SINGLE
        exact = part.operator == "input" and self._inputs[part.value].single
        if not (whole or exact) or part.dtype == "string":
            raise NoSqlError("a rounding to float32")
        return f"{self.value(part)}::FLOAT" if part.dtype == "int64" else self.value(part)


_OWN: Mapping[str, Callable[[SnowflakeWriter, Expression], str]] = {
    "div": SnowflakeWriter.divided,
    "share": SnowflakeWriter.share,
    "exp": SnowflakeWriter.exponential,
    "sigmoid": SnowflakeWriter.sigmoid,
    "sqrt": SnowflakeWriter.root,
    "log": SnowflakeWriter.logarithm,
    "pow": SnowflakeWriter.refused,
    "round": SnowflakeWriter.refused,
    "cast": SnowflakeWriter.cast,
}


class SnowflakeCall(Call):
    """One call, while its SQL for Snowflake is written.

    There is no fast branch: what is written is right for every row. So no function is called either, which
    Snowflake would compute for all rows, wherever in a CASE it stands.
    """

    column = SnowflakeColumn

    def sql(self) -> str:
        """The expression.

        Raises:
            NoSqlError: It has no exact form, or none that is short enough.
        """
        whens = "".join(f" WHEN {condition} THEN {outcome}" for condition, outcome in self._checks())
        scored = self._written(self._writer(False), self._cells)
        return f"CASE{whens} ELSE {scored} END" if whens else scored

    def _writer(self, fast: bool) -> Writer:
        return SnowflakeWriter(self._inputs, self._poisoned, fast=fast, bound={})

    def _raised(self, sentence: str) -> str:
        """An error with a sentence: a text that is read as a number.

        The text depends on the row, or Snowflake could try to read it while it plans the statement.
        """
        row = f"LEFT(COALESCE({self._columns[0].text}::VARCHAR, ''), 0)"
        told = f"'{REFUSAL_MARK}ScoringError: {sentence[1:-1]}{_END}'"  # it begins and ends with a literal
        failed = f"TO_DOUBLE({told} || {row})"
        types = {"DOUBLE": "", "STRUCT": "::VARIANT::OBJECT", "BOOLEAN": "::NUMBER(1,0)::BOOLEAN"}
        kind = self._result.type
        return f"{failed}{types[kind] if kind in types else f'::{TYPES[kind].snowflake}'}"

    def _written(self, writer: Writer, cells: Sequence[Expression]) -> str:
        leaves = list(zip(cells, self._result.leaves(), strict=True))
        missing = [writer.range(cell).missing for cell, _ in leaves]
        texts = []
        for (cell, output), may_be_missing in zip(leaves, missing, strict=True):
            text = leaf_sql(writer, cell, output)
            if may_be_missing and output.type == "DOUBLE" and writer.range(cell).nan:
                text = f"NULLIF({text}, {self._spelling.double(math.nan)})"
            texts.append(text)
        assembled = _assembled(self._result, iter(texts), self._spelling)
        if self._result.type != "STRUCT" or not all(missing):
            return assembled
        present = " OR ".join(f"{text} IS NOT NULL" for text in texts)
        return f"CASE WHEN {present} THEN {assembled} END"

    @property
    def _spelling(self) -> Spelling:
        return SNOWFLAKE_SPELLING


def _logistic_exponent(expression: Expression) -> Expression | None:
    """x, where an expression is 1 / (1 + exp(x)); else None."""
    if expression.operator != "div" or expression.dtype != "float64":
        return None
    one, divisor = expression.arguments
    if not _is_one(one) or divisor.operator != "add":
        return None
    powers = [part for part in divisor.arguments if part.operator == "exp"]
    others = [part for part in divisor.arguments if part.operator != "exp"]
    if len(powers) != 1 or not _is_one(others[0]):
        return None
    return powers[0].arguments[0]


def _is_one(expression: Expression) -> bool:
    return expression.operator == "constant" and bool(expression.value == 1)


def _assembled(output: Output, texts: Iterator[str], spelling: Spelling) -> str:
    """The texts of the leaves as the result."""
    if output.type != "STRUCT":
        return next(texts)
    pairs = [f"{spelling.text(field.name)}, {_assembled(field, texts, spelling)}" for field in output.fields]
    return f"OBJECT_CONSTRUCT_KEEP_NULL({', '.join(pairs)})"
