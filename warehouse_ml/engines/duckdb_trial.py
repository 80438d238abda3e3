"""Score rows by a SELECT, with a function that is there for the time of it."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from warehouse_ml.engines.base import Part
from warehouse_ml.engines.duckdb_functions import create_function
from warehouse_ml.engines.lazy_scorer import LazyScorer
from warehouse_ml.engines.scoring import scoring_function
from warehouse_ml.signature import Method, Signature


def score_trial(
    cursor: duckdb.DuckDBPyConnection,
    model: Mapping[Part, bytes],
    signature: Signature,
    method: Method,
    rows: Any,
    expression: Callable[[Sequence[str], str], str | None] | None = None,
) -> Any:
    """A result for each row, in order, as a `pyarrow.ChunkedArray`; see `base.Engine.score`."""
    name = f"wml_trial_{uuid.uuid4().hex}"
    features = [f"feature_{position}" for position in range(rows.num_columns)]
    # Without the user's setting preserve_insertion_order, rows may come back in any order.
    positions = pa.array(range(rows.num_rows), pa.int64())
    numbered = rows.rename_columns(features).append_column("position", positions)
    scorer = LazyScorer(signature)
    scorer.offer(cursor, lambda _, part: model.get(part, b""))
    create_function(name, scoring_function(scorer, signature, method), signature, method, cursor)
    try:
        call = duckdb.FunctionExpression(name, *map(duckdb.ColumnExpression, features))
        written = expression and expression(features, f"{name}({', '.join(features)})")
        if written is not None:
            call = duckdb.SQLExpression(written)
        position = duckdb.ColumnExpression("position")
        scored = cursor.from_arrow(numbered).select(position, call.alias("score")).to_arrow_table()
    finally:
        cursor.remove_function(name)
    return scored.sort_by("position").column("score")
