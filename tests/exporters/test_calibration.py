from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.agreement import assert_agrees


def _binary(labels: tuple[Any, Any] = (0, 1)) -> tuple[pd.DataFrame, np.ndarray]:
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    scaled = (features - features.mean()) / features.std()
    return scaled.iloc[:, :6], np.array(labels)[target]


def _wine() -> tuple[pd.DataFrame, np.ndarray]:
    features, target = load_wine(return_X_y=True, as_frame=True)
    scaled = (features - features.mean()) / features.std()
    return scaled.iloc[:, :5], np.array(["barbera", "barolo", "grignolino"])[target]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("inner", [LogisticRegression(max_iter=500), RidgeClassifier()])
def test_calibration_of_two_classes_agrees(method: str, ensemble: bool, inner: Any) -> None:
    features, target = _binary(("benign", "malignant"))
    model = CalibratedClassifierCV(inner, method=method, ensemble=ensemble, cv=3).fit(
        features[::2], target[::2]
    )
    assert_agrees(model, features[1::2])


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("ensemble", [True, False])
def test_calibration_of_three_classes_agrees(method: str, ensemble: bool) -> None:
    features, target = _wine()
    model = CalibratedClassifierCV(RidgeClassifier(), method=method, ensemble=ensemble, cv=3)
    assert_agrees(model.fit(features, target), features * 1.5)


def test_calibration_of_a_fitted_classifier_agrees() -> None:
    features, target = _wine()
    fitted = LogisticRegression(max_iter=500).fit(features[::2], target[::2])
    model = CalibratedClassifierCV(FrozenEstimator(fitted), method="isotonic")
    assert_agrees(model.fit(features[1::2], target[1::2]), features)


def test_calibration_of_a_row_without_any_probability_is_uniform() -> None:
    features = pd.DataFrame({"x": np.repeat([0.0, 1.0, 2.0], 20), "y": np.tile([0.0, 1.0], 30)})
    target = np.repeat([0, 1, 2], 20)
    model = CalibratedClassifierCV(RidgeClassifier(), method="isotonic", cv=2).fit(features, target)
    rows = pd.DataFrame({"x": [-50.0, 0.5, 1.0, 50.0], "y": [60.0, 0.0, -60.0, 60.0]})
    assert_agrees(model, rows)


@pytest.mark.parametrize("pos_label", [None, "malignant", "benign"])
@pytest.mark.parametrize("response", ["auto", "predict_proba", "decision_function"])
def test_fixed_threshold_agrees(pos_label: str | None, response: Any) -> None:
    features, target = _binary(("benign", "malignant"))
    model = FixedThresholdClassifier(
        LogisticRegression(), threshold=0.37, pos_label=pos_label, response_method=response
    )
    assert_agrees(model.fit(features, target), features)


def test_fixed_threshold_of_a_fitted_classifier_agrees() -> None:
    features, target = _binary((False, True))
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(features, target)
    assert_agrees(FixedThresholdClassifier(FrozenEstimator(fitted)).fit(features, target), features)


@pytest.mark.parametrize("inner", [LogisticRegression(), RidgeClassifier()])
def test_tuned_threshold_agrees(inner: Any) -> None:
    features, target = _binary()
    assert_agrees(TunedThresholdClassifierCV(inner, cv=3).fit(features, target), features)


def test_tuned_threshold_for_the_first_class_agrees() -> None:
    features, target = _binary(("benign", "malignant"))
    scoring = make_scorer(f1_score, pos_label="benign")
    model = TunedThresholdClassifierCV(LogisticRegression(), scoring=scoring, cv=3)
    assert_agrees(model.fit(features, target), features)
