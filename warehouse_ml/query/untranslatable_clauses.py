"""Clauses, joins, windows and aggregates that a translation to Snowflake's dialect refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from warehouse_ml.query.compared import THERE, Rule
from warehouse_ml.query.tokens import words

if TYPE_CHECKING:
    from sqlglot import exp

_SUMMARIES = words(
    "Sum Avg Count CountIf Min Max Median Stddev StddevPop StddevSamp Variance VariancePop LogicalAnd "
    "LogicalOr"
)
_BEFORE_SAMPLE = ("where", "group", "having", "qualify", "order", "limit")
"""Clauses behind which sqlglot would write what is a part of FROM."""


def _table(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if isinstance(node.this, exp.Func):
        yield "a table function in FROM", THERE
    elif re.search(r"[./\\*]", node.name):
        yield f"the file {node.name!r} in FROM", "Load it into a table or a stage."
    elif node.text("catalog"):
        yield f"a table of the database {node.text('catalog')}", "Leave the name of DuckDB's database out."


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


def _sample(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if node.args.get("seed") is not None:
        yield "a sample with a seed, which takes other rows in each engine", "Leave REPEATABLE out."
    if isinstance(node.parent, exp.Select) and (
        node.parent.args.get("joins") or node.parent.args.get("laterals")
    ):
        yield "USING SAMPLE after a join", "Sample a subquery: FROM (SELECT ...) USING SAMPLE ...."
    elif isinstance(node.parent, exp.Select) and any(node.parent.args.get(key) for key in _BEFORE_SAMPLE):
        yield "USING SAMPLE after WHERE, GROUP BY or ORDER BY", "Write FROM t TABLESAMPLE ... WHERE ...."


def _merged(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if node.args.get("source"):
        yield "WHEN NOT MATCHED BY SOURCE", "Write a DELETE or an UPDATE with NOT EXISTS."
    then = node.args.get("then")
    written = isinstance(then, exp.Var) and then.name.upper() == "DELETE"
    if isinstance(then, exp.Update):
        written = bool(then.expressions) and not any(isinstance(one, exp.Star) for one in then.expressions)
    elif isinstance(then, exp.Insert):
        written = isinstance(then.expression, exp.Tuple)
    if not written:
        yield (
            "MERGE without the columns and the values of each",
            "Write UPDATE SET a = b, INSERT (a) VALUES (b).",
        )


def _merge(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if node.args.get("on") is None:
        yield "MERGE ... USING (columns)", "Write ON."


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


def _group_concat(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if isinstance(node.parent, exp.Filter | exp.Window | exp.WithinGroup):
        yield "string_agg with FILTER or OVER", "Write it in a subquery with WHERE and GROUP BY."
    elif not isinstance(node.this, exp.Order) or isinstance(node.this.this, exp.Distinct):
        yield "string_agg without an order, or of distinct texts", "Write string_agg(x, ',' ORDER BY x)."


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("Count", "Min", "Max", "Sum", "Avg"), _aggregate),
    **dict.fromkeys(("PercentileCont", "PercentileDisc"), _quantile),
    "Filter": _filter,
    "GroupConcat": _group_concat,
    "Insert": _insert,
    "Join": _join,
    "Merge": _merge,
    "Placeholder": _placeholder,
    "Select": _select,
    "Table": _table,
    "TableSample": _sample,
    "When": _merged,
    "Window": _window,
}
"""For each class of a node of sqlglot what says why it is refused, if it is."""
