"""Features without influence on a score are not read: those of zero weight, and those no tree splits on.

Only where a NULL in such a feature changes nothing either. Statistics of a table could tell that it holds no
NULL, but another transaction may add one before the statement runs.
"""

from dataclasses import replace

from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.sites import Site, sites_by_block, with_texts
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.signature import TYPES
from warehouse_ml.variant import Member, Variant


def drop_idle_features(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Call functions that take the other features alone."""
    for sites in sites_by_block(statement, knowledge):
        for site in sites:
            features = site.score.version.signature.features
            plan = knowledge.plan(site.score.version)
            idle = () if plan is None else plan.idle
            dropped = [place for place in idle if features[place].missing in ("model", "default")]
            if dropped and len(dropped) < len(features):
                statement = _narrowed(statement, site, dropped)
    return statement


def _narrowed(statement: BoundStatement, site: Site, dropped: list[int]) -> BoundStatement:
    score = site.score
    features = score.version.signature.features
    names = ", ".join(features[place].name for place in dropped)
    effects = {site.position: f"does not read {names}"}
    if score.dialect.target != "duckdb":  # no function for this statement can be made
        given = ["NULL" if place in dropped else text for place, text in enumerate(score.features)]
        text = score.dialect.call(score.version, score.method, given)
        return with_texts(statement, {site.position: text}, rule="drop_idle_features", effects=effects)
    kept = [place for place in range(len(features)) if place not in dropped]
    parameters = tuple(kept.index(place) if place in kept else -1 for place in range(len(features)))
    types = tuple(TYPES[features[place].type].duckdb for place in kept)
    variant = Variant((Member(score.version, score.method, parameters),), types)
    text = f"{variant.name}({', '.join(score.features[place] for place in kept)})"
    changed = with_texts(
        statement,
        {site.position: text},
        rule="drop_idle_features",
        effects=effects,
    )
    return replace(changed, variants=(*changed.variants, variant))
