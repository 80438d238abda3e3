"""A misspelled PREDICT that the engine refused -> an error that says so.

The engine's own sentence is about what it met first, as a rule the star, or does not know our words.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches

from warehouse_ml.errors import CallSyntaxError
from warehouse_ml.query.parse import METHODS
from warehouse_ml.query.stars import read_star
from warehouse_ml.query.tokens import Kind, TokenTree, tokenize

_ALIKE = 0.8
"""PREDIKT, PREDCT, PREDICTS and PREDICTPROBA are that much like a word of the grammar; PREVIEW is not."""

_STAR = "STAR expression"
_UNKNOWN = ("unknown function {}", "function with name {} does not exist")
"""How Snowflake and DuckDB say that they have no function of a name."""


def near_call(
    message: str, text: str, dialect: str, is_model: Callable[[str, str], bool]
) -> CallSyntaxError | None:
    """The error for a call of a function that is almost called PREDICT, and is given the name of a model.

    Args:
        message: What the engine said of the statement. That it knows no such function is taken, and that it
            wants no star there; a function of that name that exists has errors of its own.
        text: The statement.
        dialect: Whose lexical rules hold: `duckdb` or `snowflake`.
        is_model: Whether the registry holds a model of a name with a selector.

    Returns:
        The error to raise instead, or None where the engine refused something else.
    """
    tree = tokenize(text, dialect)
    if tree is None:
        return None
    said = message.partition("\nLINE ")[0]  # the statement follows
    for place, meant in _near(tree):
        written = tree.tokens[place].text
        unknown = any(form.format(written).casefold() in said.casefold() for form in _UNKNOWN)
        if not unknown and not (_STAR in said and _has_star(tree, place)):
            continue
        model = tree.tokens[place + 2].text
        name, _, selector = model[1:-1].replace("''", "'").partition("@")
        if model[0] == "'" and is_model(name, selector):
            reason = " ".join(said.split()).removesuffix(".")
            problem = f"did you mean {meant}? The engine said: {reason}"
            return CallSyntaxError(f"{written}({model}, …)", problem)
    return None


def _near(tree: TokenTree) -> Iterator[tuple[int, str]]:
    """The functions that are almost called as a word of the grammar and get a text first, and that word."""
    for place, token in enumerate(tree.tokens[:-2]):
        word = tree.word(place)
        gets_text = tree.is_symbol(place + 1, "(") and tree.tokens[place + 2].kind is Kind.STRING
        if token.is_name and gets_text and word not in METHODS and tree.is_symbol(place + 3, ","):
            yield from ((place, meant) for meant in get_close_matches(word, METHODS, n=1, cutoff=_ALIKE))


def _has_star(tree: TokenTree, place: int) -> bool:
    parts = tree.split(place + 2, tree.closing[place + 1], ",")
    return any(read_star(tree, low, high) is not None for low, high in parts if low < high)
