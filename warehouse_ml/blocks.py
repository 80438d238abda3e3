"""The query blocks around a place in a statement, found by tokens.

A block is one SELECT (or UPDATE, DELETE, MERGE) with its FROM clause and the WITH names that can be seen
from the place. By tokens, because DuckDB's grammar is larger than what sqlglot parses, and because
the text of the FROM clause is needed as the user wrote it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from warehouse_ml.tokens import TokenTree, words

Range = tuple[int, int]
"""Positions of tokens: the first one, and the one after the last."""

_QUERY_HEADS = words("SELECT FROM WITH VALUES TABLE PIVOT UNPIVOT DESCRIBE SUMMARIZE")
_CHANGES = words("INSERT UPDATE DELETE MERGE")
_SET_OPERATORS = words("UNION INTERSECT EXCEPT")
_AFTER_FROM = words(
    "WHERE GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET FETCH SELECT RETURNING UNION INTERSECT EXCEPT"
)


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


def blocks(tree: TokenTree, place: int) -> list[Block]:
    """The blocks around a token, the innermost first."""
    found = []
    while place >= 0:
        group = tree.parent[place]
        if group < 0 or is_query(tree, group):
            found.append(_block(tree, *_statement(tree, group, place), place))
        place = group
    return found


def is_query(tree: TokenTree, group: int) -> bool:
    """Whether the parentheses that open at a token hold a query, not an expression."""
    if not tree.is_symbol(group, "("):
        return False
    head = tree.word(group + 1)
    if head in _CHANGES:
        return tree.is_name(group + 2)
    if head in _QUERY_HEADS:
        return not (head == "FROM" and tree.word(group - 1) == "TRIM")
    return tree.is_symbol(group + 1, "(") and any(
        tree.keyword(index) in _SET_OPERATORS for index in tree.level(group + 1, tree.closing[group])
    )


def from_clause(tree: TokenTree, low: int, high: int) -> Range | None:
    """What stands after the FROM of one SELECT, or None."""
    start = None
    previous = ""
    for index in tree.level(low, high):
        word = tree.keyword(index)
        if start is None:
            is_comparison = tree.word(index - 1) == "DISTINCT" and tree.word(index - 2) in ("IS", "NOT")
            is_alias = tree.word(index - 1) == "AS" and previous == "SELECT"
            if word == "FROM" and not is_comparison and not is_alias:
                start = index + 1
            previous = word if word == "SELECT" else previous
        elif _ends_from(tree, index, word):
            return (start, index) if index > start else None
    return None if start is None or start >= high else (start, high)


def _ends_from(tree: TokenTree, index: int, word: str) -> bool:
    following = tree.word(index + 1)
    return word in _AFTER_FROM or (word, following) in (("USING", "SAMPLE"), ("ON", "CONFLICT"))


def _statement(tree: TokenTree, group: int, place: int) -> Range:
    """The tokens of the query or statement in a group that holds the place."""
    low, high = (0, len(tree.tokens)) if group < 0 else (group + 1, tree.closing[group])
    return next(part for part in tree.split(low, high, ";") if part[0] <= place < part[1])


def _block(tree: TokenTree, low: int, high: int, place: int) -> Block:
    definitions, recursive, main = _with_list(tree, low, high)
    for start, end in definitions:
        if (
            start <= place < end
        ):  # the place is in a WITH definition: it sees those before, and itself if recursive
            seen = [d for d in definitions if d[1] <= start or (recursive and d == (start, end))]
            return Block(tuple(seen), recursive)
    names = tuple(definitions)
    segments = _segments(tree, low, high)
    segment = next(s for s in segments if s[0] <= place < s[1] or s == segments[-1])
    if len(segments) > 1:
        order = next((i for i in tree.level(*segments[-1]) if tree.keyword(i) == "ORDER"), high)
        if place > order:
            start = next((i for i in range(main, high) if _starts_query(tree, i)), main)
            return Block(names, recursive, ((start, order),), wrapped=True)
    return Block(names, recursive, tuple(_sources(tree, *segment, place)))


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


def _segments(tree: TokenTree, low: int, high: int) -> list[Range]:
    """The operands of UNION, INTERSECT and EXCEPT."""
    found = []
    start = low
    for index in tree.level(low, high):
        if tree.keyword(index) in _SET_OPERATORS and not _is_star_modifier(tree, index):
            found.append((start, index))
            start = index + 1
    return [*found, (start, high)]


def _is_star_modifier(tree: TokenTree, index: int) -> bool:
    """Whether it is the EXCEPT of `* EXCEPT (a)`."""
    return tree.is_symbol(index - 1, "*") and not (
        is_query(tree, index + 1) or tree.word(index + 1) in _QUERY_HEADS
    )


def _sources(tree: TokenTree, low: int, high: int, place: int) -> Iterator[Range]:
    """What a place in one SELECT or data change can take columns from."""
    words = {index: tree.keyword(index) for index in tree.level(low, high)}
    head = _head(words, tree)
    returning = next((i for i, word in words.items() if word == "RETURNING"), high)
    marks = sorted(
        i for i, word in words.items() if word in ("SET", "USING", "WHERE", "RETURNING", "WHEN", "ON")
    )
    target = _target(tree, words, head)

    def until(start: int) -> Range:
        return start, next((mark for mark in marks if mark > start), high)

    if target is not None and (place > returning or head in ("UPDATE", "DELETE")):
        yield _table_name(tree, target) if head == "INSERT" else until(target)
    if place > returning:
        return
    if head == "DELETE":
        using = next((i for i, word in words.items() if word == "USING"), None)
        if using is not None:
            yield until(using + 1)
    elif head == "MERGE" and target is not None:
        using = next((i for i, word in words.items() if word == "USING"), high)
        yield from _merge_sources(tree, words, place, until(target), until(using + 1))
    elif not _in_conflict(tree, words, place):
        clause = from_clause(tree, low, high)
        if clause is not None:
            yield clause


def _head(words: dict[int, str], tree: TokenTree) -> str:
    """Which data change it is, or nothing for a query."""
    for index, word in words.items():
        if word in ("SELECT", "FROM", "VALUES", "CREATE", "COPY", "ALTER"):
            return ""
        if word in _CHANGES and tree.word(index - 1) != "OR":
            return word
    return ""


def _target(tree: TokenTree, words: dict[int, str], head: str) -> int | None:
    """Where the name of the changed table stands."""
    mark = {"INSERT": "INTO", "UPDATE": "UPDATE", "DELETE": "FROM", "MERGE": "INTO"}.get(head)
    start = next((index + 1 for index, word in words.items() if word == mark), None)
    return start if start is not None and start < len(tree.tokens) else None


def _table_name(tree: TokenTree, start: int) -> Range:
    """A table's name with its schema and its alias: INSERT has a column list after it."""
    end = start + 1
    while tree.is_symbol(end, "."):
        end += 2
    if tree.word(end) == "AS":
        end += 2
    return start, end


def _in_conflict(tree: TokenTree, words: dict[int, str], place: int) -> bool:
    return any(
        word == "ON" and tree.word(index + 1) == "CONFLICT" and place > index for index, word in words.items()
    )


def _merge_sources(
    tree: TokenTree, words: dict[int, str], place: int, target: Range, source: Range
) -> Iterator[Range]:
    """Both tables, or the only one that has a row in the WHEN NOT MATCHED clause of the place."""
    whens = [i for i, word in words.items() if word == "WHEN" and i < place and _is_match(tree, i)]
    when = whens[-1] if whens else -2
    unmatched = tree.word(when + 1) == "NOT"
    by_source = unmatched and tree.word(when + 3) == "BY" and tree.word(when + 4) == "SOURCE"
    if by_source or not unmatched:
        yield target
    if not by_source:
        yield source


def _is_match(tree: TokenTree, index: int) -> bool:
    return "MATCHED" in (tree.word(index + 1), tree.word(index + 2))
