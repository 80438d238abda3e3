"""Let a version's functions run the fastest route that was proved, and not the registered graph itself.

The functions do so by themselves, whoever calls them: there is something to do only where this is off.
"""

from dataclasses import replace

from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.signature import TYPES
from warehouse_ml.variant import Member, Variant


def use_plans(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """The statement as it is: a version's own functions follow its plan."""
    return statement


def without_plans(statement: BoundStatement) -> BoundStatement:
    """The statement on functions that run every graph as it was registered."""
    variants = {variant.name: variant for variant in statement.variants}
    calls = []
    for call in statement.calls:
        scores = []
        for score in call.scores:
            variant = _registered(score)
            variants[variant.name] = variant
            plain = score.version.function_of(score.method)
            scores.append(replace(score, text=score.text.replace(plain, variant.name, 1)))
        calls.append(replace(call, scores=tuple(scores)))
    return replace(statement, calls=tuple(calls), variants=tuple(variants.values()))


def _registered(score: Score) -> Variant:
    features = score.version.signature.features
    member = Member(score.version, score.method, tuple(range(len(features))))
    types = tuple(TYPES[feature.type].duckdb for feature in features)
    return Variant((member,), types, route="onnxruntime")
