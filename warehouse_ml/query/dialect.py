"""How a bound call is written: what a version's function is called, how a field is read, what a cast is.

`DUCKDB` and `SNOWFLAKE` are the engines' own. `PORTABLE` is DuckDB's text on its way to Snowflake: it is cut,
asked about and typed as DuckDB's, and `translate` makes Snowflake's of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from warehouse_ml.model import ModelVersion
from warehouse_ml.query.native_call import SCHEMA
from warehouse_ml.query.tokens import words
from warehouse_ml.quoting import literal, quoted, snowflake_literal
from warehouse_ml.signature import TYPES, Feature, Method, Output

LARGEST_ARGUMENTS = 500
"""More features than a function of Snowflake takes as arguments: they are packed into one OBJECT."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Words that cannot be a column's name in Snowflake without quotes, or not in DuckDB.
_RESERVED = words(
    "ACCOUNT ALL ALTER ANALYSE ANALYZE AND ANY ARRAY AS ASC ASYMMETRIC BETWEEN BOTH BY CASE CAST CHECK "
    "COLLATE COLUMN CONNECT CONNECTION CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME "
    "CURRENT_TIMESTAMP CURRENT_USER DATABASE DEFAULT DEFERRABLE DELETE DESC DESCRIBE DISTINCT DO DROP "
    "ELSE END EXCEPT EXISTS FALSE FETCH FOLLOWING FOR FOREIGN FROM FULL GRANT GROUP GSCLUSTER HAVING "
    "ILIKE IN INCREMENT INITIALLY INNER INSERT INTERSECT INTO IS ISSUE JOIN LAMBDA LATERAL LEADING LEFT "
    "LIKE LIMIT LOCALTIME LOCALTIMESTAMP MINUS NATURAL NOT NULL OF OFFSET ON ONLY OR ORDER ORGANIZATION "
    "PIVOT PLACING PRIMARY QUALIFY REFERENCES REGEXP RETURNING REVOKE RIGHT RLIKE ROW ROWS SAMPLE SCHEMA "
    "SELECT SET SHOW SOME START SUMMARIZE SYMMETRIC TABLE TABLESAMPLE THEN TO TRAILING TRIGGER TRUE "
    "TRY_CAST UNION UNIQUE UNPIVOT UPDATE USING VALUES VARIADIC VIEW WHEN WHENEVER WHERE WINDOW WITH"
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How text is read and written.

    Attributes:
        name: `duckdb`, `snowflake`, or `portable` for DuckDB's text that is to be translated.
        target: The engine that runs the text in the end: `duckdb` or `snowflake`.
        source: The engine whose lexical rules and types hold: `duckdb` or `snowflake`.
        computes_once: Whether an expression can give a value a name, so that it is computed once.
        schema: Where Snowflake holds the functions, as it stands in statements.
        suffix: What ends the names of the functions that are called, where it is a service that scores.
    """

    name: str
    target: str
    source: str
    computes_once: bool
    schema: str = SCHEMA
    suffix: str = ""

    def function(self, version: ModelVersion, method: Method) -> str:
        """The name by which a version's function is called."""
        plain = version.function_of(method) + self.suffix
        return f"{self.schema}.{plain}" if self.source == "snowflake" else plain

    def call(
        self, version: ModelVersion, method: Method, features: Sequence[str], written: str | None = None
    ) -> str:
        """A call of a version's function.

        Args:
            version: The version.
            method: A method that it has.
            features: The expression of each feature.
            written: The text of the arguments, where it is more than the features joined by commas.
        """
        function = self.function(version, method)
        if self.source == "snowflake" and len(features) > LARGEST_ARGUMENTS:
            return f"{function}({packed(version, features)})"
        return f"{function}({', '.join(features) if written is None else written})"

    def field(self, value: str, name: str, place: int, kind: str | None = None) -> str:
        """A field of a STRUCT or an OBJECT.

        Args:
            value: The text of the STRUCT or OBJECT.
            name: The field's name.
            place: Its place among the fields of a result, from 0; -1 where the name is all that is known.
            kind: The type of the field, a key of `TYPES`; None where it is not known or no single value.
        """
        if self.name == "duckdb":
            return f"struct_extract_at({value}, {place + 1})" if place >= 0 else _extracted(value, name)
        found = f"GET({value}, {self.text(name)})" if self.name == "snowflake" else _extracted(value, name)
        return found if kind is None else f"CAST({found} AS {getattr(TYPES[kind], self.source)})"

    def identifier(self, name: str) -> str:
        """A column's name as the engine gave it.

        Portable text leaves plain names bare: what is `age` in DuckDB is AGE in Snowflake, and so is `age`.
        """
        if self.name == "portable" and _PLAIN_NAME.fullmatch(name) and name.upper() not in _RESERVED:
            return name
        return quoted(name)

    def text(self, value: str) -> str:
        """A text literal; Snowflake reads backslashes in it."""
        return snowflake_literal(value) if self.source == "snowflake" else literal(value)

    def null(self, output: Output) -> str:
        """A NULL of a result's type."""
        return f"CAST(NULL AS {output.sql_type(self.source)})"


DUCKDB = Dialect("duckdb", target="duckdb", source="duckdb", computes_once=True)
SNOWFLAKE = Dialect("snowflake", target="snowflake", source="snowflake", computes_once=False)
PORTABLE = Dialect("portable", target="snowflake", source="duckdb", computes_once=False)


def snowflake(schema: str = SCHEMA, device: str = "cpu") -> Dialect:
    """Snowflake's dialect, with the functions in another schema, or with those of a service on GPUs."""
    return replace(SNOWFLAKE, schema=schema, suffix="_gpu" if device == "cuda" else "")


def packed(version: ModelVersion, features: Sequence[str]) -> str:
    """The features as one OBJECT of Snowflake, each of its own type: a NULL stays a field."""
    pairs = [
        f"{SNOWFLAKE.text(feature.name)}, {snowflake_cast(text, feature)}"
        for feature, text in zip(version.signature.features, features, strict=True)
    ]
    return f"OBJECT_CONSTRUCT_KEEP_NULL({', '.join(pairs)})"


def snowflake_cast(text: str, feature: Feature) -> str:
    """An expression as a value of the type that Snowflake's function takes for a feature."""
    return f"CAST({text} AS {TYPES[feature.type].snowflake})"


def _extracted(value: str, name: str) -> str:
    return f"struct_extract({value}, {literal(name)})"
