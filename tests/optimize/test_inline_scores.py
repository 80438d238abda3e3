"""Scores as expressions, held to the functions of the same versions."""

import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import warehouse_ml as wml
from tests.backends.inline_check import same

RANDOM = np.random.default_rng(3)
ROWS = pd.DataFrame(RANDOM.normal(size=(300, 2)), columns=["a", "b"]).assign(
    kind=RANDOM.choice(["x", "it's"], 300)
)
NUMBERS = ROWS[["a", "b"]]
LABELS = np.where(ROWS.a + ROWS.b > 0.2, "yes", "no")
ENCODED = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["a", "b"]))
MODELS = {
    "logit": (make_pipeline(StandardScaler(), LogisticRegression()), NUMBERS, LABELS),
    "single": (
        make_pipeline(StandardScaler(), LogisticRegression()),
        NUMBERS.astype("float32"),
        LABELS,
    ),
    "encoded": (make_pipeline(ENCODED, Ridge()), ROWS, ROWS.a),
    "tree": (DecisionTreeClassifier(max_depth=3), NUMBERS, LABELS),
    "codes": (DecisionTreeClassifier(max_depth=3), NUMBERS, (LABELS == "yes").astype(int)),
}
CALLS = {
    "logit": "{}('logit', a, b)",
    "single": "{}('single', a, b)",
    "encoded": "{}('encoded', a, b, kind)",
    "tree": "{}('tree', a, b)",
    "codes": "{}('codes', a, b)",
}
HARD = "nan inf -inf 0 -0.0 1e-310 1e30 3.4028234663852886e38 3.4028235e38 3.5e38 1e250 -1e308 0.1 -2"


@pytest.fixture(scope="module")
def session() -> Iterator[wml.Session]:
    with wml.connect() as opened:
        for name, (estimator, rows, target) in MODELS.items():
            opened.register(name, estimator.fit(rows, target), rows)
        opened.sql(
            f"CREATE TABLE hard AS SELECT row_number() OVER () AS id, x::DOUBLE AS a, y::DOUBLE AS b, kind "
            f"FROM (FROM unnest(split('{HARD}', ' ')) UNION ALL SELECT NULL) AS p(x), "
            "unnest(['0.3', NULL, 'inf', '-1e308']) AS q(y), "
            "unnest(['x', 'it''s']) AS r(kind)"
        )
        opened.sql(
            "CREATE TABLE narrow AS SELECT id, TRY_CAST(a AS FLOAT) AS a, TRY_CAST(b AS SMALLINT) AS b, "
            "kind::ENUM('x', 'it''s') AS kind FROM hard"
        )
        yield opened


def answers(session: wml.Session, query: str) -> list[tuple[object, ...]] | str:
    try:
        return session.sql(query).fetchall()
    except wml.WarehouseMLError as error:
        return f"{type(error).__name__}: {error}"


def inlined(session: wml.Session, query: str) -> bool:
    with session.optimizer.only("inline_scores"):
        return any(done.rule == "inline_scores" for done in session.explain(query).applied)


def agree(session: wml.Session, query: str) -> bool:
    with session.optimizer.off():
        wanted = answers(session, query)
    with session.optimizer.only("inline_scores"):
        got = answers(session, query)
    if isinstance(wanted, str) or isinstance(got, str):
        return got == wanted
    return len(got) == len(wanted) and all(
        same(mine, theirs)
        for ours, others in zip(got, wanted, strict=True)
        for mine, theirs in zip(ours, others, strict=True)
    )


@pytest.mark.parametrize("table", ["hard", "narrow"])
@pytest.mark.parametrize("name", CALLS)
def test_expressions_give_what_functions_give(session, name: str, table: str) -> None:
    query = f"SELECT {CALLS[name].format('TRY_PREDICT')} AS p FROM {table} ORDER BY id"
    assert inlined(session, query)
    assert agree(session, query)


@pytest.mark.parametrize("method", ["PREDICT", "PREDICT_PROBA"])
@pytest.mark.parametrize("name", ["logit", "single", "tree"])
def test_expressions_raise_what_functions_raise(session, name: str, method: str) -> None:
    call = CALLS[name].format(method)
    for row in range(1, 121, 11):
        assert agree(session, f"SELECT {call} AS p FROM hard WHERE id = {row}")


SHAPES = [
    "SELECT id FROM hard WHERE TRY_PREDICT('logit', a, b) = 'yes' ORDER BY id",
    "SELECT count(*) AS n FROM hard GROUP BY TRY_PREDICT('tree', a, b) ORDER BY n",
    "SELECT PREDICT_PROBA('logit', x.a, y.b) AS p FROM ROWS x JOIN ROWS y USING (a) ORDER BY a",
    "SELECT PREDICT('logit', 0.5, 1) AS p",
    "SELECT PREDICT('logit', NULL, 1) AS p",
    "SELECT PREDICT('logit', a + 1, b) AS p FROM ROWS ORDER BY a, b",
]


@pytest.mark.parametrize("query", SHAPES)
def test_statements_of_many_shapes_agree(session, query: str) -> None:
    assert agree(session, query)


PLAIN = [
    "SELECT PREDICT('logit', kind, b) AS p FROM hard",
    "SELECT PREDICT('logit', random(), b) AS p FROM hard",
    "SELECT PREDICT('logit', (SELECT 1), b) AS p FROM hard",
    "SELECT PREDICT('logit', NULL, 1) AS p",
]


@pytest.mark.parametrize("query", PLAIN)
def test_calls_that_stay_calls(session, query: str) -> None:
    try:
        assert not inlined(session, query)
    except wml.FeatureTypeError:
        assert agree(session, query)


def test_parameters_stay_parameters(session) -> None:
    with session.optimizer.only("inline_scores"):
        assert len(session.sql("SELECT PREDICT('logit', ?, 1) AS p", [0.5]).fetchall()) == 1


def test_a_setting_without_nan_keeps_functions(session) -> None:
    query = "SELECT PREDICT('logit', a, b) AS p FROM hard"
    session.connection.execute("SET ieee_floating_point_ops = false")
    try:
        assert not inlined(session, query)
    finally:
        session.connection.execute("RESET ieee_floating_point_ops")
    assert inlined(session, query)


def test_few_rows_do_not_pay_for_a_long_text(session, monkeypatch) -> None:
    query = "SELECT PREDICT('logit', a, b) AS p FROM hard"
    monkeypatch.setattr(sys.modules["warehouse_ml.optimize.inline_scores"], "SHORT_TEXT", 10)
    assert not inlined(session, query)
    assert inlined(session, query.replace("FROM hard", "FROM hard, range(1000000)"))


VALUES = st.floats() | st.floats(-5, 5) | st.floats(width=32)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["logit", "single", "tree"]), st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=20)
)
def test_random_rows_agree(session, name: str, rows: list[tuple[float, float]]) -> None:
    values = ", ".join(f"('{a!r}'::DOUBLE, '{b!r}'::DOUBLE)" for a, b in rows)
    assert agree(
        session, f"SELECT {CALLS[name].format('TRY_PREDICT')} AS p FROM (VALUES {values}) AS v(a, b)"
    )
