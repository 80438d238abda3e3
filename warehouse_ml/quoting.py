"""Names and texts as they stand in SQL: the only place where either is quoted."""

import re


def quoted(name: str) -> str:
    """A name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def snowflake_literal(text: str) -> str:
    """A text as a string literal of Snowflake, where a backslash begins an escape."""
    return literal(text.replace("\\", "\\\\"))


def snowflake_name(name: str) -> str:
    """A name as Snowflake reads it where it is written: in upper case unless it is quoted; then quoted."""
    if len(name) > 1 and name[0] == name[-1] == '"':
        return quoted(name[1:-1].replace('""', '"'))
    plain = name.isascii() and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", name) is not None
    return quoted(name.upper() if plain else name)
