"""The ways that people score today: the library in memory, batches pulled out, an Arrow UDF, onnxruntime."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.graphs import Graph, converted, fused
from benchmarks.handwritten import linear_sql, trees_sql
from benchmarks.measure import Absent, Contestant
from benchmarks.synthetic import FEATURES
from benchmarks.threads import THREADS
from benchmarks.works import Work

BATCH = 122_880
"""Rows of an Arrow batch that is pulled out: a row group of DuckDB."""


@dataclass(frozen=True)
class Table:
    """The rows that are scored, in the database and in memory.

    Attributes:
        connection: The DuckDB connection that the SQL of all contestants runs on.
        name: The table's name.
        part: The name of a table of a tenth of the rows, for what takes minutes.
        rows: How many rows.
        matrix: The same rows, as a float32 matrix of shape [rows, features].
    """

    connection: Any
    name: str
    part: str
    rows: int
    matrix: Any


def predictor(estimator: Any) -> tuple[str, Callable[[Any], Any]]:
    """The library's own fastest public call on a float32 matrix, and its name."""
    name = type(estimator).__name__
    if name == "XGBClassifier":
        booster = estimator.get_booster()
        booster.set_param({"nthread": THREADS})
        return "xgboost inplace_predict", lambda matrix: booster.inplace_predict(
            matrix, validate_features=False
        )
    if name == "LGBMClassifier":
        booster = estimator.booster_
        return "lightgbm Booster.predict", lambda matrix: booster.predict(matrix, num_threads=THREADS)
    # a fitted pipeline looks at the names of a frame and warns where a matrix has none
    plain = _without_names(estimator)
    return "scikit-learn predict_proba", lambda matrix: plain.predict_proba(matrix)[:, 1]


def rivals(work: Work, estimator: Any, table: Table) -> list[Contestant | Absent]:
    """Every way that needs no further package; the order is that of the tables."""
    library, predict = predictor(estimator)
    plain = converted(estimator)
    graph, threaded = Graph(plain, threads=1), Graph(plain)
    contestants: list[Contestant | Absent] = [
        Contestant("library", f"in memory: {library}", lambda: predict(table.matrix)),
        Contestant("pulled", f"Arrow batches pulled out: {library}", lambda: pulled(table, predict)),
        arrow_udf(
            table, f"converter_{work.key}", "udf_converter", "onnxruntime, converter's graph", graph.run
        ),
    ]
    if work.key in ("xgboost", "lightgbm"):
        # the engine calls from two threads at once, and each of them may use one
        single = _single_threaded(estimator)
        contestants.append(
            arrow_udf(table, f"library_{work.key}", "udf_library", library, single, exact=True)
        )
    contestants.append(
        Contestant(
            "graph_converter",
            "in memory: onnxruntime, converter's graph",
            lambda: threaded.run_in_batches(table.matrix, work.batch),
            exact=False,
        )
    )
    faster = fused(estimator)
    if faster is not None:
        one, two = Graph(faster, threads=1), Graph(faster)
        contestants += [
            arrow_udf(table, f"fused_{work.key}", "udf_fused", "onnxruntime, fused graph", one.run),
            Contestant(
                "graph_fused",
                "in memory: onnxruntime, fused graph",
                lambda: two.run_in_batches(table.matrix, work.batch),
                exact=False,
            ),
        ]
    return contestants + sql_by_hand(work, estimator, table)


def sql_by_hand(work: Work, estimator: Any, table: Table) -> list[Contestant | Absent]:
    """What can be written as one expression."""
    if work.key == "mlp":
        return []
    if work.key == "linear":
        return [_expression(table, linear_sql(estimator, kind), kind) for kind in ("FLOAT", "DOUBLE")]
    expression = trees_sql(estimator)
    name = "hand-written SQL, CASE"
    if expression is None:
        return [Absent("sql_case", name, "left out: more leaves than DuckDB reads in a minute")]
    return [_expression(table, expression, "CASE", note=f"{len(expression):,} characters")]


def _expression(table: Table, expression: str, kind: str, note: str = "") -> Contestant:
    text = f"SELECT sum({expression}) FROM {table.name}"
    name = f"hand-written SQL, {kind}"
    return Contestant(
        f"sql_{kind.lower()}", name, lambda: scalar(table, text), exact=kind != "FLOAT", note=note
    )


def scalar(table: Table, text: str) -> float:
    """The one value of a plain statement."""
    return float(table.connection.sql(text).fetchall()[0][0])


def pulled(table: Table, predict: Callable[[Any], Any]) -> float:
    """The sum of the predictions of Arrow batches, packed into float32 matrices as they come."""
    reader = table.connection.sql(f"FROM {table.name}").to_arrow_reader(BATCH)
    return float(sum(predict(packed(*batch.columns)).sum(dtype=np.float64) for batch in reader))


def packed(*columns: Any) -> Any:
    """Arrow columns as a float32 matrix of shape [rows, columns]."""
    matrix = np.empty((len(columns[0]), len(columns)), np.float32)
    for position, column in enumerate(columns):
        matrix[:, position] = column.to_numpy()
    return matrix


def arrow_udf(
    table: Table, function: str, key: str, title: str, predict: Callable[[Any], Any], *, exact: bool = False
) -> Contestant:
    """An Arrow function of the engine that packs a batch of 2,048 rows and scores it."""
    import pyarrow as pa

    def score(*columns: Any) -> Any:
        return pa.array(predict(packed(*columns)), pa.float32())

    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in FEATURES]
    score.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    types = ["FLOAT"] * len(FEATURES)
    table.connection.create_function(function, score, types, "FLOAT", type="arrow")
    text = f"SELECT sum({function}({', '.join(FEATURES)})::DOUBLE) FROM {table.name}"
    return Contestant(key, f"Arrow UDF: {title}", lambda: scalar(table, text), exact=exact)


def _single_threaded(estimator: Any) -> Callable[[Any], Any]:
    if type(estimator).__name__ == "XGBClassifier":
        booster = estimator.get_booster().copy()
        booster.set_param({"nthread": 1})
        return lambda matrix: booster.inplace_predict(matrix, validate_features=False)
    return lambda matrix: estimator.booster_.predict(matrix, num_threads=1)


def _without_names(estimator: Any) -> Any:
    from copy import deepcopy

    plain = deepcopy(estimator)
    for step in [plain, *(step for _, step in getattr(plain, "steps", ()))]:
        vars(step).pop("feature_names_in_", None)
    return plain
