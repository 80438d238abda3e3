"""The SQL types of the operands on which a translation depends, as DuckDB's own binder tells them.

An operand is asked for where it stands: what holds it is replaced by a call that no type fits, and the binder
names the type when it refuses. Nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from warehouse_ml.errors import ScopeError
from warehouse_ml.query.tokens import words
from warehouse_ml.signature import Output

if TYPE_CHECKING:
    from sqlglot import exp

Columns = Callable[[str], Sequence[tuple[str, str]]]
"""Gives the names and types of a query's columns without running it, or raises ScopeError."""

_NO_ARGUMENTS = "pi"
_TOLD = re.compile(rf"argument types '{_NO_ARGUMENTS}\((.*?)\)'\.", re.DOTALL)
_KEY = "wml_operand_types"

INTEGERS = words(
    "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT INTEGER_LITERAL"
)
FLOATS = frozenset(["DOUBLE", "FLOAT"])
TEXTS = frozenset(["VARCHAR", "STRING_LITERAL", "ENUM", "UUID"])
KINDS = {
    **dict.fromkeys(TEXTS, "texts"),
    **dict.fromkeys(INTEGERS | FLOATS | {"DECIMAL"}, "numbers"),
    "BOOLEAN": "truths",
    "DATE": "times",
    "TIMESTAMP": "times",
}
"""What has one common type in both engines; of numbers and texts DuckDB makes texts, Snowflake numbers."""


def mark_types(
    tree: exp.Expr,
    outputs: Mapping[str, Output],
    columns: Columns | None,
    asked: Callable[..., list[exp.Expr]],
) -> None:
    """Note at each node the types of the operands that `asked` names; `types_at` reads them.

    Args:
        tree: A statement as sqlglot reads it.
        outputs: The results of the functions that it calls, by name in lower case.
        columns: Asks DuckDB; without it, only what the text itself says is known.
        asked: Names the operands of a node whose types matter; none for most nodes.
    """
    nodes = list(tree.walk())
    twins: list[exp.Expr] | None = None
    probe = None
    for place, node in enumerate(nodes):
        operands = asked(node)
        if not operands:
            continue
        types = [_written(operand, outputs) for operand in operands]
        if None in types and columns is not None:
            if twins is None:
                probe = tree.copy()
                twins = list(probe.walk())
                probe = without_calls(probe, twins, outputs)
            for index, known in enumerate(types):
                if known is None:
                    types[index] = _told(probe, twins[place], asked(twins[place])[index], columns)
        node.meta[_KEY] = types


def types_at(node: exp.Expr) -> list[str | None]:
    """The types of a node's operands, without their parameters; a list is LIST, and None is not known."""
    return [None if kind is None else plain(kind) for kind in node.meta.get(_KEY, [])]


def full_type_at(node: exp.Expr) -> str | None:
    """The type of a node's first operand, as DuckDB prints it."""
    found = node.meta.get(_KEY, [])
    return found[0] if found else None


def plain(kind: str) -> str:
    """A type without its parameters."""
    return "LIST" if kind.endswith("]") else kind.partition("(")[0]


def scale(kind: str | None) -> int | None:
    """The digits that a DECIMAL has after its point; None for other types."""
    found = re.fullmatch(r"DECIMAL\(\d+,\s*(\d+)\)", kind or "")
    return None if found is None else int(found[1])


def scales_at(node: exp.Expr) -> list[int | None]:
    """The scales of a node's operands; None where one is no DECIMAL."""
    return [scale(kind) for kind in node.meta.get(_KEY, [])]


def _written(node: exp.Expr, outputs: Mapping[str, Output]) -> str | None:
    """A type that the text itself says."""
    from sqlglot import exp

    if isinstance(node, exp.Paren | exp.Neg):
        return _written(node.this, outputs)
    if isinstance(node, exp.Literal):
        return "VARCHAR" if node.is_string else _number(str(node.this))
    if isinstance(node, exp.Boolean | exp.Predicate | exp.Connector | exp.Not):
        return "BOOLEAN"
    if isinstance(node, exp.Null):
        return "NULL"
    if isinstance(node, exp.Div | exp.Ln | exp.Exp | exp.Sqrt | exp.Pow):
        return "DOUBLE"
    if isinstance(node, exp.Count):
        return "BIGINT"
    if isinstance(node, exp.Cast):
        return _named(node.to.sql("duckdb"))
    if isinstance(node, exp.Anonymous) and node.name.lower() in outputs:
        return outputs[node.name.lower()].sql_type("duckdb")
    return None


def _named(kind: str) -> str:
    """A type as DuckDB prints it."""
    return {"INT": "INTEGER", "TEXT": "VARCHAR", "REAL": "FLOAT", "INT128": "HUGEINT"}.get(kind, kind)


def _number(text: str) -> str:
    if "e" in text.lower():
        return "DOUBLE"
    whole, point, fraction = text.partition(".")
    return f"DECIMAL({len(whole) + len(fraction)},{len(fraction)})" if point else "INTEGER"


def without_calls(probe: exp.Expr, twins: list[exp.Expr], outputs: Mapping[str, Output]) -> exp.Expr:
    """The copy with a NULL of its type for each call, which DuckDB may not have, and for each parameter."""
    from sqlglot import exp

    for place, twin in enumerate(twins):
        stand_in: exp.Expr | None = None
        if isinstance(twin, exp.Anonymous) and twin.name.lower() in outputs:
            nothing = exp.cast(exp.Null(), outputs[twin.name.lower()].sql_type("duckdb"), dialect="duckdb")
            given = exp.Anonymous(this="row", expressions=twin.expressions)  # an operand may stand in there
            stand_in = exp.Case(ifs=[exp.If(this=exp.Is(this=given, expression=exp.Null()), true=nothing)])
        elif isinstance(twin, exp.Placeholder):
            stand_in = exp.Null()
            stand_in.meta[_KEY] = True
        if stand_in is not None and twin.parent is not None:
            twin.replace(stand_in)
            twins[place] = stand_in
    return probe


def _told(probe: exp.Expr | None, holder: exp.Expr, operand: exp.Expr, columns: Columns) -> str | None:
    """The type of an operand where it stands.

    Nodes that equal its holder in the same SELECT are replaced with it: one may be the other's GROUP BY.
    """
    from sqlglot import exp

    if probe is None:
        return None
    question = exp.Anonymous(this=_NO_ARGUMENTS, expressions=[operand.copy()])
    query = _query(probe)
    if query is None or not _stands_in(holder, query):
        text = _as_query(probe, holder, question)
    else:
        block = holder.find_ancestor(exp.Select)
        alike = [
            node
            for node in query.find_all(type(holder))
            if node == holder and node.find_ancestor(exp.Select) is block
        ]
        put = []
        for node in alike:
            stand_in = question.copy()
            node.replace(stand_in)
            put.append((stand_in, node))
        text = query.sql("duckdb")
        for stand_in, node in reversed(put):
            stand_in.replace(node)
    found = None if text is None else _asked(text, columns)
    return None if found == "NULL" and _has_parameters(operand) else found


def _asked(text: str, columns: Columns) -> str | None:
    try:
        columns(text)
    except ScopeError as error:
        found = _TOLD.search(str(error))
        return None if found is None else found[1].strip('"')
    return None


def _has_parameters(node: exp.Expr) -> bool:
    """Whether one of the NULLs stands for a parameter."""
    return any(found.meta.get(_KEY) for found in node.walk())


def _query(tree: exp.Expr) -> exp.Expr | None:
    """The query within a statement that can be described alone."""
    from sqlglot import exp

    if isinstance(tree, exp.Query):
        return tree
    inner = tree.args.get("expression") if isinstance(tree, exp.Create | exp.Insert) else None
    return inner if isinstance(inner, exp.Query) else None


def _stands_in(node: exp.Expr, query: exp.Expr) -> bool:
    found: exp.Expr | None = node
    while found is not None and found is not query:
        found = found.parent
    return found is query and node is not query


def _as_query(tree: exp.Expr, holder: exp.Expr, question: exp.Expr) -> str | None:
    """A question about an operand of UPDATE, DELETE or MERGE as a SELECT from the same tables."""
    from sqlglot import exp

    if holder.find_ancestor(exp.Select) is not None or tree.args.get("with_") is not None:
        return None
    tables: list[exp.Expr | None] = []
    if isinstance(tree, exp.Update | exp.Delete | exp.Merge):
        using = tree.args.get("using")
        source = tree.args.get("from_")
        tables = [tree.this, *(using if isinstance(using, list) else [using]), source and source.this]
    named = ", ".join(table.sql("duckdb") for table in tables if isinstance(table, exp.Expr))
    return f"SELECT {question.sql('duckdb')} FROM {named}" if named else None
