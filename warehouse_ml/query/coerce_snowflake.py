"""Which types of Snowflake a feature takes, and the casts that must be written.

Snowflake reads numbers out of texts without being asked, so types are checked here: a text is no number.
"""

import re

from warehouse_ml.errors import FeatureTypeError
from warehouse_ml.query.tokens import words
from warehouse_ml.semistructured import strict_cast
from warehouse_ml.signature import Feature

_NUMBERS = words("NUMBER DECIMAL NUMERIC DEC FIXED INT INTEGER BIGINT SMALLINT TINYINT BYTEINT")
_FLOATS = words("FLOAT FLOAT4 FLOAT8 DOUBLE REAL") | {"DOUBLE PRECISION"}
_TEXTS = words("VARCHAR TEXT STRING CHAR CHARACTER NCHAR NVARCHAR")
_TIMES = words("DATE TIMESTAMP_NTZ TIMESTAMPNTZ DATETIME")
_OBJECTS = words("OBJECT MAP")

_TAKEN: dict[str, frozenset[str]] = {
    "DOUBLE": _NUMBERS | _FLOATS | {"DECFLOAT", "BOOLEAN"},
    "BIGINT": _NUMBERS | {"BOOLEAN"},
    "BOOLEAN": frozenset({"BOOLEAN"}),
    "VARCHAR": _TEXTS,
    "TIMESTAMP": _TIMES,
}
_SCALE = re.compile(r"\(\s*\d+\s*,\s*([1-9]\d*)\s*\)")


def coerce_snowflake(model: str, feature: Feature, expression: str, sql_type: str) -> str:
    """The expression as a value of the feature's type, cast where Snowflake would not do it by itself.

    What a VARIANT holds is known row by row alone: a value of another type is an error then.

    Args:
        model: What the error names the version by.
        feature: The feature that the value is for.
        expression: SQL text.
        sql_type: The type of the expression as Snowflake prints it.

    Raises:
        FeatureTypeError: The type is not losslessly the feature's own.
    """
    kind = plain_type(sql_type)
    if kind == "VARIANT":
        return strict_cast(expression, feature)
    if kind not in _TAKEN[feature.type] or (feature.type == "BIGINT" and _SCALE.search(sql_type)):
        raise FeatureTypeError(model, feature.name, feature.type, sql_type)
    if kind == "BOOLEAN" and feature.type != "BOOLEAN":
        return f"CAST({expression} AS NUMBER(38,0))"
    return expression


def plain_type(sql_type: str) -> str:
    """A type without its parameters, in upper case."""
    return sql_type.partition("(")[0].strip().upper()


def is_object(sql_type: str) -> bool:
    """Whether values of a type have named fields."""
    return plain_type(sql_type) in _OBJECTS


def is_variant(sql_type: str) -> bool:
    """Whether values of a type may have named fields."""
    return plain_type(sql_type) == "VARIANT"
