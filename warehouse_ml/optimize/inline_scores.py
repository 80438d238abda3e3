"""Write small models as SQL expressions: the engine computes them itself, faster than a function could."""

import re
from dataclasses import replace

from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.errors import ScopeError
from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.operands import operands
from warehouse_ml.query.bound import Applied, BoundCall, BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.query.tokens import Kind, TokenTree, tokenize

CALL_NANOSECONDS = 30.0
"""What a row of a call of a function costs, besides its features and the model (measured with DuckDB 2.0)."""

FEATURE_NANOSECONDS = 4.0
"""What each feature of the row adds to that."""

CHARACTER_NANOSECONDS = 3_000.0
"""What the engine takes to read and plan a character of an expression."""

SHORT_TEXT = 2_000
"""Up to so many characters, a few milliseconds, nobody asks how many rows there are."""

_COLUMN = re.compile(r'(?:\w+\.)?"[^"]+"')
"""A quoted column, with or without its table: what a star stands for."""

_IEEE = """SELECT * FROM query('SELECT 1 AS "' || current_setting('ieee_floating_point_ops') || '"')"""
"""Its only column is called after the setting: so binding tells it, and nothing need be run."""


def inline_scores(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Every score that is cheaper as an expression becomes one."""
    applied = list(statement.applied)
    calls = []
    for call in statement.calls:
        scores = tuple(_inlined(score, call, knowledge, applied) for score in call.scores)
        calls.append(replace(call, scores=scores))
    if len(applied) == len(statement.applied):
        return statement
    return replace(statement, calls=tuple(calls), applied=tuple(applied))


def _inlined(score: Score, call: BoundCall, knowledge: Knowledge, applied: list[Applied]) -> Score:
    facts = knowledge.plan(score.version)
    if facts is None or facts.inline is None or call.nested:
        return score
    if score.dialect.target == "snowflake":
        return _inlined_for_snowflake(score, call, facts.inline, knowledge, applied)
    inline, function = facts.inline.cost(score.method), function_nanoseconds(facts, score)
    if inline >= function or not all(_repeatable(text, knowledge) for text in score.features):
        return score
    text = facts.inline.sql(score.method, operands(score), score.types, otherwise=score.text)
    if text is None or not _pays(text, function - inline, call, knowledge) or not has_nan(knowledge):
        return score
    shown = " ".join(call.call.text.split())
    effect = f"an expression of about {inline:.0f} ns a row instead of a function of {function:.0f}"
    applied.append(Applied("inline_scores", shown, effect))
    return replace(score, text=f"({text})")


def _inlined_for_snowflake(
    score: Score, call: BoundCall, form: InlineForm, knowledge: Knowledge, applied: list[Applied]
) -> Score:
    """A score as an expression of Snowflake, which is always cheaper there than a function in Python.

    In portable text the call is only marked: its arguments are not yet Snowflake's.
    """
    if not score.is_plain or not all(_repeatable(text, knowledge) for text in score.features):
        return score
    portable = score.dialect.source == "duckdb"
    given, types = operands(score), score.types
    if portable:
        cast_to = portable_types(score.version)
        given = [portable_operand(text, kind) for text, kind in zip(given, cast_to, strict=True)]
        types = cast_to
    text = form.sql(score.method, given, types, "snowflake")
    if text is None:
        return score
    shown = " ".join(call.call.text.split())
    effect = "an expression that Snowflake computes by itself, instead of a function in Python"
    applied.append(Applied("inline_scores", shown, effect))
    return replace(score, text=f"{INLINED}{score.text}" if portable else f"({text})")


INLINED = "wml_inlined_"
"""What stands before the name of a function in portable text where `translate` writes an expression."""

_PORTABLE = {"DOUBLE": "FLOAT", "BIGINT": "NUMBER(18,0)"}


def portable_types(version: ModelVersion) -> tuple[str, ...]:
    """The types that features are cast to in Snowflake, where those of the columns are not known."""
    return tuple(_PORTABLE.get(feature.type, feature.type) for feature in version.signature.features)


def portable_operand(text: str, kind: str) -> str:
    """An expression of Snowflake as a value of a type of `portable_types`."""
    return f"{text}::{kind}" if kind in _PORTABLE.values() else text


def _pays(text: str, gain: float, call: BoundCall, knowledge: Knowledge) -> bool:
    """Whether a text's rows gain, each so many nanoseconds, what the engine takes to read it."""
    if len(text) <= SHORT_TEXT:
        return True
    if call.scope is None:
        return False
    rows = knowledge.estimated_rows(call.scope.local(f"SELECT 1 FROM {call.scope.source}"))
    return rows is not None and rows * gain >= len(text) * CHARACTER_NANOSECONDS


def has_nan(knowledge: Knowledge) -> bool:
    """Whether the engine gives NaN and infinity as models do; a setting makes it raise errors instead."""
    try:
        return [name for name, _ in knowledge.columns(_IEEE)] != ["false"]
    except ScopeError:
        return True


def function_nanoseconds(facts: PlanFacts, score: Score) -> float:
    """About what a row costs by a function, the engine's part included."""
    return (
        CALL_NANOSECONDS + FEATURE_NANOSECONDS * len(score.features) + facts.nanoseconds.get(facts.route, 0.0)
    )


def _repeatable(text: str, knowledge: Knowledge) -> bool:
    """Whether an expression may be written more than once: short, and always with the same value."""
    if _COLUMN.fullmatch(text):
        return True
    tree = tokenize(text, knowledge.dialect)
    if tree is None or len(tree.tokens) > 12:
        return False
    if any(token.text == "?" or token.word in ("SELECT", "LAMBDA", "NEXTVAL") for token in tree.tokens):
        return False
    called = _called(tree)
    return not called or knowledge.is_pure(called)


def _called(tree: TokenTree) -> list[str]:
    """The names that stand before parentheses."""
    return [
        tree.tokens[place].name
        for place in range(len(tree.tokens) - 1)
        if tree.tokens[place].kind in (Kind.WORD, Kind.QUOTED) and tree.is_symbol(place + 1, "(")
    ]
