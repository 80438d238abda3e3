"""A score that is only compared with constants is not computed: what it is made from is compared.

`PREDICT_PROBA('m', ...) > 0.8` becomes a test of the sum below the sigmoid, a label comparison a test of its
sign, and for a single tree the leaves say true or false. As a condition of WHERE, the comparison of a tree
becomes ranges of columns, by which the engine can also skip what it has stored:

    WHERE (age > 60 AND age <= 90 AND CASE WHEN income <= 5e4 THEN TRUE ELSE debt <= 1e4 END)
"""

from collections import Counter, defaultdict
from dataclasses import replace

from warehouse_ml.backends.comparison_sql import compared_sql, decided_form
from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.backends.tree_boxes import box_condition
from warehouse_ml.errors import ScopeError
from warehouse_ml.optimize.comparisons import Comparison, comparison_of
from warehouse_ml.optimize.expressions import column_path
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.operands import operands
from warehouse_ml.optimize.prune_models import is_expression, specialized_form
from warehouse_ml.optimize.row_order import inside_aggregate, is_aggregated
from warehouse_ml.query.bound import Applied, BoundCall, BoundStatement
from warehouse_ml.query.segments import Range
from warehouse_ml.query.select_block import SelectBlock, select_block
from warehouse_ml.query.splice import Edit, splice
from warehouse_ml.query.tokens import TokenTree
from warehouse_ml.signature import Method


def compare_margins(statement: BoundStatement, knowledge: Knowledge) -> BoundStatement:
    """Turn comparisons of inlined scores into tests of what the scores are made from."""
    tree = statement.statement.tree
    if tree is None:
        return statement
    blocks: dict[int, SelectBlock | None] = {}
    groups: dict[int, list[tuple[int, Comparison, Range]]] = defaultdict(list)
    for position, call in enumerate(statement.calls):
        found = comparison_of(tree, call.call) if is_expression(call) else None
        if found is not None:
            block = select_block(tree, call.call.token)
            key = -1 if block is None else block.span[0]
            blocks[key] = block
            groups[key].append((position, *found))
    for key, group in groups.items():
        group = _alone(statement, group, blocks[key], knowledge)
        for position, comparison, span in _allowed(statement, blocks[key], group, knowledge, tree):
            statement = _compared(statement, position, comparison, span, blocks[key], knowledge)
    return statement


def _alone(
    statement: BoundStatement,
    group: list[tuple[int, Comparison, Range]],
    block: SelectBlock | None,
    knowledge: Knowledge,
) -> list[tuple[int, Comparison, Range]]:
    """The comparisons, but those of a score that may raise and is compared twice in WHERE.

    `p > 0.8 AND p < 0.2` is false to the engine, which then computes no score.
    """
    conditions = Counter(
        statement.calls[position].version.sha256
        for position, _, span in group
        if block is not None and span in block.conjuncts
    )
    return [
        entry
        for entry in group
        if conditions[statement.calls[entry[0]].version.sha256] < 2
        or not knowledge.may_raise(statement.calls[entry[0]].version)
    ]


def _allowed(
    statement: BoundStatement,
    block: SelectBlock | None,
    group: list[tuple[int, Comparison, Range]],
    knowledge: Knowledge,
    tree: TokenTree,
) -> list[tuple[int, Comparison, Range]]:
    """The comparisons that may be written otherwise: not those that name what is grouped by."""
    if block is None:
        words = {tree.keyword(at) for at in range(len(tree.tokens))}
        return [] if words & {"GROUP", "HAVING", "DISTINCT"} else group
    if not is_aggregated(block) and not block.distinct and not block.distinct_on:
        return group
    free: list[tuple[int, Comparison, Range]] = []
    named: list[tuple[int, Comparison, Range]] = []
    for entry in group:
        place = statement.calls[entry[0]].call.token
        is_free = block.clause_of(place) == "WHERE" or inside_aggregate(block, place)
        (free if is_free else named).append(entry)
    return free + (named if _still_binds(statement, block, named, knowledge) else [])


def _still_binds(
    statement: BoundStatement,
    block: SelectBlock,
    named: list[tuple[int, Comparison, Range]],
    knowledge: Knowledge,
) -> bool:
    """Whether the SELECT still has its columns where comparisons read features and not the score."""
    if not named:
        return False
    tree, edits = block.tree, []
    scope = statement.calls[named[0][0]].scope
    if scope is None:
        return False
    for position, _, span in named:
        (score,) = statement.calls[position].scores
        features = ", ".join(f"({feature})" for feature in score.features)
        start, end = tree.span(*span)
        edits.append(Edit(start, end, f"(hash({features}) > 1)"))
    changed = splice(tree.text, [*edits, *scope.stand_ins], *tree.span(*block.span))
    try:
        before = knowledge.columns(scope.local(scope.stand_in(*block.span)))
        return knowledge.columns(scope.local(changed)) == before
    except ScopeError:
        return False


def _compared(
    statement: BoundStatement,
    position: int,
    comparison: Comparison,
    span: Range,
    block: SelectBlock | None,
    knowledge: Knowledge,
) -> BoundStatement:
    call = statement.calls[position]
    (score,) = call.scores
    facts = knowledge.plan(score.version)
    if facts is None or facts.inline is None:
        return statement
    form = facts.inline
    plain = f"{score.version.function_of(score.method)}({', '.join(score.features)})"
    if any(done.rule == "prune_models" and done.call == _shown(call) for done in statement.applied):
        known = specialized_form(call, block, knowledge)
        form, plain = known if known is not None else (form, plain)
    if form.signature.result(score.method) is None or not _fits_collation(comparison, knowledge):
        return statement
    is_condition = block is not None and span in block.conjuncts
    decided = decided_form(form, score.method, comparison)
    found = _boxes(decided, call) if is_condition and decided is not None else None
    if found is None:
        found = compared_sql(
            form, score.method, comparison, operands(score), score.types, knowledge.sample, plain, decided
        )
    if found is None:
        return statement
    text, told = found
    tree = statement.statement.tree
    assert tree is not None
    start, end = tree.span(*span)
    edits = [
        edit
        for edit in (Edit(start, call.call.start, ""), Edit(call.call.end, end, ""))
        if edit.start < edit.end
    ]
    calls = list(statement.calls)
    calls[position] = replace(call, scores=(replace(score, text=text),))
    effect = f"{told} instead of the score {comparison.text}"
    return replace(
        statement,
        calls=tuple(calls),
        edits=(*statement.edits, *edits),
        applied=(*statement.applied, Applied("compare_margins", _shown(call), effect)),
    )


def _boxes(decided: InlineForm, call: BoundCall) -> tuple[str, str] | None:
    (score,) = call.scores
    if any(column_path(text) is None for text in score.features):
        return None
    method: Method = "try_predict" if score.method == "try_predict" else "predict"
    found = box_condition(decided, method, operands(score), score.types)
    if found is None:
        return None
    text, count = found
    return text, f"{count} range{'s' if count > 1 else ''} of columns"


def _fits_collation(comparison: Comparison, knowledge: Knowledge) -> bool:
    """Whether texts are equal only where their bytes are."""
    if not any(isinstance(constant, str) for constant in comparison.constants):
        return True
    return knowledge.sample("SELECT current_setting('default_collation')") == [("",)]


def _shown(call: BoundCall) -> str:
    return " ".join(call.call.text.split())
