"""fakesnow's cursor, where it must not give what Snowflake does not."""

from typing import Any

from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp, parse_one

from warehouse_ml.testing.snowflake.errors import NotEmulatedError

VARIANT_TYPES = {
    "IS_DOUBLE": ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"),
    "IS_REAL": ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"),
    "IS_DECIMAL": ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"),
    "IS_INTEGER": ("UBIGINT", "BIGINT", "HUGEINT"),
    "IS_BOOLEAN": ("BOOLEAN",),
    "IS_VARCHAR": ("VARCHAR",),
    "IS_NULL_VALUE": ("NULL",),
    "IS_TIMESTAMP_NTZ": ("",),
    "IS_DATE": ("",),
}
"""What DuckDB calls the JSON values for which a predicate of Snowflake holds.

A VARIANT is JSON here, where 2.7 may be of either kind, and a time is a text.
"""

TRY_TIME = "WML_TRY_TIME"
"""Stands for TRY_CAST to a time while fakesnow has the statement."""

POINTER = parse_one("'/' || replace(replace(:key, '~', '~0'), '/', '~1')", read="duckdb")
"""The JSON pointer of a key that is known row by row."""

ANY_CASE = parse_one(
    """
    CASE
        WHEN list_contains(json_keys(:whole), :key) THEN :key
        WHEN len(list_filter(json_keys(:whole), lambda emulated: upper(emulated) = upper(:key))) > 1
            THEN error('The emulation does not emulate GET_IGNORE_CASE where keys differ in case alone.')
        ELSE list_filter(json_keys(:whole), lambda emulated: upper(emulated) = upper(:key))[1]
    END
    """,
    read="duckdb",
)
"""The key that GET_IGNORE_CASE finds; which of several, Snowflake does not say."""


class Cursor(FakeSnowflakeCursor):
    """A cursor whose statements are DuckDB's, with the meaning that they have on Snowflake."""

    def _inline_variables(self, sql: str) -> str:
        # SET is refused, and a text may hold a dollar sign
        return sql

    def _transform(self, expression: Any, params: Any) -> Any:
        if expression.find(exp.Connect):
            raise NotEmulatedError("CONNECT BY")
        if any(is_field_of_call(dot) for dot in expression.find_all(exp.Dot)):
            raise NotEmulatedError("a field of a call after a dot: Snowflake knows GET and the colon")
        variants = {
            value_of(node).unnest() for node in expression.walk() if predicate_name(node) in VARIANT_TYPES
        }
        prepared = expression.transform(lambda node: with_casts(node, variants), copy=False)
        return super()._transform(prepared, params).transform(with_parts, copy=False)


def is_field_of_call(dot: Any) -> bool:
    """Whether a dot stands behind a call; the dots of a function's own name stand before it."""
    owner = dot.this.unnest()
    return isinstance(owner.expression if isinstance(owner, exp.Dot) else owner, exp.Func)


def with_casts(node: Any, variants: set[Any]) -> Any:
    """Casts that fakesnow would do otherwise than Snowflake.

    TRY_CAST to a time would raise. The texts of what a predicate shows to be a VARIANT would come with the
    quotes of JSON, and so be no times.
    """
    if isinstance(node, exp.TryCast) and node.to.this == exp.DataType.Type.TIMESTAMPNTZ:
        return function(TRY_TIME, node.this.transform(lambda part: with_casts(part, variants)))
    if not isinstance(node, exp.Cast) or node.this.unnest() not in variants:
        return node
    text = function("json_extract_string", node.this, exp.Literal.string("$"))
    if node.to.is_type("text", "varchar"):
        return text
    return exp.Cast(this=text, to=node.to) if node.to.this == exp.DataType.Type.TIMESTAMPNTZ else node


def with_parts(node: Any) -> Any:
    """Functions of VARIANTs that have no like in DuckDB.

    GET of a key is done by a JSON pointer: any key, and as a text without quotes, as `:` gives it.
    """
    name = predicate_name(node)
    if name in VARIANT_TYPES:
        return variant_predicate(name, value_of(node).transform(with_parts))
    if name == TRY_TIME:
        time = exp.DataType(this=exp.DataType.Type.TIMESTAMP)
        return exp.TryCast(this=node.expressions[0].transform(with_parts), to=time)
    as_text = isinstance(node, exp.Cast) and node.to.is_type("text", "varchar")
    part = node.this.unnest() if as_text else node
    if not isinstance(part, (exp.GetExtract, exp.GetIgnoreCase)) or part.expression.is_number:
        return node
    whole = part.this.transform(with_parts)
    found = json_pointer(part, whole, part.expression.transform(with_parts))
    return function("json_extract_string" if as_text else "json_extract", whole, found)


def json_pointer(part: Any, whole: Any, key: Any) -> Any:
    """The JSON pointer of what GET or GET_IGNORE_CASE finds under a key."""
    if isinstance(part, exp.GetIgnoreCase):
        key = exp.replace_placeholders(ANY_CASE, whole=whole, key=key).copy()
    elif key.is_string:
        return exp.Literal.string("/" + key.name.replace("~", "~0").replace("/", "~1"))
    return exp.replace_placeholders(POINTER, key=key)


def predicate_name(node: Any) -> str:
    """What a function is called that the parser does not know; IS_NULL_VALUE it knows."""
    if isinstance(node, exp.IsNullValue):
        return "IS_NULL_VALUE"
    return str(node.this).upper() if isinstance(node, exp.Anonymous) else ""


def value_of(predicate: Any) -> Any:
    """What a predicate is asked of."""
    return predicate.this if isinstance(predicate, exp.IsNullValue) else predicate.expressions[0]


def variant_predicate(name: str, value: Any) -> Any:
    """Whether a VARIANT holds a value of a type; an error for all but a VARIANT, as on Snowflake."""
    refusal = exp.Literal.string(f"Invalid argument types for function '{name}': not a VARIANT")
    kind = exp.Case(
        ifs=[
            exp.If(
                this=exp.EQ(this=function("typeof", value.copy()), expression=exp.Literal.string("JSON")),
                true=function("json_type", value),
            )
        ],
        default=function("error", refusal),
    )
    return exp.In(this=kind, expressions=[exp.Literal.string(kind) for kind in VARIANT_TYPES[name]])


def function(name: str, *arguments: Any) -> exp.Anonymous:
    """A call of a function of DuckDB's."""
    return exp.Anonymous(this=name, expressions=list(arguments))
