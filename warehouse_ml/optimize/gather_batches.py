"""All rows of a SELECT are gathered into lists, so that a GPU scores them in large batches.

DuckDB hands a function 2,048 rows at a time, and a GPU takes as long for them as for many more. An
aggregate takes them all:

    FROM (SELECT wml_row.a AS a, wml_score AS wml_score_1 FROM (
        SELECT unnest(wml_rows) AS wml_row, unnest(wml_scores) AS wml_score FROM (
            SELECT list(struct_pack(a := t.a)) AS wml_rows, wml_variant_...(list(struct_pack(p0 := t.b))) AS
                wml_scores FROM t WHERE cheap))) AS t

Both lists hold the rows in one order, in which they came. Where that is not any order, they are sorted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from warehouse_ml.errors import ScopeError
from warehouse_ml.optimize.device_ways import STAYS, device_way
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.row_order import inside_aggregate, is_aggregated, order_is_free
from warehouse_ml.optimize.sites import (
    Key,
    Site,
    has_row_numbers,
    keeps_columns,
    moves,
    sites_by_block,
    with_texts,
)
from warehouse_ml.optimize.wrap import marked, new_names, reads_whole_rows, star_edits, without
from warehouse_ml.query.bound import Applied, BoundStatement
from warehouse_ml.query.segments import Range
from warehouse_ml.query.splice import Edit
from warehouse_ml.quoting import quoted
from warehouse_ml.signature import TYPES
from warehouse_ml.variant import DEVICE_BATCH, Member, Variant

ROWS_WORTH_GATHERING = 20_000
"""Fewer rows are a dozen of calls."""

MOST_CELLS = 2**28
"""How many values the lists may hold: 2 GB as float64, some of it twice."""

WIDE_CELLS = 8
"""How many of them a text or a nested value counts for."""

MOST_BYTES = 2**31 - 1
"""How long the texts of a feature may be together: Arrow counts their bytes in int32."""

_ROW = "wml_rowid"


class _StaysError(Exception):
    """A SELECT is left as it is; the reason in words."""


@dataclass(frozen=True, slots=True)
class _Gathering:
    """What is gathered.

    Attributes:
        sites: The calls that read the scores.
        keys: The scores, each once.
        inside: The conditions that are asked before.
    """

    sites: tuple[Site, ...]
    keys: tuple[Key, ...]
    inside: tuple[Range, ...]


def gather_batches(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Gather the rows that a GPU scores; on a session without one there is nothing to do."""
    if knowledge.device == "cpu":
        return statement
    for sites in sites_by_block(statement, knowledge):
        able = [site for site in sites if not isinstance(device_way(site.score.version, knowledge), str)]
        if not able or able[0].block.span[0] in statement.restructured:
            continue
        try:
            statement = _gathered(statement, able, knowledge)
        except _StaysError as reason:
            noted = Applied("gather_batches", able[0].shown, f"{STAYS}{reason}")
            statement = replace(statement, applied=(*statement.applied, noted))
    return statement


def _gathered(statement: BoundStatement, sites: Sequence[Site], knowledge: Knowledge) -> BoundStatement:
    found = _chosen(statement, sites, knowledge)
    site = found.sites[0]
    block, scope = site.block, site.scope
    alias = block.alias
    if alias is None:
        raise _StaysError("FROM holds several tables")
    if reads_whole_rows(found.sites, alias):
        raise _StaysError("a row is read as a whole")
    ordered = not order_is_free(block)
    if ordered and not has_row_numbers(site, knowledge):
        raise _StaysError("they have no numbers by which their order could be kept")
    rows = knowledge.estimated_rows(scope.local(f"SELECT 1 FROM {scope.source}"))
    if rows is None or rows < ROWS_WORTH_GATHERING:
        raise _StaysError(f"they are about {rows or 0:,}, and {ROWS_WORTH_GATHERING:,} would be worth it")
    variant, features = _variant(found)
    columns = _columns(statement, found, knowledge)
    widths = [*variant.types, *(kind for _, kind in columns)]
    cells = rows * sum(1 if kind in _NARROW else WIDE_CELLS for kind in widths)
    if cells > MOST_CELLS:
        raise _StaysError(f"about {rows:,} of them would take too much memory at once")
    condition = " AND ".join(f"({scope.stand_in(*part)})" for part in found.inside)
    _check_texts(site, variant, features, condition, knowledge)

    names = new_names(statement, len(found.keys))
    packed = ", ".join(f"p{place} := ({text})" for place, text in enumerate(features))
    scores = f"{variant.name}(list(struct_pack({packed})))"
    types = [next(s for s in found.sites if s.key == key).result_type for key in found.keys]
    nulls = [f"CAST(NULL AS {kind})" for kind in types]
    fields = ", ".join(f"m{place} := {null}" for place, null in enumerate(nulls))
    trial = f"list({nulls[0] if len(nulls) == 1 else f'struct_pack({fields})'})"
    stars = star_edits(found.sites, names)
    if stars is None:
        raise _StaysError("a star is read that cannot be understood")

    def edits(text: str) -> list[Edit]:
        low, high = block.tree.span(*block.source)
        head, tail = _around(alias, [name for name, _ in columns], names, text, ordered, condition)
        return [Edit(low, low, head), Edit(high, high, tail), *stars, *without(block, found.inside)]

    by_key = dict(zip(found.keys, names, strict=True))
    calls = [Edit(s.call.call.start, s.call.call.end, by_key[s.key]) for s in found.sites]
    if not keeps_columns(site, knowledge, [*calls, *edits(trial)]):
        raise _StaysError("the columns would not be the same")
    way = device_way(site.score.version, knowledge)
    changed = with_texts(
        statement,
        {other.position: by_key[other.key] for other in found.sites},
        *edits(scores),
        rule="gather_batches",
        effects={
            other.position: f"{way}, batches of {DEVICE_BATCH:,} rows gathered out of about {rows:,}"
            for other in found.sites
        },
    )
    return marked(replace(changed, variants=(*changed.variants, variant)), block)


_NARROW = frozenset(
    {
        *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"),
        *("UBIGINT", "FLOAT", "DOUBLE", "DATE", "TIME", "TIMESTAMP"),
    }
)


def _chosen(statement: BoundStatement, sites: Sequence[Site], knowledge: Knowledge) -> _Gathering:
    """The scores that are computed for every row that the cheap conditions keep.

    Raises:
        _StaysError: There are none.
    """
    block = sites[0].block
    if block.has_limit:
        raise _StaysError("LIMIT wants few of them")
    inside = tuple(part for part in block.conjuncts if moves(sites[0], part, knowledge))
    asked = [part for part in block.conjuncts if part not in inside]
    certain = [site for site in sites if not site.is_conditional]
    if asked:
        first = [site for site in certain if block.clause_of(site.call.call.token) == "WHERE"]
        if len(asked) > 1 or not first or first[0].part != asked[0]:
            raise _StaysError("WHERE holds conditions that cannot be asked before")
        certain = first
    else:
        certain = [site for site in certain if _is_of_every_row(site)]
    keys = tuple(dict.fromkeys(site.key for site in certain))
    if not keys:
        raise _StaysError("not every one of them is scored")
    return _Gathering(tuple(site for site in sites if site.key in keys), keys, inside)


def _is_of_every_row(site: Site) -> bool:
    block, place = site.block, site.call.call.token
    clause = block.clause_of(place)
    if clause == "GROUP" or not is_aggregated(block):
        return clause in ("SELECT", "ORDER", "GROUP")
    return clause in ("SELECT", "ORDER") and inside_aggregate(block, place)


def _variant(found: _Gathering) -> tuple[Variant, list[str]]:
    """The function of all scores, and what it takes: each feature once."""
    features: dict[str, tuple[int, str]] = {}
    members = []
    for key in found.keys:
        score = next(site.score for site in found.sites if site.key == key)
        places = []
        for text, feature in zip(score.features, score.version.signature.features, strict=True):
            kind = TYPES[feature.type].duckdb
            place, _ = features.setdefault(f"{kind} {text}", (len(features), text))
            places.append(place)
        members.append(Member(score.version, score.method, tuple(places)))
    types = tuple(name.partition(" ")[0] for name in features)
    variant = Variant(tuple(members), types, route="device", gathered=True)
    return variant, [text for _, text in features.values()]


def _columns(statement: BoundStatement, found: _Gathering, knowledge: Knowledge) -> list[tuple[str, str]]:
    """The columns of FROM, by name and type, that may be read beside the scores."""
    site = found.sites[0]
    block, tree = site.block, site.block.tree
    try:
        known = knowledge.columns(site.scope.local(f"SELECT * FROM {site.scope.source}"))
    except ScopeError:
        raise _StaysError("their columns are not known") from None
    if len({name.casefold() for name, _ in known}) < len(known):
        raise _StaysError("two columns have one name")
    spans = [(other.call.call.start, other.call.call.end) for other in found.sites]
    read = set()
    low, high = tree.tokens[block.span[0]].start, tree.tokens[block.span[1] - 1].end
    for call in statement.calls:
        own = (call.call.start, call.call.end)
        if low <= own[0] < high and own not in spans:
            return known  # what another call reads stands in no token
    for place in block.tokens():
        token = tree.tokens[place]
        if any(start <= token.start < end for start, end in spans):
            continue
        if any(start <= place < end for start, end in found.inside):
            continue
        if tree.is_symbol(place, "*") and tree.word(place - 2) != "COUNT":
            return known
        if token.is_name:
            read.add(token.name.casefold())
    return [(name, kind) for name, kind in known if name.casefold() in read]


def _check_texts(
    site: Site, variant: Variant, features: Sequence[str], condition: str, knowledge: Knowledge
) -> None:
    """See to it that no feature's texts are longer than Arrow can hold in one array.

    Raises:
        _StaysError: They are, or they cannot be asked for now.
    """
    texts = [text for text, kind in zip(features, variant.types, strict=True) if kind == "VARCHAR"]
    if not texts:
        return
    sums = ", ".join(f"coalesce(sum(strlen({text})), 0)" for text in texts)
    where = f" WHERE {condition}" if condition else ""
    answer = knowledge.sample(site.scope.local(f"SELECT {sums} FROM {site.scope.source}{where}"))
    if not answer or max(answer[0]) > MOST_BYTES:
        raise _StaysError("the lengths of their texts are not known or too large")


def _around(
    alias: str, columns: Sequence[str], names: Sequence[str], scores: str, ordered: bool, condition: str
) -> tuple[str, str]:
    """What stands before and after the source."""
    shown = [f"wml_row.{quoted(name)} AS {quoted(name)}" for name in columns]
    whole = len(names) == 1
    shown += [f"wml_score{'' if whole else f'.m{place}'} AS {name}" for place, name in enumerate(names)]
    fields = [f"{quoted(name)} := {alias}.{quoted(name)}" for name in columns]
    if ordered:
        fields.append(f"{_ROW} := {alias}.rowid")
    kept = f"list(struct_pack({', '.join(fields)})) AS wml_rows, " if fields else ""
    read = "unnest(wml_rows) AS wml_row, " if fields else ""
    head = (
        f"(SELECT {', '.join(shown)} FROM (SELECT {read}unnest(wml_scores) AS wml_score "
        f"FROM (SELECT {kept}{scores} AS wml_scores FROM "
    )
    where = f" WHERE {condition}" if condition else ""
    order = f" ORDER BY wml_row.{_ROW}" if ordered else ""
    return head, f"{where})){order}) AS {alias}"
