from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from tests.agreement import assert_agrees


def _wine(classes: int = 3, names: tuple[Any, ...] = ("a", "b", "c")) -> tuple[pd.DataFrame, np.ndarray]:
    features, target = load_wine(return_X_y=True, as_frame=True)
    kept = target < classes
    return features[kept], np.array(names)[target[kept]]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("inner", [LogisticRegression(max_iter=50, tol=1.0), RidgeClassifier()])
def test_bagging_classifier_agrees(classes: int, inner: Any) -> None:
    features, target = _wine(classes)
    model = BaggingClassifier(inner, n_estimators=4, max_features=0.5, max_samples=0.3, random_state=0)
    assert_agrees(model.fit(features, target), features)


def test_bagging_of_estimators_that_missed_a_class_agrees() -> None:
    features, target = _wine()
    rare = np.flatnonzero(target != "b").tolist() + np.flatnonzero(target == "b")[:2].tolist()
    model = BaggingClassifier(KNeighborsClassifier(3), n_estimators=9, max_samples=0.3, random_state=1).fit(
        features.iloc[rare], target[rare]
    )
    assert {len(estimator.classes_) for estimator in model.estimators_} == {2, 3}
    assert_agrees(model, features)


def test_bagging_with_repeated_features_agrees() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = BaggingRegressor(
        Ridge(), n_estimators=5, bootstrap_features=True, max_features=0.7, random_state=0
    )
    assert_agrees(model.fit(features, target), features)


def test_bagging_in_two_jobs_agrees() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = BaggingRegressor(LinearRegression(), n_estimators=5, random_state=0).fit(features, target)
    assert_agrees(model.set_params(n_jobs=2), features, rtol=1e-12)


@pytest.mark.parametrize("names", [("a", "b", "c"), (1, 5, 9), (False, True, None)])
def test_adaboost_classifier_agrees(names: tuple[Any, ...]) -> None:
    classes = 2 if None in names else 3
    features, target = _wine(classes, names[:classes])
    model = AdaBoostClassifier(LogisticRegression(max_iter=50, tol=1.0), n_estimators=6, random_state=0)
    assert_agrees(model.fit(features, target), features)


def test_adaboost_regressor_takes_the_weighted_median() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = AdaBoostRegressor(Ridge(), n_estimators=8, random_state=0).fit(features, target)
    assert_agrees(model, features)


def test_adaboost_regressor_of_one_estimator_agrees() -> None:
    features, target = load_iris(return_X_y=True, as_frame=True)
    model = AdaBoostRegressor(LinearRegression(), n_estimators=1, random_state=0)
    assert_agrees(model.fit(features, target), features)
