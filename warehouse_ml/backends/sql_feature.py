"""How a feature of a row is read in SQL, and which of its values are refused or leave no score.

It restates `_prepare` of `udfs/onnx_udf.py` for one row: the policy for NULL, the limit, the types.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from warehouse_ml.backends.finite_domain import NULL_TEXT
from warehouse_ml.backends.spelling import DUCKDB_SPELLING, Spelling
from warehouse_ml.backends.value_range import Range
from warehouse_ml.signature import Feature

_LARGEST = {
    "TINYINT": 2.0**7,
    "UTINYINT": 2.0**8,
    "SMALLINT": 2.0**15,
    "USMALLINT": 2.0**16,
    "INTEGER": 2.0**31,
    "UINTEGER": 2.0**32,
    "BIGINT": 2.0**63,
    "UBIGINT": 2.0**64,
    "HUGEINT": 2.0**127,
    "UHUGEINT": 2.0**128,
    "DECIMAL": 1e38,
    "BOOLEAN": 1.0,
    "FLOAT": 3.4028234663852886e38,
}
"""The largest magnitude that a type holds, infinity aside."""

_WHOLE = frozenset(["TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT"])

TAKEN: Mapping[str, frozenset[str]] = {
    "DOUBLE": _WHOLE | {"UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL", "FLOAT", "DOUBLE"},
    "BIGINT": _WHOLE,
    "BOOLEAN": frozenset(["BOOLEAN"]),
    "VARCHAR": frozenset(["VARCHAR", "ENUM", "JSON"]),
    "TIMESTAMP": frozenset(["TIMESTAMP", "DATE", "TIMESTAMP_S", "TIMESTAMP_MS"]),
}
"""The SQL types of which DuckDB gives a feature of a type its value without being asked."""

_SINGLE = frozenset(["FLOAT", "TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "BOOLEAN"])
"""The types whose values are all numbers of float32."""

HUGE = 1e250
"""A double beyond it is worked out in the steps of the graph, so that it overflows where they do."""

_MICROSECONDS = {"us": 1, "ms": 10**3, "s": 10**6, "D": 86_400 * 10**6}


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """A feature where it stands in a statement.

    Attributes:
        feature: The feature.
        text: The SQL text of its value.
        sql_type: Its SQL type without parameters, one of `TAKEN`.
        used: Whether the result depends on it.
        spelling: How constants are spelled.
    """

    feature: Feature
    text: str
    sql_type: str
    used: bool
    spelling: Spelling = DUCKDB_SPELLING

    @classmethod
    def of(cls, feature: Feature, text: str, sql_type: str | None, used: bool) -> FeatureColumn | None:
        """A feature of a column of an SQL type as DESCRIBE prints it; None where the type does not fit."""
        plain = (sql_type or "").partition("(")[0]
        if plain not in TAKEN[feature.type] or (sql_type or "").endswith("]"):
            return None
        if feature.type in ("VARCHAR", "TIMESTAMP") and plain != feature.type:
            text, plain = f"CAST({text} AS {feature.type})", feature.type
        return cls(feature, text, plain, used)

    @property
    def magnitude(self) -> float:
        """The largest magnitude that the type holds, infinity aside; infinite for a DOUBLE."""
        return _LARGEST.get(self.sql_type, math.inf)

    @property
    def single(self) -> bool:
        """Whether float32 holds every value that the model sees."""
        if self.sql_type not in _SINGLE:
            return False
        default = float(self.feature.default or 0) if self._defaults else 0.0
        return float(np.float32(default)) == default

    @property
    def floating(self) -> bool:
        """Whether it can hold NaN and infinity."""
        return self.sql_type in ("FLOAT", "DOUBLE")

    @property
    def limit(self) -> float | None:
        """The limit, where a value of the type can be beyond it."""
        limit = self.feature.limit
        if limit is None or self.feature.type in ("VARCHAR", "BIGINT"):
            return None
        if not self.floating and self.magnitude <= limit:
            return None
        return None if self.feature.type == "BOOLEAN" and limit >= 1 else limit

    @property
    def must_be_present(self) -> bool:
        """Whether a row without it gets no score."""
        return self.feature.missing in ("null", "error")

    def value(self, fast: bool) -> str:
        """The SQL text of the value that the model sees: a DOUBLE, BIGINT or VARCHAR.

        Args:
            fast: Whether it is known that the value is neither NaN nor beyond the limit, and that it is
                there if it must be. NULL then still stands for what is missing under the policy `model`.
        """
        feature = self.feature
        if feature.type == "VARCHAR":
            default = self.spelling.text(str(feature.default))
            return f"coalesce({self.text}, {default})" if self._defaults else self.text
        if feature.type == "BIGINT":
            text = self.text if self.sql_type == "BIGINT" else f"CAST({self.text} AS BIGINT)"
            return f"coalesce({text}, {int(feature.default or 0)})" if self._defaults else text
        text = self.number
        if not self._defaults:
            return text
        default = self.spelling.double(float(feature.default or 0))
        if fast or not self.floating:
            return f"coalesce({text}, {default})"
        return f"CASE WHEN {self.absent} THEN {default} ELSE {text} END"

    @property
    def _defaults(self) -> bool:
        return self.feature.missing == "default"

    @property
    def number(self) -> str:
        """The value as a DOUBLE; times as counts of their unit."""
        if self.feature.type == "TIMESTAMP":
            count = f"epoch_us({self.text})"
            if self.feature.unit == "ns":
                return f"CAST(CAST({count} AS HUGEINT) * 1000 AS {self.spelling.double_type})"
            size = _MICROSECONDS[self.feature.unit or "us"]
            if size > 1:  # the quotient of integers is cut off, the remainder has the sign of the dividend
                count = f"(({count} - ((({count} % {size}) + {size}) % {size})) // {size})"
            return f"CAST({count} AS {self.spelling.double_type})"
        return self.text if self.sql_type == "DOUBLE" else f"CAST({self.text} AS {self.spelling.double_type})"

    @property
    def factor(self) -> str:
        """The value as a factor beside a DOUBLE: DuckDB casts numbers there by itself."""
        plain = self.sql_type != "BOOLEAN"
        if plain and self.feature.type == "DOUBLE" and not self._defaults:
            return self.text
        return self.value(True)

    @property
    def absent(self) -> str:
        """The condition that the value is missing: NULL, or NaN where there can be one; never NULL."""
        if self.floating:
            return f"({self.text} IS NULL OR {self.spelling.is_nan(self.text)})"
        return f"{self.text} IS NULL"

    @property
    def beyond(self) -> str | None:
        """The condition that the value is beyond the limit; NULL or false for what is missing."""
        if self.limit is None:
            return None
        size = f"abs({self.number})"
        if not self.floating:
            return f"{size} > {self.spelling.double(self.limit)}"
        if self.limit >= self.largest:
            return self.spelling.is_infinite(self.text)
        above, infinite = map(self.spelling.double, (math.nextafter(self.limit, math.inf), math.inf))
        return f"{size} BETWEEN {above} AND {infinite}"

    def range(self, fast: bool) -> Range:
        """What values `value(fast)` can have in a row that gets a score."""
        feature = self.feature
        null = feature.missing == "model"
        if feature.type in ("VARCHAR", "BIGINT"):
            return Range(-(2.0**63), 2.0**63, null=null)
        bound = min(
            1.0 if feature.type == "BOOLEAN" else math.inf,
            math.inf if feature.limit is None else feature.limit,
            math.inf if self.floating else self.magnitude,
        )
        if feature.type == "TIMESTAMP":
            bound = 2.0**63 * 1000
        if fast and self.floating:
            bound = min(bound, self.largest)
        default = float(feature.default or 0) if self._defaults else 0.0
        return Range(min(-bound, default), max(bound, default), null and not fast and self.floating, null)

    def failures(self, lenient: bool) -> list[tuple[str, str]]:
        """Conditions under which a row cannot be scored, and the SQL text of the sentence that says so.

        Args:
            lenient: Whether a row that the model would refuse gets no score instead.
        """
        name, found = self.feature.name, []
        if self.feature.type == "VARCHAR":
            found.append(
                (
                    f"{self.value(True)} = {self.spelling.text(NULL_TEXT)}",
                    self.spelling.text(f"The feature {name!r} holds the text that is kept for NULL."),
                )
            )
        if lenient:
            return found
        if self.beyond is not None and self.limit is not None:
            start = self.spelling.text("The model refuses ")
            end = self.spelling.text(f" for the feature {name!r}: its magnitude is beyond {self.limit:.6g}.")
            shown = f"CAST({self.number} AS {self.spelling.text_type})"
            found.append((self.beyond, f"{start} || {shown} || {end}"))
        if self.feature.missing == "error":
            sentence = f"The feature {name!r} is NULL, and the model's policy for it is 'error'."
            found.append((self.absent, self.spelling.text(sentence)))
        return found

    def without_score(self, lenient: bool) -> list[str]:
        """Conditions under which a row gets NULL."""
        found = []
        if lenient and self.beyond is not None:
            found.append(self.beyond)
        if self.feature.missing == "null" or (lenient and self.feature.missing == "error"):
            found.append(self.absent)
        return found

    @property
    def size(self) -> str:
        """The magnitude of the value."""
        plain = self.sql_type in ("FLOAT", "DOUBLE")  # a whole number has none where it is the smallest one
        return f"abs({self.text if plain else self.number})"

    @property
    def largest(self) -> float:
        """The largest finite number of the type."""
        return _LARGEST.get(self.sql_type, 1.7976931348623157e308)

    @property
    def finite_is_enough(self) -> bool:
        """Whether every finite value is within the limit."""
        return self.limit is None or self.limit >= self.largest

    @property
    def shown(self) -> str:
        """The SQL text of the value as Python's `repr` shows it."""
        text = self.text
        if self.feature.type == "VARCHAR":
            shown = _represented(text, self.spelling)
        elif self.feature.type == "BOOLEAN":
            shown = f"CASE WHEN {text} THEN 'True' ELSE 'False' END"
        elif self.feature.type == "TIMESTAMP":
            shown = f"CAST(epoch_us({text}) AS {self.spelling.text_type})"
        else:
            types = {"DOUBLE": self.spelling.double_type, "BIGINT": self.spelling.whole_type}
            shown = f"CAST(CAST({text} AS {types[self.feature.type]}) AS {self.spelling.text_type})"
        return f"CASE WHEN {text} IS NULL THEN 'NULL' ELSE {shown} END"

    def proof(self) -> str | None:
        """A DOUBLE that is zero where a value that is no float needs no check, and else NULL.

        None where every value will do.
        """
        optional = not self.must_be_present
        zero = self.spelling.double(0.0)
        if self.feature.type == "VARCHAR":
            known = f"{self.text} <> {self.spelling.text(NULL_TEXT)}"
            if optional:
                return f"CASE WHEN {self.text} IS NULL OR {known} THEN {zero} END"
            return f"CASE WHEN {known} THEN {zero} END"
        if self.feature.type == "TIMESTAMP":  # infinity has no count
            known = f"isfinite({self.text})"
            return f"CASE WHEN {f'{self.text} IS NULL OR ' if optional else ''}{known} THEN {zero} END"
        return None if optional else f"CASE WHEN {self.text} IS NOT NULL THEN {zero} END"

    @property
    def bound(self) -> float | None:
        """The magnitude up to which a value needs no check; None where there is none, or no such number."""
        if not self.floating:
            return self.limit
        largest = 3.4028234663852886e38 if self.sql_type == "FLOAT" else HUGE
        return largest if self.limit is None else min(self.limit, largest)


def _represented(text: str, spelling: Spelling) -> str:
    """A text as Python's `repr` shows it, but for characters that cannot be printed and have no letter."""
    escaped = f"replace({text}, {spelling.text(_ONE_BACKSLASH)}, {spelling.text(_TWO_BACKSLASHES)})"
    for code, letter in ((10, "n"), (13, "r"), (9, "t")):
        escaped = f"replace({escaped}, chr({code}), {spelling.text(_ONE_BACKSLASH + letter)})"
    within = f"replace({escaped}, {spelling.text(_QUOTE)}, {spelling.text(_ONE_BACKSLASH + _QUOTE)})"
    quote, double_quote = spelling.text(_QUOTE), spelling.text('"')
    only_single = f"contains({escaped}, {quote}) AND NOT contains({escaped}, {double_quote})"
    return (
        f"CASE WHEN {only_single} THEN {double_quote} || {escaped} || {double_quote} "
        f"ELSE {quote} || {within} || {quote} END"
    )


_QUOTE = "'"
_ONE_BACKSLASH = "\\"
_TWO_BACKSLASHES = "\\\\"
