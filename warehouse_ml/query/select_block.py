"""One SELECT taken apart into its clauses, as far as a rule of the optimizer may take it apart.

Strict on purpose: a shape that is not surely understood is no block, and what is in it stays as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from warehouse_ml.query.blocks import is_query
from warehouse_ml.query.segments import Range
from warehouse_ml.query.tokens import Kind, TokenTree, words

_ORDER = ("SELECT", "FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET")
_TWO_WORDS = frozenset({"GROUP", "ORDER"})
_FOREIGN = words(
    "UNION INTERSECT RETURNING INTO VALUES SET FETCH PIVOT UNPIVOT SAMPLE MERGE UPDATE DELETE CONFLICT"
)
_JOINS = words("JOIN PIVOT UNPIVOT TABLESAMPLE LATERAL POSITIONAL ASOF")


@dataclass(frozen=True, eq=False)
class SelectBlock:
    """A SELECT with a FROM clause that is no operand of UNION and the like.

    All rules ask the same of it, so what takes time is found out once. It is equal to itself alone.

    Attributes:
        tree: The tokens of the statement.
        span: Its tokens, from SELECT to the end.
        group: The bracket around it, or -1.
        clauses: The tokens of each clause after its keyword, by the first word of the keyword; those of
            SELECT without DISTINCT.
        distinct: Whether it is SELECT DISTINCT.
        distinct_on: Whether it is DISTINCT ON.
    """

    tree: TokenTree
    span: Range
    group: int
    clauses: Mapping[str, Range]
    distinct: bool
    distinct_on: bool

    def holds(self, clause: str, place: int) -> bool:
        """Whether a token stands in a clause."""
        low, high = self.clauses.get(clause, (0, 0))
        return low <= place < high

    def clause_of(self, place: int) -> str:
        """The clause in which a token stands, or nothing."""
        return next((clause for clause in self.clauses if self.holds(clause, place)), "")

    @property
    def source(self) -> Range:
        """The tokens of the FROM clause."""
        return self.clauses["FROM"]

    @property
    def has_limit(self) -> bool:
        """Whether it keeps only so many rows."""
        return "LIMIT" in self.clauses or "OFFSET" in self.clauses

    @cached_property
    def items(self) -> list[Range]:
        """The items of the select list."""
        return [part for part in self.tree.split(*self.clauses["SELECT"], ",") if part[0] < part[1]]

    @cached_property
    def conjuncts(self) -> list[Range]:
        """The conditions of WHERE that must all hold."""
        if "WHERE" not in self.clauses:
            return []
        return _conjuncts(self.tree, self.clauses["WHERE"])

    @property
    def is_join(self) -> bool:
        """Whether FROM holds more than one plain table, query or function with its alias."""
        return self.alias is None

    @cached_property
    def alias(self) -> str | None:
        """The name of the only source as the user wrote it; None where there are several, or it has none."""
        return _only_alias(self.tree, self.source)

    def tokens(self) -> Iterator[int]:
        """The positions of all tokens but those of FROM, brackets opened."""
        low, high = self.source
        yield from (place for place in range(*self.span) if not low <= place < high)


def select_block(tree: TokenTree, place: int) -> SelectBlock | None:
    """The SELECT around a token whose FROM clause gives it its columns; None where that is not sure."""
    group = tree.parent[place]
    while group >= 0 and not is_query(tree, group):
        group = tree.parent[group]
    return _read_block(tree, group)


@lru_cache(maxsize=64)
def _read_block(tree: TokenTree, group: int) -> SelectBlock | None:
    low, high = (0, len(tree.tokens)) if group < 0 else (group + 1, tree.closing[group])
    if group < 0 and high and tree.is_symbol(high - 1, ";"):
        high -= 1
    found = _keywords(tree, low, high)
    if found is None:
        return None
    starts = [*found.values(), high]
    clauses = {}
    for (word, start), end in zip(found.items(), starts[1:], strict=True):
        clauses[word] = (start + 1 + (word in _TWO_WORDS), end)
    head, stop = clauses["SELECT"]
    distinct = distinct_on = False
    if tree.word(head) in ("DISTINCT", "ALL"):
        distinct = tree.word(head) == "DISTINCT"
        head += 1
        if distinct and tree.word(head) == "ON" and tree.is_symbol(head + 1, "("):
            distinct_on = True
            head = tree.after(head + 1)
    clauses["SELECT"] = (head, stop)
    block = SelectBlock(tree, (found["SELECT"], high), group, clauses, distinct, distinct_on)
    return block if all(low < high for low, high in clauses.values()) else None


def _keywords(tree: TokenTree, low: int, high: int) -> dict[str, int] | None:
    """Where each clause starts; None for an unusual order or a word that changes the meaning of the rest."""
    found: dict[str, int] = {}
    selects = False
    for index in tree.level(low, high):
        word = tree.keyword(index)
        # AS SELECT is a table being made, AS from is an alias
        if not word or (tree.word(index - 1) == "AS" and (word != "SELECT" or selects)):
            continue
        if word == "SELECT":
            if selects:
                return None
            selects = True
            found["SELECT"] = index
        elif (word in _FOREIGN and (selects or word != "INTO")) or (
            word == "EXCEPT" and not tree.is_symbol(index - 1, "*")
        ):
            return None
        elif selects and word in _ORDER and not _belongs_to_expression(tree, index, word):
            if word in found or _ORDER.index(word) < max(_ORDER.index(known) for known in found):
                return None
            found[word] = index
    return found if "FROM" in found and selects else None


def _belongs_to_expression(tree: TokenTree, index: int, word: str) -> bool:
    if word == "FROM":
        return tree.word(index - 1) == "DISTINCT" and tree.word(index - 2) in ("IS", "NOT")
    if word in _TWO_WORDS:
        return tree.word(index + 1) != "BY" or tree.word(index - 1) == "WITHIN"
    return False


def _conjuncts(tree: TokenTree, part: Range) -> list[Range]:
    low, high = part
    found = []
    start = low
    between = cases = 0
    for index in tree.level(low, high):
        word = tree.keyword(index)
        if word == "OR" and not cases:
            return [part]
        cases += (word == "CASE") - (word == "END")
        if cases:
            continue
        if word == "BETWEEN":
            between += 1
        elif word == "AND" and between:
            between -= 1
        elif word == "AND":
            found.append((start, index))
            start = index + 1
    return [*found, (start, high)]


def _only_alias(tree: TokenTree, part: Range) -> str | None:
    low, high = part
    if any(tree.is_symbol(at, ",") or tree.keyword(at) in _JOINS for at in tree.level(low, high)):
        return None
    index = low
    if tree.is_symbol(index, "("):
        if not is_query(tree, index):
            return None
        name = None
        index = tree.after(index)
    elif tree.is_name(index):
        name = tree.tokens[index].text
        while tree.is_symbol(index + 1, ".") and tree.is_name(index + 2):
            index += 2
            name = tree.tokens[index].text
        index += 1
        if tree.is_symbol(index, "("):
            index = tree.after(index)
    else:
        return None
    if index == high:
        return name
    if tree.word(index) == "AS":
        index += 1
    if index == high - 1 and tree.is_name(index) and tree.tokens[index].kind in (Kind.WORD, Kind.QUOTED):
        return tree.tokens[index].text
    return None
