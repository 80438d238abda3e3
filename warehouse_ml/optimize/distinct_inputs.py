"""A score over few different inputs is computed once for each of them.

A model of a plane's and an airport's features has thousands of inputs above a join of hundreds of thousands
of flights. DuckDB computes a scalar subquery without a FROM clause, `(SELECT f(a, b))`, once for each
different pair of its columns (NULL and NaN are equal to themselves there), and hands the results out by a
hash join. 0.0 and -0.0 are equal there too, but not to a model that divides by them: for such a one the
subquery takes 0.0 for both, and rows with -0.0 are scored one by one. No tree tells them apart.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

from warehouse_ml.errors import ScopeError
from warehouse_ml.optimize.expressions import column_path, is_constant, tokens_of
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.row_order import (
    inside_aggregate,
    is_aggregated,
    order_is_free,
    order_tells,
)
from warehouse_ml.optimize.sites import (
    Key,
    Site,
    has_row_numbers,
    keeps_columns,
    moving,
    sites_by_block,
    with_texts,
)
from warehouse_ml.optimize.wrap import marked
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.query.splice import Edit

ROWS_WORTH_ASKING = 20_000
"""Fewer rows are scored faster than the engine is asked about them."""

ROW_NANOSECONDS = 20.0
FEATURE_NANOSECONDS = 12.0
CALL_NANOSECONDS = 30.0
ARGUMENT_NANOSECONDS = 4.0
"""What handing a row to a function costs, besides the model, and each feature of it."""

INPUT_NANOSECONDS = 300.0
INPUT_FEATURE_NANOSECONDS = 130.0
"""What keeping a different input costs, and each feature of it."""

SORT_NANOSECONDS = 25.0
COLUMN_NANOSECONDS = 10.0
"""What finding the different inputs costs per row and feature, and sorting per row and column."""

MOST_INPUTS = 0.7
"""Above this share of the rows the numbers of different inputs, which are estimates, say nothing."""

SAMPLE_ROWS = 20_000
ASKING_PAYS = 2e7
"""Nanoseconds of scoring below which the engine is not asked for statistics, nor whether FROM is a table."""

SAMPLE_PAYS = 3e7
"""How many nanoseconds all scores must take for a sample to be worth its time."""

JOIN_PAYS = 5e7
"""The same over a join or a view: a question takes 10 ms there, since it reads what is joined."""

_EQUAL_BUT_OTHER = ("FLOAT", "DOUBLE", "INTERVAL", "TIME WITH TIME ZONE")
"""Types whose values can be equal and yet give different results."""

WIDEST = 40
"""More features are not even counted on a sample."""


def distinct_inputs(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Compute scores once for each different input, where these are few."""
    for sites in sites_by_block(statement, knowledge):
        if sites[0].block.span[0] in statement.restructured:
            continue
        groups: dict[Key, list[Site]] = defaultdict(list)
        for site in sites:
            groups[site.key].append(site)
        for group in groups.values():
            if sites[0].block.span[0] in statement.restructured:
                break
            statement = _deduplicated(statement, group, sites, knowledge)
    return statement


def _deduplicated(
    statement: BoundStatement, group: Sequence[Site], sites: Sequence[Site], knowledge: Knowledge
) -> BoundStatement:
    site = group[0]
    block, score = site.block, site.score
    if not all(_may_be_subquery(other, sites, knowledge) for other in group):
        return statement
    sorted_back = not order_is_free(block)
    if sorted_back and order_tells(block):
        return statement
    overhead = ROW_NANOSECONDS + FEATURE_NANOSECONDS * len(score.features)
    if sorted_back:
        overhead += SORT_NANOSECONDS + COLUMN_NANOSECONDS * len(block.items)
    cost = (
        knowledge.cost(score.version, score.method)
        + CALL_NANOSECONDS
        + ARGUMENT_NANOSECONDS * len(score.features)
    )
    if cost <= overhead:
        return statement
    rows = knowledge.estimated_rows(site.scope.local(f"SELECT 1 FROM {_source(site, knowledge)}"))
    if rows is None or rows < ROWS_WORTH_ASKING or cost * rows < ASKING_PAYS:
        return statement
    is_table = has_row_numbers(site, knowledge)
    if not is_table and (sorted_back or cost * rows < JOIN_PAYS):
        return statement
    inputs = _different_inputs(site, rows, knowledge, is_table, cost * rows >= SAMPLE_PAYS)
    if inputs is None or inputs > MOST_INPUTS * rows:
        return statement
    kept = INPUT_NANOSECONDS + INPUT_FEATURE_NANOSECONDS * len(score.features)
    if cost * (rows - inputs) <= overhead * rows + kept * inputs:
        return statement
    if not _are_told_apart(site, knowledge):
        return statement
    end = block.tree.tokens[block.span[1] - 1].end
    # an output may be called rowid too
    edits = [Edit(end, end, f" ORDER BY {block.alias}.rowid")] if sorted_back else []
    features = ", ".join(f"({feature})" for feature in score.features)
    trial = f"(SELECT CASE WHEN hash({features}) IS NULL THEN CAST(NULL AS {site.result_type}) END)"
    calls = [Edit(other.call.call.start, other.call.call.end, trial) for other in group]
    if not keeps_columns(site, knowledge, [*calls, *edits]):
        return statement
    changed = with_texts(
        statement,
        {other.position: _scored_once(other.score, knowledge) for other in group},
        *edits,
        rule="distinct_inputs",
        effects={site.position: f"scored for about {inputs:,} different inputs of {rows:,} rows"},
    )
    return marked(changed, block) if sorted_back else changed  # nothing may hide the rows' numbers


def _scored_once(score: Score, knowledge: Knowledge) -> str:
    """The score by a subquery for each different input, and by itself where -0.0 may make a difference."""
    plan = knowledge.plan(score.version)
    if plan is not None and not plan.signed_zeros:
        return f"(SELECT {score.text})"
    zeros = {
        text: f"CASE WHEN {text} = 0 THEN 0 ELSE {text} END"
        for text, kind in zip(score.features, score.types, strict=True)
        if kind in ("FLOAT", "DOUBLE") and not is_constant(text)
    }
    if not zeros:
        return f"(SELECT {score.text})"
    negative = " OR ".join(f"({text} = 0 AND signbit({text}))" for text in zeros)
    given = [zeros.get(text, text) for text in score.features]
    once = score.dialect.call(score.version, score.method, given)
    # the subquery comes first: some later rules change the first function of a text only
    return f"CASE WHEN ({negative}) IS NOT TRUE THEN (SELECT {once}) ELSE {score.text} END"


def _are_told_apart(site: Site, knowledge: Knowledge) -> bool:
    """Whether expressions over equal columns are equal: 1 / 0.0 is not 1 / -0.0, nor `30 days` `1 month`."""
    names = set()
    for text in site.score.features:
        tree = None if column_path(text) is not None else tokens_of(text)
        names |= {token.name.casefold() for token in (tree.tokens if tree else ()) if token.is_name}
    if not names:
        return True
    try:
        columns = knowledge.columns(site.scope.local(f"SELECT * FROM {site.scope.source}"))
    except ScopeError:
        return False
    return not any(
        name.casefold() in names and any(kind in sql_type for kind in _EQUAL_BUT_OTHER)
        for name, sql_type in columns
    )


def _may_be_subquery(site: Site, sites: Sequence[Site], knowledge: Knowledge) -> bool:
    """Whether a scalar subquery may stand for the call, which is then computed for all rows."""
    block, place = site.block, site.call.call.token
    clause = block.clause_of(place)
    raising = knowledge.may_raise(site.score.version)
    plain = all(column_path(text) is not None or is_constant(text) for text in site.score.features)
    if site.is_conditional and (raising or not plain):
        return False
    if clause == "WHERE":
        conditions = {other.part for other in sites if block.clause_of(other.call.call.token) == "WHERE"}
        return not (raising and len(conditions) > 1)
    if is_aggregated(block):
        grouped = any(
            other.key == site.key and block.clause_of(other.call.call.token) == "GROUP" for other in sites
        )
        return grouped or inside_aggregate(block, place)
    return clause in ("SELECT", "ORDER")


def _source(site: Site, knowledge: Knowledge) -> str:
    """The FROM clause with the conditions that hold no call."""
    texts = [site.scope.stand_in(*part) for part in moving(site, knowledge)]
    return site.scope.source + (f" WHERE {' AND '.join(f'({text})' for text in texts)}" if texts else "")


def _different_inputs(
    site: Site, rows: int, knowledge: Knowledge, is_table: bool, sampled: bool
) -> int | None:
    """At most about how many different inputs there are; None where it is not known to be few."""
    features = list(dict.fromkeys(text for text in site.score.features if not is_constant(text)))
    if not features:
        return 1
    # over a join statistics take as long as a sample, which says more; no WITH list reaches the question
    told = is_table and site.scope.local("") == ""
    if told and len(features) <= WIDEST and all(column_path(text) is not None for text in features):
        bound = 1
        for found in knowledge.statistics(features, site.scope.source):
            bound = rows if found.distinct is None else bound * (found.distinct + found.has_null)
            if bound >= rows:
                break
        if bound * 2 <= rows:
            return bound
    if len(features) > WIDEST or not sampled:
        return None
    listed = ", ".join(f"({text}) AS wml_{place}" for place, text in enumerate(features))
    names = ", ".join(f"wml_{place}" for place in range(len(features)))
    sample = knowledge.sample(
        site.scope.local(
            # an approximate count of a few per cent less would stand for a fraction of the inputs
            f"SELECT count(*), count(DISTINCT hash({names})) "
            f"FROM (SELECT {listed} FROM {site.scope.source} LIMIT {SAMPLE_ROWS})"
        )
    )
    if not sample or not sample[0][0]:
        return None
    counted, different = sample[0]
    share = min(1.0, different / counted)
    # all rows have at most the sample's share of new inputs, and about as many as equally likely ones show
    return int(min(rows * share, 2 * _equally_likely(share, counted)))


def _equally_likely(share: float, drawn: int) -> float:
    """How many equally likely inputs show a share of different ones among the rows of a sample.

    Solves `different = inputs * (1 - exp(-drawn / inputs))` for `drawn / inputs`, by halving.
    """
    low, high = 1e-9, 1e9
    for _ in range(80):
        ratio = math.sqrt(low * high)
        low, high = (ratio, high) if -math.expm1(-ratio) / ratio > share else (low, ratio)
    return drawn / low
