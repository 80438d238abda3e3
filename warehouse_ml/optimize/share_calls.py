"""One score that is wanted in several stages of a SELECT is computed once per row.

DuckDB computes equal calls of one projection once, but those of WHERE, of the select list and of window
functions each on their own: `SELECT PREDICT(...) FROM t WHERE PREDICT(...) > 0.5` scores rows twice. A
function with side effects is computed exactly where it stands, so the score becomes a column of FROM:

    FROM (SELECT *, wml_variant_...(...) AS wml_score_1 FROM t WHERE cheap) AS t WHERE wml_score_1 > 0.5

Above a join, whose tables must stay in scope, it becomes one of a LATERAL query.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.row_order import is_plain_join
from warehouse_ml.optimize.sites import (
    Key,
    Site,
    keeps_columns,
    plain_variant,
    sites_by_block,
    with_texts,
)
from warehouse_ml.optimize.wrap import marked, new_names, star_edits, wrapped
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.splice import Edit

JOIN_NANOSECONDS = 300.0
FEATURE_NANOSECONDS = 30.0
"""What a score must cost for a LATERAL query to pay, which copies the rows of the join, and per feature."""

_STAGES = {"WHERE": "WHERE", "HAVING": "HAVING", "QUALIFY": "a window", "WINDOW": "a window"}
_FIRST_TO_LAST = ("WHERE", "a window", "the output", "HAVING")


def share_calls(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Compute a score once per row where a SELECT wants it in several stages."""
    for sites in sites_by_block(statement, knowledge):
        if sites[0].block.span[0] not in statement.restructured:
            statement = _share(statement, sites, knowledge)
    return statement


def _share(statement: BoundStatement, sites: Sequence[Site], knowledge: Knowledge) -> BoundStatement:
    groups: dict[Key, list[Site]] = defaultdict(list)
    for site in sites:
        groups[site.key].append(site)
    conditions = {site.part for site in sites if site.block.clause_of(site.call.call.token) == "WHERE"}
    for group in groups.values():
        stages = _stages(group)
        if len(stages) < 2 or not _always_computed(group, stages[0]):
            continue
        # Of two conditions on scores the second one is asked only where the first one holds.
        if len(conditions) > 1 and (knowledge.may_raise(group[0].score.version) or stages[0] != "WHERE"):
            continue
        if group[0].block.is_join and knowledge.cost(group[0].score.version, group[0].score.method) < (
            JOIN_NANOSECONDS + FEATURE_NANOSECONDS * len(group[0].score.features)
        ):
            continue
        changed = _shared(statement, group, stages, knowledge)
        if changed is not None:
            return changed
    return statement


def _stages(group: Sequence[Site]) -> list[str]:
    """The stages in which DuckDB would compute a score, the first one first."""
    found = set()
    for site in group:
        clause = site.block.clause_of(site.call.call.token)
        stage = _STAGES.get(clause, "the output")
        if clause in ("SELECT", "ORDER") and _is_windowed(site):
            stage = "a window"
            if sum(other.part == site.part for other in group) > 1:
                found.add("the output")
        found.add(stage)
    return sorted(found, key=_FIRST_TO_LAST.index)


def _is_windowed(site: Site) -> bool:
    return any(site.block.tree.keyword(at) == "OVER" for at in range(*site.part))


def _always_computed(group: Sequence[Site], stage: str) -> bool:
    """Whether the first stage computes the score for each of its rows."""
    return any(not site.is_conditional and _stages([site])[0] == stage for site in group)


def _shared(
    statement: BoundStatement, group: Sequence[Site], stages: Sequence[str], knowledge: Knowledge
) -> BoundStatement | None:
    site = group[0]
    (name,) = new_names(statement, 1)
    variant = plain_variant(site.score, volatile=True)
    text = f"{variant.name}({', '.join(site.score.features)})"
    filtered = site.block.span[0] in statement.gathered
    edits = _edits(group, name, text, knowledge, filtered)
    trial = _edits(group, name, f"CAST(NULL AS {site.result_type})", knowledge, False)
    if edits is None or trial is None:
        return None
    calls = [Edit(other.call.call.start, other.call.call.end, name) for other in group]
    if not keeps_columns(site, knowledge, [*calls, *trial]):
        return None
    effect = f"scored once per row for {' and '.join(stages)}"
    # what encloses FROM from outside starts before what is there already, and ends after it
    outer = replace(statement, edits=(edits[0], *statement.edits))
    changed = with_texts(
        outer,
        {other.position: name for other in group},
        *edits[1:],
        rule="share_calls",
        effects={group[0].position: effect},
    )
    return marked(replace(changed, variants=(*changed.variants, variant)), site.block)


def _edits(
    group: Sequence[Site], name: str, text: str, knowledge: Knowledge, filtered: bool
) -> list[Edit] | None:
    block = group[0].block
    if block.alias is not None:
        return wrapped(group, {name: text}, knowledge, filtered=filtered)
    if not is_plain_join(block) or (block.has_limit and "ORDER" not in block.clauses):
        return None
    stars = star_edits(group, (name,), qualified=False)
    end = block.tree.tokens[block.source[1] - 1].end
    lateral = Edit(end, end, f", LATERAL (SELECT {text} AS {name}) AS {name}_source")
    return None if stars is None else [lateral, *stars]
