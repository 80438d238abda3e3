"""The same answer in Snowflake's words, where sqlglot leaves DuckDB's or would change the meaning.

What is written here was compared: DuckDB's side by running it, Snowflake's by its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from warehouse_ml.errors import TranslationError
from warehouse_ml.query import snowflake_casts as casts
from warehouse_ml.query import snowflake_texts as texts
from warehouse_ml.query import snowflake_times as times
from warehouse_ml.query.coerce import fields
from warehouse_ml.query.compared import ALIKE
from warehouse_ml.query.operand_types import FLOATS, INTEGERS, full_type_at, plain, types_at
from warehouse_ml.query.untranslatable_kinds import side_by_side
from warehouse_ml.query.whole import whole
from warehouse_ml.signature import Output

if TYPE_CHECKING:
    from sqlglot import exp


def _owners(tree: exp.Expr) -> set[str]:
    """What stands before the dot of a column; all else there is a value with fields."""
    from sqlglot import exp

    return {node.alias_or_name.lower() for node in tree.find_all(exp.Table, exp.Subquery, exp.CTE, exp.UDTF)}


def operands(tree: exp.Expr) -> Callable[[exp.Expr], list[exp.Expr]]:
    """What names the operands of a node whose types decide how it is written."""
    from sqlglot import exp

    owners = _owners(tree)

    def named(node: exp.Expr) -> list[exp.Expr]:
        if isinstance(node, exp.Column) and node.table and node.table.lower() not in owners:
            return [exp.column(node.args["table"].copy(), node.args.get("db"))]
        return _operands(node)

    return named


def _operands(node: exp.Expr) -> list[exp.Expr]:
    from sqlglot import exp

    if isinstance(node, exp.Cast | exp.Bracket | exp.StructExtract | exp.TimestampTrunc | exp.TimeToStr):
        return [node.this]
    if isinstance(node, exp.Length | exp.Contains):
        return [node.this]
    if isinstance(node, exp.Round | exp.Trunc):
        return [node.this] if node.args.get("decimals") is not None else []
    if isinstance(node, exp.DPipe | exp.IntDiv | exp.Mul):
        return [node.this, node.expression]
    if isinstance(node, exp.Concat):
        return list(node.expressions)
    if isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Interval):
        return [node.this]
    if isinstance(node, exp.GroupConcat) and isinstance(node.this, exp.Order):
        return [node.this.this]
    if isinstance(node, exp.Dot) and isinstance(node.this, exp.Func | exp.Paren | exp.Bracket | exp.Dot):
        return [node.this]
    return [operand for group in side_by_side(node) for operand in group]


def in_snowflake_forms(tree: exp.Expr, outputs: Mapping[str, Output]) -> exp.Expr:
    """The same statement, to be written by sqlglot in Snowflake's dialect.

    Args:
        tree: A statement with the types of its `operands`; it is changed.
        outputs: The results of the functions of versions, by name in lower case.

    Raises:
        TranslationError: The type of an operand allows no form of the same meaning, or is not known.
    """
    from sqlglot import exp

    owners = _owners(tree)

    def is_call(node: object) -> bool:
        return isinstance(node, exp.Anonymous) and node.name.lower() in outputs

    def is_double(node: exp.Expr) -> bool:
        if isinstance(node, exp.Anonymous) and is_call(node):
            return outputs[node.name.lower()].type == "DOUBLE"
        return isinstance(node, exp.Cast) and node.to.this.name == "DOUBLE"

    def in_double(node: exp.Expr, key: str) -> None:
        value = node.args[key]
        if isinstance(value, exp.Distinct):
            value.set("expressions", [exp.cast(each, "DOUBLE") for each in value.expressions])
        elif not is_double(value):
            node.set(key, exp.cast(value, "DOUBLE"))

    def changed(node: exp.Expr) -> exp.Expr:
        # Quotients and means are doubles, of which Snowflake would keep six digits.
        if isinstance(node, exp.IntDiv):
            return casts.quotient(node)
        if isinstance(node, exp.CovarPop | exp.CovarSamp):
            in_double(node, "this")
            in_double(node, "expression")
        elif isinstance(node, _means()) and not isinstance(node.parent, exp.WithinGroup):
            in_double(node, "this")
        elif isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
            for key in node.expression.expressions:
                in_double(key, "this")
        elif isinstance(node, exp.StructExtract) and not is_call(node.this):
            return _field(node.this, node.expression.name, full_type_at(node))
        elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            if isinstance(node.this, exp.Func | exp.Paren | exp.Bracket) and not is_call(node.this):
                return _field(node.this, node.expression.name, full_type_at(node))
        elif isinstance(node, exp.Column) and node.table and node.table.lower() not in owners:
            if node.db and node.db.lower() not in owners:
                raise TranslationError("a field of a field", "Write (a.b).c for a.b.c.")
            found = _field(exp.column(node.args["table"], node.args.get("db")), node.name, full_type_at(node))
            return exp.alias_(found, node.name) if isinstance(node.parent, exp.Select) else found
        elif isinstance(node, exp.Bracket) and not is_call(node.this):
            return _element(node)
        elif isinstance(node, exp.Table) and node.db.lower() == "main":
            node.set("db", None)  # DuckDB's own schema
        elif isinstance(node, exp.TableSample) and str(node.args.get("method")).upper() == "RESERVOIR":
            node.set("method", None)
        elif isinstance(node, exp.DataType) and node.this.name in casts.UNSIGNED:
            return exp.DataType.build("NUMBER(38,0)", dialect="snowflake")
        elif isinstance(node, exp.Anonymous) and node.name.lower() in ALIKE:
            node.set("this", ALIKE[node.name.lower()])
        elif isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean):
            return _truth(node)
        elif isinstance(node, exp.Log) and node.expression is None:
            return exp.Log(this=exp.Literal.number(10), expression=node.this)  # sqlglot would say LN
        elif isinstance(node, exp.Rand):
            ends = [exp.cast(exp.Literal.number(end), "DOUBLE") for end in (0, 1)]  # Snowflake's are 64 bits
            return exp.Anonymous(this="UNIFORM", expressions=[*ends, exp.Rand()])
        elif isinstance(node, exp.CTE):
            node.set("materialized", None)  # a hint alone
        elif isinstance(node, exp.Select):
            _first_of_each(node)
        else:
            return _forms().get(type(node), _same)(node)
        return node

    for node in reversed(list(tree.walk())):  # what is within others first: they may be put elsewhere
        other = changed(node)
        if other is not node:
            node.replace(other)
    return tree


def _means() -> tuple[type[exp.Expr], ...]:
    from sqlglot import exp

    return (
        exp.Div,
        exp.Avg,
        exp.Median,
        exp.PercentileCont,
        exp.Stddev,
        exp.StddevPop,
        exp.StddevSamp,
        exp.Variance,
        exp.VariancePop,
    )


def _forms() -> dict[type[exp.Expr], Callable[..., exp.Expr]]:
    from sqlglot import exp

    return {
        exp.Cast: casts.cast,
        exp.DPipe: texts.joined,
        exp.Concat: texts.joined,
        exp.Round: casts.rounded,
        exp.Left: texts.edge,
        exp.Right: texts.edge,
        exp.Trim: texts.trimmed,
        exp.Add: times.later,
        exp.Sub: times.later,
        exp.TimestampTrunc: times.truncated,
        exp.TimeToStr: times.shown,
        exp.Extract: times.part,
        exp.DayOfWeek: lambda node: times.from_sunday(node.this),
        exp.Week: lambda node: exp.Anonymous(this="WEEKISO", expressions=[node.this]),
        exp.GroupConcat: texts.list_of_texts,
    }


def _same(node: exp.Expr) -> exp.Expr:
    return node


def _field(value: exp.Expr, name: str, kind: str | None) -> exp.Expr:
    """A field of an OBJECT, whose keys are as they were written; DuckDB's fields are of any case."""
    from sqlglot import exp

    held = None
    for known, type_ in fields(kind or "") or []:
        if known.casefold() == name.casefold():
            name, held = known, type_
    return _out_of_variant(exp.Anonymous(this="GET", expressions=[value, exp.Literal.string(name)]), held)


def _out_of_variant(part: exp.Expr, kind: str | None) -> exp.Expr:
    """A part of an OBJECT or ARRAY as DuckDB has it: in a VARIANT, texts have quotes and nulls are values."""
    from sqlglot import exp

    bare = plain(kind or "")
    if bare in INTEGERS:
        return exp.cast(part, "BIGINT")
    if bare in FLOATS:
        return exp.cast(part, "DOUBLE")
    if bare in ("VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "DECIMAL"):
        return exp.cast(part, kind or bare, dialect="duckdb")
    return part


def _element(node: exp.Bracket) -> exp.Expr:
    """An element of a list or a text, of which sqlglot has made the place count from 0."""
    from sqlglot import exp

    key = node.expressions[0]
    if isinstance(key, exp.Literal) and key.is_string:
        return _field(node.this, str(key.this), full_type_at(node))
    place = whole(key) or 0
    if types_at(node) == ["VARCHAR"]:
        ends = [exp.Literal.number(place + 1), exp.Literal.number(1)]
        return exp.Anonymous(this="SUBSTR", expressions=[node.this, *ends])
    counted: exp.Expr = exp.Literal.number(place)
    if place < 0:  # sqlglot has made -2 of the last one's -1
        size = exp.Anonymous(this="ARRAY_SIZE", expressions=[node.this.copy()])
        counted = exp.Sub(this=size, expression=exp.Literal.number(-place - 1))
    held = re.sub(r"\[\d*\]$", "", full_type_at(node) or "")
    return _out_of_variant(exp.Anonymous(this="GET", expressions=[node.this, counted]), held)


def _first_of_each(node: exp.Select) -> None:
    """`DISTINCT ON` as QUALIFY: sqlglot's form would lose the order of the rows."""
    from sqlglot import exp

    distinct = node.args.get("distinct")
    if distinct is None or distinct.args.get("on") is None:
        return
    keys = [key.copy() for key in distinct.args["on"].expressions]
    number = exp.Window(this=exp.RowNumber(), partition_by=keys, order=node.args["order"].copy(), over="OVER")
    node.set("distinct", None)
    node.set("qualify", exp.Qualify(this=exp.EQ(this=number, expression=exp.Literal.number(1))))


def _truth(node: exp.Is) -> exp.Expr:
    """`x IS TRUE` and `x IS FALSE`, which are never NULL; sqlglot would drop them."""
    from sqlglot import exp

    wanted = bool(node.expression.this)
    known = exp.Coalesce(this=node.this, expressions=[exp.Boolean(this=not wanted)])
    return known if wanted else exp.Not(this=known)
