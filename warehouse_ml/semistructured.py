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


def strict_cast(value: str, feature: Feature, *, refuse: bool = True) -> str:
    """A VARIANT as a value of a feature's type; NULL and the null of JSON are NULL.

    Args:
        value: SQL text of a VARIANT, which is written several times.
        feature: The feature.
        refuse: Whether a value of another type is an error; else it is NULL.
    """
    fits = _FITS[feature.type].replace("{0}", value)
    cast = f"CAST({value} AS {TYPES[feature.type].snowflake})"
    if not refuse:
        return f"CASE WHEN {fits} THEN {cast} END"
    # The text depends on the row, or Snowflake could try to read it while it plans.
    said = f"{_sentence(feature)} || LEFT(CAST({value} AS VARCHAR), 0)"
    refusal = _FAILING[feature.type].replace("{0}", said)
    return f"CASE WHEN {fits} THEN {cast} WHEN NOT IS_NULL_VALUE({value}) THEN {refusal} END"


def is_of_another_type(value: str, feature: Feature) -> str:
    """Whether a VARIANT is one that `strict_cast` refuses; NULL for NULL."""
    fits = _FITS[feature.type].replace("{0}", value)
    return f"NOT (IS_NULL_VALUE({value}) OR {fits})"


def _sentence(feature: Feature) -> str:
    said = f"Feature '{feature.name}' is {feature.type}; its VARIANT holds a value of another type."
    # Snowflake adds where it was raised: a break of lines keeps that out of the sentence.
    return snowflake_literal(f"{REFUSAL_MARK}{ScoringError.__name__}: {said}")[:-1] + "\\n in function '"
