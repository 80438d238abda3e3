"""How a SQL dialect spells the constants and the few functions that expressions need.

Snowflake reads `0.1` and `1e-1` as decimal numbers, so its doubles are read from texts: that is exact, and
so are whole numbers up to 2^53. It has no `isnan`: NaN equals itself there, as in DuckDB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from warehouse_ml.backends import sql_literal
from warehouse_ml.quoting import literal, snowflake_literal

_EXACT = 2.0**53


@dataclass(frozen=True, slots=True)
class Spelling:
    """DuckDB's; `SnowflakeSpelling` differs in what it overrides.

    Attributes:
        double_type: The type of doubles.
        whole_type: The type of whole numbers of 64 bits.
        text_type: The type of texts.
    """

    double_type: str = "DOUBLE"
    whole_type: str = "BIGINT"
    text_type: str = "VARCHAR"

    def double(self, value: float) -> str:
        """A double, without loss."""
        return sql_literal.double(value)

    def number(self, value: object, dtype: str) -> str:
        """A constant of a type of `program.Dtype`."""
        return sql_literal.number(value, dtype)

    def text(self, value: str) -> str:
        """A text."""
        return literal(value)

    def is_nan(self, text: str) -> str:
        """The condition that a double is NaN; NULL for NULL."""
        return f"isnan({text})"

    def is_infinite(self, text: str) -> str:
        """The condition that a double is infinite; NULL for NULL."""
        return f"isinf({text})"


@dataclass(frozen=True, slots=True)
class SnowflakeSpelling(Spelling):
    """Snowflake's."""

    double_type: str = "FLOAT"
    whole_type: str = "NUMBER(38,0)"

    def double(self, value: float) -> str:
        """A double, without loss."""
        if math.isnan(value):
            return "'NaN'::FLOAT"
        if math.isinf(value):
            return "'inf'::FLOAT" if value > 0 else "'-inf'::FLOAT"
        if value == int(value) and abs(value) <= _EXACT and math.copysign(1, value) > 0:
            return f"{int(value)}::FLOAT"
        return f"'{float(value)!r}'::FLOAT"

    def number(self, value: object, dtype: str) -> str:
        """A constant of a type of `program.Dtype`; floats are doubles of the same value."""
        if dtype == "string":
            return self.text(str(value))
        if dtype == "float32":
            return self.double(float(np.float32(value)))  # type: ignore[arg-type]
        if dtype == "float64":
            return self.double(float(value))  # type: ignore[arg-type]
        return sql_literal.number(value, dtype)

    def text(self, value: str) -> str:
        """A text; a backslash would escape what follows it."""
        return snowflake_literal(value)

    def is_nan(self, text: str) -> str:
        """The condition that a double is NaN; NULL for NULL."""
        return f"({text} = {self.double(math.nan)})"

    def is_infinite(self, text: str) -> str:
        """The condition that a double is infinite; NULL for NULL."""
        return f"(ABS({text}) = {self.double(math.inf)})"


DUCKDB_SPELLING = Spelling()
SNOWFLAKE_SPELLING = SnowflakeSpelling()
