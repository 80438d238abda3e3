"""Choose how a version is scored: find the ways, hold each to the registered graph, take the fastest."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np

from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.backends.make_plan import candidates, with_tensors
from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.engines.arrow import from_arrow
from warehouse_ml.engines.base import Engine
from warehouse_ml.engines.lazy_scorer import planned_scorer
from warehouse_ml.engines.scoring import handler
from warehouse_ml.errors import ScoringError
from warehouse_ml.parity.comparison import Expected
from warehouse_ml.parity.route import ROUTE_TOLERANCE, expected_of, largest_difference, scored_by
from warehouse_ml.registry.rows import Plan
from warehouse_ml.signature import Signature

BATCH = 2048
"""The rows of one batch of DuckDB, on which routes are timed."""

_ROUNDS = 3


def plan_of(onnx: bytes, signature: Signature, rows: Any, sample_rows: int, engine: Engine) -> Plan:
    """The plan of a version.

    Args:
        onnx: The registered ONNX file.
        signature: Features and results.
        rows: The rows that the version was proved on: a `pyarrow.Table` with a column for each feature.
        sample_rows: How many of them are the sample's; they come first.
        engine: Scores by its own SQL.
    """
    found = candidates(onnx, signature)
    expected = expected_of(scored_by({"onnx": onnx}, signature, rows, engine), signature, len(rows))
    facts = json.loads(signature.to_json())
    columns = _batch(rows, signature)
    nanoseconds = {"onnxruntime": _timed(handler().Scorer(onnx, facts), columns)}
    differences: dict[str, float] = {}
    reasons, plans = dict(found.reasons), dict(found.plans)

    def off(data: bytes) -> float:
        score = scored_by({"onnx": onnx, "plan": data}, signature, rows, engine)
        return largest_difference(score, expected, signature, sample_rows)

    for name, data in found.plans.items():
        scorer = planned_scorer(data, facts)
        if scorer is None:
            reasons[name] = "its kernel needs numba, which is not installed"
            continue
        difference = off(data)
        if difference > ROUTE_TOLERANCE and name == "trees":
            exact = found.exact_trees()
            if exact is not None:
                plans[name], difference = exact, off(exact)
                scorer = planned_scorer(exact, facts)
        if difference > ROUTE_TOLERANCE:
            reasons[name] = f"it is off by {difference:.2g}"
            continue
        differences[name] = difference
        nanoseconds[name] = _timed(scorer, columns)
    inline = found.inline
    if inline is not None:
        difference = _inline_difference(inline, onnx, signature, rows, expected, sample_rows, engine)
        differences["inline"] = difference
        if difference > ROUTE_TOLERANCE:
            reasons["inline"] = f"it is off by {difference:.2g}"
            inline = None
    operators, tensors = found.operators, found.tensors
    if tensors:
        score = scored_by({"onnx": tensors}, signature, rows, engine)
        differences["tensors"] = largest_difference(score, expected, signature, sample_rows)
        if differences["tensors"] > ROUTE_TOLERANCE:
            reasons["tensors"] = f"they are off by {differences['tensors']:.2g}"
            operators, tensors = {}, b""
    route = min(nanoseconds, key=lambda name: nanoseconds[name])
    reason = reasons.get(route, "the graph as it was registered is the fastest")
    if route == "graph" and route in operators:
        operators = {route: operators[route]}
    elif not tensors:
        operators = {name: count for name, count in operators.items() if name == "onnxruntime"}
    told = PlanFacts(
        *(route, reason, nanoseconds, differences, inline, found.idle, reasons, operators),
        found.signed_zeros,
    )
    data = plans.get(route, b"")
    return Plan(told.to_json(signature), with_tensors(data, tensors) if tensors else data)


def _inline_difference(
    inline: InlineForm,
    onnx: bytes,
    signature: Signature,
    rows: Any,
    expected: Expected,
    sample_rows: int,
    engine: Engine,
) -> float:
    refused: tuple[type[Exception], ...] = (*engine.bind_error, ScoringError)
    try:
        score = scored_by({"onnx": onnx}, signature, rows, engine, inline)
        return largest_difference(score, expected, signature, sample_rows)
    except refused:
        return float("inf")


def _batch(rows: Any, signature: Signature) -> list[tuple[Any, Any]]:
    """The features of a full batch, out of rows that are repeated."""
    positions = np.resize(np.arange(len(rows)), BATCH)
    table = rows.take(positions)
    return [
        from_arrow(column, feature.type)
        for column, feature in zip(table.columns, signature.features, strict=True)
    ]


def _timed(scorer: Any, columns: Any) -> float:
    """Nanoseconds per row, the best of some rounds; rows that are refused give NULL."""
    best = float("inf")
    scorer.score(columns, "try_predict")
    for _ in range(_ROUNDS):
        start = time.perf_counter_ns()
        scorer.score(columns, "try_predict")
        best = min(best, (time.perf_counter_ns() - start) / BATCH)
    return float(f"{best:.2g}")
