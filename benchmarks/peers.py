"""Other systems that score, where they are installed."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Absent, Contestant
from benchmarks.rivals import BATCH, Table, scalar
from benchmarks.synthetic import FEATURES
from benchmarks.threads import THREADS
from benchmarks.works import Work

Peer = Callable[[Work, Any, Table, Any, Path], Contestant | Absent | None]


def peers(work: Work, estimator: Any, table: Table, training: Any, folder: Path) -> list[Contestant | Absent]:
    """Every peer that can run a work; one that is not installed says so.

    Args:
        work: The model's work.
        estimator: The fitted estimator.
        table: The rows.
        training: The frame and the labels that the estimator was fitted on.
        folder: Where files may be written.
    """
    found: list[Contestant | Absent] = []
    for package, key, title, peer in PEERS:
        if importlib.util.find_spec(package) is None:
            if work.key in ("xgboost", "linear"):
                found.append(Absent(key, title, "not installed"))
            continue
        contestant = peer(work, estimator, table, training, folder)
        if contestant is not None:
            found.append(contestant)
    return found


def _onedal(work: Work, estimator: Any, table: Table, training: Any, folder: Path) -> Contestant | None:
    import daal4py

    daal4py.daalinit(THREADS)
    name = "in memory: oneDAL model builder"
    if work.key in ("xgboost", "lightgbm"):
        booster = estimator.get_booster() if work.key == "xgboost" else estimator.booster_
        model = daal4py.mb.convert_model(booster)
        return Contestant("onedal", name, lambda: model.predict_proba(table.matrix), exact=False)
    if work.key != "forest" or importlib.util.find_spec("treelite") is None:
        return None
    import treelite

    forest = daal4py.mb.convert_model(treelite.sklearn.import_model(estimator))
    return Contestant(
        "onedal", f"{name}, through treelite", lambda: forest.predict(table.matrix), exact=False
    )


def _treelite(work: Work, estimator: Any, table: Table, training: Any, folder: Path) -> Contestant | None:
    import treelite

    if work.key == "xgboost":
        model = treelite.frontend.from_xgboost(estimator.get_booster())
    elif work.key == "lightgbm":
        model = treelite.frontend.from_lightgbm(estimator.booster_)
    elif work.key == "forest":
        model = treelite.sklearn.import_model(estimator)
    else:
        return None
    # it takes many seconds for the whole
    part = table.matrix[: max(1, table.rows // 10)]
    return Contestant(
        "treelite",
        "in memory: treelite GTIL",
        lambda: treelite.gtil.predict(model, part, nthread=THREADS),
        exact=False,
        scale=table.rows / len(part),
        note="a tenth of the rows, times ten",
    )


def _intelex(work: Work, estimator: Any, table: Table, training: Any, folder: Path) -> Contestant | None:
    """scikit-learn's Intel patch; it replaces the classes, so the model is fitted anew with them."""
    frame, label = training
    rows = int(len(frame) * work.share)
    matrix, label = frame.to_numpy()[:rows], label[:rows]
    if work.key == "forest":
        from sklearnex.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(100, max_depth=10, random_state=0, n_jobs=THREADS).fit(matrix, label)
        return _fitted_anew(lambda: forest.predict_proba(table.matrix))
    if work.key == "linear":
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearnex.linear_model import LogisticRegression

        pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(matrix, label)
        return _fitted_anew(lambda: pipeline.predict_proba(table.matrix))
    return None


def _fitted_anew(run: Callable[[], Any]) -> Contestant:
    name = "in memory: scikit-learn with its Intel patch"
    return Contestant("intelex", name, run, exact=False, note="fitted anew by the patch")


def _orbital(work: Work, estimator: Any, table: Table, training: Any, folder: Path) -> Contestant | Absent:
    """The whole pipeline as the SQL that orbital writes."""
    name = "orbital's SQL"
    if work.key in ("xgboost", "lightgbm"):
        return Absent("orbital", name, "translates scikit-learn's estimators only")
    if work.key == "forest":
        return Absent("orbital", name, "left out: 3.7 M characters of SQL, minutes for 100,000 rows")
    import orbital
    from orbital.types import FloatColumnType
    from sklearn.pipeline import Pipeline

    slow = work.key == "mlp"
    pipeline = estimator if isinstance(estimator, Pipeline) else Pipeline([("model", estimator)])
    parsed = orbital.parse_pipeline(pipeline, features={feature: FloatColumnType() for feature in FEATURES})
    query = orbital.export_sql(table.part if slow else table.name, parsed, dialect="duckdb", optimize=False)
    text = f'SELECT sum("output_probability.1") FROM ({query})'
    return Contestant(
        "orbital",
        name,
        lambda: scalar(table, text),
        exact=False,
        scale=10.0 if slow else 1.0,
        note="a tenth of the rows, times ten" if slow else "",
    )


def _mlflow(work: Work, estimator: Any, table: Table, training: Any, folder: Path) -> Contestant:
    """A saved model as mlflow's pyfunc, on frames of Arrow batches, as in its Spark UDF."""
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    path = folder / f"mlflow_{work.key}"
    if not path.exists():
        mlflow.sklearn.save_model(
            estimator,
            str(path),
            pyfunc_predict_fn="predict_proba",
            pip_requirements=[],
            serialization_format="cloudpickle",
        )
    model = mlflow.pyfunc.load_model(str(path))

    def run() -> float:
        reader = table.connection.sql(f"FROM {table.name}").to_arrow_reader(BATCH)
        return float(
            sum(np.asarray(model.predict(batch.to_pandas()))[:, 1].sum(dtype=float) for batch in reader)
        )

    return Contestant("mlflow", "Arrow batches pulled out: mlflow pyfunc", run)


PEERS: tuple[tuple[str, str, str, Peer], ...] = (
    ("daal4py", "onedal", "in memory: oneDAL model builder", _onedal),
    ("sklearnex", "intelex", "in memory: scikit-learn with its Intel patch", _intelex),
    ("treelite", "treelite", "in memory: treelite GTIL", _treelite),
    ("orbital", "orbital", "orbital's SQL", _orbital),
    ("mlflow", "mlflow", "Arrow batches pulled out: mlflow pyfunc", _mlflow),
)
