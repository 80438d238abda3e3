"""The types of the features that binding did not need to know."""

from collections.abc import Collection
from dataclasses import replace

from warehouse_ml.errors import ScopeError
from warehouse_ml.query.bound import BoundCall, BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.query.tokens import Kind, tokenize


def typed(statement: BoundStatement) -> BoundStatement:
    """The statement with the SQL types of all features that the engine can tell.

    Calls within calls are left out: no rule changes them.
    """
    calls = (call if call.nested else typed_call(call) for call in statement.calls)
    return replace(statement, calls=tuple(calls))


def typed_call(call: BoundCall, functions: Collection[str] = ()) -> BoundCall:
    """The call with the SQL types of its features.

    One question, where it gives them by position or by name. A parameter has no type yet.

    Args:
        call: The call.
        functions: The functions of all versions of the statement; for a feature that calls one nothing is
            asked, since the engine need not know it yet.
    """
    if call.scope is None or not call.features or len(call.scores) != 1:
        return call
    return replace(call, scores=(_typed_score(call.scores[0], call, functions),))


def _typed_score(score: Score, call: BoundCall, functions: Collection[str]) -> Score:
    asked = [
        place
        for place, known in enumerate(score.types)
        if known is None
        and not has_parameter(score.features[place], score.dialect.source)
        and not any(name in score.features[place] for name in functions)
    ]
    if not asked or call.scope is None:
        return score
    selection = ", ".join(f"({score.features[place]})" for place in asked)
    try:
        found = call.scope.columns(selection)
    except ScopeError:
        return score
    if len(found) != len(asked):  # a star or an unnest among them
        return score
    types = list(score.types)
    for place, column in zip(asked, found, strict=True):
        types[place] = column.type
    return replace(score, types=tuple(types))


def has_parameter(text: str, dialect: str = "duckdb") -> bool:
    """Whether a parameter of the statement stands in an expression."""
    tree = tokenize(text, dialect)
    return tree is None or any(token.kind is Kind.PARAMETER for token in tree.tokens)
