"""Edits of a text by position: what no edit names stays byte for byte."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """`text[start:end]` becomes `replacement`; an insertion where start and end are the same."""

    start: int
    end: int
    replacement: str


def splice(text: str, edits: Iterable[Edit], start: int = 0, end: int | None = None) -> str:
    """The part of a text from `start` to `end` with the edits within it done.

    An edit inside another one is taken as done already: the replacement of the outer one holds it.
    Of two edits of the same span the first one counts.
    """
    stop = len(text) if end is None else end
    inside = [edit for edit in edits if start <= edit.start and edit.end <= stop]
    parts = []
    position = start
    # what is inserted at a place stands before what replaces the text from there on
    for edit in sorted(inside, key=lambda edit: (edit.start, edit.end > edit.start, -edit.end)):
        if edit.start < position:
            continue
        parts.append(text[position : edit.start])
        parts.append(edit.replacement)
        position = edit.end
    parts.append(text[position:stop])
    return "".join(parts)
