"""Snowflake's SQL as tokens, and a reader that takes a statement's clauses one by one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from warehouse_ml.testing.snowflake.errors import NotEmulatedError, UnexpectedTokenError

TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
  | (?P<dollars>\$\$.*?\$\$)
  | (?P<text>'(?:[^'\\]|\\.|'')*')
  | (?P<name>"(?:[^"]|"")+")
  | (?P<stage>@[^\s,;()']+)
  | (?P<file>file://[^\s;']+)
  | (?P<word>[A-Za-z_][\w$]*)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<symbol>::|=>|<=|>=|<>|!=|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, its text as it stands in the statement, and where it starts."""

    kind: str
    source: str
    start: int

    @property
    def word(self) -> str:
        """The token as a keyword, empty for what cannot be one."""
        return self.source.upper() if self.kind in ("word", "symbol") else ""

    @property
    def content(self) -> str:
        """What a text or a quoted name holds."""
        if self.kind == "dollars":
            return self.source[2:-2]
        if self.kind == "name":
            return self.source[1:-1].replace('""', '"')
        if self.kind == "text":
            return re.sub(r"\\(.)|''", unescaped, self.source[1:-1], flags=re.DOTALL)
        return self.source


def unescaped(match: re.Match[str]) -> str:
    """One escape sequence of a text in single quotes."""
    letter = match[1]
    return "'" if letter is None else ESCAPES.get(letter, letter)


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of a statement, without spaces and comments."""
    for match in TOKEN.finditer(sql):
        if match.lastgroup != "space":
            yield Token(str(match.lastgroup), match[0], match.start())


class Reader:
    """Takes a statement apart from left to right; whatever is not asked for is an error."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [*tokens(sql.rstrip().removesuffix(";")), Token("end", "", len(sql))]
        self.place = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.place]

    def fail(self, expected: str) -> NoReturn:
        """Refuse the next token."""
        found = repr(self.token.source) if self.token.kind != "end" else "the end"
        raise UnexpectedTokenError(found, self.token.start, expected)

    def take(self) -> Token:
        """The next token, whatever it is."""
        token = self.token
        self.place += token.kind != "end"
        return token

    def sees(self, *words: str) -> bool:
        """Whether the next tokens are these keywords or symbols."""
        ahead = self.tokens[self.place : self.place + len(words)]
        return [token.word for token in ahead] == list(words)

    def accept(self, *words: str) -> bool:
        """Take these keywords or symbols where they are next."""
        found = self.sees(*words)
        self.place += len(words) * found
        return found

    def expect(self, *words: str) -> None:
        """Take these keywords or symbols, which have to be next."""
        if not self.accept(*words):
            self.fail(repr(" ".join(words)))

    def identifier(self) -> str:
        """A name, folded to upper case where it is not quoted."""
        if self.token.kind == "name":
            return self.take().content
        if self.token.kind == "word":
            return self.take().source.upper()
        self.fail("a name")

    def path(self) -> tuple[str, ...]:
        """A name of up to three parts, each folded as Snowflake does."""
        parts = [self.identifier()]
        while len(parts) < 3 and self.accept("."):
            parts.append(self.identifier())
        return tuple(parts)

    def text(self) -> str:
        """What a text in quotes or between $$ holds."""
        if self.token.kind not in ("text", "dollars"):
            self.fail("a text in single quotes")
        return self.take().content

    def texts(self) -> tuple[str, ...]:
        """Texts in parentheses, separated by commas."""
        self.expect("(")
        found: list[str] = []
        while not self.accept(")"):
            if found:
                self.expect(",")
            found.append(self.text())
        return tuple(found)

    def integer(self) -> int:
        """A whole number."""
        if self.token.kind != "number" or not self.token.source.isdigit():
            self.fail("a whole number")
        return int(self.take().source)

    def boolean(self) -> bool:
        """TRUE or FALSE."""
        if self.accept("TRUE"):
            return True
        self.expect("FALSE")
        return False

    def end(self, what: str) -> None:
        """Nothing may follow; `what` names the statement or the clause that has ended."""
        if self.token.kind != "end":
            rest = self.sql[self.token.start :].split("\n")[0][:60]
            raise NotEmulatedError(f"{rest!r} in {what}")
