"""Bodies of Snowflake's functions and procedures: texts, in which calls are not seen."""

from warehouse_ml.errors import CallSyntaxError
from warehouse_ml.query.tokens import Kind, Token, TokenTree, tokenize, words

_KINDS = words("FUNCTION PROCEDURE")
_METHODS = words("PREDICT PREDICT_PROBA TRY_PREDICT")


def check_bodies(tree: TokenTree) -> None:
    """Refuse a body in SQL that calls a model by name, which Snowflake would take for an unknown function.

    Raises:
        CallSyntaxError: It does; the native functions can be called there.
    """
    body = _body(tree)
    inner = None if body is None else tokenize(_content(body), "snowflake")
    if inner is None:
        return
    for index in range(len(inner.tokens) - 2):
        names_model = inner.tokens[index + 2].kind is Kind.STRING
        if inner.keyword(index) in _METHODS and inner.is_symbol(index + 1, "(") and names_model:
            word, model = inner.word(index), inner.tokens[index + 2].text
            raise CallSyntaxError(
                f"{word}({model}, ...)",
                "the body of a function or a procedure is a text, and calls in it are not seen; "
                f"call warehouse_ml.{word.lower()}({model}, OBJECT_CONSTRUCT_KEEP_NULL(...)) there",
            )


def _body(tree: TokenTree) -> Token | None:
    """The text that is a body in SQL, or None."""
    heads = [tree.word(index) for index in range(min(6, len(tree.tokens)))]
    executes = heads[:2] == ["EXECUTE", "IMMEDIATE"]
    if not executes and (heads[:1] != ["CREATE"] or _KINDS.isdisjoint(heads)):
        return None
    for index in range(len(tree.tokens)):
        if tree.keyword(index) == "LANGUAGE" and tree.word(index + 1) != "SQL":
            return None
    texts = [
        token
        for index, token in enumerate(tree.tokens)
        if token.kind is Kind.STRING and tree.word(index - 1) in ("AS", "IMMEDIATE")
    ]
    return texts[-1] if texts else None


def _content(token: Token) -> str:
    if token.text.startswith("$$"):
        return token.text[2:-2]
    return token.text[1:-1].replace("''", "'").replace("\\'", "'")
