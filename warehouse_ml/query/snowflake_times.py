"""Dates and times as DuckDB computes with them, in Snowflake's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse_ml.query.operand_types import types_at

if TYPE_CHECKING:
    from sqlglot import exp


def _as_time(value: exp.Expr, kind: str | None) -> exp.Expr:
    """A DATE as the TIMESTAMP that DuckDB computes with."""
    from sqlglot import exp

    known = kind is not None and kind.startswith("TIMESTAMP")
    return value if known else exp.cast(value, "TIMESTAMPNTZ", dialect="snowflake")


def later(node: exp.Add | exp.Sub) -> exp.Expr:
    """A time and an INTERVAL; the sum of a DATE and an INTERVAL is a TIMESTAMP."""
    from sqlglot import exp

    span = node.expression
    if not isinstance(span, exp.Interval):
        return node
    count = int(span.name) * (-1 if isinstance(node, exp.Sub) else 1)
    unit = exp.Var(this=str(span.args["unit"]).upper().removesuffix("S"))
    return exp.Anonymous(
        this="DATEADD", expressions=[unit, exp.Literal.number(count), _as_time(node.this, types_at(node)[0])]
    )


def truncated(node: exp.TimestampTrunc) -> exp.Expr:
    """A time cut to a unit, a TIMESTAMP also of a DATE; weeks begin on Monday, whatever a session says."""
    from sqlglot import exp

    value = _as_time(node.this, types_at(node)[0])
    unit = str(node.args["unit"]).upper()
    day = exp.Literal.string("DAY" if unit == "WEEK" else unit)
    cut = exp.Anonymous(this="DATE_TRUNC", expressions=[day, value])
    if unit != "WEEK":
        return cut
    back = exp.Sub(
        this=exp.Literal.number(1), expression=exp.Anonymous(this="DAYOFWEEKISO", expressions=[value.copy()])
    )
    return exp.Anonymous(this="DATEADD", expressions=[exp.Var(this="DAY"), back, cut])


def shown(node: exp.TimeToStr) -> exp.Expr:
    """`strftime`, also of a DATE."""
    node.set("this", _as_time(node.this, types_at(node)[0]))
    return node


def from_sunday(value: exp.Expr) -> exp.Expr:
    """The day of the week from Sunday's 0, whatever a session says."""
    from sqlglot import exp

    day = exp.Anonymous(this="DAYOFWEEKISO", expressions=[value])
    return exp.Anonymous(this="MOD", expressions=[day, exp.Literal.number(7)])


def part(node: exp.Extract) -> exp.Expr:
    """`extract`, whose weeks and days of the week depend on a session in Snowflake."""
    from sqlglot import exp

    part = node.name.upper()
    if part in ("DOW", "DAYOFWEEK"):
        return from_sunday(node.expression)
    named = {"WEEK": "WEEKISO", "ISODOW": "DAYOFWEEKISO", "DOY": "DAYOFYEAR"}.get(part)
    return node if named is None else exp.Anonymous(this=named, expressions=[node.expression])
