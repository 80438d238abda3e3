"""The statements of `sql/snowflake`, with names, types and clauses in their places."""

import re

from warehouse_ml.statements import statement

_PLACE = re.compile(r"\{(\w+)\}")


def rendered(name: str, **parts: str) -> str:
    """A statement without its comments, with its parts.

    Args:
        name: The name of the file in `sql/snowflake`, without its ending.
        parts: What stands in the places `{name}` of the file: SQL, quoted where it is a name or a text.

    Raises:
        KeyError: A part is missing: a mistake in this package, not of a user.
    """
    lines = statement("snowflake", name).strip().splitlines()
    return filled("\n".join(line for line in lines if not line.startswith("--")), **parts)


def filled(text: str, **parts: str) -> str:
    """A text with its parts in their places; the parts themselves are never searched for places."""
    return _PLACE.sub(lambda found: parts[found[1]], text)
