"""DuckDB's text with bound calls -> Snowflake's text.

sqlglot translates what the user wrote; what it hands through although Snowflake has it not is refused here.
The calls of versions' functions are written by a function that is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from warehouse_ml.errors import TranslationError
from warehouse_ml.query.dialect import SNOWFLAKE
from warehouse_ml.signature import TYPES, Output

if TYPE_CHECKING:
    from sqlglot import exp

CallWriter = Callable[[Sequence[str]], str]
"""Writes a call in Snowflake's dialect from the texts of its arguments there."""

_PLACEHOLDER = "wml_translated_{}_call"
_FOUND = re.compile(_PLACEHOLDER.format(r"(\d+)") + r"\(\)", re.IGNORECASE)

_ALIKE = {"now": "CURRENT_TIMESTAMP", "strlen": "OCTET_LENGTH"}
"""Functions of DuckDB that sqlglot does not know, and what they are called in Snowflake."""

_UNSIGNED = frozenset(["UTINYINT", "USMALLINT", "UINT", "UBIGINT", "INT128", "UINT128"])


def translate(
    text: str,
    calls: Mapping[str, tuple[CallWriter, Output]],
    builtin: Collection[str] = (),
) -> str:
    """A statement of DuckDB in Snowflake's dialect.

    Args:
        text: The statement.
        calls: For each function of a version that the text calls, in lower case: what writes a call of it,
            and its result.
        builtin: DuckDB's own functions, in lower case: one that sqlglot does not know is not Snowflake's.

    Raises:
        TranslationError: A part of it has no translation.
    """
    import sqlglot  # takes 0.1 s, and most sessions never need it
    from sqlglot import errors, exp

    try:
        tree = sqlglot.parse_one(text, read="duckdb")
    except errors.ParseError as error:
        raise TranslationError("sqlglot cannot read it", str(error).partition("\n")[0]) from None
    _check(tree, set(calls), builtin)
    tree = _precise(tree, calls)
    written: list[str] = []
    for node in reversed(list(tree.find_all(exp.Anonymous))):
        if node.name.lower() in calls:
            write, output = calls[node.name.lower()]
            arguments = [_generated(argument) for argument in node.expressions]
            _replace(node, write(arguments), output, written)
    return _filled(_generated(tree), written)


_NAME = r'(?:\w+|"(?:[^"]|"")+")'
_PLAIN = re.compile(rf"{_NAME}(?:\.{_NAME})?|{_FOUND.pattern}|-?[\d.]+|NULL|\?", re.IGNORECASE)


def is_plain(text: str) -> bool:
    """Whether an argument's type is the engine's to know: a column, a number, a call; no field of a value."""
    return _PLAIN.fullmatch(text) is not None


def _generated(tree: exp.Expr) -> str:
    from sqlglot import ErrorLevel, errors

    try:
        return str(tree.sql("snowflake", unsupported_level=ErrorLevel.RAISE))
    except errors.UnsupportedError as error:
        raise TranslationError(" ".join(str(error).split()).rstrip(".")) from None


def _filled(text: str, written: Sequence[str]) -> str:
    """The text with the calls in their places; a call may hold others."""
    while _FOUND.search(text):
        text = _FOUND.sub(lambda found: written[int(found[1])], text)
    return text


def _replace(node: exp.Expr, text: str, output: Output, written: list[str]) -> None:
    """Put a call's text in its place; a field that is read from its STRUCT is read from an OBJECT."""
    from sqlglot import exp

    parent = node.parent
    field = None
    if output.type == "STRUCT" and parent is not None and parent.this is node:
        name = _field_name(parent)
        folded = {part.name.casefold(): part for part in output.fields}
        field = folded.get(name.casefold()) if name is not None else None
    if field is not None and parent is not None:
        kind = None if field.type == "STRUCT" else field.type
        text, node = SNOWFLAKE.field(text, field.name, -1, kind), parent
    written.append(text)
    node.replace(exp.Anonymous(this=_PLACEHOLDER.format(len(written) - 1)))  # a column might be qualified


def _field_name(parent: exp.Expr) -> str | None:
    """The field that is read by `value.a`, `value['a']` or `struct_extract(value, 'a')`."""
    from sqlglot import exp

    if isinstance(parent, exp.Dot | exp.StructExtract):
        return str(parent.expression.name)
    if isinstance(parent, exp.Bracket) and len(parent.expressions) == 1:
        key = parent.expressions[0]
        return str(key.this) if isinstance(key, exp.Literal) and key.is_string else None
    return None


def _precise(tree: exp.Expr, calls: Mapping[str, tuple[CallWriter, Output]]) -> exp.Expr:
    """The same with what sqlglot leaves as it is in DuckDB.

    Quotients and means are doubles, of which Snowflake would keep six digits; fields are read from OBJECTs.
    """
    from sqlglot import exp

    owners = {
        node.alias_or_name.lower() for node in tree.find_all(exp.Table, exp.Subquery, exp.CTE, exp.UDTF)
    }

    def is_call(node: object) -> bool:
        return isinstance(node, exp.Anonymous) and node.name.lower() in calls

    def is_double(node: exp.Expr) -> bool:
        if is_call(node):
            return calls[node.name.lower()][1].type == "DOUBLE"
        return isinstance(node, exp.Cast) and node.to.this.name == "DOUBLE"

    def field(value: exp.Expr, name: str) -> exp.Expr:
        return exp.Anonymous(this="GET", expressions=[value, exp.Literal.string(name)])

    def changed(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Div | exp.IntDiv | exp.Avg) and not is_double(node.this):
            node.set("this", exp.cast(node.this, "DOUBLE"))
        elif isinstance(node, exp.StructExtract) and not is_call(node.this):
            return field(node.this, node.expression.name)
        elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            if isinstance(node.this, exp.Func | exp.Paren | exp.Bracket) and not is_call(node.this):
                return field(node.this, node.expression.name)
        elif isinstance(node, exp.Column) and node.table and node.table.lower() not in owners:
            found = field(exp.column(node.args["table"], node.args.get("db")), node.name)
            return exp.alias_(found, node.name) if isinstance(node.parent, exp.Select) else found
        elif isinstance(node, exp.Table) and node.db.lower() == "main":
            node.set("db", None)  # DuckDB's own schema
        elif isinstance(node, exp.TableSample) and str(node.args.get("method")).upper() == "RESERVOIR":
            node.set("method", None)
        elif isinstance(node, exp.DataType) and node.this.name in _UNSIGNED:
            return exp.DataType.build("NUMBER(38,0)", dialect="snowflake")
        elif isinstance(node, exp.Anonymous) and node.name.lower() in _ALIKE:
            node.set("this", _ALIKE[node.name.lower()])
        elif isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean):
            return _truth(node)
        elif isinstance(node, exp.Log) and node.expression is None:
            return exp.Log(this=exp.Literal.number(10), expression=node.this)  # sqlglot would say LN
        elif isinstance(node, exp.Rand):
            ends = [exp.cast(exp.Literal.number(end), "DOUBLE") for end in (0, 1)]  # Snowflake's are 64 bits
            return exp.Anonymous(this="UNIFORM", expressions=[*ends, exp.Rand()])
        return node

    for node in reversed(list(tree.walk())):  # what is within others first: they may be put elsewhere
        other = changed(node)
        if other is not node:
            node.replace(other)
    return tree


def _truth(node: exp.Is) -> exp.Expr:
    """`x IS TRUE` and `x IS FALSE`, which are never NULL; sqlglot would drop them."""
    from sqlglot import exp

    wanted = bool(node.expression.this)
    known = exp.Coalesce(this=node.this, expressions=[exp.Boolean(this=not wanted)])
    return known if wanted else exp.Not(this=known)


def _check(tree: exp.Expr, calls: Collection[str], builtin: Collection[str]) -> None:
    for what, advice in _refusals(tree, calls, builtin):
        raise TranslationError(what, advice)


def _refusals(tree: exp.Expr, calls: Collection[str], builtin: Collection[str]) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if isinstance(tree, exp.Create) and tree.args.get("kind") not in ("TABLE", "VIEW"):
        yield (
            f"CREATE {tree.args.get('kind')}",
            "Snowflake's functions declare types: write it there, or spell the call out.",
        )
    statements = (exp.Query, exp.Create, exp.Insert, exp.Update, exp.Delete, exp.Merge)
    if not isinstance(tree, statements):
        yield f"the statement {tree.sql('duckdb').partition(' ')[0]}", ""
    shapes: dict[type[exp.Expr], str] = {
        exp.Columns: "COLUMNS(...)",
        exp.Comprehension: "a list comprehension",
        exp.Returning: "RETURNING",
        exp.OnConflict: "ON CONFLICT",
        exp.Slice: "a slice",
        exp.ReadCSV: "a file in FROM",
        exp.ReadParquet: "a file in FROM",
        exp.PositionalColumn: "#1",
        exp.LimitOptions: "LIMIT in percent",
        exp.AtTimeZone: "AT TIME ZONE",
        exp.ConcatWs: "DuckDB's function concat_ws, which leaves NULLs out",
        exp.TimeToUnix: "DuckDB's function epoch, which counts fractions of seconds",
    }
    # Snowflake matches the whole text, replaces every match, and gives NULL where nothing matches.
    patterns = (
        exp.RegexpLike,
        exp.RegexpFullMatch,
        exp.RegexpReplace,
        exp.RegexpExtract,
        exp.RegexpExtractAll,
        exp.SimilarTo,
    )
    comparisons = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is)
    for node in tree.walk():
        if type(node) in shapes:
            yield shapes[type(node)], ""
        elif isinstance(node, patterns):
            yield "a regular expression", "Write it on a Snowflake session, in Snowflake's own words."
        elif isinstance(node, exp.Extract) and node.name.upper() == "EPOCH":
            yield "EPOCH, which counts fractions of seconds", ""
        elif isinstance(node, comparisons) and _is_test(node.this, node.expression):
            yield "IS after a comparison without brackets", "Write `(a = b) IS ...`."
        elif isinstance(node, exp.Window) and _hangs_on_frame(node):
            yield "a value of a window without a frame", "State the frame: ROWS BETWEEN ... AND ...."
        elif isinstance(node, exp.Pivot) and node.args.get("this") is not None:
            yield "PIVOT as a statement", ""
        elif isinstance(node, exp.Join):
            kind = str(node.args.get("kind") or node.args.get("method") or "").upper()
            if kind in ("SEMI", "ANTI", "ASOF", "POSITIONAL"):
                yield f"{kind} JOIN", ""
        elif isinstance(node, exp.Placeholder) and node.name not in ("", "?"):
            yield f"the parameter ${node.name}", "Write `?` instead."
        elif isinstance(node, exp.Insert) and (node.args.get("by_name") or node.args.get("alternative")):
            yield "INSERT BY NAME, OR REPLACE or OR IGNORE", ""
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
            yield "a table function in FROM", ""
        elif isinstance(node, exp.Table) and re.search(r"[./\\*]", node.name):
            yield f"the file {node.name!r} in FROM", "Load it into a table or a stage."
        elif isinstance(node, exp.DataType) and node.this.name in ("ENUM", "UNION", "STRUCT", "MAP"):
            yield f"the type {node.this.name}", ""
        elif isinstance(node, exp.Anonymous):
            name = node.name.lower()
            if name in builtin and name not in calls and name not in _ALIKE:
                yield (
                    f"DuckDB's function {name}",
                    "Write it on a Snowflake session, in Snowflake's own words.",
                )


def _is_test(left: exp.Expr, right: exp.Expr) -> bool:
    """Whether a comparison has taken an IS that stands behind it for its own: `a = 1 IS NULL`."""
    from sqlglot import exp

    bare = right.this if isinstance(right, exp.Not) else right
    return isinstance(bare, exp.Is) or isinstance(left, exp.Not)


def _hangs_on_frame(window: exp.Window) -> bool:
    """Whether its value needs the frame that DuckDB takes by default; Snowflake's is the whole partition."""
    from sqlglot import exp

    if window.args.get("spec") is not None or window.args.get("order") is None:
        return False
    gaps = isinstance(window.this, exp.IgnoreNulls)
    function = (
        window.this.this if isinstance(window.this, exp.IgnoreNulls | exp.RespectNulls) else window.this
    )
    return isinstance(function, exp.LastValue | exp.NthValue) or (
        gaps and isinstance(function, exp.FirstValue)
    )


def argument(text: str, kind: str) -> str:
    """An argument of a version's function: a column as it is, all else cast to the feature's type."""
    return text if is_plain(text) else f"CAST({text} AS {TYPES[kind].snowflake})"
