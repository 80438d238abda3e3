"""Numbers, texts, truths and times beside each other, of which each engine makes another common type.

DuckDB compares `1 = '1.4'` and `2 = TRUE` as numbers of the one side's type, and makes texts of a CASE of
numbers and texts; Snowflake makes numbers of the texts, or refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from warehouse_ml.query.compared import Rule
from warehouse_ml.query.operand_types import INTEGERS, KINDS, types_at

if TYPE_CHECKING:
    from sqlglot import exp

_WHOLE = re.compile(r"-?\d{1,18}")
_DECIMAL = re.compile(r"-?\d{1,18}([.]\d{1,18})?")


def side_by_side(node: exp.Expr) -> list[list[exp.Expr]]:
    """The operands of a node that get one common type, by groups."""
    from sqlglot import exp

    if isinstance(node, exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE | exp.Nullif):
        return [[node.this, node.expression]]
    if isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
        return [[node.this, node.expression]]
    if isinstance(node, exp.Between):
        return [[node.this, node.args["low"], node.args["high"]]]
    if isinstance(node, exp.In) and node.expressions:
        return [[node.this, *node.expressions]]
    if isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
        return [[node.this, *node.expressions]]
    if isinstance(node, exp.Case):
        branches, default, asked = node.args["ifs"], node.args.get("default"), node.args.get("this")
        results = [branch.args["true"] for branch in branches] + ([default] if default is not None else [])
        return [results] + ([[asked, *(branch.this for branch in branches)]] if asked is not None else [])
    if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        return [[part for part in (node.args.get("true"), node.args.get("false")) if part is not None]]
    return []


def mixed(node: exp.Expr) -> Iterator[tuple[str, str]]:
    """Why a node is refused whose operands are of different kinds."""
    from sqlglot import exp

    types = iter(types_at(node))
    for place, group in enumerate(side_by_side(node)):
        known = [(operand, next(types, None)) for operand in group]
        others = {kind for operand, kind in known if kind in KINDS and not operand.is_string}
        kinds = {KINDS[kind] for kind in others if kind is not None}
        compared = place > 0 or isinstance(node, exp.Predicate | exp.Nullif)
        texts = [operand.name for operand in group if operand.is_string]
        if not all(_reads_alike(text, kind, compared) for text in texts for kind in others):
            kinds.add("texts")
        if len(kinds) > 1:
            yield (
                f"{' and '.join(sorted(kinds))} beside each other in {node.key.upper()}",
                "Cast one of them.",
            )


def _reads_alike(text: str, kind: str | None, compared: bool) -> bool:
    """Whether both engines read the same out of a written text, as a value of a type beside it."""
    if KINDS[kind or ""] in ("texts", "times"):
        return True
    if not compared:  # one makes a text of the other, one a number of the text
        return False
    if kind == "BOOLEAN":
        return text.lower() in ("true", "false")
    return (_WHOLE if kind in INTEGERS else _DECIMAL).fullmatch(text) is not None


RULES: Mapping[str, Rule] = dict.fromkeys(
    ("NullSafeEQ", "NullSafeNEQ", "Nullif", "Between", "Coalesce", "Greatest", "Least", "Case", "If"), mixed
)
"""For each class of a node of sqlglot what says why it is refused; comparisons have further rules."""
