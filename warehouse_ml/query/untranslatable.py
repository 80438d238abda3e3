"""What a translation to Snowflake's dialect refuses, because its answer would be another one there.

Only what was compared is let through: a construct or a function that is not listed here is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from warehouse_ml.errors import TranslationError
from warehouse_ml.query import untranslatable_clauses as clauses
from warehouse_ml.query import untranslatable_kinds as kinds
from warehouse_ml.query import untranslatable_lists as lists
from warehouse_ml.query import untranslatable_times as times
from warehouse_ml.query import untranslatable_values as values
from warehouse_ml.query.compared import ALIKE, FUNCTIONS, REFUSED, SHAPES, THERE, Rule

if TYPE_CHECKING:
    from sqlglot import exp


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


_RULES: Mapping[str, Rule] = {**clauses.RULES, **kinds.RULES, **lists.RULES, **times.RULES, **values.RULES}
