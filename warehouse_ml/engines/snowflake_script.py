"""A script as its statements: Snowflake takes one at a time."""

import re

_PIECE = re.compile(
    r"""
    (?P<comment> --[^\n]* | //[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<end> ; )
    | (?P<space> \s+ )
    | '(?:[^'\\]|\\.|'')*' | "(?:[^"]|"")*" | \$\$.*?\$\$ | \w+ | .
    """,
    re.DOTALL | re.VERBOSE,
)


def statements(script: str) -> list[tuple[str, str]]:
    """The statements of a script, without what ends them.

    Returns:
        For each its text, and the word that it begins with, in upper case.
    """
    found = []
    text, first = "", ""
    for piece in _PIECE.finditer(script):
        if piece["end"]:
            found.append((text, first))
            text, first = "", ""
            continue
        text += piece[0]
        if not first and not piece["comment"] and not piece["space"]:
            first = piece[0].upper()
    return [(text.strip(), first) for text, first in [*found, (text, first)] if first]
