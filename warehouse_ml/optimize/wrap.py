"""A SELECT whose FROM clause also gives scores, so that the rest of it reads them like columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.sites import Site, moving
from warehouse_ml.query.blocks import is_query
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.segments import Range
from warehouse_ml.query.select_block import SelectBlock
from warehouse_ml.query.splice import Edit
from warehouse_ml.query.tokens import words

_OPENS_LIST = words("EXCLUDE EXCEPT")


def wrapped(
    group: Sequence[Site],
    scores: Mapping[str, str],
    knowledge: Knowledge,
    *,
    filtered: bool = False,
) -> list[Edit] | None:
    """Make a single source `(SELECT *, score AS name FROM source WHERE cheap) AS alias`.

    The conditions that hold no model call and no subquery move inside, so that they still come before the
    scores.

    Args:
        group: The calls in the SELECT that will read the scores.
        scores: The expression of each score by the column's name.
        knowledge: Where the engine is asked.
        filtered: Whether the conditions are inside already.

    Returns:
        The edits; None where the meaning of the SELECT could change.
    """
    site = group[0]
    block = site.block
    tree, alias = block.tree, block.alias
    if alias is None or reads_whole_rows(group, alias):
        return None
    stars = star_edits(group, tuple(scores))
    if stars is None:
        return None
    inside = [] if filtered else moving(site, knowledge)
    low, high = tree.span(*block.source)
    columns = "".join(f", {text} AS {name}" for name, text in scores.items())
    condition = " AND ".join(f"({tree.text[slice(*tree.span(*part))]})" for part in inside)
    tail = f" WHERE {condition}" if inside else ""
    head = f"(SELECT *{columns} FROM "
    edits = [Edit(low, low, head), Edit(high, high, f"{tail}) AS {alias}")]
    return [*edits, *stars, *without(block, inside)]


def reads_whole_rows(group: Sequence[Site], alias: str) -> bool:
    """Whether, outside some calls, the name of a source or COLUMNS may stand for all its columns."""
    block = group[0].block
    tree = block.tree
    spans = [(site.call.call.start, site.call.call.end) for site in group]
    folded = alias.strip('"`').casefold()
    for place in block.tokens():
        token = tree.tokens[place]
        if any(low <= token.start < high for low, high in spans):
            continue
        if tree.keyword(place) == "COLUMNS":
            return True
        is_part = tree.is_symbol(place - 1, ".") or tree.is_symbol(place + 1, ".")
        if token.is_name and token.name.casefold() == folded and not is_part and tree.word(place - 1) != "AS":
            return True
    return False


def star_edits(
    group: Sequence[Site], names: Sequence[str], *, qualified: bool = True, of: str | None = None
) -> list[Edit] | None:
    """The edits by which the stars of a SELECT leave new columns out; None where one cannot be understood.

    Args:
        group: The calls in the SELECT that will read the new columns.
        names: The new columns.
        qualified: Whether `t.*` would show them too.
        of: The only table whose star would show them, besides `*`; None for all.
    """
    block = group[0].block
    tree = block.tree
    spans = [(site.call.call.start, site.call.call.end) for site in group]
    starts = {low for low, _ in block.items}
    listed = ", ".join(names)
    edits = []
    for place in block.tokens():
        inside = any(low <= tree.tokens[place].start < high for low, high in spans)
        if inside or not tree.is_symbol(place, "*"):
            continue
        if tree.is_symbol(place - 1, "("):
            if tree.word(place - 2) == "COUNT" and tree.is_symbol(place + 1, ")"):
                continue
            if _in_subquery(block, place):
                continue
            return None
        start = place
        while tree.is_symbol(start - 1, "."):
            start -= 2
        if start not in starts:
            if start < place or tree.is_symbol(place - 1, ",") or tree.is_symbol(place - 1, "["):
                return None
            continue
        owner = tree.tokens[place - 2].name.casefold() if start < place else ""
        if owner and (not qualified or (of is not None and owner != of.strip('"`').casefold())):
            continue
        edit = _excluding(block, place, listed)
        if edit is None:
            return None
        edits.append(edit)
    return edits


def without(block: SelectBlock, gone: Sequence[Range]) -> list[Edit]:
    """The edits that take conditions out of WHERE."""
    tree = block.tree
    if not gone:
        return []
    parts = block.conjuncts
    kept = [part for part in parts if part not in gone]
    if not kept:
        low, high = block.clauses["WHERE"]
        return [Edit(tree.tokens[low - 1].start, tree.tokens[high - 1].end, "")]
    edits = []
    for part, before, after in zip(parts, [None, *parts], [*parts[1:], None], strict=False):
        if part not in gone:
            continue
        if part[0] < kept[0][0] and after is not None:
            edits.append(Edit(tree.tokens[part[0]].start, tree.tokens[after[0]].start, ""))
        elif before is not None:
            edits.append(Edit(tree.tokens[before[1] - 1].end, tree.tokens[part[1] - 1].end, ""))
    return edits


def new_names(statement: BoundStatement, count: int) -> list[str]:
    """Names for columns that no other column of a statement has."""
    taken = statement.text.casefold()
    found: list[str] = []
    number = 1
    while len(found) < count:
        if f"wml_score_{number}" not in taken:
            found.append(f"wml_score_{number}")
        number += 1
    return found


def marked(statement: BoundStatement, block: SelectBlock) -> BoundStatement:
    """The statement, with a SELECT noted as restructured."""
    return replace(statement, restructured=statement.restructured | {block.span[0]})


def _excluding(block: SelectBlock, place: int, listed: str) -> Edit | None:
    tree = block.tree
    if tree.word(place + 1) in _OPENS_LIST:
        if not tree.is_symbol(place + 2, "("):
            return None
        end = tree.tokens[tree.closing[place + 2]].start
        return Edit(end, end, f", {listed}")
    end = tree.tokens[place].end
    return Edit(end, end, f" EXCLUDE ({listed})")


def _in_subquery(block: SelectBlock, place: int) -> bool:
    """Whether a bracket within the SELECT around a token holds a query of its own."""
    tree = block.tree
    around = tree.parent[place]
    while around != block.group and around >= 0:
        if is_query(tree, around):
            return True
        around = tree.parent[around]
    return False
