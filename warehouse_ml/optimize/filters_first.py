"""Conditions without a model call come before those with one.

DuckDB tries what it can ask while it scans first, but takes `a + b > 3` or `id % 100 = 3` for as dear as a
model, and then may score all rows. A CASE is asked in its order:

    WHERE CASE WHEN (id % 100 = 3) THEN (PREDICT(...) > 0.5) ELSE false END AND id % 100 = 3

The condition itself stays where it is, for the scan and the joins to use.
"""

from dataclasses import replace

from warehouse_ml.optimize.expressions import column_path, is_constant
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.sites import Site, keeps_columns, moves, sites_by_block
from warehouse_ml.query.bound import Applied, BoundStatement
from warehouse_ml.query.segments import Range
from warehouse_ml.query.select_block import SelectBlock
from warehouse_ml.query.splice import Edit

_COMPARISONS = frozenset({"=", "==", "<>", "!=", "<", "<=", ">", ">="})


def filters_first(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Ask conditions on scores only where the other conditions of WHERE hold."""
    for sites in sites_by_block(statement, knowledge, inlined=True):
        block = sites[0].block
        touched = statement.restructured | statement.gathered
        if block.alias is not None and block.span[0] not in touched:
            statement = _guarded(statement, sites, knowledge)
    return statement


def _guarded(statement: BoundStatement, sites: list[Site], knowledge: Knowledge) -> BoundStatement:
    block = sites[0].block
    tree = block.tree
    scored = {
        site.part: site
        for site in sites
        if block.holds("WHERE", site.call.call.token)
        and not _is_between(block, site.part)
        and (site.score.is_plain or _may_refuse(site))
    }
    others = [part for part in block.conjuncts if part not in scored]
    slow = [part for part in others if not _is_simple(block, part) and moves(sites[0], part, knowledge)]
    if not scored or not slow:
        return statement
    # DuckDB asks a CASE before what the scan cannot ask after all, as `whole_number <= 0.5`
    cheap = [part for part in others if part in slow or moves(sites[0], part, knowledge)]
    condition = " AND ".join(f"({tree.text[slice(*tree.span(*part))]})" for part in cheap)
    edits = []
    for part in scored:
        start, end = tree.span(*part)
        edits += [Edit(start, start, f"CASE WHEN {condition} THEN ("), Edit(end, end, ") ELSE false END")]
    if not keeps_columns(sites[0], knowledge, edits):
        return statement
    applied = [
        Applied("filters_first", site.shown, f"scored only where {' '.join(condition.split())}")
        for site in scored.values()
    ]
    return replace(statement, edits=(*statement.edits, *edits), applied=(*statement.applied, *applied))


def _may_refuse(site: Site) -> bool:
    """Whether an inlined score may refuse a row; one that may not is cheap, and need not wait."""
    function = site.score.version.function_of(site.score.method)
    return function in site.score.text or "error(" in site.score.text


def _is_between(block: SelectBlock, part: Range) -> bool:
    """Whether it holds a BETWEEN, which computes its value twice within a CASE."""
    return any(block.tree.keyword(at) == "BETWEEN" for at in range(*part))


def _is_simple(block: SelectBlock, part: Range) -> bool:
    """Whether a condition compares a column with a constant: the scan asks it by itself."""
    tree = block.tree
    low, high = part
    for at in tree.level(low, high):
        if tree.tokens[at].text in _COMPARISONS:
            left = tree.text[slice(*tree.span(low, at))] if at > low else ""
            right = tree.text[slice(*tree.span(at + 1, high))] if at + 1 < high else ""
            pair = (left, right)
            return any(column_path(text, tree.dialect) is not None for text in pair) and any(
                is_constant(text, tree.dialect) for text in pair
            )
    return high - low == 1
