"""Texts as DuckDB makes, joins and cuts them, in Snowflake's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse_ml.errors import TranslationError
from warehouse_ml.query.operand_types import INTEGERS, TEXTS, types_at
from warehouse_ml.query.whole import whole

if TYPE_CHECKING:
    from sqlglot import exp

_BLANKS = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What DuckDB's trim takes off: the separators of words that Unicode has. Snowflake's takes off blanks."""


def as_text(value: exp.Expr, kind: str | None) -> exp.Expr:
    """A value as DuckDB shows it.

    Raises:
        TranslationError: Snowflake shows such a value otherwise.
    """
    from sqlglot import exp

    if kind in TEXTS | INTEGERS | {"BOOLEAN", "NULL"}:
        return exp.cast(value, "VARCHAR")
    if kind == "DATE":
        return exp.Anonymous(this="TO_CHAR", expressions=[value, exp.Literal.string("YYYY-MM-DD")])
    if kind is None:
        raise TranslationError(
            "a value as a text whose type is not known here, and so how it is shown",
            "Name tables that DuckDB has, and give parameters outside of the text.",
        )
    advice = "Write strftime(x, '%Y-%m-%d %H:%M:%S')." if kind.startswith("TIMESTAMP") else ""
    raise TranslationError(f"{kind} as a text, which Snowflake shows otherwise", advice)


def joined(node: exp.DPipe | exp.Concat) -> exp.Expr:
    """`a || b` and `concat(a, b)` of values of any type."""
    from sqlglot import exp

    kinds = types_at(node)
    if isinstance(node, exp.Concat):
        node.set("expressions", [_part_of_text(*each) for each in zip(node.expressions, kinds, strict=True)])
    else:
        node.set("this", _part_of_text(node.this, kinds[0]))
        node.set("expression", _part_of_text(node.expression, kinds[1]))
    return node


def _part_of_text(value: exp.Expr, kind: str | None) -> exp.Expr:
    return value if kind in TEXTS else as_text(value, kind)


def edge(node: exp.Left | exp.Right) -> exp.Expr:
    """`left(x, -1)`: all but the last one."""
    from sqlglot import exp

    count = whole(node.expression)
    if count is not None and count < 0:
        rest = exp.Sub(this=exp.Length(this=node.this.copy()), expression=exp.Literal.number(-count))
        zero = exp.Literal.number(0)
        node.set("expression", exp.Anonymous(this="GREATEST", expressions=[rest, zero]))
    return node


def trimmed(node: exp.Trim) -> exp.Expr:
    """`trim(x)`, of which Snowflake's takes off blanks alone."""
    from sqlglot import exp

    if node.expression is None:
        node.set("expression", exp.Literal.string(_BLANKS))
    return node


def list_of_texts(node: exp.GroupConcat) -> exp.Expr:
    """`string_agg`, which is NULL and no empty text where there is nothing to join."""
    from sqlglot import exp

    ordered = node.this
    value = _part_of_text(ordered.this, types_at(node)[0])
    count = exp.Count(this=value.copy())
    ordered.set("this", value)
    if node.args.get("separator") is None:
        node.set("separator", exp.Literal.string(","))
    return exp.Case(ifs=[exp.If(this=exp.GT(this=count, expression=exp.Literal.number(0)), true=node.copy())])
