"""SQL text -> statement in which every PREDICT(...) is a `ModelCall`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from warehouse_ml.errors import CallSyntaxError
from warehouse_ml.query.native_call import native_model, native_output
from warehouse_ml.query.sources import table_positions
from warehouse_ml.query.stored_bodies import check_bodies
from warehouse_ml.query.tokens import Kind, TokenTree, tokenize, words
from warehouse_ml.signature import Method

METHODS: Mapping[str, Method] = {
    "PREDICT": "predict",
    "PREDICT_PROBA": "predict_proba",
    "TRY_PREDICT": "try_predict",
}
"""The words of the grammar, and what they ask of a version."""

_QUICK = re.compile("predict", re.IGNORECASE)

# After these words an expression or a table may follow, so the next word with a parenthesis is a call. After
# any other word a name is being given: CREATE MACRO predict(a), INSERT INTO predict (a), t AS predict(a).
_BEFORE_A_CALL = words(
    "SELECT DISTINCT ALL FROM JOIN LATERAL USING ON WHERE AND OR NOT HAVING QUALIFY BY CASE WHEN THEN ELSE "
    "IN LIKE ILIKE GLOB TO ESCAPE BETWEEN LIMIT OFFSET RETURNING SET CALL DEFAULT ANY SOME IS INTERVAL IF"
)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call after the model.

    Attributes:
        name: The name before `=>` or `:=`, or None.
        first: The position of its first token, the name not counted.
        last: The position after its last token.
    """

    name: str | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call of a model, where it stands.

    Attributes:
        method: What is asked of the version.
        model: The model's name as written.
        selector: What stands after the `@`: `3`, `champion`, `latest`, `asof:2026-01-31`, or nothing.
        arguments: What is given beside the model.
        in_from: Whether it stands where a table does: the table form.
        token: The position of the word PREDICT among the tokens.
        start: Where the call starts in the text.
        end: Where it ends.
        text: The call as the user wrote it.
        native: Whether it is one of Snowflake's own spellings, see `native_call`.
        output: The number of the output that a native call is asked for; None where it names none.
    """

    method: Method
    model: str
    selector: str
    arguments: tuple[Argument, ...]
    in_from: bool
    token: int
    start: int
    end: int
    text: str
    native: bool = False
    output: int | None = None

    def error(self, problem: str) -> CallSyntaxError:
        """An error that shows this call, cut to one short line."""
        shown = " ".join(self.text.split())
        return CallSyntaxError(shown if len(shown) <= 60 else shown[:57] + "...", problem)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as the user wrote it.

    Attributes:
        text: The text.
        calls: Its model calls, an inner one before the one around it.
        tree: The tokens; None where there is no call.
    """

    text: str
    calls: tuple[ModelCall, ...] = ()
    tree: TokenTree | None = None


def parse(text: str, dialect: str = "duckdb") -> Statement:
    """Find the model calls of a statement.

    A word in a string, a comment or a quoted name is no call. A text that cannot be cut into tokens is
    left to the engine, which says where it is broken.

    Args:
        text: The statement.
        dialect: Whose lexical rules hold: `duckdb` or `snowflake`.

    Raises:
        CallSyntaxError: A call is not written as the grammar wants it.
    """
    tree = tokenize(text, dialect) if _QUICK.search(text) else None
    if tree is None:
        return Statement(text)
    if dialect == "snowflake":
        check_bodies(tree)
    places = {
        index: first
        for index in range(len(tree.tokens))
        if (first := _first_of_call(tree, index)) is not None
    }
    if not places:
        return Statement(text)
    tables = table_positions(tree, places.values())
    calls = [_call(tree, index, in_from=first in tables) for index, first in places.items()]
    return Statement(text, tuple(sorted(calls, key=lambda call: call.end)), tree)


def split(text: str, dialect: str = "duckdb") -> list[str]:
    """The statements of a text, without the semicolons; empty ones are left out."""
    tree = tokenize(text, dialect)
    if tree is None:
        return [text]
    return list(_statements(tree))


def _statements(tree: TokenTree) -> Iterator[str]:
    start = 0
    for low, high in tree.split(0, len(tree.tokens), ";"):
        end = tree.tokens[high].start if high < len(tree.tokens) else len(tree.text)
        if low < high:
            yield tree.text[start:end]
        start = end + 1


def _first_of_call(tree: TokenTree, index: int) -> int | None:
    """The position where a call begins whose method stands at a position; None where none does."""
    if tree.keyword(index) not in METHODS or not tree.is_symbol(index + 1, "("):
        return None
    if tree.is_symbol(index - 1, "!") and (tree.is_name(index - 2) or tree.is_symbol(index - 2, ")")):
        native = native_model(tree, index)
        return None if native is None else native.first
    return index if _is_call(tree, index) else None


def _is_call(tree: TokenTree, index: int) -> bool:
    first = tree.tokens[index + 2]
    if first.kind is Kind.STRING and (tree.is_symbol(index + 3, ",") or tree.is_symbol(index + 3, ")")):
        return True
    if index == 0 or tree.is_symbol(index - 1, ";"):
        return False
    if tree.tokens[index - 1].kind is Kind.SYMBOL:
        return tree.tokens[index - 1].text not in (")", "]", "}") and not _is_named_query(tree, index)
    names_an_index = tree.word(index - 1) == "ON" and (
        not {tree.word(index - 2), tree.word(index - 3)}.isdisjoint({"INDEX", "EXISTS"})
    )
    return tree.word(index - 1) in _BEFORE_A_CALL and not names_an_index


def _is_named_query(tree: TokenTree, index: int) -> bool:
    """Whether it is `predict (a, b) AS (SELECT ...)` of a WITH list."""
    after = tree.after(index + 1)
    follows = {tree.word(after + 1), tree.word(after + 2)} & {"MATERIALIZED"}
    return tree.word(after) == "AS" and (tree.is_symbol(after + 1, "(") or bool(follows))


def _call(tree: TokenTree, index: int, *, in_from: bool) -> ModelCall:
    close = tree.closing[index + 1]
    if tree.is_symbol(index - 1, "!"):
        return _native_call(tree, index, close, in_from=in_from)
    start, end = tree.span(index, close + 1)
    method = METHODS[tree.word(index)]
    unread = ModelCall(method, "", "", (), in_from, index, start, end, tree.text[start:end])
    parts = tree.split(index + 2, close, ",")
    model, selector = _model(tree, unread, parts[0])
    arguments = tuple(_argument(tree, unread, low, high) for low, high in parts[1:])
    return ModelCall(method, model, selector, arguments, in_from, index, start, end, unread.text)


def _native_call(tree: TokenTree, index: int, close: int, *, in_from: bool) -> ModelCall:
    native = native_model(tree, index)
    first = index if native is None else native.first
    output, high = native_output(tree, close) or (None, close + 1)
    start, end = tree.span(first, high)
    method = METHODS[tree.word(index)]
    text = tree.text[start:end]
    unread = ModelCall(method, "", "", (), in_from, index, start, end, text, native=True)
    if native is None or native.problem:
        raise unread.error("write model!PREDICT(...)" if native is None else native.problem)
    if in_from and tree.dialect == "duckdb":
        raise unread.error(f"in FROM, write {tree.word(index)}('{native.name}', TABLE customers)")
    parts = [part for part in tree.split(index + 2, close, ",") if close > index + 2]
    if not parts:
        raise unread.error("no features are given; give them in the order of the signature")
    arguments = tuple(_argument(tree, unread, low, high) for low, high in parts)
    return ModelCall(
        method, native.name, native.selector, arguments, False, index, start, end, text, True, output
    )


def _model(tree: TokenTree, call: ModelCall, part: tuple[int, int]) -> tuple[str, str]:
    low, high = part
    token = tree.tokens[low]
    if high != low + 1 or token.kind is not Kind.STRING or token.text[0] in "eE":
        raise call.error("the model name must be a string literal, like 'churn' or 'churn@3'")
    if tree.dialect == "snowflake" and "\\" in token.text:
        raise call.error("a model's name has no backslash")
    if token.text[0] == "$":
        written = token.text.split("$", 2)[2].rsplit("$", 2)[0]
    else:
        written = token.text[1:-1].replace("''", "'")
    name, at, selector = written.partition("@")
    if not name or (at and not selector):
        raise call.error(f"{written!r} names no model; write 'name' or 'name@selector'")
    return name, selector


def _argument(tree: TokenTree, call: ModelCall, low: int, high: int) -> Argument:
    named = tree.is_name(low) and (tree.is_symbol(low + 1, "=>") or tree.is_symbol(low + 1, ":="))
    first = low + 2 if named else low
    if first >= high:
        raise call.error("an argument is empty")
    return Argument(tree.tokens[low].name if named else None, first, high)
