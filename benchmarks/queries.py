"""Statements that a rewriter can make cheaper, with the optimizer on and off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import warehouse_ml as wml
from benchmarks.flights import late_rows
from benchmarks.measure import Absent, Comparison, Contestant, compare
from benchmarks.switches import back_ends_only, rules, without_optimizer, without_rules
from benchmarks.synthetic import TRAINING, create_rows, training_rows
from benchmarks.works import WORKS, fitted
from warehouse_ml.demo import FEATURES, late_pipeline, load_flights

WIDE = 200
"""Columns of the wide table, of which a sparse model uses a few."""


@dataclass(frozen=True)
class Query:
    """A statement and what is switched off beside it.

    Attributes:
        key: A short name that the targets refer to.
        title: What the table shows.
        table: The table whose rows are counted.
        text: The statement.
        rule: The beginning of the names of rules that are switched off for a rival of their own.
    """

    key: str
    title: str
    table: str
    text: str
    rule: str = ""


PLANE_AIRPORT = """
SELECT sum(PREDICT_PROBA('plane_airport', built => p.year, engines => p.engines, seats => p.seats,
                         engine => p.engine, alt => a.alt, lat => a.lat, lon => a.lon)) AS late
FROM flights AS f
JOIN planes AS p ON p.tailnum = f.tailnum
JOIN airports AS a ON a.faa = f.dest
"""

PLANE = """
SELECT sum(PREDICT_PROBA('plane', built => p.year, engines => p.engines, seats => p.seats,
                         engine => p.engine)) AS late
FROM flights AS f
JOIN planes AS p ON p.tailnum = f.tailnum
"""

QUERIES = (
    Query(
        "select_where_order",
        "one call in SELECT, WHERE and ORDER BY",
        "t",
        "SELECT f05, PREDICT_PROBA('xgboost', *) AS p FROM t WHERE PREDICT_PROBA('xgboost', *) > 0.9 "
        "ORDER BY PREDICT_PROBA('xgboost', *) DESC",
    ),
    Query(
        "label_and_probability",
        "PREDICT and PREDICT_PROBA of one version",
        "t",
        "SELECT sum(PREDICT('xgboost', *)) AS labels, sum(PREDICT_PROBA('xgboost', *)) AS p FROM t",
    ),
    Query(
        "champion_challenger",
        "champion against challenger, the same preparation",
        "flights",
        "SELECT avg((PREDICT('risk@1', *) = PREDICT('risk@2', *))::INT) AS agree FROM flight_features",
    ),
    Query("plane_airport", "plane and airport features, above the flights join", "flights", PLANE_AIRPORT),
    Query("plane", "plane features, above the flights join", "flights", PLANE),
    Query(
        "distinct_inputs",
        "400 distinct inputs over the flights",
        "flights",
        "SELECT sum(PREDICT_PROBA('route_month', carrier, origin, month)) AS late FROM flights",
    ),
    Query(
        "selective_filter",
        "below a filter that keeps 2 %",
        "t",
        "SELECT sum(PREDICT_PROBA('xgboost', *)) AS p FROM t WHERE f00 < 0.02",
        "gather",
    ),
    Query("limit", "LIMIT 1000", "t", "SELECT PREDICT_PROBA('xgboost', *) AS p FROM t LIMIT 1000"),
    Query(
        "top_n",
        "ORDER BY a feature, LIMIT 100",
        "t",
        "SELECT f05, PREDICT_PROBA('xgboost', *) AS p FROM t ORDER BY f05 DESC LIMIT 100",
    ),
    Query(
        "top_scores",
        "ORDER BY the score, LIMIT 100",
        "t",
        "SELECT f05, PREDICT_PROBA('xgboost', *) AS p FROM t ORDER BY p DESC, f05 LIMIT 100",
    ),
    Query(
        "compare_linear",
        "a probability compared with a constant, linear",
        "t",
        "SELECT count(*) AS n FROM t WHERE PREDICT_PROBA('linear', *) > 0.6",
    ),
    Query(
        "compare_trees",
        "a probability compared with a constant, XGBoost",
        "t",
        "SELECT count(*) AS n FROM t WHERE PREDICT_PROBA('xgboost', *) > 0.8",
    ),
    Query(
        "tree_label",
        "the label of a single tree in WHERE",
        "t",
        "SELECT count(*) AS n, sum(f05::DOUBLE) AS s FROM t WHERE PREDICT('tree_6', *) = 1",
    ),
    Query(
        "known_categories",
        "constants in WHERE, categories",
        "flights",
        "SELECT sum(PREDICT_PROBA('risk@1', *)) AS p FROM flight_features "
        "WHERE carrier = 'UA' AND origin = 'EWR' AND month = 7",
    ),
    Query(
        "known_ranges",
        "ranges in WHERE, trees",
        "t",
        "SELECT sum(PREDICT_PROBA('xgboost', *)) AS p FROM t WHERE f00 > 0.5 AND f06 <= 25 AND f04 < 0.5",
    ),
    Query(
        "unused_features",
        f"a sparse model over {WIDE} columns",
        "wide",
        "SELECT sum(PREDICT('sparse', *)) AS s FROM wide",
    ),
)


def queries(
    session: wml.Session,
    *,
    rows: int,
    flights: int | None,
    rounds: int,
    keys: Sequence[str] = (),
    training: int = TRAINING,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Comparison]:
    """A comparison of on and off for each query.

    Args:
        session: Where to; tables and models that are there already are used.
        rows: How many synthetic rows.
        flights: How many flights; None for all.
        rounds: How often each side is timed.
        keys: Which queries; all by default.
        training: How many synthetic rows the models are fitted on.
        say: Told what is being done.
    """
    chosen = [query for query in QUERIES if not keys or query.key in keys]
    _tables(session, chosen, rows, flights)
    _models(session, chosen, training, say)
    for query in chosen:
        ((count,),) = session.sql(f"SELECT count(*) FROM {query.table}").fetchall()
        yield compare(
            "queries",
            query.key,
            query.title,
            count,
            sides(session, query),
            rounds=rounds,
            details=" ".join(query.text.split()),
            say=say,
        )


def sides(session: wml.Session, query: Query) -> list[Contestant | Absent]:
    """The statement with the optimizer on, with the rewrites off, and with all of it off."""

    def run() -> Any:
        return session.sql(query.text).arrow()

    def off() -> Any:
        with without_optimizer(session):
            return run()

    def rewrites_off() -> Any:
        with back_ends_only(session):
            return run()

    def rule_off() -> Any:
        with without_rules(session, query.rule):
            return run()

    note = "" if rules(session) else "no optimizer to switch off"
    found: list[Contestant | Absent] = [
        Contestant("on", "optimizer on", run),
        Contestant("rewrites_off", "rewrites off, back ends on", rewrites_off, note=note),
        Contestant("off", "optimizer off", off, note=note),
    ]
    if query.rule:
        name = f"without {query.rule}"
        known = any(rule.startswith(query.rule) for rule in rules(session))
        found.append(
            Contestant("rule_off", name, rule_off)
            if known
            else Absent("rule_off", name, "there is no such rule")
        )
    return found


def _tables(session: wml.Session, chosen: Sequence[Query], rows: int, flights: int | None) -> None:
    known = {name for (name,) in session.connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
    needed = {query.table for query in chosen}
    if "t" in needed - known:
        create_rows(session.connection, "t", rows)
    if "wide" in needed - known:
        create_rows(session.connection, "wide", max(1, rows * 3 // 10), features=WIDE)
    if "flights" in needed - known:
        load_flights(session, flights)


def _models(session: wml.Session, chosen: Sequence[Query], training: int, say: Callable[[str], None]) -> None:
    """Fit and register the models that the chosen queries name and the session does not hold."""
    known = {version.name for version in session.models()}
    text = " ".join(query.text for query in chosen)

    def wanted(name: str) -> bool:
        found = name not in known and (f"'{name}'" in text or f"'{name}@" in text)
        if found:
            say(f"{name}: fitting and registering")
        return found

    for key in ("xgboost", "linear", "tree_6"):
        if wanted(key):
            frame, label = training_rows(session.connection, training)
            session.register(key, fitted(WORKS[key], frame, label), sample=frame.head(2000))
    if wanted("sparse"):
        _register_sparse(session, training)
    if wanted("risk"):
        rows = late_rows(session)
        for rate in (0.2, 0.1):
            pipeline = late_pipeline().set_params(xgbclassifier__learning_rate=rate)
            pipeline.fit(rows[FEATURES], rows["late"])
            session.register("risk", pipeline, sample=rows[FEATURES].head(2000))
    for name, features, rest in (
        ("plane_airport", "p.year AS built, p.engines, p.seats, p.engine, a.alt, a.lat, a.lon", _AIRPORTS),
        ("plane", "p.year AS built, p.engines, p.seats, p.engine", _AIRPORTS),
        ("route_month", "f.carrier, f.origin, f.month", ""),
    ):
        if wanted(name):
            _register_small(session, name, features, rest)


_AIRPORTS = "JOIN planes AS p ON p.tailnum = f.tailnum JOIN airports AS a ON a.faa = f.dest"


def _register_small(session: wml.Session, name: str, features: str, joins: str) -> None:
    """XGBoost with one-hot categories on a few features of the flights."""
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    text = (
        f"SELECT {features}, (f.arr_delay > 15)::INT AS late FROM flights AS f {joins} "
        "WHERE f.arr_delay IS NOT NULL"
    )
    rows = session.connection.sql(text).to_arrow_table().to_pandas()
    frame, late = rows.drop(columns="late"), rows["late"]
    categories = [column for column in frame if column in ("carrier", "origin", "engine")]
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    preparation = make_column_transformer((one_hot, categories), remainder="passthrough")
    pipeline = make_pipeline(preparation, WORKS["xgboost"].estimator()).fit(frame, late)
    session.register(name, pipeline, sample=frame.head(2000))


def _register_sparse(session: wml.Session, training: int) -> None:
    """A scaled lasso that keeps a few of the columns."""
    from sklearn.linear_model import Lasso
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame, label = training_rows(session.connection, max(1000, training // 10), features=WIDE)
    pipeline = make_pipeline(StandardScaler(), Lasso(alpha=0.03)).fit(frame, label)
    session.register("sparse", pipeline, sample=frame.head(1000))
