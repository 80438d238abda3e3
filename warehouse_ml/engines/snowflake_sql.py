"""The statements of `sql/snowflake`, with names, types and clauses in their places."""

import re

from warehouse_ml.statements import statement

_PLACE = re.compile(r"\{(\w+)\}")


def rendered(name: str, **parts: str) -> str:
    """A statement with its parts; each is SQL already, quoted where it is a name or a text.

    Args:
        name: The name of the file in `sql/snowflake`, without its ending.
        parts: What stands in the places `{name}` of the file.

    Raises:
        KeyError: A part is missing: a mistake in this package, not of a user.
    """
    # In one pass: a part may hold braces itself, and is never searched for places.
    return _PLACE.sub(lambda found: parts[found[1]], statement("snowflake", name).strip())
