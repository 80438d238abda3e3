"""What writes the calls of portable text in Snowflake's dialect: by a function, or by an expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize.inline_scores import INLINED, portable_operand, portable_types
from warehouse_ml.optimize.operands import operand
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.dialect import SNOWFLAKE
from warehouse_ml.query.translate import CallWriter, argument
from warehouse_ml.signature import Method, Output


def call_writers(
    statement: BoundStatement, plans: Callable[[ModelVersion], PlanFacts | None]
) -> dict[str, tuple[CallWriter, Output]]:
    """For each function that a statement calls, in lower case: what writes a call of it, and its result.

    Args:
        statement: A portable statement.
        plans: How a version is scored; asked only for what was inlined.
    """
    found: dict[str, tuple[CallWriter, Output]] = {}
    for call in statement.calls:
        for score in call.scores:
            version, method = score.version, score.method
            result = version.signature.result(method)
            if result is None:
                continue
            name = version.function_of(method).lower()
            found[name] = (_by_function(version, method), result)
            if score.text.startswith(INLINED):
                found[f"{INLINED}{name}"] = (_by_expression(version, method, plans(version)), result)
    return found


def _by_function(version: ModelVersion, method: Method) -> CallWriter:
    def written(arguments: Sequence[str]) -> str:
        features = zip(version.signature.features, arguments, strict=True)
        return SNOWFLAKE.call(version, method, [argument(text, feature.type) for feature, text in features])

    return written


def _by_expression(version: ModelVersion, method: Method, plan: PlanFacts | None) -> CallWriter:
    types = portable_types(version)

    def written(arguments: Sequence[str]) -> str:
        given = [
            portable_operand(operand(text, "snowflake"), kind)
            for text, kind in zip(arguments, types, strict=True)
        ]
        form = None if plan is None else plan.inline
        text = None if form is None else form.sql(method, given, types, "snowflake")
        return _by_function(version, method)(arguments) if text is None else f"({text})"

    return written
