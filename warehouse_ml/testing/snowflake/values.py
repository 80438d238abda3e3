"""Values where DuckDB, or fakesnow, computes other ones than Snowflake from the same expression.

`prepare` changes a statement of Snowflake's before fakesnow has it, `finish` what fakesnow made of it. What
depends on types is left to the macros of `macros.py`.
"""

from collections.abc import Callable
from typing import Any

from fakesnow.transforms.transforms import _NUMERIC_ONLY_AGGS
from sqlglot import exp

from warehouse_ml.testing.snowflake.errors import NotEmulatedError
from warehouse_ml.testing.snowflake.macros import macro

TEXTS = exp.DataType.TEXT_TYPES
WHOLE = exp.DataType.INTEGER_TYPES
TIMES = exp.DataType.TEMPORAL_TYPES
DOUBLE = exp.DataType.build("double")
TEXT = exp.DataType.build("varchar")

JSON_PARTS = (exp.JSONExtract, exp.GetExtract, exp.Bracket)
"""What gives a VARIANT, as far as the text of a statement shows it."""

OF_TEXTS = (
    *(
        exp.Upper,
        exp.Lower,
        exp.Length,
        exp.Substring,
        exp.Replace,
        exp.StartsWith,
        exp.EndsWith,
        exp.Contains,
    ),
    *(
        exp.Left,
        exp.Right,
        exp.SplitPart,
        exp.Split,
        exp.RegexpLike,
        exp.RegexpReplace,
        exp.Initcap,
        exp.Reverse,
    ),
    *(exp.Like, exp.ILike),
)
"""Functions and predicates that take a VARIANT for its text."""

COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)

SHORT = 20
"""Nodes of an expression that may be put several times into another one."""

QUOTIENT, SUM, MEAN, TYPEOF, READABLE = "WML_QUOTIENT", "WML_SUM", "WML_MEAN", "WML_TYPEOF", "WML_READABLE"
"""Stand for functions while fakesnow has the statement."""


def each(tree: Any, kinds: Any, change: Callable[[Any], Any]) -> None:
    """Replace every node of some kinds by what `change` makes of it, which may hold the node's parts."""
    for node in [*tree.find_all(*kinds)]:
        if node.parent is not None:
            replaced(node, change)


def call(name: str, *arguments: Any) -> exp.Anonymous:
    """A call of a function of DuckDB's, or of one that stands for another."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def as_text(value: Any) -> Any:
    """A value as VARCHAR."""
    return value if is_text(value) else exp.Cast(this=value, to=TEXT.copy())


def is_text(value: Any) -> bool:
    """Whether a value is a VARCHAR, by what the statement says."""
    return bool(value.is_string or (isinstance(value.unnest(), exp.Cast) and value.unnest().to.this in TEXTS))


def prepare(statement: Any) -> None:
    """Change a statement of Snowflake's so that fakesnow and DuckDB leave it its meaning."""
    for node in [*statement.find_all(exp.Parameter)]:
        node.replace(column_of_values(node))
    each(statement, (exp.Div,), lambda node: call(QUOTIENT, node.this, node.expression))
    each(statement, (exp.Array,), lambda node: call("json_array", *map(variant, node.expressions)))
    each(statement, (exp.Trim,), trimmed)
    each(statement, (exp.Cast,), cast)
    each(statement, (exp.Typeof,), lambda node: call(TYPEOF, variant(node.this)))
    for node in [*statement.find_all(exp.DPipe, exp.Concat, exp.ConcatWs)]:
        for part in [node.this, node.expression] if isinstance(node, exp.DPipe) else [*node.expressions]:
            replaced(part, as_text)
    for node in [*statement.find_all(*OF_TEXTS)]:
        if isinstance(node.this.unnest(), JSON_PARTS):
            replaced(node.this, as_text)
    for node in [*statement.find_all(*COMPARISONS)]:
        for one, other in ((node.this, node.expression), (node.expression, node.this)):
            if isinstance(one.unnest(), JSON_PARTS) and other.is_string:
                replaced(one, as_text)
    for node in [*statement.find_all(exp.In)]:
        if isinstance(node.this.unnest(), JSON_PARTS) and any(one.is_string for one in node.expressions):
            replaced(node.this, as_text)
    for node in [*statement.find_all(exp.ArrayAgg, exp.ObjectAgg)]:
        value = node.expression if isinstance(node, exp.ObjectAgg) else node.this
        replaced(value.expressions[0] if isinstance(value, exp.Distinct) else value, variant)
    each(statement, _NUMERIC_ONLY_AGGS, aggregate)
    for column in [*statement.find_all(exp.ColumnDef)]:
        limit_text(column)


def replaced(node: Any, change: Callable[[Any], Any]) -> None:
    """Put what `change` makes of a node in its place; the node may become a part of it."""
    place = exp.Null()
    node.replace(place)
    place.replace(change(node))


def column_of_values(node: Any) -> Any:
    """The column that `$1` is, where the rows stand in the statement."""
    select = node.find_ancestor(exp.Select)
    source = select.args.get("from_") if select is not None else None
    if (
        source is None
        or not isinstance(source.this, exp.Values)
        or select.args.get("joins")
        or not node.this.is_int
    ):
        raise NotEmulatedError("$ before a number or a name, but for columns of VALUES")
    return exp.column(exp.to_identifier(f"COLUMN{node.name}", quoted=True))


def variant(value: Any) -> Any:
    """A value as a VARIANT."""
    return exp.ToVariant(this=value)


def trimmed(node: Any) -> Any:
    """TRIM, LTRIM or RTRIM, of which fakesnow forgets the side and the characters."""
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position")), "trim")
    characters = [node.expression] if node.expression else []
    return call(name, as_text(node.this), *characters)


def cast(node: Any) -> Any:
    """A cast: half a number goes away from zero, and a text is cut to the length of its type."""
    kind = node.to.this
    digits = [one.name for one in node.to.expressions]
    whole = kind in WHOLE or (kind == exp.DataType.Type.DECIMAL and digits in ([], ["38"], ["38", "0"]))
    if kind == exp.DataType.Type.VARIANT:
        return variant(node.this)
    if isinstance(node.this, exp.Literal):
        return shortened(node)
    if whole:
        wide = type(node)(this=node.this, to=exp.DataType.build("decimal(37, 0)"))
        return type(node)(this=wide, to=node.to)
    if kind in TIMES and not isinstance(node.this, exp.Null) and not is_text(node.this):
        return type(node)(this=call(READABLE, node.this), to=node.to)
    return shortened(node)


def shortened(node: Any) -> Any:
    """A cast to VARCHAR(n), which cuts."""
    length = node.to.expressions[0].this if node.to.this in TEXTS and node.to.expressions else None
    if length is None or isinstance(node, exp.TryCast):
        return node
    node.set("to", TEXT.copy())
    return call("left", node, length.copy())


def aggregate(node: Any) -> Any:
    """An aggregate of numbers, for which fakesnow makes NULL of texts and FLOAT of whole numbers."""
    value = node.this
    if isinstance(value, exp.Distinct):
        return (
            call(SUM if isinstance(node, exp.Sum) else MEAN, value)
            if isinstance(node, (exp.Sum, exp.Avg))
            else node
        )
    if isinstance(value.unnest(), JSON_PARTS) or not isinstance(node, (exp.Sum, exp.Avg)):
        value = value if isinstance(value, exp.Cast) else exp.Cast(this=value, to=DOUBLE.copy())
    if isinstance(node, (exp.Sum, exp.Avg)):
        return call(SUM if isinstance(node, exp.Sum) else MEAN, value)
    node.set("this", value)
    return node


def limit_text(column: Any) -> None:
    """Let a column of VARCHAR(n) refuse longer texts."""
    kind = column.kind
    if kind is None or kind.this not in TEXTS or not kind.expressions:
        return
    long = exp.LTE(
        this=exp.Length(this=exp.column(column.this.copy())), expression=kind.expressions[0].this.copy()
    )
    limit = exp.ColumnConstraint(kind=exp.CheckColumnConstraint(this=long))
    column.set("constraints", [*(column.args.get("constraints") or []), limit])


def finish(statement: Any) -> None:
    """Put DuckDB's functions and the macros in their places."""
    for node in [*statement.find_all(exp.Anonymous)]:
        if node.name.upper() in FINISHED:
            replaced(node, FINISHED[node.name.upper()])
    each(statement, (exp.JSONExtractScalar,), lambda node: macro("wml_plain", exp.Paren(this=node)))
    for node in [*statement.find_all(exp.Cast)]:
        inner = node.this.unnest()
        known = inner.is_string or (
            isinstance(inner, exp.Dot) and inner.expression.name in ("wml_plain", "wml_text")
        )
        if not isinstance(node, exp.TryCast) and node.to.this in TEXTS and not known:
            replaced(node, lambda one: macro("wml_text", one.this))
    each(statement, (exp.Sign,), lambda node: exp.Cast(this=node, to=exp.DataType.build("bigint")))
    for node in [*statement.find_all(exp.GroupConcat)]:
        replaced(whole_aggregate(node), or_no_text)
    for node in reversed([*statement.find_all(exp.Anonymous)]):  # last and from within: they are copied
        if node.name == MEAN:
            averaged(node)


def whole_aggregate(node: Any) -> Any:
    """An aggregate with what belongs to it: OVER, FILTER, WITHIN GROUP."""
    while isinstance(node.parent, (exp.Window, exp.Filter, exp.WithinGroup)) and node.arg_key == "this":
        node = node.parent
    return node


def or_no_text(listed: Any) -> Any:
    """LISTAGG, which is an empty text where there is nothing to list."""
    return exp.Coalesce(this=listed, expressions=[exp.Literal.string("")])


def numbers(summed: Any, name: str) -> Any:
    """What is summed, behind a sign that DuckDB has for numbers only.

    DuckDB's SUM takes a BOOLEAN, Snowflake's does not. By the sign's name `failures.py` knows the aggregate.
    """
    if isinstance(summed, exp.Distinct):
        summed.set("expressions", [call(name, one) for one in summed.expressions])
        return summed
    return call(name, summed)


def averaged(node: Any) -> None:
    """Make AVG of what stands for it: of NUMBERs, with as many digits behind the point as on Snowflake."""
    outer = whole_aggregate(node)
    sums = exp.Sum(this=node.expressions[0].copy())
    mean = exp.Avg(this=numbers(node.expressions[0], "add"))
    if outer is node:
        replaced(node, lambda _: macro("wml_mean", mean, call("typeof", sums)))
        return
    summed = outer.copy()
    next(one for one in summed.find_all(exp.Anonymous) if one.name == MEAN).replace(sums)
    node.replace(mean)
    replaced(outer, lambda one: macro("wml_mean", one, call("typeof", summed)))


def quotient(node: Any) -> Any:
    """A quotient, each of whose parts is computed once where it is long."""
    long = sum(1 for _ in node.walk()) > SHORT
    return macro("wml_long_quotient" if long else "wml_quotient", *node.expressions)


def as_json(node: Any) -> Any:
    """A value, or a row, as a VARIANT."""
    value = node.expressions[0]
    if isinstance(value, exp.Anonymous) and value.name.upper() == "STRUCT_PACK":
        return macro("wml_row", value, exp.true())
    return macro("wml_variant", value)


FINISHED: dict[str, Callable[[Any], Any]] = {
    QUOTIENT: quotient,
    SUM: lambda node: exp.Sum(this=numbers(node.expressions[0], "+")),
    TYPEOF: lambda node: macro("wml_typeof", *node.expressions),
    READABLE: lambda node: macro("wml_readable", *node.expressions),
    "TO_JSON": as_json,
    "_FS_OBJECT_CONSTRUCT_STAR": lambda node: macro("wml_row", node.expressions[0], exp.false()),
    "JSON_EXTRACT_STRING": lambda node: macro("wml_plain", node),
}
"""What becomes of a function once fakesnow is done."""
