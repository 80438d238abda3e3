"""Several scores of the same features, in one select list, are computed by one function.

The label and the probability of one version, or a champion and its challenger, then read their columns once:

    SELECT struct_extract(wml_variant_...(a, b), 'm0'), struct_extract(wml_variant_...(a, b), 'm1') FROM t

DuckDB computes equal calls of one projection once. So are the label and the probability of the table form.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.row_order import inside_aggregate, is_aggregated
from warehouse_ml.optimize.sites import Key, Site, plain_variant, sites_by_block, with_texts
from warehouse_ml.query.bound import Applied, BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.query.table_form import joined_parts
from warehouse_ml.signature import TYPES
from warehouse_ml.variant import Member, Variant


def join_scores(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Compute scores of the same features of a select list in one call."""
    statement = _with_joined_tables(statement)
    for sites in sites_by_block(statement, knowledge):
        groups: dict[tuple[str, ...], list[Site]] = defaultdict(list)
        for site in sites:
            if _is_always_selected(site):
                groups[_inputs(site)].append(site)
        for group in groups.values():
            statement = _joined(statement, group)
    return statement


def _with_joined_tables(statement: BoundStatement) -> BoundStatement:
    calls = list(statement.calls)
    variants, applied = list(statement.variants), list(statement.applied)
    for position, call in enumerate(statement.calls):
        if not call.call.in_from or call.nested or call.method != "predict" or len(call.scores) != 2:
            continue
        probabilities, label = call.scores
        if not all(score.is_plain for score in call.scores):
            continue
        every = tuple(range(len(label.features)))
        members = tuple(Member(score.version, score.method, every) for score in (label, probabilities))
        variant = Variant(members, plain_variant(label).types)
        text = f"{variant.name}({', '.join(label.features)})"
        calls[position] = replace(call, scores=(replace(label, text=text),), parts=joined_parts(call.parts))
        variants.append(variant)
        shown = " ".join(call.call.text.split())
        applied.append(Applied("join_scores", shown, "one call gives the label and the probabilities"))
    return replace(statement, calls=tuple(calls), variants=tuple(variants), applied=tuple(applied))


def _is_always_selected(site: Site) -> bool:
    """Whether the projection of the select list computes a score for every row: an aggregate's too."""
    block, place = site.block, site.call.call.token
    if block.clause_of(place) != "SELECT" or site.is_conditional:
        return False
    if any(block.tree.keyword(at) == "OVER" for at in range(*site.part)):
        return False
    return not is_aggregated(block) or inside_aggregate(block, place)


def _inputs(site: Site) -> tuple[str, ...]:
    """What a score is computed from: its features by name and type, as the block knows them."""
    described = [f"{feature.name} {feature.type}" for feature in site.score.version.signature.features]
    given = site.key[3:]
    return tuple(text for _, pair in sorted(zip(described, given, strict=True)) for text in (_, pair))


def _joined(statement: BoundStatement, group: Sequence[Site]) -> BoundStatement:
    scores: dict[Key, Score] = {}
    for site in group:
        scores.setdefault(site.key, site.score)
    if len(scores) < 2:
        return statement
    # the methods of one version are computed in one run where they are neighbours
    scores = dict(sorted(scores.items(), key=lambda pair: pair[1].version.reference))
    first = group[0].score
    names = first.version.signature.feature_names
    members = tuple(
        Member(
            score.version,
            score.method,
            tuple(names.index(name) for name in score.version.signature.feature_names),
        )
        for score in scores.values()
    )
    types = tuple(TYPES[feature.type].duckdb for feature in first.version.signature.features)
    variant = Variant(members, types)
    call = f"{variant.name}({', '.join(first.features)})"
    places = {key: place for place, key in enumerate(scores)}
    shown = ", ".join(f"{score.method} of {score.version.reference}" for score in scores.values())
    changed = with_texts(
        statement,
        {site.position: f"struct_extract({call}, 'm{places[site.key]}')" for site in group},
        rule="join_scores",
        effects={group[0].position: f"one call gives {shown}"},
    )
    return replace(changed, variants=(*changed.variants, variant))
