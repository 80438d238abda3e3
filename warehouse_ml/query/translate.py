"""DuckDB's text with bound calls -> Snowflake's text.

sqlglot writes what the user wrote; `untranslatable` refuses what would have another answer, `snowflake_forms`
says in other words what sqlglot would change, and `operand_types` asks DuckDB for the types that decide it.
The calls of versions' functions are written by a function that is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from warehouse_ml.errors import TranslationError
from warehouse_ml.query.check_branches import check_branches
from warehouse_ml.query.dialect import SNOWFLAKE
from warehouse_ml.query.operand_types import Columns, mark_types
from warehouse_ml.query.snowflake_forms import in_snowflake_forms, operands
from warehouse_ml.query.untranslatable import check
from warehouse_ml.signature import TYPES, Output

if TYPE_CHECKING:
    from sqlglot import exp

CallWriter = Callable[[Sequence[str]], str]
"""Writes a call in Snowflake's dialect from the texts of its arguments there."""

_PLACEHOLDER = "wml_translated_{}_call"
_FOUND = re.compile(_PLACEHOLDER.format(r"(\d+)") + r"\(\)", re.IGNORECASE)


def translate(
    text: str, calls: Mapping[str, tuple[CallWriter, Output]], columns: Columns | None = None
) -> str:
    """A statement of DuckDB in Snowflake's dialect, which gives the same answer there or raises an error.

    Args:
        text: The statement.
        calls: For each function of a version that the text calls, in lower case: what writes a call of it,
            and its result.
        columns: Asks DuckDB for the types of operands; without it, what depends on them is refused.

    Raises:
        TranslationError: A part of it has no translation of the same meaning.
    """
    import sqlglot  # takes 0.1 s, and most sessions never need it
    from sqlglot import errors, exp

    try:
        tree = sqlglot.parse_one(text, read="duckdb")
    except errors.ParseError as error:
        raise TranslationError("sqlglot cannot read it", str(error).partition("\n")[0]) from None
    outputs = {name: output for name, (_, output) in calls.items()}
    mark_types(tree, outputs, columns, operands(tree))
    check(tree, outputs, text)
    check_branches(tree, outputs, columns)
    tree = in_snowflake_forms(tree, outputs)
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


def argument(text: str, kind: str) -> str:
    """An argument of a version's function: a column as it is, all else cast to the feature's type."""
    return text if is_plain(text) else f"CAST({text} AS {TYPES[kind].snowflake})"
