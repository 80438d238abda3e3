import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

import warehouse_ml as wml
from warehouse_ml import planning
from warehouse_ml.backends import make_plan
from warehouse_ml.engines import handler_files, lazy_scorer

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame(RANDOM.normal(size=(400, 3)), columns=["a", "b", "c"]).assign(
    kind=RANDOM.choice(["x", "y", "z"], 400)
)
LABELS = np.where(ROWS.a + (ROWS.kind == "x") > 0.3, "yes", "no")
NUMBERS = ROWS[["a", "b", "c"]]

ENCODED = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["kind"]), (StandardScaler(), ["a", "b", "c"])
)
MODELS = {
    "boosted": (XGBClassifier(n_estimators=30), NUMBERS, (LABELS == "yes").astype(int)),
    "forest": (make_pipeline(ENCODED, RandomForestClassifier(30, max_depth=6)), ROWS, LABELS),
    "logged": (
        make_pipeline(FunctionTransformer(np.exp), RandomForestRegressor(20, max_depth=5)),
        NUMBERS,
        ROWS.a * ROWS.b,
    ),
    "network": (MLPClassifier((8,), solver="lbfgs", max_iter=5000), NUMBERS, LABELS),
    "linear": (make_pipeline(ENCODED, LogisticRegression()), ROWS, LABELS),
}
ROUTES = {"boosted": "trees", "forest": "trees", "logged": "trees"}


@pytest.fixture(scope="module")
def session():
    with wml.connect() as opened:
        for name, (estimator, rows, target) in MODELS.items():
            with np.errstate(all="ignore"):
                opened.register(name, estimator.fit(rows, target), rows)
        opened.sql("CREATE TABLE t AS FROM ROWS")
        yield opened


def plan(session, name: str):
    return session._registry.plan_facts(session.describe(name))


@pytest.mark.parametrize("name", ROUTES)
def test_trees_are_scored_by_the_kernel(session, name: str) -> None:
    assert plan(session, name).route == ROUTES[name]


def test_a_small_linear_model_has_an_expression(session) -> None:
    assert plan(session, "linear").inline is not None
    assert plan(session, "boosted").inline is None


@pytest.mark.parametrize("name", MODELS)
def test_every_route_was_held_to_the_registered_graph(session, name: str) -> None:
    assert all(difference <= 1e-6 for difference in plan(session, name).differences.values())


@pytest.mark.parametrize("name", MODELS)
def test_the_plan_scores_as_the_estimator(session, name: str) -> None:
    estimator, rows, _ = MODELS[name]
    with session.optimizer.without("inline_scores"):
        got = [row[0] for row in session.sql(f"SELECT PREDICT('{name}', *) FROM t").fetchall()]
    expected = estimator.predict(rows)
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(got, expected, rtol=1e-9)
    else:
        assert got == expected.tolist()


def test_without_numba_onnxruntime_scores(session, monkeypatch) -> None:
    def load(name: str):
        if name == "tree_kernel":
            raise ImportError("No module named 'numba'")
        return handler_files.load_handler(name)

    monkeypatch.setattr(lazy_scorer, "load_handler", load)
    estimator, rows, _ = MODELS["boosted"]
    with wml.connect() as other:
        other.register("boosted", estimator, rows)
        facts = plan(other, "boosted")
        assert facts.route != "trees"
        assert facts.others["trees"] == "its kernel needs numba, which is not installed"
        got = [row[0] for row in other.sql("SELECT PREDICT('boosted', *) FROM NUMBERS").fetchall()]
    assert got == estimator.predict(rows).tolist()


def test_a_version_without_a_plan_is_scored(session) -> None:
    with wml.connect() as other:
        estimator, rows, _ = MODELS["boosted"]
        other.register("boosted", estimator, rows)
        other.connection.execute("DROP TABLE warehouse_ml.registry_plan")
        fresh = wml.connect(other.connection.cursor())
        assert plan(fresh, "boosted") is None
        assert "has no plan" in str(fresh.explain("SELECT PREDICT('boosted', 1, 2, 3)"))
        assert fresh.sql("SELECT PREDICT('boosted', 1, 2, 3)").fetchall() in ([(0,)], [(1,)])
        assert fresh.register("boosted", estimator, rows).version == 1
        assert plan(fresh, "boosted").route == "trees"


def test_a_refusal_names_the_text_and_not_its_code(session) -> None:
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    forest = make_pipeline(encoder, RandomForestClassifier(10, max_depth=6)).fit(ROWS, LABELS)
    session.register("strict", forest, ROWS)
    assert plan(session, "strict").route == "trees"
    with pytest.raises(wml.errors.ScoringError, match="refuses 'zebra' for the feature 'kind'"):
        session.sql("SELECT PREDICT('strict', a, b, c, 'zebra') FROM t").fetchall()


def test_a_packed_batch_is_scored_in_parts(session, monkeypatch) -> None:
    assert plan(session, "network").route in ("graph", "onnxruntime")
    query = "SELECT PREDICT_PROBA('network', *) FROM t"
    with session.optimizer.without("inline_scores"):
        whole = session.sql(query).fetchall()
        monkeypatch.setattr(handler_files.load_handler("onnx_udf"), "CELLS_PER_RUN", 500)
        assert session.sql(query).fetchall() == whole


def test_a_model_whose_rows_are_wide_gets_its_plan(monkeypatch) -> None:
    monkeypatch.setattr(handler_files.load_handler("onnx_udf"), "CELLS_PER_RUN", 500)
    estimator, rows, _ = MODELS["network"]
    with wml.connect() as other:
        other.register("network", estimator, rows)
        assert "graph" in plan(other, "network").differences


@pytest.mark.parametrize(
    ("name", "way"), [("boosted", "tensors"), ("forest", "tensors"), ("network", "graph")]
)
def test_a_plan_says_what_a_gpu_would_run(session, name: str, way: str) -> None:
    facts = plan(session, name)
    way = way if way == "tensors" or facts.route == "graph" else "onnxruntime"
    assert list(facts.operators) == [way]
    data = session._registry.load(session.describe(name), "plan")
    tensors = handler_files.load_handler("planned_udf").tensors_of_plan(data)
    assert bool(tensors) == (way == "tensors")
    assert facts.differences.get("tensors", 0.0) <= 1e-6


def test_tensors_that_are_off_are_not_kept(session, monkeypatch) -> None:
    monkeypatch.setattr(planning, "ROUTE_TOLERANCE", -1.0)
    session.register("off", RandomForestRegressor(3, max_depth=2).fit(NUMBERS, ROWS.a), NUMBERS)
    facts = plan(session, "off")
    assert facts.operators == {}
    assert "they are off by" in facts.others["tensors"]


def test_trees_of_too_many_operators_are_left_to_the_cpu(session, monkeypatch) -> None:
    monkeypatch.setattr(make_plan, "MOST_DEVICE_OPERATORS", 10)
    session.register("large", RandomForestRegressor(4, max_depth=2).fit(NUMBERS, ROWS.b), NUMBERS)
    assert "more than 10" in plan(session, "large").others["tensors"]
