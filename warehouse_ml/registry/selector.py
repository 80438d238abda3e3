"""What stands after `@` in a reference to a model: a version, an alias, `latest`, or a moment."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from warehouse_ml.errors import InvalidNameError
from warehouse_ml.registry.names import alias_name

DEFAULT_ALIAS = "default"
"""The alias that a reference without a selector follows."""

_LARGEST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Latest:
    """The highest version."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A version by its number; None where no version can have the number that was written."""

    version: int | None


@dataclass(frozen=True, slots=True)
class Named:
    """The version that an alias points to."""

    alias: str


@dataclass(frozen=True, slots=True)
class AsOf:
    """The version that `default` pointed to at a moment, a UTC time without zone."""

    moment: datetime


Selector = Latest | Numbered | Named | AsOf


def split_reference(reference: str) -> tuple[str, str]:
    """The model's name and the selector of `name[@selector]`; the selector is empty where there is none."""
    name, _, selector = reference.strip().partition("@")
    return name.strip(), selector.strip()


def read_selector(text: str) -> Selector:
    """Read a selector; the empty one is the alias `default`.

    Raises:
        InvalidNameError: It is none of the four.
    """
    stripped = text.strip()
    folded = stripped.lower()
    if not folded:
        return Named(DEFAULT_ALIAS)
    if folded == "latest":
        return Latest()
    if re.fullmatch(r"[0-9]+", folded):
        digits = folded.lstrip("0")
        known = 0 < len(digits) <= 10 and int(digits) <= _LARGEST_VERSION
        return Numbered(int(digits) if known else None)
    if folded.startswith("asof:"):
        return AsOf(_moment(stripped, stripped[len("asof:") :].strip()))
    return Named(alias_name(stripped))


def _moment(selector: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise InvalidNameError(
            "selector", selector, "after 'asof:' comes a date or a UTC time, as in 'asof:2026-01-31T12:00:00'"
        ) from None
    try:
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except OverflowError:
        raise InvalidNameError("selector", selector, "the moment is out of range") from None
