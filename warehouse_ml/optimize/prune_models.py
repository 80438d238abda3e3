"""What WHERE says of the features makes a model smaller: `region = 'EU'`, `age > 60`, `x IS NOT NULL`.

A score that is written as an expression loses the branches, categories and checks that cannot apply; what it
no longer reads is not read. A kernel of trees is pruned by the ranges of its columns, and looks at each batch
whether the batch keeps to them.
"""

import math
from dataclasses import replace

from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.backends.known_value import Known
from warehouse_ml.backends.specialize import features_read, specialized
from warehouse_ml.backends.sql_literal import double
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.known_values import known_values
from warehouse_ml.optimize.operands import operands
from warehouse_ml.optimize.prune_kernels import prune_kernels
from warehouse_ml.query.bound import Applied, BoundCall, BoundStatement
from warehouse_ml.query.score import Score
from warehouse_ml.query.select_block import SelectBlock, select_block
from warehouse_ml.quoting import literal
from warehouse_ml.signature import TYPES

WORTH = 0.95
"""Up to which part of its cost a smaller expression that reads as many features takes the place."""


def prune_models(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Put what WHERE says into inlined scores, and into the trees of others."""
    tree = statement.statement.tree
    if tree is None:
        return statement
    calls, applied = list(statement.calls), list(statement.applied)
    for position, call in enumerate(calls):
        if not is_expression(call):
            continue
        done = _inlined(call, select_block(tree, call.call.token), knowledge)
        if done is not None:
            calls[position] = done[0]
            applied.append(done[1])
    if len(applied) > len(statement.applied):
        statement = replace(statement, calls=tuple(calls), applied=tuple(applied))
    return prune_kernels(statement, knowledge)


def is_expression(call: BoundCall) -> bool:
    """Whether `inline_scores` has written the score of a call as an expression."""
    if call.nested or call.call.in_from or len(call.scores) != 1:
        return False
    text = call.scores[0].text
    return text.startswith("(") and not text.startswith("(SELECT ")


def specialized_form(
    call: BoundCall, block: SelectBlock | None, knowledge: Knowledge
) -> tuple[InlineForm, str] | None:
    """A call's version as expressions for the rows that pass WHERE, and as a call of its function.

    The function gets some value that WHERE allows for each feature that is no longer read.

    Returns:
        None where WHERE says nothing of use.
    """
    (score,) = call.scores
    facts = knowledge.plan(score.version)
    if facts is None or facts.inline is None:
        return None
    known = known_values(call, block, knowledge)
    form = specialized(facts.inline, known, score.types) if known else None
    if form is None:
        return None
    gone = known.keys() - features_read(form)
    given = [
        (_allowed(score, place, known[place]) if place in gone else None) or text
        for place, text in enumerate(score.features)
    ]
    return form, f"{score.version.function_of(score.method)}({', '.join(given)})"


def _allowed(score: Score, place: int, known: Known) -> str | None:
    """A value that a feature can have, as SQL; None where there is none to name."""
    kind = score.version.signature.features[place].type
    if known.values == ():
        return f"CAST(NULL AS {TYPES[kind].duckdb})"
    value: float | int | str | bool | None = known.values[0] if known.values else None
    if value is None and known.values is None:
        value = next((bound for bound in (known.low, known.high) if math.isfinite(bound)), None)
    if value is None:
        return None
    if kind == "VARCHAR":
        return literal(str(value))
    if kind == "BOOLEAN":
        return "TRUE" if value else "FALSE"
    if kind == "BIGINT":
        return str(int(value)) if float(value).is_integer() else None
    return double(float(value)) if kind == "DOUBLE" else None


def _inlined(
    call: BoundCall, block: SelectBlock | None, knowledge: Knowledge
) -> tuple[BoundCall, Applied] | None:
    (score,) = call.scores
    facts = knowledge.plan(score.version)
    found = specialized_form(call, block, knowledge)
    if facts is None or facts.inline is None or found is None:
        return None
    form, function = found
    before, after = len(features_read(facts.inline)), len(features_read(form))
    nanoseconds = facts.inline.cost(score.method), form.cost(score.method)
    if after >= before and nanoseconds[1] > WORTH * nanoseconds[0]:
        return None
    text = form.sql(score.method, operands(score), score.types, otherwise=function)
    if text is None:
        return None
    effect = (
        f"WHERE leaves {after} of {before} features to read, and "
        f"{nanoseconds[1]:.0f} of {nanoseconds[0]:.0f} ns a row"
    )
    shown = " ".join(call.call.text.split())
    return replace(call, scores=(replace(score, text=f"({text})"),)), Applied("prune_models", shown, effect)
