"""Which SQL types a feature takes, and the casts that DuckDB does not do by itself."""

from warehouse_ml.errors import FeatureTypeError
from warehouse_ml.query.tokens import tokenize, words
from warehouse_ml.signature import Feature

_INTEGERS = words("TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER INTEGER_LITERAL")
_WIDE_INTEGERS = words("UBIGINT HUGEINT UHUGEINT")
_UNTYPED = frozenset({'"NULL"', "NULL", "UNKNOWN", "SQLNULL"})
_TIMES = words("DATE TIMESTAMP TIMESTAMP_S TIMESTAMP_MS")

_DIRECT: dict[str, frozenset[str]] = {
    "DOUBLE": _INTEGERS | _WIDE_INTEGERS | {"BIGNUM", "DECIMAL", "FLOAT", "DOUBLE"},
    "BIGINT": _INTEGERS,
    "BOOLEAN": frozenset({"BOOLEAN"}),
    "VARCHAR": frozenset({"VARCHAR", "ENUM", "JSON", "STRING_LITERAL"}),
    "TIMESTAMP": _TIMES,
}
# Lossless, or checked by the cast itself, but not done by DuckDB when it binds a function.
_BY_CAST: dict[str, frozenset[str]] = {
    "DOUBLE": frozenset({"BOOLEAN"}),
    "BIGINT": _WIDE_INTEGERS | {"BOOLEAN"},
    "BOOLEAN": frozenset(),
    "VARCHAR": frozenset({"UUID"}),
    "TIMESTAMP": frozenset({"TIMESTAMP_NS"}),
}


def coerce(model: str, feature: Feature, expression: str, sql_type: str) -> str:
    """The expression, cast where the engine would not do it, as a value of the feature's type.

    Args:
        model: What the error names the version by.
        feature: The feature that the value is for.
        expression: SQL text.
        sql_type: The type of the expression, as DESCRIBE prints it.

    Raises:
        FeatureTypeError: The type is not losslessly the feature's own.
    """
    kind = sql_type.partition("(")[0] if not sql_type.endswith("]") else sql_type
    if kind in _DIRECT[feature.type] or sql_type in _UNTYPED:
        return expression
    if kind in _BY_CAST[feature.type]:
        return f"CAST({expression} AS {feature.type})"
    raise FeatureTypeError(model, feature.name, feature.type, sql_type)


def takes(feature: Feature, sql_type: str) -> bool:
    """Whether a feature takes a value of a type as it is, without a cast that must be written."""
    kind = sql_type.partition("(")[0] if not sql_type.endswith("]") else sql_type
    return kind in _DIRECT[feature.type] or sql_type in _UNTYPED


def fields(sql_type: str) -> list[tuple[str, str]] | None:
    """The names and types of a STRUCT type's fields; None for any other type."""
    if not sql_type.startswith("STRUCT(") or not sql_type.endswith(")"):
        return None
    tree = tokenize(sql_type)
    if tree is None:
        return None
    found = []
    for low, high in tree.split(2, len(tree.tokens) - 1, ","):
        if high - low < 2:
            return None
        start, end = tree.span(low + 1, high)
        found.append((tree.tokens[low].name, sql_type[start:end]))
    return found
