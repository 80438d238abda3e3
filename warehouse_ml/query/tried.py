"""TRY_PREDICT over VARIANTs of Snowflake: a row that holds a value of another type has no score.

The feature alone must not be NULL there: a model may take NULL, and would score the row.
"""

from collections.abc import Iterable

from warehouse_ml.query.coerce_snowflake import is_variant
from warehouse_ml.query.dialect import Dialect
from warehouse_ml.semistructured import holds_other_type, lenient_cast
from warehouse_ml.signature import Feature, Method


def tried(
    dialect: Dialect, method: Method, feature: Feature, expression: str, sql_type: str
) -> tuple[str, str] | None:
    """A feature's expression that is NULL, not an error, for a value of another type, and when it is so.

    Args:
        dialect: How the call is written.
        method: What is asked of the version.
        feature: The feature that the value is for.
        expression: SQL text.
        sql_type: Its type as the engine prints it.

    Returns:
        None where a value of another type is an error, or has been one when the types were checked.
    """
    if dialect.source != "snowflake" or method != "try_predict" or not is_variant(sql_type):
        return None
    return lenient_cast(expression, feature.type), holds_other_type(expression, feature.type)


def null_where(conditions: Iterable[str | None]) -> tuple[str, str]:
    """The texts before and after a score that make it NULL where one of the conditions holds."""
    found = dict.fromkeys(condition for condition in conditions if condition)
    return (f"CASE WHEN {' OR '.join(found)} THEN NULL ELSE ", " END") if found else ("", "")
