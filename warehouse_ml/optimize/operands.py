"""The features of a score as they can stand beside any operator of an expression."""

from warehouse_ml.optimize.expressions import column_path, is_constant
from warehouse_ml.query.score import Score


def operands(score: Score) -> list[str]:
    """The features as operands: in parentheses, and texts compared byte by byte.

    A column's own collation may take `eu` for `EU`; a function never does.
    """
    return [_operand(text, kind) for text, kind in zip(score.features, score.types, strict=True)]


def _operand(text: str, kind: str | None) -> str:
    if kind == "VARCHAR" and not is_constant(text):
        return f"(({text}) COLLATE C)" if column_path(text) is None else f"({text} COLLATE C)"
    return text if column_path(text) is not None or is_constant(text) else f"({text})"
