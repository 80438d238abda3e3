"""An expression as a value of a feature's type, by the rules of the dialect in which it is written."""

from warehouse_ml.query.coerce import coerce
from warehouse_ml.query.coerce_snowflake import coerce_snowflake
from warehouse_ml.query.dialect import Dialect
from warehouse_ml.signature import Feature


def coerced_by(dialect: Dialect, model: str, feature: Feature, expression: str, sql_type: str) -> str:
    """The expression, cast where the engine would not do it; see `coerce` and `coerce_snowflake`.

    Raises:
        FeatureTypeError: The type is not losslessly the feature's own.
    """
    if dialect.source == "snowflake":
        return coerce_snowflake(model, feature, expression, sql_type)
    coerced = coerce(model, feature, expression, sql_type)
    if dialect.target == "snowflake" and sql_type == "BOOLEAN" and feature.type == "DOUBLE":
        return f"CAST({expression} AS INTEGER)"  # Snowflake has no cast from a truth to a FLOAT
    return coerced
