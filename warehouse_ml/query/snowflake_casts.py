"""Casts, quotients and rounding as DuckDB computes them, in Snowflake's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse_ml.errors import TranslationError
from warehouse_ml.query.operand_types import FLOATS, INTEGERS, types_at
from warehouse_ml.query.snowflake_texts import as_text
from warehouse_ml.query.whole import whole

if TYPE_CHECKING:
    from sqlglot import exp

UNSIGNED = frozenset(["UTINYINT", "USMALLINT", "UINT", "UBIGINT", "INT128", "UINT128"])
"""Types of DuckDB that Snowflake does not have."""

_WHOLE = frozenset(["TINYINT", "SMALLINT", "INT", "BIGINT"]) | UNSIGNED
_TEXT = frozenset(["VARCHAR", "TEXT", "CHAR", "NCHAR", "NVARCHAR", "BPCHAR"])


def quotient(node: exp.IntDiv) -> exp.Expr:
    """`a // b`: cut towards zero between whole numbers, and a plain quotient between others."""
    from sqlglot import exp

    left, right = node.this, node.expression
    if not set(types_at(node)) <= INTEGERS:
        return exp.Div(this=exp.cast(left, "DOUBLE"), expression=right)
    rest = exp.Anonymous(this="MOD", expressions=[left.copy(), right.copy()])
    whole_part = exp.Div(this=exp.Paren(this=exp.Sub(this=left, expression=rest)), expression=right)
    return exp.cast(whole_part, "BIGINT")  # a double would lose digits above 2 ** 53


def cast(node: exp.Cast) -> exp.Expr:
    """A cast, of which Snowflake rounds halves, digits and texts otherwise.

    Raises:
        TranslationError: The type of the value is not known, or no form shows it as DuckDB does.
    """
    from sqlglot import exp

    kind, target = (types_at(node) or [None])[0], node.to.this.name
    value = node.this
    if target in _WHOLE:
        if kind in FLOATS:  # DuckDB takes the even one of two that are equally near
            exact = exp.cast(value, "DECIMAL(38, 16)")
            mode = exp.Literal.string("HALF_TO_EVEN")
            node.set("this", exp.Anonymous(this="ROUND", expressions=[exact, exp.Literal.number(0), mode]))
        elif kind is None:
            raise TranslationError(
                "a cast to whole numbers of a value of a type not known here, and so how halves are rounded",
                "Write x::DOUBLE::INTEGER, or round(x)::INTEGER.",
            )
    elif target == "DECIMAL":
        return _as_decimal(node, kind)
    elif target in _TEXT:
        return as_text(value, kind)
    elif target == "DOUBLE" and kind == "BOOLEAN":
        node.set("this", exp.cast(value, "INT"))  # Snowflake has no cast from a truth to a FLOAT
    return node


def _as_decimal(node: exp.Cast, kind: str | None) -> exp.Expr:
    """A DOUBLE as DuckDB does it: times a power of ten, rounded, and then cut."""
    from sqlglot import exp

    if kind in (None, "FLOAT"):
        raise TranslationError(
            "a cast to DECIMAL of a FLOAT, or of a type not known here, and so how it is rounded",
            "Write x::DOUBLE::DECIMAL(18,3).",
        )
    if kind not in FLOATS:
        return node
    digits = int(node.to.expressions[1].name) if len(node.to.expressions) > 1 else 0
    scaled = exp.Round(this=exp.Mul(this=_operand(node.this), expression=_power(digits)))
    unit = exp.Literal.number(f"0.{'0' * (digits - 1)}1" if digits else "1")
    node.set("this", exp.Mul(this=exp.cast(scaled, "DECIMAL(38, 0)"), expression=unit))
    return node


def rounded(node: exp.Round) -> exp.Expr:
    """`round(x, n)` of a DOUBLE, as DuckDB computes it."""
    from sqlglot import exp

    digits = whole(node.args.get("decimals"))
    if digits is None or types_at(node)[0] not in FLOATS:
        return node
    if digits == 0:
        return exp.Round(this=node.this)
    there, back = (exp.Mul, exp.Div) if digits > 0 else (exp.Div, exp.Mul)
    scaled = there(this=_operand(node.this), expression=_power(abs(digits)))
    return exp.Paren(this=back(this=exp.Round(this=scaled), expression=_power(abs(digits))))


def _operand(value: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    return exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Unary) else value


def _power(digits: int) -> exp.Expr:
    """A power of ten as a DOUBLE."""
    from sqlglot import exp

    return exp.cast(exp.Literal.number(10**digits), "DOUBLE")
