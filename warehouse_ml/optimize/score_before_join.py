"""A score of one table's columns is computed in that table, before a join repeats its rows.

    FROM flights JOIN (SELECT *, wml_variant_...(seats) AS wml_score_1 FROM planes) AS planes USING (plane)

Rows that do not join are scored too, so a refusal is handed on and raised only where the score is read.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from warehouse_ml.errors import ScopeError
from warehouse_ml.optimize.expressions import column_path, is_constant
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.sites import (
    Key,
    Site,
    keeps_columns,
    moving,
    plain_variant,
    sites_by_block,
    with_texts,
)
from warehouse_ml.optimize.wrap import marked, new_names, reads_whole_rows, star_edits
from warehouse_ml.query.blocks import is_query
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.query.segments import Range
from warehouse_ml.query.select_block import SelectBlock
from warehouse_ml.query.splice import Edit
from warehouse_ml.query.tokens import words
from warehouse_ml.variant import Variant

ROWS_WORTH_ASKING = 20_000
"""Fewer rows above a join are scored faster than the engine is asked about them."""

SHARE = 0.5
"""The table must have at most this share of the rows of the join: both numbers are estimates."""

_INNER = words("JOIN INNER ON USING")
_NO_INNER = words(
    "LEFT RIGHT FULL OUTER CROSS NATURAL ASOF POSITIONAL SEMI ANTI LATERAL TABLESAMPLE PIVOT UNPIVOT WITH AT"
)


def score_before_join(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Compute scores of one side of an inner join before the join, where that side has fewer rows."""
    for sites in sites_by_block(statement, knowledge):
        block = sites[0].block
        sources = inner_sources(block)
        if sources is None or block.has_limit or block.span[0] in statement.restructured:
            continue
        groups: dict[Key, list[Site]] = defaultdict(list)
        for site in sites:
            groups[site.key].append(site)
        for group in groups.values():
            source = _source_of(group[0], sources, knowledge)
            if source is not None:
                statement = _scored_below(statement, group, *source, knowledge)
    return statement


def inner_sources(block: SelectBlock) -> list[tuple[Range, str]] | None:
    """The tables of a FROM clause of inner joins, each with its alias; None for any other FROM clause."""
    tree = block.tree
    low, high = block.source
    level = tree.level(low, high)
    if any(tree.is_symbol(at, ",") or tree.keyword(at) in _NO_INNER for at in level):
        return None
    starts = [low, *(at + 1 for at in level if tree.keyword(at) == "JOIN")]
    found = []
    for start, stop in zip(starts, [*starts[1:], high], strict=True):
        end = next((at for at in tree.level(start, stop) if tree.keyword(at) in _INNER), stop)
        alias = _alias(block, start, end)
        if alias is None:
            return None
        found.append(((start, end), alias))
    return found if len(found) > 1 else None


def _alias(block: SelectBlock, start: int, end: int) -> str | None:
    tree = block.tree
    name = None
    index = start
    if tree.is_symbol(start, "(") and is_query(tree, start):
        index = tree.after(start)
    elif tree.is_name(start):
        name = tree.tokens[start].text
        while tree.is_symbol(index + 1, ".") and tree.is_name(index + 2):
            index += 2
            name = tree.tokens[index].text
        index += 1
    if tree.word(index) == "AS" and index < end:
        index += 1
    if index == end - 1 and tree.is_name(index):
        return tree.tokens[index].text
    return name if index == end else None


def _source_of(
    site: Site, sources: Sequence[tuple[Range, str]], knowledge: Knowledge
) -> tuple[Range, str] | None:
    """The only table that all features of a score come from."""
    found: set[int] = set()
    for feature in site.score.features:
        if is_constant(feature, site.block.tree.dialect):
            continue
        path = column_path(feature, site.block.tree.dialect)
        if path is None:
            return None
        candidates = [
            place
            for place, (_, alias) in enumerate(sources)
            if len(path) == 1 or path[0].casefold() == _folded(alias)
        ]
        owners = [place for place in candidates if _shows(site, *sources[place], path, knowledge)]
        if not owners or path[-1].casefold() == "rowid":
            owners = [place for place in candidates if _has(site, sources[place][0], feature, knowledge)]
        if len(owners) != 1:
            return None
        found.add(owners[0])
    return sources[found.pop()] if len(found) == 1 else None


def _folded(alias: str) -> str:
    return alias.strip('"`').casefold()


def _shows(site: Site, part: Range, alias: str, path: tuple[str, ...], knowledge: Knowledge) -> bool:
    """Whether a column is surely one that the star of a table shows: one question for all features."""
    folded = tuple(name.casefold() for name in path)
    try:
        columns = knowledge.columns(site.scope.local(f"SELECT * FROM {site.scope.stand_in(*part)}"))
    except ScopeError:
        return False
    shown = [name.casefold() for name, _ in columns]
    named = folded in ((folded[-1],), (_folded(alias), folded[-1]))
    return named and shown.count(folded[-1]) == 1 and _folded(alias) not in shown


def _has(site: Site, part: Range, feature: str, knowledge: Knowledge) -> bool:
    """Whether a table has a column that its star may hide."""
    try:
        knowledge.columns(site.scope.local(f"SELECT {feature} FROM {site.scope.stand_in(*part)}"))
    except ScopeError:
        return False
    return True


def _scored_below(
    statement: BoundStatement, group: Sequence[Site], part: Range, alias: str, knowledge: Knowledge
) -> BoundStatement:
    site = group[0]
    block, score = site.block, site.score
    if reads_whole_rows(group, alias):
        return statement
    conditions = [site.scope.stand_in(*each) for each in moving(site, knowledge)]
    where = f" WHERE {' AND '.join(f'({text})' for text in conditions)}" if conditions else ""
    joined = knowledge.estimated_rows(site.scope.local(f"SELECT 1 FROM {site.scope.source}{where}"))
    if joined is None or joined < ROWS_WORTH_ASKING:
        return statement
    alone = knowledge.estimated_rows(site.scope.local(f"SELECT 1 FROM {site.scope.stand_in(*part)}"))
    if alone is None or alone > SHARE * joined:
        return statement
    (name,) = new_names(statement, 1)
    stars = star_edits(group, (name,), of=alias)
    if stars is None or (stars and block.span[0] in statement.restructured):
        return statement  # a star has one list of what it leaves out
    deferred = knowledge.may_raise(score.version)
    if deferred and score.dialect.target != "duckdb":
        return statement
    variants, call, nothing = _call_below(score, deferred)
    read = f"{alias}.{name}"
    text = _checked(read) if deferred else read
    trial = [
        # with `error` in it, an expression is volatile, and some places take none of those
        *(Edit(other.call.call.start, other.call.call.end, text) for other in group),
        *_enclosed(block, part, alias, f"{nothing} AS {name}"),
        *stars,
    ]
    if not keeps_columns(site, knowledge, trial):
        return statement
    head, tail = _enclosed(block, part, alias, f"{call} AS {name}")
    effect = _effect(alone, joined, alias)
    changed = with_texts(
        replace(statement, edits=(head, *statement.edits)),
        {other.position: text for other in group},
        tail,
        *stars,
        rule="score_before_join",
        effects={site.position: effect},
    )
    return marked(replace(changed, variants=(*changed.variants, *variants)), block)


def _call_below(score: Score, deferred: bool) -> tuple[tuple[Variant, ...], str, str]:
    """What computes a score below the join: the variants that it needs, its text, and a NULL of its type.

    A function with side effects is computed exactly where it stands. Where no function can be made for the
    statement it is the version's own.
    """
    if score.dialect.target == "duckdb":
        variant = plain_variant(score, volatile=True, deferred=deferred)
        call = f"{variant.name}({', '.join(score.features)})"
        return (variant,), call, score.dialect.null(variant.output)
    result = score.version.signature.result(score.method)
    return (), score.text, "NULL" if result is None else score.dialect.null(result)


def _effect(alone: int, joined: int, alias: str) -> str:
    return f"scored for the {alone:,} rows of {alias} before a join of about {joined:,}"


def _checked(read: str) -> str:
    """The score out of a deferred one; its refusal is raised here, where the score is wanted."""
    refusal = f"struct_extract({read}, 'refusal')"
    return f"CASE WHEN {refusal} IS NULL THEN struct_extract({read}, 'score') ELSE error({refusal}) END"


def _enclosed(block: SelectBlock, part: Range, alias: str, column: str) -> tuple[Edit, Edit]:
    low, high = block.tree.span(*part)
    return Edit(low, low, f"(SELECT *, {column} FROM "), Edit(high, high, f") AS {alias}")
