"""Tables as CASE: from texts, from leaves, from places of an array."""

from __future__ import annotations

from typing import Protocol

from warehouse_ml.backends.finite_domain import NULL_TEXT
from warehouse_ml.backends.no_sql import NoSqlError
from warehouse_ml.backends.program import Expression, Lookup
from warehouse_ml.backends.sql_tree import Operands, tree_sql


class Tables(Operands, Protocol):
    """What a table needs of the writer of its key."""

    def poisoned_by(self, place: Expression) -> frozenset[str | None] | None:
        """The keys that the model refuses; None where a refusal is not the table's to notice."""


def lookup_sql(writer: Tables, expression: Expression) -> str:
    """A table from texts to values."""
    (place,) = expression.arguments
    lookup: Lookup = expression.value
    if expression.dtype == "bool":
        return member_sql(writer, expression)
    if place.dtype != "string":
        raise NoSqlError("a table over numbers")
    spelling = writer.spelling
    texts = {key: spelling.number(v, expression.dtype) for key, v in lookup.table.items()}
    default = spelling.number(lookup.default, expression.dtype)
    poisoned = writer.poisoned_by(place) if expression.dtype in ("float32", "float64") else None
    column = writer.value(place)
    null = texts.pop(NULL_TEXT, default) if writer.range(place).null else default
    texts.pop(NULL_TEXT, None)
    if poisoned is not None:
        texts = {key: "NULL" if key in poisoned else text for key, text in texts.items()}
        default = "NULL" if None in poisoned else default
        texts[NULL_TEXT] = "NULL"
        refused = NULL_TEXT in poisoned or (None in poisoned and NULL_TEXT not in lookup.table)
        null = "NULL" if refused or not writer.range(place).null else null
    whens = [f" WHEN {spelling.text(key)} THEN {text}" for key, text in texts.items() if text != default]
    rest = f" ELSE {default}" if default != "NULL" else ""
    if default != null:
        rest = f" ELSE CASE WHEN {column} IS NULL THEN {null} ELSE {default} END"
    if not whens and not rest.startswith(" ELSE CASE"):
        return default
    if not whens:
        return rest.removeprefix(" ELSE ")
    return f"CASE {column}{''.join(whens)}{rest} END"


def member_sql(writer: Tables, expression: Expression) -> str:
    """A table of conditions as a list of the keys that make it true, or of the others."""
    (place,) = expression.arguments
    lookup: Lookup = expression.value
    if place.dtype != "string":
        raise NoSqlError("a table of conditions over numbers")
    text = writer.value(place)
    null = lookup.table.get(NULL_TEXT, lookup.default) if writer.range(place).null else lookup.default
    keys = [key for key, v in lookup.table.items() if bool(v) != bool(lookup.default) and key != NULL_TEXT]
    if not keys:
        listed = "TRUE" if lookup.default else "FALSE"
    else:
        negation = "NOT " if lookup.default else ""
        listed = f"{text} {negation}IN ({', '.join(map(writer.spelling.text, keys))})"
    if not writer.range(place).null:
        return f"({listed})"
    return f"({text} IS NULL OR {listed})" if null else f"({text} IS NOT NULL AND {listed})"


def take_sql(writer: Tables, expression: Expression) -> str:
    """The element of an array at a place: the leaf of a tree, or a whole number."""
    (place,) = expression.arguments
    values = expression.value
    if place.operator == "leaf":
        return tree_sql(writer, place, lambda leaf: writer.spelling.number(values[leaf], expression.dtype))
    known = writer.range(place)
    if known.missing:
        raise NoSqlError("a place that may be NaN")
    low, high = int(max(known.low, -len(values))), int(min(known.high, len(values) - 1))
    number = writer.spelling.number
    texts = {place: number(values[place], expression.dtype) for place in range(low, high + 1)}
    default = texts.pop(high)
    whens = "".join(f" WHEN {place} THEN {text}" for place, text in texts.items())
    return f"CASE {writer.value(place)}{whens} ELSE {default} END" if whens else default
