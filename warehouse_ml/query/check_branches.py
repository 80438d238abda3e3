"""Set operations whose branches have columns of different kinds, of which each engine makes another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from warehouse_ml.errors import ScopeError, TranslationError
from warehouse_ml.query.operand_types import KINDS, Columns, plain, without_calls
from warehouse_ml.signature import Output

if TYPE_CHECKING:
    from sqlglot import exp


def check_branches(tree: exp.Expr, outputs: Mapping[str, Output], columns: Columns | None) -> None:
    """Refuse UNION, EXCEPT and INTERSECT of columns of different kinds, as far as DuckDB tells their types.

    Args:
        tree: A statement as sqlglot reads it.
        outputs: The results of the functions that it calls, by name in lower case.
        columns: Asks DuckDB; without it nothing is known, and nothing refused.

    Raises:
        TranslationError: The columns at one place are of different kinds.
    """
    from sqlglot import exp

    if columns is None or tree.find(exp.SetOperation) is None:
        return
    copied = tree.copy()
    probe = without_calls(copied, list(copied.walk()), outputs)
    for node in probe.find_all(exp.SetOperation):
        left, right = (_columns_of(node, side, columns) for side in (node.this, node.expression))
        if node.args.get("by_name"):
            others = {name.casefold(): kind for name, kind in right}
            pairs = [(kind, others.get(name.casefold(), "NULL")) for name, kind in left]
        else:
            pairs = [(one, other) for (_, one), (_, other) in zip(left, right, strict=False)]
        for one, other in pairs:
            kinds = {KINDS.get(plain(kind)) for kind in (one, other)}
            if None not in kinds and len(kinds) > 1:
                raise TranslationError(
                    f"{node.key.upper()} of {plain(one)} and {plain(other)}", "Cast one of them."
                )


def _columns_of(node: exp.Expr, side: exp.Expr, columns: Columns) -> Sequence[tuple[str, str]]:
    """The names and types of a branch's columns; none where they cannot be told."""
    query = side.copy()
    outer: exp.Expr | None = node
    while outer is not None:
        known = outer.args.get("with_")
        if known is not None and query.args.get("with_") is None:
            query.set("with_", known.copy())
            break
        outer = outer.parent
    try:
        return columns(query.sql("duckdb"))
    except ScopeError:
        return []
