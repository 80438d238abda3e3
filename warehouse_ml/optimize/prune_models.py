"""What WHERE says of the features makes a model smaller: `region = 'EU'`, `age > 60`, `x IS NOT NULL`.

A score that is written as an expression loses the branches, categories and checks that cannot apply; what it
no longer reads is not read. A kernel of trees is pruned by the ranges of its columns, and looks at each batch
whether the batch keeps to them.
"""

from dataclasses import replace

from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.backends.specialize import features_read, specialized
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.known_values import known_values
from warehouse_ml.optimize.prune_kernels import prune_kernels
from warehouse_ml.query.bind import Applied, BoundCall, BoundStatement
from warehouse_ml.query.select_block import SelectBlock, select_block

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


def specialized_form(call: BoundCall, block: SelectBlock | None, knowledge: Knowledge) -> InlineForm | None:
    """A call's version for the rows that pass WHERE, as expressions; None where WHERE says nothing of use."""
    (score,) = call.scores
    facts = knowledge.plan(score.version)
    if facts is None or facts.inline is None:
        return None
    known = known_values(call, block, knowledge)
    return specialized(facts.inline, known, score.types) if known else None


def _inlined(
    call: BoundCall, block: SelectBlock | None, knowledge: Knowledge
) -> tuple[BoundCall, Applied] | None:
    (score,) = call.scores
    facts = knowledge.plan(score.version)
    form = specialized_form(call, block, knowledge)
    if facts is None or facts.inline is None or form is None:
        return None
    before, after = len(features_read(facts.inline)), len(features_read(form))
    nanoseconds = facts.inline.cost(score.method), form.cost(score.method)
    if after >= before and nanoseconds[1] > WORTH * nanoseconds[0]:
        return None
    # a function for the other rows would read all features
    function = f"{score.version.function_of(score.method)}({', '.join(score.features)})"
    otherwise = function if after >= before else None
    text = form.sql(score.method, score.features, score.types, otherwise=otherwise)
    if text is None:
        return None
    effect = (
        f"WHERE leaves {after} of {before} features to read, and "
        f"{nanoseconds[1]:.0f} of {nanoseconds[0]:.0f} ns a row"
    )
    shown = " ".join(call.call.text.split())
    return replace(call, scores=(replace(score, text=f"({text})"),)), Applied("prune_models", shown, effect)
