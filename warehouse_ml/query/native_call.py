"""Snowflake's own spellings of a call: `churn!PREDICT(a, b)` and `MODEL(churn, v3)!PREDICT(a, b)`.

Snowflake returns an OBJECT whose fields are `output_feature_0` and so on, so users write
`churn!PREDICT(a, b):output_feature_0`. Here the call gives the value itself, like PREDICT('churn', a, b), and
such a field belongs to the call: it names the result that is meant.
"""

import re
from dataclasses import dataclass

from warehouse_ml.query.segments import Range
from warehouse_ml.query.tokens import Kind, TokenTree

SCHEMA = "warehouse_ml"
"""The only schema that may stand before the name: what is in another one is no model of ours."""

_SELECTORS = {"DEFAULT": "", "FIRST": "1", "LAST": "latest"}
_OUTPUT = re.compile(r"output_feature_(\d{1,4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NativeModel:
    """What stands before the `!` of a native call.

    Attributes:
        first: The position of its first token.
        name: The model's name as written.
        selector: What stands after the `@` of the same reference: nothing, `latest`, `v3`, an alias.
        problem: What is wrong with it, or nothing.
    """

    first: int
    name: str
    selector: str = ""
    problem: str = ""


def native_model(tree: TokenTree, index: int) -> NativeModel | None:
    """The model of which the word at a position is a method; None where it is no native call."""
    if not tree.is_symbol(index - 1, "!"):
        return None
    if tree.is_name(index - 2):
        return _named(tree, index - 2)
    if not tree.is_symbol(index - 2, ")"):
        return None
    opening = next(low for low, high in tree.closing.items() if high == index - 2)
    if tree.keyword(opening - 1) != "MODEL":
        return None
    parts = tree.split(opening + 1, index - 2, ",")
    low, high = parts[0]
    found = _named(tree, high - 1) if high > low else None
    if found is None and high > low + 1 and tree.dialect == "snowflake":
        return None
    if found is None or len(parts) > 2:
        return NativeModel(opening - 1, "", problem="write MODEL(name) or MODEL(name, version)")
    if found.first != low:
        return NativeModel(opening - 1, found.name, problem="write MODEL(name) or MODEL(name, version)")
    selector = "" if len(parts) == 1 else _selector(tree, parts[1])
    problem = found.problem
    if selector is None:
        problem = "the version must be a name: v3, DEFAULT, FIRST, LAST or an alias"
    return NativeModel(opening - 1, found.name, selector or "", problem)


def native_output(tree: TokenTree, close: int) -> tuple[int, int] | None:
    """The number of the output that is read from a native call, and the position after it.

    Args:
        tree: The tokens.
        close: Where the call's parenthesis closes.
    """
    if tree.is_symbol(close + 1, ":") and tree.is_name(close + 2):
        found = _OUTPUT.fullmatch(tree.tokens[close + 2].name)
        return (int(found[1]), close + 3) if found else None
    if tree.is_symbol(close + 1, "[") and tree.closing[close + 1] == close + 3:
        token = tree.tokens[close + 2]
        found = _OUTPUT.fullmatch(token.text[1:-1]) if token.kind is Kind.STRING else None
        return (int(found[1]), close + 4) if found else None
    return None


def _named(tree: TokenTree, last: int) -> NativeModel | None:
    """The model of a name that ends at a position; None for what is in a schema that is not ours."""
    if not tree.is_name(last):
        return None
    first = last
    while tree.is_symbol(first - 1, ".") and tree.is_name(first - 2):
        first -= 2
    name = tree.tokens[last].name
    if first == last or tree.tokens[last - 2].name.casefold() == SCHEMA:
        return NativeModel(first, name)
    if tree.dialect == "snowflake":
        return None
    return NativeModel(first, name, problem="a model's name has no schema")


def _selector(tree: TokenTree, part: Range) -> str | None:
    low, high = part
    if high != low + 1 or not (tree.is_name(low) or tree.tokens[low].text.isdigit()):
        return None
    token = tree.tokens[low]
    return _SELECTORS.get(token.word, token.name)
