"""Rewrites of a bound statement, one rule per file; their order is the contract."""

from collections.abc import Callable

from warehouse_ml.query.bind import BoundStatement

Rule = Callable[[BoundStatement], BoundStatement]
"""A pure function from a statement to one with the same result."""

RULES: tuple[Rule, ...] = ()


def optimize(statement: BoundStatement) -> BoundStatement:
    """The statement after every rule, in the order of `RULES`."""
    for rule in RULES:
        statement = rule(statement)
    return statement
