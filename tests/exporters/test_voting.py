from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline

from tests.agreement import assert_agrees


def _labelled(classes: int, names: Any = ("a", "b", "c")) -> tuple[pd.DataFrame, np.ndarray]:
    loaded = load_iris if classes == 3 else load_breast_cancer
    features, target = loaded(return_X_y=True, as_frame=True)
    scaled = (features - features.mean()) / features.std()
    return scaled.iloc[:, :4], np.array(names[:classes])[target]


_MEMBERS = [
    ("strict", LogisticRegression(C=0.01)),
    ("dropped", "drop"),
    ("loose", LogisticRegression(C=100.0)),
    ("ridge", RidgeClassifier()),
]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("weights", [None, [0.1, 7.0, 0.2, 0.3], [1, 0, 1, 0]])
def test_hard_voting_agrees(classes: int, weights: Any) -> None:
    features, target = _labelled(classes)
    model = VotingClassifier(_MEMBERS, weights=weights).fit(features, target)
    assert_agrees(model, features)


@pytest.mark.parametrize("weights", [None, [2.0, 1.0, 0.5]])
def test_soft_voting_agrees(weights: Any) -> None:
    features, target = _labelled(3, (10, 20, 30))
    model = VotingClassifier(_MEMBERS[:3], voting="soft", weights=weights).fit(features, target)
    assert_agrees(model, features)


def test_voting_regressor_agrees() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    members = [("plain", LinearRegression()), ("ridge", Ridge(10.0)), ("none", "drop")]
    assert_agrees(VotingRegressor(members, weights=[1, 3, 9]).fit(features, target), features)


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_the_votes_of_a_step_agree(voting: str) -> None:
    features, target = _labelled(3)
    members = VotingClassifier(_MEMBERS[:3], voting=voting)
    assert_agrees(make_pipeline(members, LogisticRegression()).fit(features, target), features)


def test_the_values_of_a_voting_step_agree() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    members = VotingRegressor([("plain", LinearRegression()), ("ridge", Ridge(10.0))])
    assert_agrees(make_pipeline(members, Ridge()).fit(features, target), features)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("passthrough", [True, False])
@pytest.mark.parametrize("method", ["auto", "predict"])
def test_stacking_classifier_agrees(classes: int, passthrough: bool, method: Any) -> None:
    features, target = _labelled(classes)
    model = StackingClassifier(
        [*_MEMBERS, ("line", LinearRegression())] if method == "predict" else _MEMBERS,
        final_estimator=LogisticRegression(max_iter=500),
        stack_method=method,
        passthrough=passthrough,
        cv=3,
    )
    target = target if method == "auto" else (target == "a").astype(int)
    assert_agrees(model.fit(features, target), features)


def test_stacking_of_fitted_estimators_agrees() -> None:
    features, target = _labelled(3)
    fitted = [("a", LogisticRegression().fit(features, target))]
    assert_agrees(StackingClassifier(fitted, cv="prefit").fit(features, target), features)


def test_stacking_of_a_frozen_estimator_agrees() -> None:
    features, target = _labelled(2)
    frozen = FrozenEstimator(LogisticRegression().fit(features, target))
    model = StackingClassifier([("frozen", frozen), ("ridge", RidgeClassifier())])
    assert_agrees(model.fit(features, target), features)


@pytest.mark.parametrize("passthrough", [True, False])
def test_stacking_regressor_agrees(passthrough: bool) -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = StackingRegressor(
        [("plain", LinearRegression()), ("none", "drop"), ("ridge", Ridge(10.0))],
        final_estimator=Ridge(),
        passthrough=passthrough,
        cv=3,
    )
    assert_agrees(model.fit(features, target), features)


@pytest.mark.parametrize("labels", [2, 3])
def test_stacking_of_several_labels_agrees(labels: int) -> None:
    features, _ = load_wine(return_X_y=True, as_frame=True)
    features = (features - features.mean()) / features.std()
    target = np.column_stack([features.iloc[:, i] > 0 for i in range(labels)]).astype(int)
    members = [
        ("rest", OneVsRestClassifier(LogisticRegression())),
        ("each", MultiOutputClassifier(LogisticRegression())),
    ]
    final = MultiOutputClassifier(LogisticRegression())
    model = StackingClassifier(members, final_estimator=final, cv=3)
    assert_agrees(model.fit(features.iloc[:, :5], target), features.iloc[:, :5])
