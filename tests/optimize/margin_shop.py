"""Small models that are written as expressions, over rows with hard values, the optimizer on and off."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import warehouse_ml as wml

RULES = ("inline_scores", "prune_models", "compare_margins")

ANSWERS = ["no", "yes"]


def frame() -> pd.DataFrame:
    """Rows on a grid, so that fitted trees have the same round thresholds everywhere."""
    a, b = np.meshgrid(np.arange(-4.0, 5.0), np.arange(-4.0, 5.0))
    rows = pd.DataFrame({"a": a.ravel(), "b": b.ravel()})
    return rows.assign(k=np.arange(len(rows)) % 5, r=[("EU", "US", "ASIA")[n % 3] for n in range(len(rows))])


def logistic(x: pd.DataFrame, weights: Sequence[float], constant: float) -> LogisticRegression:
    model = LogisticRegression().fit(x, np.resize(ANSWERS, len(x)))
    model.coef_, model.intercept_ = np.array([weights]), np.array([constant])
    return model


def margin_session() -> wml.Session:
    """A session with the models, and tables `t` (ordinary rows, gaps), `wild` (infinite ones), `whole`."""
    rows = frame()
    numbers, pair = rows[["a", "b", "k"]], rows[["a", "b"]]
    above = np.where(rows.a > 1, "yes", "no")
    corner = np.where((rows.a > 1) & (rows.b <= 0) | (rows.k == 3) & (rows.b > 2), "yes", "no")
    gaps = pair.mask(np.add.outer(np.arange(len(pair)), np.arange(2)) % 5 == 0)
    session = wml.connect()
    session.register("logit", logistic(numbers, [1.5, -0.75, 0.25], 0.5), numbers)
    session.register("strict", logistic(pair, [1.0, 1.0], -1.0), pair, missing="error")
    session.register(
        "filled", logistic(pair, [1.0, 2.0], 0.0), pair, missing="default", defaults={"a": 1, "b": 0}
    )
    encoder = make_column_transformer(
        (StandardScaler(), ["a", "b"]), (OneHotEncoder(handle_unknown="ignore"), ["r"])
    )
    region = make_pipeline(encoder, LogisticRegression())
    region.fit(rows[["a", "b", "r"]], np.where(rows.a + (rows.r == "EU") > rows.b, "yes", "no"))
    session.register("region", region, rows[["a", "b", "r"]])
    refusing = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["r"]), remainder="passthrough"), LogisticRegression()
    ).fit(rows[["r", "a"]], above)
    refusing[-1].coef_, refusing[-1].intercept_ = np.array([[0.5, -0.5, 0.25, 2.0]]), np.array([-1.0])
    session.register("refusing", refusing, rows[["r", "a"]])
    session.register(
        "stump", DecisionTreeClassifier(random_state=0, max_depth=1).fit(numbers, above), numbers
    )
    session.register(
        "corner", DecisionTreeClassifier(random_state=0, max_depth=4).fit(numbers, corner), numbers
    )
    session.register(
        "gaps", DecisionTreeClassifier(random_state=0, max_depth=3).fit(gaps, above), gaps, missing="model"
    )
    session.register(
        "value", DecisionTreeRegressor(random_state=0, max_depth=3).fit(pair, rows.a * 10 + rows.b * 9), pair
    )
    session.register(
        "codes",
        DecisionTreeClassifier(random_state=0, max_depth=2).fit(pair, (rows.a > rows.b).astype(int)),
        pair,
    )
    session.register("line", LinearRegression().fit(pair, rows.a * 2 - rows.b), pair)
    session.register("rate", PoissonRegressor(alpha=0).fit(pair, np.exp(rows.a / 4)), pair)
    make_tables(session)
    return session


GRID = [None, math.nan, 0.0, -0.0, 1.5, 1.4999999999999998, 1e-310, 2.5, -3.0, 0.5, 1e30]


def make_tables(session: wml.Session) -> None:
    execute = session.connection.execute
    execute("CREATE TABLE grid (a DOUBLE)")
    session.connection.executemany("INSERT INTO grid VALUES (?)", [[value] for value in GRID])
    execute(
        "CREATE TABLE t AS SELECT id, a, b, CASE WHEN id % 11 > 0 THEN id % 6 END AS k, "
        "['EU', 'US', 'ASIA', NULL, 'eu'][1 + id % 5] AS r FROM "
        "(SELECT (row_number() OVER () - 1)::INTEGER AS id, x.a AS a, y.a AS b FROM grid AS x, grid AS y)"
    )
    execute("CREATE TABLE wild AS FROM t")
    execute("INSERT INTO wild VALUES (1000, 'inf', 0, 1, 'EU'), (1001, 0, '-inf', 3, 'US')")
    execute("INSERT INTO wild VALUES (1002, 1e300, -1e308, 3, 'EU'), (1003, -1e300, 2, 3, 'EU')")
    execute(
        "CREATE TABLE whole AS SELECT id, (id % 9 - 4)::INTEGER AS a, (id // 9 % 9 - 4)::SMALLINT AS b, "
        "nullif(id % 5, 4)::TINYINT AS k, CASE WHEN id % 2 = 0 THEN 'EU' ELSE 'US' END AS r "
        "FROM range(200) AS ids(id)"
    )
    execute("CREATE TABLE single AS SELECT id, a::FLOAT AS a, b::FLOAT AS b, k, r FROM t")


def outcome(session: wml.Session, text: str) -> Any:
    """The rows of a statement as a multiset, or the name of the error."""
    try:
        return sorted(map(repr, session.sql(text).fetchall()))
    except wml.errors.WarehouseMLError as error:
        return type(error).__name__


def plain(session: wml.Session, text: str) -> Any:
    with session.optimizer.off():
        return outcome(session, text)


def optimized(session: wml.Session, text: str, *rules: str) -> Any:
    with session.optimizer.only(*(rules or RULES)):
        return outcome(session, text)


def applied(session: wml.Session, text: str, *rules: str) -> list[str]:
    with session.optimizer.only(*(rules or RULES)):
        return [entry.rule for entry in session.explain(text).applied if entry.rule != "inline_scores"]


def compiled(session: wml.Session, text: str) -> str:
    """The text that is run, without the digests in the names of functions."""
    with session.optimizer.only(*RULES):
        named = re.sub(r"(wml_\w+?_v\d+)(_[a-z]+)?_[0-9a-f]{8}", r"\1\2", session.compile(text))
    return re.sub(r"wml_variant_[0-9a-f]{24}", "wml_variant", named)
