"""The query blocks around a place in a statement, found by tokens.

A block is one query (or data change) with its FROM clause and the WITH names that can be seen from the place.
By tokens, because DuckDB's grammar is larger than what sqlglot parses, and because the text of the
FROM clause is needed as the user wrote it.
"""

from dataclasses import dataclass

from warehouse_ml.query.segments import CHANGES, Range, Segment, read_segment
from warehouse_ml.query.tokens import TokenTree, words

_QUERY_HEADS = words("SELECT FROM WITH VALUES TABLE PIVOT UNPIVOT DESCRIBE SUMMARIZE")
_SET_OPERATORS = words("UNION INTERSECT EXCEPT")


def _is_set_operator(tree: TokenTree, index: int) -> bool:
    word = tree.keyword(index)
    return word in _SET_OPERATORS or (word == "MINUS" and tree.dialect == "snowflake")


@dataclass(frozen=True, slots=True)
class Block:
    """One query around a place.

    Attributes:
        names: The WITH definitions that the place can see in this block: `name AS (...)` each.
        recursive: Whether they stand under WITH RECURSIVE.
        sources: The parts of its FROM clause, to be joined by commas; none where it has no FROM clause.
        wrapped: Whether `sources` is a whole query that must stand in parentheses: the ORDER BY of a UNION.
    """

    names: tuple[Range, ...] = ()
    recursive: bool = False
    sources: tuple[Range, ...] = ()
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class _Query:
    """A whole query or statement: its WITH list, its operands, and its last ORDER BY.

    Attributes:
        span: All its tokens.
        names: The WITH definitions.
        recursive: Whether they stand under WITH RECURSIVE.
        segments: The operands of UNION, INTERSECT and EXCEPT; a single one where there is none.
        ordered: What a last ORDER BY of several operands orders.
    """

    span: Range
    names: tuple[Range, ...]
    recursive: bool
    segments: tuple[tuple[Range, Segment], ...]
    ordered: Range | None


class Blocks:
    """The blocks of a text; what is found once is kept.

    Args:
        tree: The tokens of the text.
    """

    def __init__(self, tree: TokenTree) -> None:
        self._tree = tree
        self._queries: dict[int, list[_Query]] = {}

    def around(self, place: int) -> list[Block]:
        """The blocks around a token, the innermost first."""
        found = []
        while place >= 0:
            group = self._tree.parent[place]
            if group < 0 or is_query(self._tree, group):
                found.append(_block(self._query(group, place), place))
            place = group
        return found

    def _query(self, group: int, place: int) -> _Query:
        if group not in self._queries:
            tree = self._tree
            low, high = (0, len(tree.tokens)) if group < 0 else (group + 1, tree.closing[group])
            self._queries[group] = [_read_query(tree, *part) for part in tree.split(low, high, ";")]
        return next(query for query in self._queries[group] if query.span[0] <= place < query.span[1])


def is_query(tree: TokenTree, group: int) -> bool:
    """Whether the parentheses that open at a token hold a query, not an expression."""
    if not tree.is_symbol(group, "("):
        return False
    head = tree.word(group + 1)
    if head in CHANGES:
        return tree.is_name(group + 2)
    if head in _QUERY_HEADS:
        return not (head == "FROM" and tree.word(group - 1) == "TRIM")
    return tree.is_symbol(group + 1, "(") and any(
        _is_set_operator(tree, index) for index in tree.level(group + 1, tree.closing[group])
    )


def _block(query: _Query, place: int) -> Block:
    for definition in query.names:
        if definition[0] <= place < definition[1]:
            # In a WITH definition: it sees those before it, and itself if recursive.
            own = (definition,) if query.recursive else ()
            return Block(tuple(d for d in query.names if d[1] <= definition[0]) + own, query.recursive)
    if query.ordered is not None and place > query.ordered[1]:
        return Block(query.names, query.recursive, (query.ordered,), wrapped=True)
    segment = next(segment for span, segment in query.segments if place <= span[1])
    return Block(query.names, query.recursive, tuple(segment.sources(place)))


def _read_query(tree: TokenTree, low: int, high: int) -> _Query:
    names, recursive, main = _with_list(tree, low, high)
    spans = _operands(tree, low, high)
    segments = tuple((span, read_segment(tree, *span)) for span in spans)
    ordered = None
    if len(segments) > 1:
        order = next((i for i, word in segments[-1][1].keywords.items() if word == "ORDER"), high)
        start = next((i for i in range(main, high) if _starts_query(tree, i)), main)
        ordered = (start, order)
    return _Query((low, high), tuple(names), recursive, segments, ordered)


def _starts_query(tree: TokenTree, index: int) -> bool:
    if tree.is_symbol(index, "("):
        return is_query(tree, index)
    return tree.word(index) in ("SELECT", "FROM", "VALUES")


def _with_list(tree: TokenTree, low: int, high: int) -> tuple[list[Range], bool, int]:
    """The definitions of a WITH list, whether it is recursive, and where the query after it starts."""
    for index in tree.level(low, high):
        if tree.keyword(index) != "WITH":
            continue
        recursive = tree.word(index + 1) == "RECURSIVE"
        found: list[Range] = []
        start = index + 1 + recursive
        while (end := _definition_end(tree, start)) is not None:
            found.append((start, end))
            if not tree.is_symbol(end, ","):
                return found, recursive, end
            start = end + 1
    return [], False, low


def _definition_end(tree: TokenTree, start: int) -> int | None:
    """The position after `name [(columns)] [USING KEY (columns)] AS [[NOT] MATERIALIZED] (query)`."""
    if not tree.is_name(start):
        return None
    index = start + 1
    if tree.is_symbol(index, "("):
        index = tree.after(index)
    if tree.word(index) == "USING" and tree.word(index + 1) == "KEY":
        index = tree.after(index + 2)
    if tree.word(index) != "AS":
        return None
    index += 1
    while tree.word(index) in ("NOT", "MATERIALIZED"):
        index += 1
    return tree.after(index) if tree.is_symbol(index, "(") else None


def _operands(tree: TokenTree, low: int, high: int) -> list[Range]:
    found = []
    start = low
    for index in tree.level(low, high):
        if _is_set_operator(tree, index) and not _is_star_modifier(tree, index):
            found.append((start, index))
            start = index + 1
    return [*found, (start, high)]


def _is_star_modifier(tree: TokenTree, index: int) -> bool:
    """Whether it is the EXCEPT of `* EXCEPT (a)`."""
    return tree.is_symbol(index - 1, "*") and not (
        is_query(tree, index + 1) or tree.word(index + 1) in _QUERY_HEADS
    )
