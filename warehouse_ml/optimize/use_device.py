"""Let the functions that a statement calls run on the session's GPU, where that pays for their batches.

A version's own functions stay on the CPU: views and other sessions on the database call them by these names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize.device_ways import STAYS, device_way
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.query.bound import Applied, BoundCall, BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.signature import TYPES, Method
from warehouse_ml.variant import Member, Variant

VECTOR = 2_048
"""How many rows DuckDB hands on at a time."""

LAUNCH_NANOSECONDS = 10_000.0
"""About what it takes to start an operator on a GPU; with so few rows that is all it takes."""

THREADS = 4
"""How many batches a CPU is taken to score at once."""


_SETTLED = ("inline_scores", "compare_margins", "gather_batches")
"""The rules after which a call is no call of a function any more, or one on the device already."""


def use_device(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Move what other rules have left to the GPU; on a session without one there is nothing to do."""
    if knowledge.device == "cpu":
        return statement
    names: dict[str, str] = {}
    variants: dict[str, Variant] = {}
    for variant in statement.variants:
        pays = all(_loss(member.version, member.method, knowledge) is None for member in variant.members)
        moved = replace(variant, route="device") if pays and variant.route == "best" else variant
        variants[moved.name] = moved
        names[variant.name] = moved.name
    for score in (score for call in statement.calls for score in call.scores):
        if score.is_plain and _loss(score.version, score.method, knowledge) is None:
            moved = _on_device(score)
            variants[moved.name] = moved
            names[score.version.function_of(score.method)] = moved.name
    if names:
        statement = _renamed(statement, names)
    told = [
        Applied("use_device", shown, _effect(call, knowledge))
        for call in statement.calls
        for shown in [" ".join(call.call.text.split())]
        if not _is_settled(shown, statement)
    ]
    return replace(statement, variants=tuple(variants.values()), applied=(*statement.applied, *told))


def _loss(version: ModelVersion, method: Method, knowledge: Knowledge) -> str | None:
    """Why a GPU should not score batches as they come, in words; None where it should."""
    way = device_way(version, knowledge)
    if isinstance(way, str):
        return way
    processor = VECTOR * knowledge.cost(version, method) / THREADS
    device = LAUNCH_NANOSECONDS * way.operators
    if device <= processor:
        return None
    return (
        f"to start {way.operators:,} operators for {VECTOR:,} rows takes a GPU about {device / 1e6:.1f} ms, "
        f"and the CPU scores them in {processor / 1e6:.1f} ms"
    )


def _on_device(score: Score) -> Variant:
    features = score.version.signature.features
    member = Member(score.version, score.method, tuple(range(len(features))))
    return Variant((member,), tuple(TYPES[feature.type].duckdb for feature in features), route="device")


def _renamed(statement: BoundStatement, names: Mapping[str, str]) -> BoundStatement:
    """The statement with other names for functions."""
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")

    def changed(text: str) -> str:
        return pattern.sub(lambda found: names[found[0]], text)

    calls = tuple(
        replace(call, scores=tuple(replace(score, text=changed(score.text)) for score in call.scores))
        for call in statement.calls
    )
    edits = tuple(replace(edit, replacement=changed(edit.replacement)) for edit in statement.edits)
    return replace(statement, calls=calls, edits=edits)


def _effect(call: BoundCall, knowledge: Knowledge) -> str:
    loss = _loss(call.version, call.method, knowledge)
    way = device_way(call.version, knowledge)
    return f"stays on the CPU: {loss}" if loss is not None else f"{way}, batches of {VECTOR:,} rows"


def _is_settled(shown: str, statement: BoundStatement) -> bool:
    return any(
        done.call == shown and done.rule in _SETTLED and not done.effect.startswith(STAYS)
        for done in statement.applied
    )
