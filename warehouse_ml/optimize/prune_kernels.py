"""Kernels of trees get the bounds that WHERE sets to their columns, as variants that look at each batch."""

import math
from collections.abc import Mapping
from dataclasses import replace

from warehouse_ml.backends.known_value import Known
from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.known_values import known_values
from warehouse_ml.optimize.sites import plain_variant
from warehouse_ml.query.bound import Applied, BoundCall, BoundStatement
from warehouse_ml.query.coerce import takes
from warehouse_ml.query.score import Score
from warehouse_ml.query.select_block import select_block
from warehouse_ml.query.splice import Edit
from warehouse_ml.variant import Bounds, Variant

ROWS_WORTH_PRUNING = 1_000_000
"""Arranging pruned trees takes as long as they save on some 300,000 rows, and WHERE leaves only a part."""

_Found = Mapping[int, Bounds]


def prune_kernels(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Have scores by kernels of trees computed by variants that know the bounds of WHERE."""
    found: dict[str, _Found | None] = {}
    calls: dict[str, BoundCall] = {}
    for call in statement.calls:
        key = call.version.sha256
        bounds = _bounds(call, statement, knowledge)
        # all calls of a version share the variants that other rules have made
        found[key] = bounds if key not in found or found[key] == bounds else None
        calls.setdefault(key, call)
    for key, agreed in found.items():
        call = calls[key]
        if agreed:
            statement = _bounded(statement, call.version, agreed)
    return statement


def _bounds(call: BoundCall, statement: BoundStatement, knowledge: Knowledge) -> _Found | None:
    tree = statement.statement.tree
    if tree is None or call.nested or call.call.in_from or len(call.scores) != 1:
        return None
    plan = knowledge.plan(call.version)
    if plan is None or plan.route != "trees" or call.scores[0].text.startswith("(CASE"):
        return None
    block = select_block(tree, call.call.token)
    # asked before the conditions are: those of texts cost a question each
    if block is None or not block.conjuncts or not _is_worth_it(call, knowledge):
        return None
    found = {}
    for place, known in known_values(call, block, knowledge).items():
        bound = _bound_of(known)
        if bound is not None:
            found[place] = bound
    return found


def _bound_of(known: Known) -> Bounds | None:
    if known.values and all(isinstance(value, str) for value in known.values):
        return Bounds(values=tuple(map(str, known.values)), missing=known.missing)
    low = None if known.low == -math.inf else known.low
    high = None if known.high == math.inf else known.high
    return None if low is None and high is None else Bounds(low, high, None, known.missing)


def _is_worth_it(call: BoundCall, knowledge: Knowledge) -> bool:
    if call.scope is None:
        return False
    rows = knowledge.estimated_rows(call.scope.local(f"SELECT 1 FROM {call.scope.source}"))
    return rows is not None and rows >= ROWS_WORTH_PRUNING


def _bounded(statement: BoundStatement, version: ModelVersion, bounds: _Found) -> BoundStatement:
    renamed: dict[str, Variant] = {}
    variants = []
    for variant in statement.variants:
        alone = all(member.version.sha256 == version.sha256 for member in variant.members)
        if alone and variant.route == "best" and not variant.bounds:
            renamed[variant.name] = variant = _with_bounds(variant, bounds)
        variants.append(variant)
    calls, changed = [], []
    for call in statement.calls:
        score = _bounded_score(call, version, bounds, renamed, variants)
        if score is not None:
            changed.append(call)
            call = replace(call, scores=(score,))
        calls.append(call)
    edits = []
    for edit in statement.edits:
        text = _with_names(edit.replacement, renamed)
        edits.append(edit if text == edit.replacement else Edit(edit.start, edit.end, text))
    mine = [call for call in statement.calls if call.version.sha256 == version.sha256]
    if not changed and not renamed:
        return statement
    features = version.signature.features
    told = ", ".join(f"{features[place].name} {_shown(bound)}" for place, bound in sorted(bounds.items()))
    effect = f"trees pruned by {told}, where a batch keeps to it"
    applied = Applied("prune_models", " ".join(mine[0].call.text.split()), effect)
    return replace(
        statement,
        calls=tuple(calls),
        edits=tuple(edits),
        variants=tuple({variant.name: variant for variant in variants}.values()),
        applied=(*statement.applied, applied),
    )


def _bounded_score(
    call: BoundCall,
    version: ModelVersion,
    bounds: _Found,
    renamed: Mapping[str, Variant],
    variants: list[Variant],
) -> Score | None:
    """The score of a call by a variant with bounds; None where it is not computed by such a function."""
    if call.version.sha256 != version.sha256 or len(call.scores) != 1:
        return None
    (score,) = call.scores
    text = _with_names(score.text, renamed)
    if text != score.text:
        return replace(score, text=text)
    features = version.signature.features
    plain = score.text.startswith(f"{version.function_of(score.method)}(")
    typed = all(
        kind is not None and takes(feature, kind) for feature, kind in zip(features, score.types, strict=True)
    )
    if not plain or not typed:
        return None
    variant = _with_bounds(plain_variant(score), bounds)
    variants.append(variant)
    return replace(score, text=f"{variant.name}({', '.join(score.features)})")


def _with_bounds(variant: Variant, bounds: _Found) -> Variant:
    found: list[Bounds | None] = [None] * len(variant.types)
    for member in variant.members:
        for place, parameter in enumerate(member.parameters):
            if parameter >= 0 and place in bounds:
                found[parameter] = bounds[place]
    return replace(variant, bounds=tuple(found))


def _with_names(text: str, renamed: Mapping[str, Variant]) -> str:
    for name, variant in renamed.items():
        text = text.replace(name, variant.name)
    return text


def _shown(bound: Bounds) -> str:
    if bound.values is not None:
        return f"in {', '.join(map(repr, bound.values))}"
    low = "" if bound.low is None else f">= {bound.low:.6g}"
    high = "" if bound.high is None else f"<= {bound.high:.6g}"
    return " and ".join(filter(None, (low, high)))
