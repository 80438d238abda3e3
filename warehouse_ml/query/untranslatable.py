"""What a translation to Snowflake's dialect refuses, because its answer would be another one there.

Only what was compared is let through: a construct or a function that is not listed here is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from warehouse_ml.errors import TranslationError
from warehouse_ml.query.compared import ALIKE, FUNCTIONS, REFUSED, SHAPES, THERE
from warehouse_ml.query.operand_types import INTEGERS, scales_at, types_at
from warehouse_ml.query.tokens import words

if TYPE_CHECKING:
    from sqlglot import exp

_DATE_PARTS = words("YEAR QUARTER MONTH DAY HOUR MINUTE SECOND")
_EXTRACTED = _DATE_PARTS | {"WEEK", "DOW", "DAYOFWEEK", "ISODOW", "DAYOFWEEKISO", "DOY", "DAYOFYEAR"}
_CAST_TO = words(
    "TINYINT SMALLINT INT BIGINT INT128 UTINYINT USMALLINT UINT UBIGINT UINT128 DOUBLE DECIMAL BOOLEAN "
    "VARCHAR TEXT CHAR NCHAR NVARCHAR BPCHAR DATE TIMESTAMP TIMESTAMPNTZ"
)
_SUMMARIES = words(
    "Sum Avg Count CountIf Min Max Median Stddev StddevPop StddevSamp Variance VariancePop LogicalAnd "
    "LogicalOr"
)
_TIMES = words("DATE TIMESTAMP TIMESTAMPNTZ")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d([.]\d{1,6})?)?)?")
_TIME_FORMAT = re.compile(r"(%[YmdHMS]|[-/:_. ])*")


def check(tree: exp.Expr, calls: Collection[str], text: str) -> None:
    """Refuse a statement that has no translation of the same meaning.

    Args:
        tree: The statement, with the types of its operands.
        calls: The functions of versions that it calls, in lower case.
        text: The same as it was written.

    Raises:
        TranslationError: A part of it has no translation.
    """
    from sqlglot import exp

    if isinstance(tree, exp.Create) and tree.args.get("kind") not in ("TABLE", "VIEW"):
        raise TranslationError(
            f"CREATE {tree.args.get('kind')}",
            "Snowflake's functions declare types: write it there, or spell the call out.",
        )
    if not isinstance(tree, exp.Query | exp.Create | exp.Insert | exp.Update | exp.Delete | exp.Merge):
        raise TranslationError(f"the statement {tree.sql('duckdb').partition(' ')[0]}")
    for node in tree.walk():
        for what, advice in _of_its_kind(node, calls):
            raise TranslationError(what, advice)
    if re.search(r"\bIN\s*\[", text, re.IGNORECASE):  # sqlglot has read IN (...)
        raise TranslationError("IN with a list, which takes NULLs otherwise", "Write IN (...).")


def _of_its_kind(node: exp.Expr, calls: Collection[str]) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    kind = type(node).__name__
    if isinstance(node, exp.Anonymous):
        if node.name.lower() not in calls and node.name.lower() not in ALIKE:
            yield f"DuckDB's function {node.name.lower()}", THERE
    elif kind in REFUSED:
        yield REFUSED[kind]
    elif kind not in SHAPES and kind not in FUNCTIONS:
        named = (
            f"DuckDB's function {node.sql_name().lower()}" if isinstance(node, exp.Func) else node.key.upper()
        )
        yield named, THERE
    else:
        yield from _RULES.get(kind, _nothing)(node)


def _nothing(node: exp.Expr) -> Iterator[tuple[str, str]]:
    return iter(())


def _comparison(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    right = node.expression
    bare = right.this if isinstance(right, exp.Not) else right
    if isinstance(bare, exp.Is) or isinstance(node.this, exp.Not):  # it took an IS behind it for its own
        yield "IS after a comparison without brackets", "Write `(a = b) IS ...`."


def _window(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    frame = node.args.get("spec")
    if frame is not None:
        ends = [frame.args.get(name) for name in ("start", "end")]
        offsets = any(isinstance(end, exp.Expr) for end in ends)
        kind = str(frame.args.get("kind") or "").upper()
        if kind == "GROUPS" or (kind == "RANGE" and offsets):
            yield f"a frame of {kind}", "Write ROWS BETWEEN ... AND ...."
        return
    gaps = isinstance(node.this, exp.IgnoreNulls)
    function = node.this.this if isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) else node.this
    # Snowflake's frame is then the whole partition; DuckDB's ends at the row.
    hangs = isinstance(function, exp.LastValue | exp.NthValue) or (
        gaps and isinstance(function, exp.FirstValue)
    )
    if hangs and (node.args.get("order") is not None or node.args.get("alias") is not None):
        yield "a value of a window without a frame", "State the frame: ROWS BETWEEN ... AND ...."


def _join(node: exp.Expr) -> Iterator[tuple[str, str]]:
    method = str(node.args.get("method") or "").upper()
    for kind in (str(node.args.get("kind") or "").upper(), method):
        if kind in ("SEMI", "ANTI", "ASOF", "POSITIONAL"):
            advice = {"SEMI": "Write WHERE EXISTS (...).", "ANTI": "Write WHERE NOT EXISTS (...)."}.get(
                kind, THERE
            )
            yield f"{kind} JOIN", advice
    shared = node.args.get("using") or method == "NATURAL"
    if shared and str(node.args.get("side") or "").upper() in ("RIGHT", "FULL"):
        yield "a RIGHT or FULL JOIN that names columns of both sides", "Write ON, and coalesce(a.k, b.k)."


def _table(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if isinstance(node.this, exp.Func):
        yield "a table function in FROM", THERE
    elif re.search(r"[./\\*]", node.name):
        yield f"the file {node.name!r} in FROM", "Load it into a table or a stage."


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


def _extract(node: exp.Expr) -> Iterator[tuple[str, str]]:
    part = node.name.upper()
    if part == "EPOCH":
        yield "EPOCH, which counts fractions of seconds", "Write date_diff."
    elif part not in _EXTRACTED:
        yield f"{part} of a time", THERE


def _unit(node: exp.Expr) -> Iterator[tuple[str, str]]:
    unit = str(node.args.get("unit") or "").upper()
    if unit not in _DATE_PARTS and not (unit == "WEEK" and node.key == "timestamptrunc"):
        named = "date_trunc" if node.key == "timestamptrunc" else "date_diff"
        yield f"{named} by {unit}", THERE


def _interval(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    unit = str(node.args.get("unit") or "").upper().removesuffix("S")
    plain = isinstance(node.this, exp.Literal) and re.fullmatch(r"-?\d+", node.this.name)
    if not plain or unit not in _DATE_PARTS | {"WEEK"}:
        yield (
            "an INTERVAL that is not a whole number of one unit",
            "Write `+ INTERVAL 1 MONTH + INTERVAL 2 DAY`.",
        )
    parent = node.parent
    if not (isinstance(parent, exp.Add | exp.Sub) and parent.expression is node):
        yield "an INTERVAL that is not added to a time", "Write `time + INTERVAL 1 DAY`."


def _time_to_str(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    form = node.args.get("format")
    if not isinstance(form, exp.Literal) or not _TIME_FORMAT.fullmatch(form.name):
        yield "strftime with other than %Y %m %d %H %M %S between -/:_. and blanks", "Join texts by ||."


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


def _array(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if isinstance(node.parent, exp.Any | exp.All):
        yield "ANY and ALL of a list", "Write IN (...)."


def _unnest(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    for source in node.expressions:
        if not isinstance(source, exp.Array) or source.find(exp.Null, exp.Column):
            yield "unnest of other than a list of constants", "Write LATERAL FLATTEN on a Snowflake session."


def _transform(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if not isinstance(node.this, exp.Array):
        yield "list_transform of other than a list that is written out", THERE


def _lambda(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if not isinstance(node.parent, exp.Transform):
        yield "a lambda", THERE


def _bracket(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    keys = node.expressions
    kind = (types_at(node) or [None])[0]
    if kind == "MAP":
        yield "an element of a MAP", THERE
        return
    if len(keys) == 1 and isinstance(keys[0], exp.Literal) and keys[0].is_string:
        return
    if any(isinstance(key, exp.Slice) for key in keys):
        yield REFUSED["Slice"]
    place = whole(keys[0]) if len(keys) == 1 else None
    if place is None:
        yield "an element at a place that is computed", "Write the place as a number."
    elif place + 1 == 0:  # sqlglot counts from 0
        yield "the element 0, which is always NULL", "DuckDB counts from 1."
    elif kind not in ("LIST", "VARCHAR") or (kind == "VARCHAR" and place < 0):
        yield f"an element of {'what is of no type that is known here' if kind is None else kind}", THERE


def _group_concat(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if isinstance(node.parent, exp.Filter | exp.Window | exp.WithinGroup):
        yield "string_agg with FILTER or OVER", "Write it in a subquery with WHERE and GROUP BY."
    elif not isinstance(node.this, exp.Order) or isinstance(node.this.this, exp.Distinct):
        yield "string_agg without an order, or of distinct texts", "Write string_agg(x, ',' ORDER BY x)."


def _filter(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if type(node.this).__name__ not in _SUMMARIES or isinstance(node.this.this, exp.Distinct):
        yield f"{node.this.key} with DISTINCT or FILTER", "Write agg(CASE WHEN ... THEN x END)."


def _aggregate(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if node.expressions:
        yield f"{node.key} of several values", "Write greatest or least, or count a text of both."


def _quantile(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    share = node.this if isinstance(node.parent, exp.WithinGroup) else node.expression
    if not isinstance(share, exp.Literal) or share.is_string:
        yield "a quantile whose share is not one number from 0 to 1", "Write one quantile for each share."


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


def _sample(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if node.args.get("seed") is not None:
        yield "a sample with a seed, which takes other rows in each engine", "Leave REPEATABLE out."
    if isinstance(node.parent, exp.Select) and (
        node.parent.args.get("joins") or node.parent.args.get("laterals")
    ):
        yield "USING SAMPLE after a join", "Sample a subquery: FROM (SELECT ...) USING SAMPLE ...."


def _select(node: exp.Expr) -> Iterator[tuple[str, str]]:
    distinct = node.args.get("distinct")
    if distinct is None or distinct.args.get("on") is None:
        return
    advice = "Write QUALIFY row_number() OVER (PARTITION BY ... ORDER BY ...) = 1."
    order = node.args.get("order")
    if order is None:
        yield "DISTINCT ON without ORDER BY", advice
    elif (
        node.args.get("group")
        or node.args.get("qualify")
        or any(key.this.is_int for key in order.expressions)
    ):
        yield "DISTINCT ON with GROUP BY, QUALIFY or ORDER BY 1", advice


def _insert(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if node.args.get("by_name") or node.args.get("alternative"):
        yield "INSERT BY NAME, OR REPLACE or OR IGNORE", ""


def _placeholder(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if node.name not in ("", "?"):
        yield f"the parameter ${node.name}", "Write `?` instead."


def _in(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if node.args.get("field") is not None:
        yield "IN with a list", "Write IN (...)."


def whole(node: exp.Expr | None) -> int | None:
    """The whole number that a node is, or None."""
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return whole(node.this)
    if isinstance(node, exp.Neg):
        found = whole(node.this)
        return None if found is None else -found
    is_number = isinstance(node, exp.Literal) and not node.is_string and re.fullmatch(r"\d+", str(node.this))
    return int(str(node.this)) if node is not None and is_number else None


_RULES = {
    **dict.fromkeys(("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "Is"), _comparison),
    **dict.fromkeys(("Contains", "Length"), _text_alone),
    **dict.fromkeys(("Count", "Min", "Max", "Sum", "Avg"), _aggregate),
    **dict.fromkeys(("PercentileCont", "PercentileDisc"), _quantile),
    **dict.fromkeys(("Round", "Trunc"), _round),
    **dict.fromkeys(("Left", "Right"), _edge),
    **dict.fromkeys(("DateDiff", "TimestampTrunc"), _unit),
    "Array": _array,
    "Bracket": _bracket,
    "Cast": _cast,
    "ColumnDef": _column_def,
    "DataType": _data_type,
    "Extract": _extract,
    "Filter": _filter,
    "GroupConcat": _group_concat,
    "In": _in,
    "Insert": _insert,
    "IntDiv": _quotient,
    "Interval": _interval,
    "Join": _join,
    "Lambda": _lambda,
    "Mul": _product,
    "Placeholder": _placeholder,
    "Select": _select,
    "SplitPart": _split_part,
    "Substring": _substring,
    "Table": _table,
    "TableSample": _sample,
    "TimeToStr": _time_to_str,
    "Transform": _transform,
    "Tuple": _tuple,
    "Unnest": _unnest,
    "Window": _window,
}
