"""Hold another route to a score against the route that was proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.inline import InlineForm
from warehouse_ml.engines.arrow import leaves_of
from warehouse_ml.engines.base import Engine, Part
from warehouse_ml.parity.comparison import Expected, Score, compare
from warehouse_ml.signature import TYPES, Method, Signature

ROUTE_TOLERANCE = 1e-6
"""How far a number of a faster route may be off, as a share of it or of the mean magnitude."""


def scored_by(
    model: Mapping[Part, bytes],
    signature: Signature,
    rows: Any,
    engine: Engine,
    inline: InlineForm | None = None,
) -> Score:
    """What scores rows, given by their positions, by the engine's SQL.

    Args:
        model: The ONNX bytes, and the plan where it is to be used.
        signature: The model's.
        rows: The rows: a `pyarrow.Table` with a column for each feature.
        engine: The engine.
        inline: Writes scores as expressions; methods that it has none for keep their function.
    """
    types = [TYPES[feature.type].duckdb for feature in signature.features]

    def score(positions: Any, method: Method) -> list[tuple[Any, Any]]:
        output = signature.result(method)
        if output is None:
            return []

        def written(features: Sequence[str], call: str) -> str | None:
            return None if inline is None else inline.sql(method, features, types, otherwise=call)

        taken = rows.take(positions)
        return leaves_of(engine.score(model, signature, method, taken, expression=written), output)

    return score


def expected_of(score: Score, signature: Signature, rows: int) -> Expected:
    """What a route says of rows that it scores by their positions."""
    positions = np.arange(rows)
    predicted = score(positions, "try_predict")
    null = np.logical_and.reduce([_missing(column, rows) for column in predicted])
    answers: dict[Method, tuple[NDArray[Any], ...]] = {
        "try_predict": tuple(_objects(*column) for column in predicted)
    }
    if signature.probabilities is not None:
        told = np.flatnonzero(~null)
        columns = score(told, "predict_proba") if len(told) else []
        spread = []
        for column in columns:
            whole = np.full(rows, None, dtype=object)
            whole[told] = _objects(*column)
            spread.append(whole)
        answers["predict_proba"] = tuple(spread)
    return Expected(answers, null, np.zeros(rows, dtype=bool), "")


def largest_difference(route: Score, expected: Expected, signature: Signature, sample_rows: int) -> float:
    """The largest relative difference of a number; infinite where a label or a NULL differs.

    Args:
        route: The other route.
        expected: What the proved route says of the rows.
        signature: The model's.
        sample_rows: How many of the rows are the sample's; they come first, and tell the mean magnitude.
    """
    positions = np.arange(len(expected.null))
    found = compare(route, signature, positions, expected, ROUTE_TOLERANCE, sample_rows)
    return float(max((comparison.difference.max(initial=0.0) for comparison in found), default=0.0))


def _missing(column: tuple[Any, Any], rows: int) -> NDArray[np.bool_]:
    values, missing = column
    null = np.zeros(rows, dtype=bool) if missing is None else np.asarray(missing, dtype=bool)
    return null | np.isnan(values) if values.dtype.kind == "f" else null


def _objects(values: Any, missing: Sequence[bool] | None) -> NDArray[Any]:
    objects = np.asarray(values).astype(object)
    if missing is not None:
        objects[np.asarray(missing, dtype=bool)] = None
    return objects
