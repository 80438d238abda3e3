"""The rows that pass a selective filter are gathered before they are scored.

DuckDB hands a function what a filter leaves of each 2,048 rows: one that keeps 2 % of a million rows makes
489 calls of 41 rows each. A sort below the scores packs the rows again, by their numbers to keep their order:

    FROM (SELECT * FROM t WHERE cheap ORDER BY rowid) AS t
"""

from dataclasses import replace

from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.row_order import inside_aggregate, is_aggregated
from warehouse_ml.optimize.sites import Site, has_row_numbers, keeps_columns, moving, sites_by_block
from warehouse_ml.optimize.wrap import reads_whole_rows, without
from warehouse_ml.query.bound import Applied, BoundStatement
from warehouse_ml.query.splice import Edit

ROWS_WORTH_ASKING = 50_000
"""A smaller table is read in so few calls that nothing is gained."""

VECTOR = 2_048
"""How many rows DuckDB hands on at a time."""

SAMPLED_VECTORS = 24

CALL_NANOSECONDS = 120_000.0
"""What a call costs besides its rows."""

ROW_NANOSECONDS = 100.0
FEATURE_NANOSECONDS = 15.0
"""What sorting costs per row and feature."""


def gather_rows(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Pack the rows that pass a selective filter before they are scored."""
    for sites in sites_by_block(statement, knowledge):
        block = sites[0].block
        wanted = [site for site in sites if _is_before_groups(site)]
        if wanted and block.span[0] not in statement.restructured and not block.has_limit:
            statement = _gathered(statement, wanted[0], knowledge)
    return statement


def _is_before_groups(site: Site) -> bool:
    block, place = site.block, site.call.call.token
    return (
        not is_aggregated(block)
        or block.clause_of(place) in ("WHERE", "GROUP")
        or inside_aggregate(block, place)
    )


def _gathered(statement: BoundStatement, site: Site, knowledge: Knowledge) -> BoundStatement:
    block = site.block
    alias = block.alias
    if alias is None or reads_whole_rows([site], alias) or not has_row_numbers(site, knowledge):
        return statement
    inside = moving(site, knowledge)
    if not inside:
        return statement
    rows = knowledge.estimated_rows(site.scope.local(f"SELECT 1 FROM {site.scope.source}"))
    if rows is None or rows < ROWS_WORTH_ASKING:
        return statement
    condition = " AND ".join(f"({site.scope.stand_in(*part)})" for part in inside)
    found = _calls_and_rows(site, condition, rows, knowledge)
    if found is None:
        return statement
    calls, kept = found
    saved = (calls - kept / VECTOR) * CALL_NANOSECONDS
    if saved <= kept * (ROW_NANOSECONDS + FEATURE_NANOSECONDS * len(site.score.features)):
        return statement
    low, high = block.tree.span(*block.source)
    edits = [
        Edit(low, low, "(SELECT * FROM "),
        Edit(high, high, f" WHERE {condition} ORDER BY rowid) AS {alias}"),
        *without(block, inside),
    ]
    if not keeps_columns(site, knowledge, edits):
        return statement
    effect = f"about {kept:,.0f} of {rows:,} rows gathered, which else come in {calls:,.0f} calls"
    return replace(
        statement,
        edits=(*statement.edits, *edits),
        applied=(*statement.applied, Applied("gather_rows", site.shown, effect)),
        gathered=statement.gathered | {block.span[0]},
    )


def _calls_and_rows(
    site: Site, condition: str, rows: int, knowledge: Knowledge
) -> tuple[float, float] | None:
    """About how many calls would be made, and of how many rows in all; from a sample of whole vectors."""
    percent = min(100.0, 100.0 * SAMPLED_VECTORS * VECTOR / rows)
    low, high = site.block.tree.span(*site.block.source)
    name = site.block.tree.text[low:high]
    sampled = f"{name} TABLESAMPLE SYSTEM ({percent:.4f}%) REPEATABLE (1)" if percent < 100 else name
    answer = knowledge.sample(
        f"SELECT count(*), count(DISTINCT number // {VECTOR}) FILTER (WHERE passes), count_if(passes) "
        f"FROM (SELECT rowid AS number, coalesce({condition}, false) AS passes FROM {sampled})"
    )
    if not answer or answer[0][0] < VECTOR:
        return None
    seen, vectors, passing = answer[0]
    scale = rows / seen
    return vectors * scale, passing * scale
