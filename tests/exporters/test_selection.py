from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import feature_selection as fs
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LinearRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.agreement import assert_agrees, name_of, score
from warehouse_ml.errors import UnsupportedStepError

WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)
CANCER, MALIGNANT = load_breast_cancer(return_X_y=True, as_frame=True)
CLASSIFIER = RidgeClassifier(alpha=100.0)

SELECTORS = [
    fs.SelectKBest(k=3),
    fs.SelectKBest(fs.chi2, k="all"),
    fs.SelectPercentile(percentile=30),
    fs.SelectFpr(),
    fs.SelectFdr(alpha=1e-9),
    fs.SelectFwe(alpha=1e-20),
    fs.GenericUnivariateSelect(mode="k_best", param=4),
    fs.VarianceThreshold(0.5),
    fs.SelectFromModel(CLASSIFIER),
    fs.SelectFromModel(CLASSIFIER, max_features=2),
    fs.SequentialFeatureSelector(LinearRegression(), n_features_to_select=2, cv=2),
]


@pytest.mark.parametrize("selector", SELECTORS, ids=name_of)
def test_selector_agrees(selector: Any) -> None:
    assert_agrees(selector.fit(WINE, CULTIVAR), WINE)


@pytest.mark.parametrize("selector", SELECTORS[:1] + SELECTORS[7:9], ids=name_of)
def test_selected_classifier_agrees(selector: Any) -> None:
    model = make_pipeline(selector, StandardScaler(), CLASSIFIER).fit(WINE.to_numpy(), CULTIVAR)
    assert_agrees(model, WINE.to_numpy())


ELIMINATORS = [
    fs.RFE(CLASSIFIER, n_features_to_select=3),
    fs.RFECV(CLASSIFIER, step=4, cv=2),
    fs.RFE(LinearRegression(), n_features_to_select=2),
]


@pytest.mark.parametrize("model", ELIMINATORS, ids=name_of)
def test_eliminator_predicts_as_its_estimator(model: Any) -> None:
    frame = CANCER.iloc[::3, :9]
    assert_agrees(model.fit(frame, MALIGNANT[::3]), frame)


def test_eliminator_inside_a_pipeline_transforms() -> None:
    model = make_pipeline(fs.RFE(CLASSIFIER, n_features_to_select=3), StandardScaler())
    assert_agrees(model.fit(CANCER, MALIGNANT), CANCER)


def test_selection_after_a_sparse_encoder_agrees() -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c", "a"] * 9, "number": range(36)}).iloc[:34]
    columns = ColumnTransformer([("hot", OneHotEncoder(), ["text"]), ("rest", StandardScaler(), ["number"])])
    model = make_pipeline(columns, fs.SelectKBest(k=2), CLASSIFIER)
    assert_agrees(model.fit(frame, np.arange(34) % 3 == 0), frame)


def test_selector_that_selects_nothing_is_refused() -> None:
    selector = fs.SelectFwe(alpha=1e-300).fit(WINE, CULTIVAR)
    with pytest.raises(UnsupportedStepError, match="selects no feature"):
        score(selector, WINE)
