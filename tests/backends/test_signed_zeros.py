import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBClassifier

from warehouse_ml.backends.signed_zeros import tells_zeros_apart
from warehouse_ml.export import export
from warehouse_ml.sample import Sample

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame(RANDOM.integers(-2, 3, size=(300, 3)).astype(float), columns=["a", "b", "c"])
LABELS = (ROWS.a + ROWS.b > 0).astype(int)
TREE = DecisionTreeRegressor(max_depth=4, random_state=0)

BLIND = {
    "tree": TREE,
    "scaled tree": make_pipeline(SimpleImputer(), StandardScaler(), TREE),
    "forest": RandomForestClassifier(5, max_depth=4, random_state=0),
    "xgboost": XGBClassifier(n_estimators=5, max_depth=3),
    "magnitudes": make_pipeline(FunctionTransformer(np.abs), TREE),
}
SEEING = {
    "linear": LinearRegression(fit_intercept=False),
    "reciprocals": make_pipeline(FunctionTransformer(np.reciprocal), SimpleImputer(), TREE),
}


def exported(model):
    rows = ROWS[(ROWS != 0).all(axis=1)] if model in SEEING.values() else ROWS
    fitted = model.fit(rows, LABELS[rows.index])
    return export(fitted, Sample.of(fitted, rows)).graph


def scores(graph, rows):
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]  # feature_0, feature_1 and so on
    return session.run(None, {name: rows.iloc[:, [int(name[-1])]].to_numpy() for name in names})


@pytest.mark.parametrize("name", BLIND)
def test_a_score_that_is_said_to_be_blind_is(name) -> None:
    graph = exported(BLIND[name])
    assert not tells_zeros_apart(graph)
    negative = ROWS.where(ROWS != 0, -0.0)
    assert np.signbit(negative.to_numpy()).sum() > np.signbit(ROWS.to_numpy()).sum()
    for found, expected in zip(scores(graph, negative), scores(graph, ROWS), strict=True):
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", SEEING)
def test_a_score_that_may_depend_on_the_sign_of_a_zero_is_said_to(name) -> None:
    assert tells_zeros_apart(exported(SEEING[name]))
