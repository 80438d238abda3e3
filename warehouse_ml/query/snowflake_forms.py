"""The same answer in Snowflake's words, where sqlglot leaves DuckDB's or would change the meaning.

What is written here was compared: DuckDB's side by running it, Snowflake's by its documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from warehouse_ml.errors import TranslationError
from warehouse_ml.query.coerce import fields
from warehouse_ml.query.compared import ALIKE
from warehouse_ml.query.operand_types import FLOATS, INTEGERS, TEXTS, full_type_at, types_at
from warehouse_ml.query.untranslatable import whole
from warehouse_ml.signature import Output

if TYPE_CHECKING:
    from sqlglot import exp

_UNSIGNED = frozenset(["UTINYINT", "USMALLINT", "UINT", "UBIGINT", "INT128", "UINT128"])
_WHOLE = frozenset(["TINYINT", "SMALLINT", "INT", "BIGINT"]) | _UNSIGNED
_TEXT = frozenset(["VARCHAR", "TEXT", "CHAR", "NCHAR", "NVARCHAR", "BPCHAR"])
_BLANKS = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What DuckDB's trim takes off: the separators of words that Unicode has. Snowflake's takes off blanks."""


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
    if isinstance(node, exp.Dot) and isinstance(node.this, exp.Func | exp.Paren | exp.Bracket):
        return [node.this]
    return []


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
            return _quotient(node)
        if isinstance(node, exp.Corr | exp.CovarPop | exp.CovarSamp):
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
            found = _field(exp.column(node.args["table"], node.args.get("db")), node.name, full_type_at(node))
            return exp.alias_(found, node.name) if isinstance(node.parent, exp.Select) else found
        elif isinstance(node, exp.Bracket) and not is_call(node.this):
            return _element(node)
        elif isinstance(node, exp.Table) and node.db.lower() == "main":
            node.set("db", None)  # DuckDB's own schema
        elif isinstance(node, exp.TableSample) and str(node.args.get("method")).upper() == "RESERVOIR":
            node.set("method", None)
        elif isinstance(node, exp.DataType) and node.this.name in _UNSIGNED:
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
        exp.Cast: _cast,
        exp.DPipe: _joined,
        exp.Concat: _joined,
        exp.Round: _rounded,
        exp.Left: _edge,
        exp.Right: _edge,
        exp.Trim: _trimmed,
        exp.Add: _later,
        exp.Sub: _later,
        exp.TimestampTrunc: _truncated,
        exp.TimeToStr: _shown,
        exp.Extract: _part,
        exp.DayOfWeek: lambda node: _from_sunday(node.this),
        exp.Week: lambda node: exp.Anonymous(this="WEEKISO", expressions=[node.this]),
        exp.GroupConcat: _list_of_texts,
    }


def _same(node: exp.Expr) -> exp.Expr:
    return node


def _field(value: exp.Expr, name: str, kind: str | None) -> exp.Expr:
    """A field of an OBJECT, whose keys are as they were written; DuckDB's fields are of any case."""
    from sqlglot import exp

    for known, _ in fields(kind or "") or []:
        if known.casefold() == name.casefold():
            name = known
    return exp.Anonymous(this="GET", expressions=[value, exp.Literal.string(name)])


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
    return exp.Anonymous(this="GET", expressions=[node.this, counted])


def _quotient(node: exp.IntDiv) -> exp.Expr:
    """`a // b`: cut towards zero between whole numbers, and a plain quotient between others."""
    from sqlglot import exp

    left, right = node.this, node.expression
    if not set(types_at(node)) <= INTEGERS:
        return exp.Div(this=exp.cast(left, "DOUBLE"), expression=right)
    rest = exp.Anonymous(this="MOD", expressions=[left.copy(), right.copy()])
    whole_part = exp.Div(this=exp.Paren(this=exp.Sub(this=left, expression=rest)), expression=right)
    return exp.cast(whole_part, "BIGINT")  # a double would lose digits above 2 ** 53


def _cast(node: exp.Cast) -> exp.Expr:
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
        return _as_text(value, kind)
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


def _as_text(value: exp.Expr, kind: str | None) -> exp.Expr:
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


def _joined(node: exp.DPipe | exp.Concat) -> exp.Expr:
    from sqlglot import exp

    kinds = types_at(node)
    if isinstance(node, exp.Concat):
        node.set("expressions", [_part_of_text(*each) for each in zip(node.expressions, kinds, strict=True)])
    else:
        node.set("this", _part_of_text(node.this, kinds[0]))
        node.set("expression", _part_of_text(node.expression, kinds[1]))
    return node


def _part_of_text(value: exp.Expr, kind: str | None) -> exp.Expr:
    return value if kind in TEXTS else _as_text(value, kind)


def _rounded(node: exp.Round) -> exp.Expr:
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


def _edge(node: exp.Left | exp.Right) -> exp.Expr:
    """`left(x, -1)`: all but the last one."""
    from sqlglot import exp

    count = whole(node.expression)
    if count is not None and count < 0:
        rest = exp.Sub(this=exp.Length(this=node.this.copy()), expression=exp.Literal.number(-count))
        zero = exp.Literal.number(0)
        node.set("expression", exp.Anonymous(this="GREATEST", expressions=[rest, zero]))
    return node


def _trimmed(node: exp.Trim) -> exp.Expr:
    from sqlglot import exp

    if node.expression is None:
        node.set("expression", exp.Literal.string(_BLANKS))
    return node


def _as_time(value: exp.Expr, kind: str | None) -> exp.Expr:
    """A DATE as the TIMESTAMP that DuckDB computes with."""
    from sqlglot import exp

    known = kind is not None and kind.startswith("TIMESTAMP")
    return value if known else exp.cast(value, "TIMESTAMPNTZ", dialect="snowflake")


def _later(node: exp.Add | exp.Sub) -> exp.Expr:
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


def _truncated(node: exp.TimestampTrunc) -> exp.Expr:
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


def _shown(node: exp.TimeToStr) -> exp.Expr:
    node.set("this", _as_time(node.this, types_at(node)[0]))
    return node


def _from_sunday(value: exp.Expr) -> exp.Expr:
    """The day of the week from Sunday's 0, whatever a session says."""
    from sqlglot import exp

    day = exp.Anonymous(this="DAYOFWEEKISO", expressions=[value])
    return exp.Anonymous(this="MOD", expressions=[day, exp.Literal.number(7)])


def _part(node: exp.Extract) -> exp.Expr:
    from sqlglot import exp

    part = node.name.upper()
    if part in ("DOW", "DAYOFWEEK"):
        return _from_sunday(node.expression)
    named = {"WEEK": "WEEKISO", "ISODOW": "DAYOFWEEKISO", "DOY": "DAYOFYEAR"}.get(part)
    return node if named is None else exp.Anonymous(this=named, expressions=[node.expression])


def _list_of_texts(node: exp.GroupConcat) -> exp.Expr:
    """`string_agg`, which is NULL and no empty text where there is nothing to join."""
    from sqlglot import exp

    ordered = node.this
    value = _part_of_text(ordered.this, types_at(node)[0])
    count = exp.Count(this=value.copy())
    ordered.set("this", value)
    if node.args.get("separator") is None:
        node.set("separator", exp.Literal.string(","))
    return exp.Case(ifs=[exp.If(this=exp.GT(this=count, expression=exp.Literal.number(0)), true=node.copy())])


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
