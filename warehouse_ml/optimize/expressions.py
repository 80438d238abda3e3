"""What an expression is made of: whether it may be computed elsewhere, or less often."""

from collections.abc import Iterator
from functools import lru_cache

from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.query.blocks import is_query
from warehouse_ml.query.tokens import Kind, TokenTree, tokenize, words

_NO_FUNCTIONS = words(
    "IN AND OR NOT CAST TRY_CAST CASE WHEN THEN ELSE EXTRACT BETWEEN LIKE ILIKE GLOB IS COALESCE IF IFNULL "
    "NULLIF TRIM SUBSTRING POSITION OVERLAY ROW INTERVAL DECIMAL NUMERIC VARCHAR CHAR TIMESTAMP TIME ENUM "
    "LIST STRUCT MAP ARRAY UNION AS"
)
"""Words before a parenthesis that are operators or types; all are pure."""

_BOUND_TO_PLACE = words(
    "OVER SELECT LAMBDA FOR UNNEST COLUMNS FILTER TABLESAMPLE ROWID EXCLUDE RENAME GROUPING"
)


def tokens_of(text: str, dialect: str = "duckdb") -> TokenTree | None:
    """The tokens of an expression."""
    return tokenize(text, dialect)


def is_movable(text: str, knowledge: Knowledge) -> bool:
    """Whether an expression over columns is pure and means the same wherever those columns are in scope."""
    called = _called(text, knowledge.dialect)
    return called is not None and (not called or knowledge.is_pure(called))


@lru_cache(maxsize=2048)
def _called(text: str, dialect: str) -> frozenset[str] | None:
    """The functions that an expression calls; None where it is bound to its place."""
    tree = tokens_of(text, dialect)
    if tree is None or not tree.tokens:
        return None
    for index, token in enumerate(tree.tokens):
        bound = (
            tree.keyword(index) in _BOUND_TO_PLACE or tree.word(index) == "NEXTVAL"
        )  # of Snowflake: s.NEXTVAL
        if token.kind is Kind.PARAMETER or bound:
            return None
        if tree.is_symbol(index, "->") or is_query(tree, index) or _is_star(tree, index):
            return None
    return frozenset(functions(tree))


def functions(tree: TokenTree) -> Iterator[str]:
    """The names of the functions that are called; a qualified one with its dot, which no builtin has."""
    for index, token in enumerate(tree.tokens):
        if token.is_name and tree.is_symbol(index + 1, "(") and tree.keyword(index) not in _NO_FUNCTIONS:
            yield f".{token.name}" if tree.is_symbol(index - 1, ".") else token.name


def bare_names(tree: TokenTree) -> set[str]:
    """The names in lower case that stand without a qualifier, be they columns or not."""
    return {
        token.name.casefold()
        for index, token in enumerate(tree.tokens)
        if token.is_name and not tree.is_symbol(index - 1, ".") and not tree.is_symbol(index + 1, ".")
    }


@lru_cache(maxsize=2048)
def column_path(text: str, dialect: str = "duckdb") -> tuple[str, ...] | None:
    """The names of `a`, `t.a` or `s.t.a` as they are meant; None for any other expression."""
    tree = tokens_of(text, dialect)
    if tree is None or len(tree.tokens) % 2 == 0:
        return None
    for index, token in enumerate(tree.tokens):
        if not (tree.is_symbol(index, ".") if index % 2 else token.is_name):
            return None
    if tree.word(0) in ("NULL", "TRUE", "FALSE"):
        return None
    return tuple(token.name for token in tree.tokens[::2])


@lru_cache(maxsize=2048)
def is_constant(text: str, dialect: str = "duckdb") -> bool:
    """Whether it is a literal."""
    tree = tokens_of(text, dialect)
    if tree is None or not tree.tokens:
        return False
    start = 1 if tree.is_symbol(0, "-") else 0
    token = tree.tokens[-1]
    return len(tree.tokens) == start + 1 and (
        token.kind in (Kind.NUMBER, Kind.STRING) or token.word in ("NULL", "TRUE", "FALSE")
    )


@lru_cache(maxsize=2048)
def normalized(text: str, dialect: str = "duckdb") -> str:
    """The text in one spelling: white space, comments and the case of words do not count."""
    tree = tokens_of(text, dialect)
    if tree is None:
        return text
    return " ".join(token.name.casefold() if token.is_name else token.text for token in tree.tokens)


def _is_star(tree: TokenTree, index: int) -> bool:
    """Whether it is a star, not a multiplication."""
    if not tree.is_symbol(index, "*"):
        return False
    return index == 0 or any(tree.is_symbol(index - 1, mark) for mark in ("(", ",", ".", "["))
