"""SQL text -> tokens that know their place in it.

An engine's own lexical rules, and no more: what is a string, a comment, a quoted name, a word, a parameter.
DuckDB's are in `_SCAN`, Snowflake's in `_SNOWFLAKE`. The tokenizer of sqlglot 30 was tried first; it swallows
the rest of EXPLAIN, EXECUTE and SHOW into one token and takes `{#` for a comment, so calls in there could not
be seen. `tests/query/test_tokens.py` compares this one with `duckdb.tokenize`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache


def words(text: str) -> frozenset[str]:
    """A set of keywords, written as a line."""
    return frozenset(text.split())


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED = "quoted name"
    STRING = "string"
    NUMBER = "number"
    PARAMETER = "parameter"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `source[start:end] == text`."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word in upper case; empty for what is no bare word."""
        return self.text.upper() if self.kind is Kind.WORD else ""

    @property
    def name(self) -> str:
        """The name that a word or a quoted name stands for."""
        if self.kind is not Kind.QUOTED:
            return self.text
        mark = self.text[0]
        return self.text[1:-1].replace(mark * 2, mark)

    @property
    def is_name(self) -> bool:
        """Whether it can be a part of a column's or a table's name."""
        return self.kind in (Kind.WORD, Kind.QUOTED)


@dataclass(frozen=True, eq=False)
class TokenTree:
    """The tokens of a text, and which brackets enclose which; it is equal to itself alone.

    Attributes:
        text: The source.
        tokens: In order; white space and comments are none.
        closing: The index of each opening bracket -> the index of the one that closes it.
        parent: For each token the index of the innermost bracket around it, or -1.
        dialect: Whose lexical rules cut the text: `duckdb` or `snowflake`.
    """

    text: str
    tokens: tuple[Token, ...]
    closing: Mapping[int, int]
    parent: tuple[int, ...]
    dialect: str = "duckdb"

    @cached_property
    def _words(self) -> tuple[str, ...]:
        return tuple(token.word for token in self.tokens)

    @cached_property
    def _symbols(self) -> tuple[str, ...]:
        return tuple(token.text if token.kind is Kind.SYMBOL else "" for token in self.tokens)

    def word(self, index: int) -> str:
        """The word at a position in upper case; empty where there is no word or no token."""
        return self._words[index] if 0 <= index < len(self.tokens) else ""

    def keyword(self, index: int) -> str:
        """Like `word`, but empty after a dot: `t.from` is a name."""
        if not 0 <= index < len(self.tokens) or (index and self._symbols[index - 1] == "."):
            return ""
        return self._words[index]

    def is_symbol(self, index: int, symbol: str) -> bool:
        """Whether that symbol stands at a position."""
        return 0 <= index < len(self.tokens) and self._symbols[index] == symbol

    def is_name(self, index: int) -> bool:
        """Whether a word or a quoted name stands at a position."""
        return 0 <= index < len(self.tokens) and self.tokens[index].is_name

    def after(self, index: int) -> int:
        """The position after a token, or after its closing bracket where it opens one."""
        return self.closing.get(index, index) + 1

    def level(self, low: int, high: int) -> list[int]:
        """The positions from `low` to `high` that no bracket within them encloses; closing ones left out."""
        found = []
        index = low
        while index < high:
            found.append(index)
            index = self.after(index)
        return found

    def split(self, low: int, high: int, symbol: str) -> list[tuple[int, int]]:
        """The ranges between the separators at the outermost level; empty ranges are kept."""
        parts = []
        start = low
        for index in self.level(low, high):
            if self.is_symbol(index, symbol):
                parts.append((start, index))
                start = index + 1
        return [*parts, (start, high)]

    def span(self, low: int, high: int) -> tuple[int, int]:
        """Where in the text the tokens from `low` to before `high` stand."""
        return self.tokens[low].start, self.tokens[high - 1].end


# DuckDB takes any byte above 0x7f for a letter, except the Unicode spaces, which it turns into blanks.
_LETTER = r"(?:[A-Za-z_]|[^\x00-\x7f\s\u200b\ufeff])"
_WORD = rf"{_LETTER}(?:[\w$]|[^\x00-\x7f\s\u200b\ufeff])*"
_TAG = _WORD.replace("$", "")
_SCAN = re.compile(
    rf"""(?P<skip>[\s\u200b\ufeff]+|--[^\r\n]*)
    |(?P<comment>/\*)
    |(?P<string>[eE]'[^'\\]*(?:(?:''|\\.)[^'\\]*)*'|'[^']*(?:''[^']*)*'|(?P<tag>\$(?:{_TAG})?\$))
    |(?P<quoted>"[^"]*(?:""[^"]*)*"|`[^`]*(?:``[^`]*)*`)
    |(?P<open>[eE]?'|["`])
    |(?P<word>{_WORD})
    |(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
    |(?P<parameter>\?\d*|\$\w+)
    |(?P<symbol>=>|:=|::|[-+*/<>=~!@\#%^&|]+|.)""",
    re.VERBOSE | re.DOTALL,
)
# Snowflake: `//` opens a comment too and block comments do not nest, a backslash escapes in '...', $$ quotes
# without a tag, $1 and $name are columns and variables, @stage/path is a location, `:` reads a field.
_STAGE = r"""@[\w.%~$/\-]*(?:"[^"]*"[\w.%~$/\-]*)*"""
_SNOWFLAKE = re.compile(
    rf"""(?P<skip>[\s\u200b\ufeff]+|--[^\r\n]*|//[^\r\n]*)
    |(?P<comment>/\*)
    |(?P<string>'[^'\\]*(?:(?:''|\\.)[^'\\]*)*'|(?P<tag>\$\$))
    |(?P<quoted>"[^"]*(?:""[^"]*)*")
    |(?P<open>['"])
    |(?P<word>{_WORD}|\$\w+|{_STAGE})
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<parameter>\?)
    |(?P<symbol>=>|:=|::|\|\||->>?|<=|>=|<>|!=|\|>|.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_COMMENT_IN_OPERATOR = re.compile(r"/\*|--")
LONGEST_REMEMBERED = 2_000
"""Texts up to so many characters are cut once: many rules ask for the same expressions."""

_PAIRS = {"(": ")", "[": "]", "{": "}"}


def tokenize(text: str, dialect: str = "duckdb") -> TokenTree | None:
    """Cut a text into tokens.

    Args:
        text: The text.
        dialect: Whose lexical rules hold: `duckdb` or `snowflake`.

    Returns:
        The tokens, or None for a text that no engine can parse: an open string, name, comment or bracket.
    """
    return _remembered(text, dialect) if len(text) <= LONGEST_REMEMBERED else _tokenized(text, dialect)


@lru_cache(maxsize=1024)
def _remembered(text: str, dialect: str) -> TokenTree | None:
    return _tokenized(text, dialect)


def _tokenized(text: str, dialect: str) -> TokenTree | None:
    tokens: list[Token] = []
    position = 0
    is_snowflake = dialect == "snowflake"
    scan = _SNOWFLAKE if is_snowflake else _SCAN
    while position < len(text):
        match = scan.match(text, position)
        if match is None or match["open"]:
            return None
        end = match.end()
        if match["comment"]:
            end = _comment_end(text, end, nests=not is_snowflake)
        elif match["tag"]:
            end = text.find(match["tag"], end) + len(match["tag"])
            if end < match.end():
                return None
        elif match["symbol"] and not is_snowflake:
            end = position + _operator_length(match["symbol"])
        if end < 0:
            return None
        if not (match["skip"] or match["comment"]):
            kind = Kind[(match.lastgroup or "symbol").upper()] if not match["tag"] else Kind.STRING
            tokens.append(Token(kind, text[position:end], position, end))
        position = end
    return _nest(text, tokens, dialect)


def _comment_end(text: str, position: int, *, nests: bool) -> int:
    """Where a block comment ends, or -1."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(text, position):
        if mark[0] == "/*" and not nests:
            continue
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return -1


def _operator_length(symbol: str) -> int:
    """How much of a run of operator characters is one operator: it ends before a comment."""
    comment = _COMMENT_IN_OPERATOR.search(symbol, 1)
    return comment.start() if comment else len(symbol)


def _nest(text: str, tokens: list[Token], dialect: str) -> TokenTree | None:
    stack: list[int] = []
    closing: dict[int, int] = {}
    parent: list[int] = []
    for index, token in enumerate(tokens):
        is_closing = token.kind is Kind.SYMBOL and token.text in ")]}"
        if is_closing:
            if not stack or _PAIRS[tokens[stack[-1]].text] != token.text:
                return None
            closing[stack.pop()] = index
        parent.append(stack[-1] if stack else -1)
        if token.kind is Kind.SYMBOL and token.text in _PAIRS:
            stack.append(index)
    return None if stack else TokenTree(text, tuple(tokens), closing, tuple(parent), dialect)
