"""Casts, texts and numbers that a translation to Snowflake's dialect refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from warehouse_ml.query.compared import THERE, Rule
from warehouse_ml.query.operand_types import INTEGERS, scales_at, types_at
from warehouse_ml.query.tokens import words
from warehouse_ml.query.untranslatable_kinds import mixed
from warehouse_ml.query.whole import whole

if TYPE_CHECKING:
    from sqlglot import exp

_CAST_TO = words(
    "TINYINT SMALLINT INT BIGINT INT128 UTINYINT USMALLINT UINT UBIGINT UINT128 DOUBLE DECIMAL BOOLEAN "
    "VARCHAR TEXT CHAR NCHAR NVARCHAR BPCHAR DATE TIMESTAMP TIMESTAMPNTZ"
)
_TIMES = words("DATE TIMESTAMP TIMESTAMPNTZ")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d([.]\d{1,6})?)?)?")


def _cast(node: exp.Expr) -> Iterator[tuple[str, str]]:
    target = node.args["to"]
    kind = target.this.name
    if kind in ("FLOAT", "REAL"):
        yield "FLOAT, which has 32 bits in DuckDB and 64 in Snowflake", "Write DOUBLE."
    elif kind not in _CAST_TO:
        yield f"the type {kind}", THERE
    elif kind in _TIMES and node.this.is_string and not _TIME.fullmatch(node.this.name):
        yield f"a {kind} that is not written like 2020-12-31 23:59:59", ""


def _column_def(node: exp.Expr) -> Iterator[tuple[str, str]]:
    kind = node.args.get("kind")
    if kind is not None and kind.this.name == "FLOAT":
        yield "FLOAT, which has 32 bits in DuckDB and 64 in Snowflake", "Write DOUBLE."


def _data_type(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if node.this.name in ("ENUM", "UNION", "STRUCT", "MAP"):
        yield f"the type {node.this.name}", ""


def _comparison(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    right = node.expression
    bare = right.this if isinstance(right, exp.Not) else right
    if isinstance(bare, exp.Is) or isinstance(node.this, exp.Not):  # it took an IS behind it for its own
        yield "IS after a comparison without brackets", "Write `(a = b) IS ...`."
    yield from mixed(node)


def _substring(node: exp.Expr) -> Iterator[tuple[str, str]]:
    start, length = whole(node.args.get("start")), node.args.get("length")
    if start is None or start < 1 or (length is not None and (whole(length) is None or whole(length) < 0)):  # type: ignore[operator]
        yield (
            "substring from a place that is not a number of 1 or more",
            "Write substring(x, 1, n), left or right.",
        )


def _edge(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if whole(node.expression) is None:
        yield f"{node.key} of a length that is no number", "Write the number."


def _split_part(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    by, place = node.args.get("delimiter"), whole(node.args.get("part_index"))
    if not place or not (isinstance(by, exp.Literal) and by.is_string and by.name):
        yield "split_part by an empty text, at 0, or by what is computed", "Write a text and a number."


def _text_alone(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if "LIST" in types_at(node):
        yield f"{node.key} of a list", THERE


def _product(node: exp.Expr) -> Iterator[tuple[str, str]]:
    scales = scales_at(node)
    if len(scales) == 2 and all(digits is not None for digits in scales):
        digits = [each or 0 for each in scales]
        if sum(digits) > max(12, *digits):  # Snowflake rounds a product to so many digits
            yield "a product of DECIMALs with more than 12 digits after the point", "Cast one side to DOUBLE."


def _quotient(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if None in types_at(node) or not node.args.get("expression"):
        yield "// of values whose types are not known here", "Write a::BIGINT // b::BIGINT, or / for doubles."


def _round(node: exp.Expr) -> Iterator[tuple[str, str]]:
    decimals = node.args.get("decimals")
    if decimals is None:
        return
    if whole(decimals) is None:
        yield f"{node.key} to digits that are computed", "Write the number of digits."
    elif types_at(node)[0] in (None, "FLOAT"):
        yield f"{node.key} to digits of a FLOAT, or of what is not known here", "Write round(x::DOUBLE, 2)."
    elif node.key == "trunc" and types_at(node)[0] not in {"DECIMAL"} | INTEGERS:
        yield "trunc to digits of a DOUBLE", "Write trunc(x * 100) / 100."


def _tuple(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    inside = (
        exp.Values,
        exp.GroupingSets,
        exp.Cube,
        exp.Rollup,
        exp.Distinct,
        exp.Group,
        exp.When,
        exp.Insert,
    )
    if not isinstance(node.parent, inside):
        yield (
            "a row of values, which are equal in DuckDB where both hold NULL",
            "Compare the columns one by one.",
        )


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "Is"), _comparison),
    **dict.fromkeys(("Contains", "Length"), _text_alone),
    **dict.fromkeys(("Round", "Trunc"), _round),
    **dict.fromkeys(("Left", "Right"), _edge),
    "Cast": _cast,
    "ColumnDef": _column_def,
    "DataType": _data_type,
    "IntDiv": _quotient,
    "Mul": _product,
    "SplitPart": _split_part,
    "Substring": _substring,
    "Tuple": _tuple,
}
"""For each class of a node of sqlglot what says why it is refused, if it is."""
