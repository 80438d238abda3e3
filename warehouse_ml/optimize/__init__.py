"""Rewrites of a bound statement, one rule per file; their order is the contract.

A rule never changes a result. One that is not sure leaves the statement as it is.
"""

import warnings
from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from warehouse_ml.errors import RuleFailedWarning
from warehouse_ml.optimize.compare_margins import compare_margins
from warehouse_ml.optimize.distinct_inputs import distinct_inputs
from warehouse_ml.optimize.drop_idle_features import drop_idle_features
from warehouse_ml.optimize.filters_first import filters_first
from warehouse_ml.optimize.gather_batches import gather_batches
from warehouse_ml.optimize.gather_rows import gather_rows
from warehouse_ml.optimize.inline_scores import inline_scores
from warehouse_ml.optimize.join_scores import join_scores
from warehouse_ml.optimize.knowledge import Knowledge
from warehouse_ml.optimize.narrow_types import narrow_types
from warehouse_ml.optimize.prune_models import prune_models
from warehouse_ml.optimize.score_before_join import score_before_join
from warehouse_ml.optimize.share_calls import share_calls
from warehouse_ml.optimize.stored import runs_once
from warehouse_ml.optimize.use_device import use_device
from warehouse_ml.optimize.use_plans import use_plans, without_plans
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.typed import typed


class Rule(Protocol):
    """A function from a statement to one with the same result; its name is the rule's."""

    __name__: str

    def __call__(self, statement: BoundStatement, knowledge: Knowledge, /) -> BoundStatement:
        """The statement, changed or not; what was done is added to `applied`."""
        ...


RULES: tuple[Rule, ...] = (
    use_plans,
    inline_scores,
    gather_batches,
    score_before_join,
    distinct_inputs,
    gather_rows,
    share_calls,
    filters_first,
    join_scores,
    drop_idle_features,
    prune_models,
    compare_margins,
    narrow_types,
    use_device,
)
"""The rules on DuckDB."""

SNOWFLAKE_RULES: tuple[Rule, ...] = (inline_scores, score_before_join, filters_first, drop_idle_features)
"""The rules on Snowflake: those that write plain SQL, and call no function that is made for one statement.

The others lean on what DuckDB alone does: `distinct_inputs` on its scalar subqueries, which it computes once
for each input, `gather_rows` on the numbers of its rows, `compare_margins` on asking it for margins.
"""


_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def optimize(
    statement: BoundStatement, knowledge: Knowledge, disabled: Collection[str] = ()
) -> BoundStatement:
    """The statement after every rule, in the order of `RULES`.

    Args:
        statement: What `bind` made.
        knowledge: What rules may ask.
        disabled: The names of the rules that are switched off.

    Warns:
        RuleFailedWarning: A rule has a fault; it was left out.
    """
    there = RULES if statement.dialect.target == "duckdb" else SNOWFLAKE_RULES
    rules = [rule for rule in there if rule.__name__ not in disabled]
    if not statement.calls or not runs_once(statement.statement):
        return statement
    if use_plans.__name__ in disabled and use_plans in there:
        statement = without_plans(statement)
    if not rules:
        return statement
    changed = typed(statement)
    for rule in rules:
        try:
            changed = rule(changed, knowledge)
        except _FAULTS as error:  # a rule is never the reason why a statement does not run
            warnings.warn(RuleFailedWarning(rule.__name__, error), stacklevel=2)
    if not changed.applied:
        return statement
    return replace(changed, plain=statement)
