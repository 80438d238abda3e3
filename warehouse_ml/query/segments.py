"""One SELECT, INSERT, UPDATE, DELETE or MERGE: the tables that an expression in it can take columns from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from warehouse_ml.query.tokens import TokenTree, words

Range = tuple[int, int]
"""Positions of tokens: the first one, and the one after the last."""

CHANGES = words("INSERT UPDATE DELETE MERGE")

_AFTER_FROM = words(
    "WHERE GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET FETCH SELECT RETURNING UNION INTERSECT EXCEPT"
)
_ENDS_TABLE = words("SET USING WHERE RETURNING WHEN ON")
_TARGET_AFTER = {"INSERT": "INTO", "UPDATE": "UPDATE", "DELETE": "FROM", "MERGE": "INTO"}


@dataclass(frozen=True, slots=True)
class Segment:
    """One operand of a UNION, or a whole query or data change.

    Attributes:
        tree: The tokens of the statement.
        high: The position after its last token.
        head: `INSERT`, `UPDATE`, `DELETE` or `MERGE`; empty for a query.
        keywords: The words outside all brackets, by position.
        clause: What stands after its FROM.
    """

    tree: TokenTree
    high: int
    head: str
    keywords: Mapping[int, str]
    clause: Range | None

    def sources(self, place: int) -> Iterator[Range]:
        """The parts of the FROM clause that hold for a place in it, to be joined by commas."""
        returning = self._first("RETURNING")
        target = self._target()
        if target is not None and (place > returning or self.head in ("UPDATE", "DELETE")):
            yield self._table_name(target) if self.head == "INSERT" else self._until(target)
        if place > returning:
            return
        if self.head == "DELETE":
            using = self._first("USING")
            if using < self.high:
                yield self._until(using + 1)
        elif self.head == "MERGE" and target is not None:
            yield from self._merge_sources(place, target)
        elif self.clause is not None and not self._in_conflict(place):
            yield self.clause

    def _first(self, wanted: str) -> int:
        return next((index for index, word in self.keywords.items() if word == wanted), self.high)

    def _until(self, start: int) -> Range:
        ends = (index for index, word in self.keywords.items() if index > start and word in _ENDS_TABLE)
        return start, next(ends, self.high)

    def _target(self) -> int | None:
        """Where the name of the changed table stands."""
        start = self._first(_TARGET_AFTER.get(self.head, "")) + 1
        return start if start < self.high else None

    def _table_name(self, start: int) -> Range:
        """A table's name with its schema and its alias: INSERT has a column list after it."""
        end = start + 1
        while self.tree.is_symbol(end, "."):
            end += 2
        if self.tree.word(end) == "AS":
            end += 2
        return start, end

    def _in_conflict(self, place: int) -> bool:
        return any(
            word == "ON" and self.tree.word(index + 1) == "CONFLICT" and index < place
            for index, word in self.keywords.items()
        )

    def _merge_sources(self, place: int, target: int) -> Iterator[Range]:
        """Both tables, or the only one that has a row in the WHEN NOT MATCHED clause of the place."""
        clauses = [
            index
            for index, word in self.keywords.items()
            if word == "WHEN" and index < place and "MATCHED" in (self._word(index, 1), self._word(index, 2))
        ]
        when = clauses[-1] if clauses else self.high
        unmatched = self._word(when, 1) == "NOT"
        by_source = unmatched and (self._word(when, 3), self._word(when, 4)) == ("BY", "SOURCE")
        if by_source or not unmatched:
            yield self._until(target)
        if not by_source:
            yield self._until(self._first("USING") + 1)

    def _word(self, index: int, offset: int) -> str:
        return self.tree.word(index + offset) if index + offset < self.high else ""


def read_segment(tree: TokenTree, low: int, high: int) -> Segment:
    """The facts of one query or data change."""
    found = {index: word for index in tree.level(low, high) if (word := tree.keyword(index))}
    return Segment(tree, high, _head(tree, found), found, _from_clause(tree, found, high))


def _head(tree: TokenTree, found: Mapping[int, str]) -> str:
    for index, word in found.items():
        if word in ("SELECT", "FROM", "VALUES", "CREATE", "COPY", "ALTER"):
            return ""
        if word in CHANGES and tree.word(index - 1) != "OR":
            return word
    return ""


def _from_clause(tree: TokenTree, found: Mapping[int, str], high: int) -> Range | None:
    """What stands after the FROM of one SELECT, or None."""
    start = None
    selects = False
    for index, word in found.items():
        if start is not None:
            following = (word, tree.word(index + 1))
            ends = word in _AFTER_FROM or (word == "MINUS" and tree.dialect == "snowflake")
            if ends or following in (("USING", "SAMPLE"), ("ON", "CONFLICT")):
                return (start, index) if index > start else None
        elif word == "SELECT":
            selects = True
        elif word == "FROM":
            is_comparison = tree.word(index - 1) == "DISTINCT" and tree.word(index - 2) in ("IS", "NOT")
            is_alias = selects and tree.word(index - 1) == "AS"
            start = None if is_comparison or is_alias else index + 1
    return (start, high) if start is not None and start < high else None
