"""Names of columns that a query does not name: on Snowflake, the expression in capital letters."""

from collections.abc import Iterator

from sqlglot import exp, parse_one
from sqlglot.errors import ParseError

from warehouse_ml.testing.snowflake.tokens import Token, tokens

ENDS = frozenset(
    {
        *("FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "FETCH", "INTO"),
        *("UNION", "EXCEPT", "MINUS", "INTERSECT", "WINDOW"),
    }
)
"""Words that end the expressions of a SELECT, where they stand outside of parentheses."""

OPENING, CLOSING = ("(", "[", "{"), (")", "]", "}")


def expressions(found: list[Token], start: int) -> Iterator[list[Token]]:
    """The expressions of the SELECT whose first one begins at a place, as tokens."""
    depth = 0
    part: list[Token] = []
    for token in found[start:]:
        within = bool(part) and part[-1].word == "WITHIN"
        if depth == 0 and (
            token.word in CLOSING or token.kind == "end" or (token.word in ENDS and part and not within)
        ):
            break
        depth += (token.word in OPENING) - (token.word in CLOSING)
        if depth == 0 and token.word == ",":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def unnamed(sql: str, part: list[Token]) -> str:
    """The text of an expression that has no name of its own; nothing where it has one."""
    if not part or "*" in (part[0].word, part[-1].word):
        return ""
    if len(part) > 1 and part[-2].word == "AS":
        return ""
    text = sql[part[0].start : part[-1].start + len(part[-1].source)]
    if all(token.kind in ("word", "name") or token.word == "." for token in part) and len(part) in (1, 3, 5):
        return text if part[0].word in ("NULL", "TRUE", "FALSE") else ""
    try:
        parsed = parse_one(f"SELECT {text}", read="snowflake").expressions
    except ParseError:
        return ""
    if len(parsed) != 1 or isinstance(parsed[0], (exp.Alias, exp.Column, exp.Star)) or parsed[0].is_star:
        return ""
    return text


def named(sql: str) -> str:
    """A statement in which every column of every query has a name: the one that Snowflake gives it."""
    found = [*tokens(sql)]
    changes: list[tuple[int, str]] = []
    for place, token in enumerate(found):
        if token.word != "SELECT":
            continue
        start = place + 1
        while start < len(found) and found[start].word in ("DISTINCT", "ALL"):
            start += 1
        if start + 1 < len(found) and found[start].word == "TOP" and found[start + 1].kind == "number":
            start += 2
        for part in expressions(found, start):
            text = unnamed(sql, part)
            if text:
                quoted_name = text.upper().replace('"', '""')
                changes.append((part[-1].start + len(part[-1].source), f' AS "{quoted_name}"'))
    for end, text in sorted(changes, reverse=True):
        sql = sql[:end] + text + sql[end:]
    return sql
