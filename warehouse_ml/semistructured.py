"""A value within a VARIANT of Snowflake as a feature's: a value of another type is refused, not converted.

CAST would round 2.7 to 3, read 'inf' and 'yes', and write 1.5 as a text, without a word.
"""

from warehouse_ml.errors import ScoringError
from warehouse_ml.quoting import snowflake_literal
from warehouse_ml.signature import TYPES, Feature
from warehouse_ml.variant import REFUSAL_MARK

_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?)?"
"""A time as JSON has it, which knows no times; with a zone it is none of ours."""

_FITS = {
    "DOUBLE": "IS_DOUBLE({0}) OR IS_DECIMAL({0})",
    "BIGINT": "IS_INTEGER({0})",
    "BOOLEAN": "IS_BOOLEAN({0})",
    "VARCHAR": "IS_VARCHAR({0})",
    "TIMESTAMP": (
        "IS_TIMESTAMP_NTZ({0}) OR IS_DATE({0}) OR IS_VARCHAR({0}) "
        f"AND REGEXP_LIKE(CAST({{0}} AS VARCHAR), '{_TIME}') "
        "AND TRY_CAST(CAST({0} AS VARCHAR) AS TIMESTAMP_NTZ) IS NOT NULL"
    ),
}

_FAILING = {
    "DOUBLE": "TO_DOUBLE({0})",
    "BIGINT": "TO_NUMBER({0})",
    "BOOLEAN": "TO_BOOLEAN({0})",
    "VARCHAR": "TO_VARCHAR(TO_DOUBLE({0}))",
    "TIMESTAMP": "TO_TIMESTAMP_NTZ({0})",
}
"""What fails on the sentence of a refusal, and has the type that a feature's value has."""


def strict_cast(value: str, feature: Feature) -> str:
    """A VARIANT as a value of a feature's type; NULL and the null of JSON are NULL, another type is an error.

    Args:
        value: SQL text of a VARIANT, which is written several times.
        feature: The feature.
    """
    kind = feature.type
    name = snowflake_literal(feature.name)[1:-1]
    refusal = other_type(name, kind, f"CAST({value} AS VARCHAR)")
    return (
        f"CASE WHEN {fits(value, kind)} THEN {cast(value, kind)} "
        f"WHEN NOT IS_NULL_VALUE({value}) THEN {refusal} END"
    )


def lenient_cast(value: str, kind: str) -> str:
    """A VARIANT as a value of a type; another type is NULL, see `holds_other_type`.

    Args:
        value: SQL text of a VARIANT, which is written several times.
        kind: A key of `TYPES`.
    """
    return f"CASE WHEN {fits(value, kind)} THEN {cast(value, kind)} END"


def holds_other_type(value: str, kind: str) -> str:
    """Whether a VARIANT holds a value of another type; not TRUE for NULL and for the null of JSON."""
    return f"NOT ({fits(value, kind)}) AND NOT IS_NULL_VALUE({value})"


def fits(value: str, kind: str) -> str:
    """Whether a VARIANT holds a value of a type; NULL for NULL.

    Args:
        value: SQL text of a VARIANT, which may be written several times.
        kind: A key of `TYPES`.
    """
    return _FITS[kind].replace("{0}", value)


def cast(value: str, kind: str) -> str:
    """A VARIANT that holds a value of a type, as that."""
    return f"CAST({value} AS {TYPES[kind].snowflake})"


def other_type(name: str, kind: str, row: str) -> str:
    """The error for a value of another type; see `refused`.

    Args:
        name: The feature's name as it stands inside a literal, or `' || ' around SQL text.
        kind: The feature's type.
        row: See `refused`.
    """
    return refused(f"Feature ''{name}'' is {kind}; its VARIANT holds a value of another type.", kind, row)


def refused(sentence: str, kind: str, row: str) -> str:
    """An error with a sentence.

    Args:
        sentence: The sentence as it stands inside a literal.
        kind: The type of the value that the error stands for.
        row: SQL text of a VARCHAR that is not NULL and depends on the row, or Snowflake could try to read the
            sentence while it plans.
    """
    # Snowflake adds where it was raised: a break of lines keeps that out of the sentence.
    said = f"'{REFUSAL_MARK}{ScoringError.__name__}: {sentence}\\n in function ' || LEFT({row}, 0)"
    return _FAILING[kind].replace("{0}", said)
