"""Lists and lambdas that a translation to Snowflake's dialect refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from warehouse_ml.query.compared import REFUSED, THERE, Rule
from warehouse_ml.query.operand_types import types_at
from warehouse_ml.query.untranslatable_kinds import mixed
from warehouse_ml.query.whole import whole

if TYPE_CHECKING:
    from sqlglot import exp


def _array(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if isinstance(node.parent, exp.Any | exp.All):
        yield "ANY and ALL of a list", "Write IN (...)."


def _in(node: exp.Expr) -> Iterator[tuple[str, str]]:
    if node.args.get("field") is not None:
        yield "IN with a list", "Write IN (...)."
    yield from mixed(node)


def _unnest(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    for source in node.expressions:
        if not isinstance(source, exp.Array) or source.find(exp.Null, exp.Column):
            yield "unnest of other than a list of constants", "Write LATERAL FLATTEN on a Snowflake session."


def _transform(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if not isinstance(node.this, exp.Array):
        yield "list_transform of other than a list that is written out", THERE


def _lambda(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    if not isinstance(node.parent, exp.Transform):
        yield "a lambda", THERE


def _bracket(node: exp.Expr) -> Iterator[tuple[str, str]]:
    from sqlglot import exp

    keys = node.expressions
    kind = (types_at(node) or [None])[0]
    if kind == "MAP":
        yield "an element of a MAP", THERE
        return
    if len(keys) == 1 and isinstance(keys[0], exp.Literal) and keys[0].is_string:
        return
    if any(isinstance(key, exp.Slice) for key in keys):
        yield REFUSED["Slice"]
    place = whole(keys[0]) if len(keys) == 1 else None
    if place is None:
        yield "an element at a place that is computed", "Write the place as a number."
    elif place + 1 == 0:  # sqlglot counts from 0
        yield "the element 0, which is always NULL", "DuckDB counts from 1."
    elif kind not in ("LIST", "VARCHAR") or (kind == "VARCHAR" and place < 0):
        yield f"an element of {'what is of no type that is known here' if kind is None else kind}", THERE


RULES: Mapping[str, Rule] = {
    "Array": _array,
    "Bracket": _bracket,
    "In": _in,
    "Lambda": _lambda,
    "Transform": _transform,
    "Unnest": _unnest,
}
"""For each class of a node of sqlglot what says why it is refused, if it is."""
