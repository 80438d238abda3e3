"""The tables of a FROM clause: where each starts, and the name that its columns go by."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from warehouse_ml.query.blocks import Blocks, is_query
from warehouse_ml.query.segments import Range
from warehouse_ml.query.tokens import Kind, TokenTree, words

_NO_ALIAS = words(
    "ON USING JOIN INNER LEFT RIGHT FULL OUTER CROSS NATURAL ASOF POSITIONAL SEMI ANTI TABLESAMPLE WITH "
    "PIVOT UNPIVOT AT AS"
)
_NO_ALIAS_IN_SNOWFLAKE = words("BEFORE CHANGES SAMPLE MATCH_RECOGNIZE START CONNECT")


@dataclass(frozen=True, slots=True)
class Source:
    """One table, function or subquery of a FROM clause.

    Attributes:
        start: The position of its first token, LATERAL and a prefix alias not counted.
        alias: The name of its columns' owner, quoted as the user did; None where it has none.
    """

    start: int
    alias: str | None


def sources(tree: TokenTree, clause: Range) -> Iterator[Source]:
    """The sources of a FROM clause, those within parenthesised joins too."""
    low, high = clause
    starts = [low]
    for index in tree.level(low, high):
        if tree.is_symbol(index, ",") or tree.keyword(index) == "JOIN":
            starts.append(index + 1)
    for start, end in zip(starts, [*starts[1:], high], strict=True):
        if start < end:
            yield from _source(tree, start, end)


def table_positions(tree: TokenTree, places: Collection[int]) -> set[int]:
    """Which of the places are the start of a source: a call there is the table form."""
    blocks = Blocks(tree)
    clauses: set[Range] = set()
    for place in places:
        block = blocks.around(place)[0]
        if not block.wrapped:
            clauses.update(block.sources)
    return set(places) & {source.start for clause in clauses for source in sources(tree, clause)}


def _source(tree: TokenTree, start: int, end: int) -> Iterator[Source]:
    if tree.word(start) == "LATERAL":
        start += 1
    prefix = None
    if tree.dialect == "duckdb" and tree.is_name(start) and tree.is_symbol(start + 1, ":"):
        prefix = tree.tokens[start].text
        start += 2
    if tree.is_symbol(start, "(") and not is_query(tree, start):
        yield from sources(tree, (start + 1, tree.closing[start]))
        return
    index = start
    name = tree.tokens[start].text if tree.is_name(start) else None
    while tree.is_symbol(index + 1, ".") and tree.is_name(index + 2):
        index += 2
        name = tree.tokens[index].text
    index = tree.after(index)
    if tree.is_symbol(index, "("):
        index = tree.after(index)
    yield Source(start, prefix or _alias(tree, index, end) or name)


def _alias(tree: TokenTree, index: int, end: int) -> str | None:
    for at in tree.level(index, end):
        if tree.keyword(at) in ("ON", "USING"):
            return None
        if tree.word(at) == "AS" and at + 1 < end:
            token = tree.tokens[at + 1]
            return token.text if token.kind is not Kind.STRING else None
        if at == index and tree.is_name(at) and not _ends_source(tree, at):
            return tree.tokens[at].text
    return None


def _ends_source(tree: TokenTree, at: int) -> bool:
    word = tree.word(at)
    return word in _NO_ALIAS or (tree.dialect == "snowflake" and word in _NO_ALIAS_IN_SNOWFLAKE)
