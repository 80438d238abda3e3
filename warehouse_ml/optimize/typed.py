"""The types of the features that binding did not need to know."""

from dataclasses import replace

from warehouse_ml.errors import ScopeError
from warehouse_ml.query.bind import BoundCall, BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.query.tokens import Kind, tokenize


def typed(statement: BoundStatement) -> BoundStatement:
    """The statement with the SQL types of all features that the engine can tell.

    One question per call that gives its features by position or by name. A parameter has no type yet.
    """
    return replace(statement, calls=tuple(_typed_call(call) for call in statement.calls))


def _typed_call(call: BoundCall) -> BoundCall:
    if call.nested or call.scope is None or not call.features or len(call.scores) != 1:
        return call
    return replace(call, scores=(_typed_score(call.scores[0], call),))


def _typed_score(score: Score, call: BoundCall) -> Score:
    asked = [
        place
        for place, known in enumerate(score.types)
        if known is None and not has_parameter(score.features[place], score.dialect.source)
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
