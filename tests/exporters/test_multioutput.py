from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_linnerud, load_wine
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain

from tests.agreement import assert_agrees


def _labels() -> tuple[pd.DataFrame, np.ndarray]:
    features, target = load_wine(return_X_y=True, as_frame=True)
    scaled = (features - features.mean()) / features.std()
    labels = np.column_stack([target == 0, scaled["alcohol"] > 0.5, scaled["hue"] < 0.1])
    return scaled, labels.astype(int)


@pytest.mark.parametrize("inner", [LogisticRegression(), RidgeClassifier()])
def test_several_outputs_agree(inner: Any) -> None:
    features, labels = _labels()
    assert_agrees(MultiOutputClassifier(inner).fit(features, labels), features)


def test_outputs_of_several_classes_agree() -> None:
    features, target = load_wine(return_X_y=True, as_frame=True)
    scaled = (features - features.mean()) / features.std()
    kinds = np.column_stack([np.array(["x", "y", "z"])[target], np.where(scaled["hue"] > 0, "p", "q")])
    assert_agrees(MultiOutputClassifier(LogisticRegression()).fit(scaled, kinds), scaled)


def test_several_values_agree() -> None:
    features, target = load_linnerud(return_X_y=True, as_frame=True)
    assert_agrees(MultiOutputRegressor(Ridge()).fit(features, target), features)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
@pytest.mark.parametrize("order", [None, [2, 0, 1]])
def test_chain_of_classifiers_agrees(method: Any, order: Any) -> None:
    features, labels = _labels()
    model = ClassifierChain(LogisticRegression(), order=order, chain_method=method)
    assert_agrees(model.fit(features, labels), features)


def test_chain_of_decisions_agrees() -> None:
    features, labels = _labels()
    model = ClassifierChain(RidgeClassifier(), order="random", random_state=4, cv=3)
    assert_agrees(model.fit(features, labels), features)


@pytest.mark.parametrize("order", [None, [2, 0, 1]])
def test_chain_of_regressors_agrees(order: Any) -> None:
    features, target = load_linnerud(return_X_y=True, as_frame=True)
    assert_agrees(RegressorChain(Ridge(), order=order).fit(features, target), features)
