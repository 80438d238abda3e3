"""Columns of narrow types reach a kernel of trees as they are stored: FLOAT is not widened to DOUBLE first.

A version's own function takes each number as DOUBLE or BIGINT. The kernel reads narrower ones too, and
compares them exactly; then the engine need not convert the columns, and hands over half as many bytes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.sites import plain_variant
from warehouse_ml.query.bound import Applied, BoundCall, BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.signature import Signature
from warehouse_ml.variant import Variant

LEAST_FEATURES = 4
"""A statement that reads fewer narrow columns is not worth a function of its own."""

NARROWER = {
    "DOUBLE": ("FLOAT", "INTEGER", "SMALLINT", "TINYINT"),
    "BIGINT": ("INTEGER", "SMALLINT", "TINYINT"),
}
"""For the type of a feature the SQL types of which it holds every value."""

_Stored = Mapping[str, tuple[str | None, ...]]


def narrow_types(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Call functions that take columns of FLOAT and of short integers as what they are."""
    if knowledge.device != "cpu":  # a GPU reads what the graph takes
        return statement
    stored = _stored(statement, knowledge)
    variants: dict[str, Variant] = {}
    renamed: dict[str, str] = {}
    for variant in statement.variants:
        narrowed = _narrowed(variant, stored)
        variants[narrowed.name] = narrowed
        if narrowed != variant:
            renamed[variant.name] = narrowed.name
    calls, applied = [], list(statement.applied)
    for call in statement.calls:
        scores = tuple(_narrowed_score(score, call, stored, renamed, variants) for score in call.scores)
        if scores != call.scores:
            applied.append(Applied("narrow_types", " ".join(call.call.text.split()), _effect(call, stored)))
        calls.append(replace(call, scores=scores))
    edits = (replace(edit, replacement=_with_names(edit.replacement, renamed)) for edit in statement.edits)
    return replace(
        statement,
        calls=tuple(calls),
        edits=tuple(edits),
        variants=tuple(variants.values()),
        applied=tuple(applied),
    )


def _stored(statement: BoundStatement, knowledge: Knowledge) -> _Stored:
    """The narrower type of each feature, or None, of each version that a kernel scores, by its function.

    All calls of a version share the variants that other rules have made, so they must agree.
    """
    found: dict[str, tuple[str | None, ...]] = {}
    for call in statement.calls:
        for score in call.scores:
            plan = knowledge.plan(score.version)
            if plan is None or plan.route != "trees":
                continue
            key = score.version.function
            given = _narrow_types(score.version.signature, score.types)
            agreed = zip(found.get(key, given), given, strict=True)
            found[key] = tuple(one if one == other else None for one, other in agreed)
    return found


def _narrow_types(signature: Signature, types: tuple[str | None, ...]) -> tuple[str | None, ...]:
    pairs = zip(signature.features, types, strict=True)
    return tuple(kind if kind in NARROWER.get(feature.type, ()) else None for feature, kind in pairs)


def _narrowed(variant: Variant, stored: _Stored) -> Variant:
    """The variant with narrower parameters, where all its members agree on them."""
    if variant.route != "best" or variant.gathered:
        return variant
    wanted: dict[int, set[str | None]] = {}
    for member in variant.members:
        narrow = stored.get(member.version.function, (None,) * len(member.parameters))
        for kind, parameter in zip(narrow, member.parameters, strict=True):
            wanted.setdefault(parameter, set()).add(kind)
    agreed = {parameter: next(iter(kinds)) for parameter, kinds in wanted.items() if len(kinds) == 1}
    types = tuple(agreed.get(parameter) or kind for parameter, kind in enumerate(variant.types))
    return replace(variant, types=types)


def _narrowed_score(
    score: Score,
    call: BoundCall,
    stored: _Stored,
    renamed: Mapping[str, str],
    variants: dict[str, Variant],
) -> Score:
    if not score.is_plain or call.nested:
        return replace(score, text=_with_names(score.text, renamed))
    narrow = stored.get(score.version.function, ())
    if len(narrow) - narrow.count(None) < LEAST_FEATURES:
        return score
    variant = _narrowed(plain_variant(score), stored)
    variants[variant.name] = variant
    own = score.version.function_of(score.method)
    return replace(score, text=score.text.replace(own, variant.name, 1))


def _with_names(text: str, renamed: Mapping[str, str]) -> str:
    for name, other in renamed.items():
        text = text.replace(name, other)
    return text


def _effect(call: BoundCall, stored: _Stored) -> str:
    counted = Counter(kind for kind in stored[call.version.function] if kind is not None)
    told = " and ".join(f"{count} of {kind}" for kind, count in counted.items())
    return f"{told} reach the trees as they are stored"
