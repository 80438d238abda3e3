"""Comparisons of a model call with constants, found by the tokens around the call."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from warehouse_ml.query.parse import ModelCall
from warehouse_ml.query.segments import Range
from warehouse_ml.query.tokens import Kind, TokenTree, words

Constant = float | int | str | bool

_OPERATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "=", "==": "=", "<>": "<>", "!=": "<>"}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}

_BEFORE = words("SELECT DISTINCT ALL WHERE AND OR NOT HAVING QUALIFY ON WHEN THEN ELSE BY")
"""Words after which an expression begins."""

_AFTER = words(
    "AND OR THEN ELSE END WHEN AS FROM WHERE GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET ASC DESC NULLS "
    "UNION INTERSECT EXCEPT RETURNING"
)
"""Words before which an expression of higher precedence than theirs ends."""

MOST_DIGITS = 15
"""Numbers of so many digits are read as the same DOUBLE, whichever type SQL gives them at first."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition on one value.

    Attributes:
        operator: `<`, `<=`, `>`, `>=`, `=`, `<>`, `BETWEEN` or `IN`.
        constants: What the value is compared with.
        text: The condition as SQL, without the value before it.
        negated: Whether it is NOT BETWEEN or NOT IN.
    """

    operator: str
    constants: tuple[Constant, ...]
    text: str
    negated: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a value that is neither NULL nor NaN meets the condition."""
        if self.operator == "BETWEEN":
            found = bool(self.constants[0] <= value <= self.constants[1])
        elif self.operator == "IN":
            found = value in self.constants
        else:
            found = bool(_HOLDS[self.operator](value, self.constants[0]))
        return found != self.negated

    @property
    def bounds(self) -> tuple[tuple[str, Constant], ...]:
        """The same as comparisons by `>=` and the like, all of which hold; of a negated one, its opposite."""
        if self.operator == "BETWEEN":
            return (">=", self.constants[0]), ("<=", self.constants[1])
        return ((self.operator, self.constants[0]),)


def comparison_of(tree: TokenTree, call: ModelCall) -> tuple[Comparison, Range] | None:
    """The comparison whose one side is a call and whose other side is constant, and its tokens.

    Returns:
        None where the call stands otherwise, or it is not sure that it is the whole side.
    """
    low, high = call.token, tree.after(call.token + 1)
    if not call.in_from and _begins(tree, low):
        return _compared_after(tree, low, high)
    if not call.in_from and _ends(tree, high):
        return _compared_before(tree, low, high)
    return None


def constant_at(tree: TokenTree, place: int) -> tuple[Constant, int] | None:
    """The literal that begins at a token, and the position after it."""
    sign = 1
    if tree.is_symbol(place, "-"):
        sign, place = -1, place + 1
    if not 0 <= place < len(tree.tokens):
        return None
    token = tree.tokens[place]
    if token.kind is Kind.NUMBER:
        value = number_of(token.text)
        return None if value is None else (sign * value, place + 1)
    if sign < 0:
        return None
    if token.kind is Kind.STRING and token.text.startswith("'"):
        return token.text[1:-1].replace("''", "'"), place + 1
    if token.word in ("TRUE", "FALSE"):
        return token.word == "TRUE", place + 1
    return None


def number_of(text: str) -> float | int | None:
    """The number of a literal; None where reading it might round it twice."""
    digits = text.casefold().partition("e")[0].replace(".", "").replace("_", "").lstrip("0")
    if len(digits) > MOST_DIGITS or "_" in text:
        return None
    value = Decimal(text)
    if "." not in text and "e" not in text.casefold():
        return int(value)
    return float(value)


def _compared_after(tree: TokenTree, low: int, high: int) -> tuple[Comparison, Range] | None:
    """`call > 0.5`, `call BETWEEN 1 AND 2`, `call NOT IN ('a', 'b')`."""
    place = high
    negated = tree.word(place) == "NOT"
    place += negated
    word = tree.word(place)
    if word == "BETWEEN":
        found = _between(tree, place + 1)
    elif word == "IN":
        found = _listed(tree, place + 1)
    elif not negated and place < len(tree.tokens) and tree.tokens[place].text in _OPERATORS:
        one = constant_at(tree, place + 1)
        word = _OPERATORS[tree.tokens[place].text]
        found = None if one is None else ((one[0],), one[1])
    else:
        return None
    if found is None or not _ends(tree, found[1]) or (word == "BETWEEN" and _is_empty(found[0])):
        return None
    start, end = tree.span(high, found[1])
    return Comparison(word, found[0], tree.text[start:end], negated), (low, found[1])


def _is_empty(ends: tuple[Constant, ...]) -> bool:
    """Whether nothing lies between two constants: the engine then does not compute the value at all."""
    low, high = ends
    numbers = isinstance(low, int | float) and isinstance(high, int | float)
    return not numbers or not low <= high  # type: ignore[operator]


def _compared_before(tree: TokenTree, low: int, high: int) -> tuple[Comparison, Range] | None:
    """`0.5 < call`."""
    if low < 2 or tree.tokens[low - 1].text not in _OPERATORS:
        return None
    for start in (low - 3, low - 2):
        found = constant_at(tree, start) if start >= 0 else None
        if found is not None and found[1] == low - 1 and _begins(tree, start):
            sign = _MIRRORED[_OPERATORS[tree.tokens[low - 1].text]]
            text = tree.text[slice(*tree.span(start, low - 1))]
            return Comparison(sign, (found[0],), f"{sign} {text}"), (start, high)
    return None


def _between(tree: TokenTree, place: int) -> tuple[tuple[Constant, ...], int] | None:
    low = constant_at(tree, place)
    if low is None or tree.word(low[1]) != "AND":
        return None
    high = constant_at(tree, low[1] + 1)
    return None if high is None else ((low[0], high[0]), high[1])


def _listed(tree: TokenTree, place: int) -> tuple[tuple[Constant, ...], int] | None:
    if not tree.is_symbol(place, "("):
        return None
    end = tree.closing[place]
    found = []
    for low, high in tree.split(place + 1, end, ","):
        one = constant_at(tree, low)
        if one is None or one[1] != high:
            return None
        found.append(one[0])
    return tuple(found), end + 1


def _begins(tree: TokenTree, place: int) -> bool:
    """Whether a whole expression begins at a token, as far as what stands before it can tell."""
    before = place - 1
    if before < 0:
        return False
    if any(tree.is_symbol(before, mark) for mark in ("(", ",")):
        return True
    word = tree.keyword(before)
    return word in _BEFORE and not (word == "AND" and _is_of_between(tree, before))


def _ends(tree: TokenTree, place: int) -> bool:
    """Whether a whole expression ends before a token."""
    if place >= len(tree.tokens) or tree.word(place) in _AFTER:
        return True
    return any(tree.is_symbol(place, mark) for mark in (")", ",", "]", ";"))


def _is_of_between(tree: TokenTree, place: int) -> bool:
    """Whether an AND may belong to a BETWEEN before it."""
    group = tree.parent[place]
    waiting = 0
    for at in tree.level(group + 1, place):
        word = tree.keyword(at)
        waiting = waiting + 1 if word == "BETWEEN" else max(0, waiting - 1) if word == "AND" else waiting
    return waiting > 0
