"""Names that a model and an alias may have, so that SQL can hold them without quoting."""

import re
from numbers import Integral

from warehouse_ml.errors import InvalidNameError, RegistryError

LONGEST = 63
"""Characters of a name, as in PostgreSQL."""

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


def model_name(name: str) -> str:
    """The name in its stored form, in lower case.

    Raises:
        InvalidNameError: It is not a plain identifier.
    """
    return _identifier("model name", name)


def alias_name(alias: str) -> str:
    """The alias in its stored form, in lower case.

    Raises:
        InvalidNameError: It is not a plain identifier, or has a meaning of its own after `@`.
    """
    folded = _identifier("alias", alias)
    if folded == "latest":
        raise InvalidNameError("alias", alias, "'latest' always is the highest version")
    if folded.startswith("asof"):
        raise InvalidNameError("alias", alias, "'asof' begins a moment in time, as in '@asof:2026-01-31'")
    return folded


def version_number(version: object) -> int:
    """The number of a version as a Python integer; numpy's are taken too.

    Raises:
        RegistryError: It is no whole number.
    """
    if isinstance(version, bool) or not isinstance(version, Integral):
        shown = getattr(version, "reference", version)
        raise RegistryError(f"A version is given by its number, such as 3, not as {shown!r}.")
    return int(version)


def _identifier(kind: str, name: str) -> str:
    if not isinstance(name, str):
        raise InvalidNameError(kind, name, "it is not a text")
    if not name:
        raise InvalidNameError(kind, name, "it is empty")
    if len(name) > LONGEST:
        raise InvalidNameError(kind, name, f"it has {len(name)} characters, and {LONGEST} is the most")
    # Before lower(): some letters outside ASCII have a lower case inside it.
    if not name.isascii():
        odd = next(character for character in name if not character.isascii())
        raise InvalidNameError(kind, name, f"{odd!r} is not an ASCII letter, a digit or an underscore")
    folded = name.lower()
    if folded[0].isdigit():
        raise InvalidNameError(kind, name, "it begins with a digit")
    if _IDENTIFIER.fullmatch(folded) is None:
        odd = next(character for character in folded if not (character.isalnum() or character == "_"))
        raise InvalidNameError(kind, name, f"{odd!r} is not an ASCII letter, a digit or an underscore")
    return folded
