from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from tests.agreement import assert_agrees, score
from tests.exporters.tree_data import harder, numbers
from warehouse_ml.export import export
from warehouse_ml.sample import Sample


def with_nan(frame: pd.DataFrame) -> pd.DataFrame:
    changed = frame.copy()
    changed.iloc[::5, ::2] = np.nan
    return changed


def between_training_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows on and beside the thresholds: the midpoints of neighbouring values, and their neighbours."""
    middle = (frame + frame.shift(1).fillna(frame)) / 2
    ordered = pd.DataFrame({name: np.sort(frame[name]) for name in frame})
    halves = (ordered + ordered.shift(1).fillna(ordered)) / 2
    beside = [np.nextafter(halves, np.inf), np.nextafter(halves, -np.inf)]
    return pd.concat([middle, halves, *beside])


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        DecisionTreeClassifier(random_state=0, max_depth=2, class_weight="balanced"),
        ExtraTreeClassifier(random_state=0),
        RandomForestClassifier(n_estimators=15, random_state=0),
        ExtraTreesClassifier(n_estimators=15, random_state=0, criterion="entropy"),
    ],
)
def test_classifier_agrees(model: Any, load: Any) -> None:
    features, target = load(return_X_y=True, as_frame=True)
    assert_agrees(model.fit(features, target), features, between_training_values(features))
    assert_agrees(model.fit(with_nan(features), target), features, with_nan(features))


@pytest.mark.parametrize("criterion", ["squared_error", "friedman_mse", "absolute_error", "poisson"])
def test_tree_regressor_agrees(criterion: str) -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    if criterion != "friedman_mse":
        model = DecisionTreeRegressor(criterion=criterion, max_depth=5)
        assert_agrees(model.fit(features, target), features, between_training_values(features))
    assert_agrees(ExtraTreeRegressor(random_state=0).fit(features, target), features)


@pytest.mark.parametrize("forest", [RandomForestRegressor, ExtraTreesRegressor, DecisionTreeRegressor])
def test_regressor_agrees_on_several_outputs_and_nan(forest: Any) -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    settings = {} if forest is DecisionTreeRegressor else {"n_estimators": 12}
    model = forest(random_state=0, **settings)
    assert_agrees(model.fit(features, np.column_stack([target, np.sqrt(target)])), features)
    assert_agrees(model.fit(with_nan(features), target), features, with_nan(features))


@pytest.mark.parametrize("model", [RandomForestClassifier(n_estimators=8), DecisionTreeClassifier()])
def test_several_labels_agree(model: Any) -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    multilabel = np.column_stack([target > 100, target > 200, target > 0]).astype(int)
    assert_agrees(model.fit(features, multilabel[:, :2]), features)
    words = np.column_stack([np.where(target > 100, "a", "b"), np.digitize(target, [90, 200]).astype(str)])
    assert_agrees(model.fit(features, words), features)


@pytest.mark.parametrize("labels", [np.array(["no", "yes"]), np.array([False, True]), np.array([-7, 40])])
def test_label_types_agree(labels: np.ndarray) -> None:
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    assert_agrees(RandomForestClassifier(n_estimators=6).fit(features, labels[target]), features)
    assert_agrees(GradientBoostingClassifier(n_estimators=6).fit(features, labels[target]), features)


def test_votes_that_tie_agree() -> None:
    features, target = load_digits(return_X_y=True, as_frame=True)
    model = RandomForestClassifier(n_estimators=10, max_depth=3, random_state=0, bootstrap=False)
    assert_agrees(model.fit(features[:600], target[:600]), features)
    assert_agrees(
        model.set_params(n_estimators=2, max_depth=None).fit(features[:600], target[:600]), features
    )


@pytest.mark.parametrize(
    "forest", [RandomForestRegressor(n_estimators=8), GradientBoostingRegressor(n_estimators=8)]
)
def test_epochs_and_extremes_agree(forest: Any) -> None:
    features, target = numbers()
    features = features.fillna(0.0)
    assert_agrees(forest.fit(features, target), features, harder(features).fillna(1.5))


def test_features_that_no_tree_asks_for_are_not_read() -> None:
    features, target = load_iris(return_X_y=True, as_frame=True)
    model = DecisionTreeClassifier(max_depth=1, random_state=0).fit(features, target)
    (read,) = export(model, Sample.of(model, features)).signature.inputs
    assert read.feature == model.tree_.feature[0]


def test_one_class_and_one_leaf_agree() -> None:
    features, target = load_iris(return_X_y=True, as_frame=True)
    assert_agrees(RandomForestClassifier(n_estimators=3).fit(features, target * 0 + 5), features)
    assert_agrees(DecisionTreeRegressor(min_samples_leaf=150).fit(features, target), features)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"init": "zero"},
        {"loss": "exponential"},
        {"loss": "exponential", "init": "zero"},
        {"subsample": 0.5},
    ],
)
def test_boosting_classifier_agrees(settings: dict[str, Any]) -> None:
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    model = GradientBoostingClassifier(n_estimators=10, random_state=0, **settings)
    assert_agrees(model.fit(features, target), features, between_training_values(features))
    if "loss" not in settings:
        features, target = load_wine(return_X_y=True, as_frame=True)
        assert_agrees(model.fit(features, target), features)


@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
def test_boosting_from_another_classifier_agrees(loss: str) -> None:
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    first = make_pipeline(StandardScaler(), LogisticRegression())
    model = GradientBoostingClassifier(n_estimators=5, init=first, loss=loss)
    # the first model computes in float32, for boosting hands it its own rounded features
    assert_agrees(model.fit(features, target), features, rtol=1e-5)
    if loss == "log_loss":
        features, target = load_iris(return_X_y=True, as_frame=True)
        assert_agrees(model.fit(features, target), features, rtol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
@pytest.mark.parametrize("init", [None, "zero", LinearRegression()])
def test_boosting_regressor_agrees(loss: str, init: Any) -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = GradientBoostingRegressor(n_estimators=10, loss=loss, init=init, random_state=0)
    tolerance = 1e-6 if isinstance(init, LinearRegression) else 1e-9
    assert_agrees(model.fit(features, target), features, rtol=tolerance)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"contamination": 0.1},
        {"max_features": 2, "max_samples": 40},
        {"max_samples": 1},
        {"bootstrap": True},
    ],
)
def test_isolation_forest_agrees(settings: dict[str, Any]) -> None:
    features, _ = load_wine(return_X_y=True, as_frame=True)
    model = IsolationForest(n_estimators=20, random_state=0, **settings).fit(features)
    assert_agrees(model, features)
    assert_agrees(model, features, features * 1.5)


def test_isolation_forest_agrees_on_its_own_threshold() -> None:
    features, _ = load_wine(return_X_y=True, as_frame=True)
    model = IsolationForest(n_estimators=20, random_state=0).fit(features)
    for value in np.unique(model.score_samples(features))[::5]:
        model.offset_ = value
        got = score(model, features)[0]
        assert got.tolist() == model.predict(features).tolist()
        assert (model.decision_function(features) == 0).any()


@pytest.mark.parametrize("offset", [-2.0, -1.0, 0.0])
def test_isolation_forest_with_an_extreme_threshold_agrees(offset: float) -> None:
    features, _ = load_iris(return_X_y=True, as_frame=True)
    model = IsolationForest(n_estimators=5, random_state=0).fit(features)
    model.offset_ = offset
    assert_agrees(model, features)


@pytest.mark.parametrize("sparse", [True, False])
def test_embedding_agrees(sparse: bool) -> None:
    features, target = load_iris(return_X_y=True, as_frame=True)
    model = RandomTreesEmbedding(n_estimators=8, sparse_output=sparse, random_state=0).fit(features)
    assert_agrees(model, features, between_training_values(features))
    pipeline = make_pipeline(RandomTreesEmbedding(n_estimators=4, random_state=0), LogisticRegression())
    assert_agrees(pipeline.fit(features, target), features)
