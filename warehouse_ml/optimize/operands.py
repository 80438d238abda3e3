"""The features of a score as they can stand beside any operator of an expression."""

from warehouse_ml.optimize.expressions import column_path, is_constant
from warehouse_ml.query.score import Score


def operands(score: Score) -> list[str]:
    """The features as operands: in parentheses, and texts compared byte by byte.

    A column's own collation may take `eu` for `EU`; a function never does.
    """
    if score.dialect.target == "snowflake":  # its texts are compared as they are, see `sql_snowflake`
        return [operand(text, score.dialect.source) for text in score.features]
    return [_operand(text, kind) for text, kind in zip(score.features, score.types, strict=True)]


def operand(text: str, dialect: str) -> str:
    """An expression that can stand beside any operator."""
    plain = column_path(text, dialect) is not None or is_constant(text, dialect)
    return text if plain else f"({text})"


def _operand(text: str, kind: str | None) -> str:
    if kind == "VARCHAR" and not is_constant(text):
        return f"(({text}) COLLATE C)" if column_path(text) is None else f"({text} COLLATE C)"
    return text if column_path(text) is not None or is_constant(text) else f"({text})"
