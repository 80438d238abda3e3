"""SQL against pulling the data out, on 336,776 real flights of New York."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import warehouse_ml as wml
from benchmarks.measure import Comparison, Contestant, compare
from benchmarks.switches import without_optimizer
from benchmarks.threads import THREADS
from warehouse_ml.demo import FEATURES, late_pipeline, load_flights, rival_pipeline
from warehouse_ml.statements import statement

PIPELINES = {
    "flights_boosted": ("flights: one-hot categories, gaps, XGBoost", late_pipeline),
    "flights_linear": ("flights: one-hot, imputer, scaler, logistic regression", rival_pipeline),
}


def flights(
    session: wml.Session, *, flights: int | None, rounds: int, say: Callable[[str], None] = lambda _: None
) -> Iterator[Comparison]:
    """Load the flights, register two pipelines, and sum the risk of all flights both ways.

    The view `flight_features` joins flights, weather and planes both times.

    Args:
        session: Where to.
        flights: How many flights; None for all.
        rounds: How often each way is timed.
        say: Told what is being done.
    """
    say("flights: loading")
    load_flights(session, flights)
    rows = late_rows(session)
    ((count,),) = session.sql("SELECT count(*) FROM flight_features").fetchall()
    for key, (title, pipeline) in PIPELINES.items():
        say(f"{title}: fitting and registering")
        estimator = pipeline().fit(rows[FEATURES], rows["late"])
        session.register(key, estimator, sample=rows[FEATURES].head(2000))
        contestants = ways(session, key, estimator)
        yield compare(
            "flights", key, title, count, contestants, rounds=rounds, details=statement_of(key), say=say
        )


def late_rows(session: wml.Session) -> Any:
    """The flights that arrived, with their features and `late`, as a frame."""
    return session.sql(statement("demo", "late_rows")).arrow().to_pandas()


def statement_of(model: str) -> str:
    """The statement that stands for our side."""
    return f"SELECT sum(PREDICT_PROBA('{model}', *)) FROM flight_features"


def ways(session: wml.Session, model: str, estimator: Any) -> list[Contestant]:
    """By SQL, with the optimizer and without, and by pulling the rows out."""
    text = statement_of(model)

    def by_sql() -> float:
        return float(session.sql(text).fetchall()[0][0])

    def plain() -> float:
        with without_optimizer(session):
            return by_sql()

    def pulled() -> Any:
        # DuckDB's own .df() has nullable integers, which scikit-learn refuses to pass through.
        frame = session.sql(statement("demo", "feature_rows")).arrow().to_pandas()
        return estimator.predict_proba(frame[FEATURES])[:, 1]

    def joined() -> int:
        return int(session.sql("SELECT count(columns(*)) FROM flight_features").arrow().num_rows)

    return [
        Contestant("ours", "SQL: PREDICT_PROBA", by_sql),
        Contestant("ours_plain", "SQL: PREDICT_PROBA, optimizer off", plain),
        Contestant("pulled", f"pulled out as a frame, predict_proba on {THREADS} threads", pulled),
        Contestant("scan", "no model: the joins, each column counted", joined, exact=None),
    ]
