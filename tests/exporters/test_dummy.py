from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.dummy import DummyClassifier, DummyRegressor

from tests.agreement import assert_agrees, name_of, score
from warehouse_ml.errors import UnsupportedStepError

ROWS = pd.DataFrame({"a": [1.0, np.nan, 3.0, 4.0], "b": ["x", "y", None, "z"]})
LABELS = np.array(["no", "yes", "yes", "maybe"])

REGRESSORS = [
    DummyRegressor(),
    DummyRegressor(strategy="median"),
    DummyRegressor(strategy="quantile", quantile=0.9),
    DummyRegressor(strategy="constant", constant=7),
]
CLASSIFIERS = [
    DummyClassifier(),
    DummyClassifier(strategy="most_frequent"),
    DummyClassifier(strategy="constant", constant="maybe"),
]


@pytest.mark.parametrize("model", REGRESSORS, ids=name_of)
def test_dummy_regressor_agrees(model: Any) -> None:
    assert_agrees(model.fit(ROWS, [1.5, 2.0, 4.0, 9.0]), ROWS)


def test_dummy_regressor_of_several_targets_agrees() -> None:
    assert_agrees(DummyRegressor().fit(ROWS, np.arange(8.0).reshape(4, 2)), ROWS)


@pytest.mark.parametrize("model", CLASSIFIERS, ids=name_of)
def test_dummy_classifier_agrees(model: Any) -> None:
    assert_agrees(model.fit(ROWS, LABELS), ROWS)


@pytest.mark.parametrize(
    "model", [DummyClassifier(), DummyClassifier(strategy="constant", constant=[3, 1])], ids=repr
)
def test_dummy_classifier_of_several_targets_agrees(model: Any) -> None:
    targets = np.array([[2, 0], [3, 1], [5, 1], [2, 1]])
    assert_agrees(model.fit(ROWS, targets), ROWS)


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_random_strategies_are_refused(strategy: str) -> None:
    with pytest.raises(UnsupportedStepError, match=f"the strategy '{strategy}' is random"):
        score(DummyClassifier(strategy=strategy).fit(ROWS, LABELS), ROWS)


def test_a_sparse_target_is_refused() -> None:
    target = sparse.csr_array(np.array([[0, 1], [1, 0], [1, 1], [0, 1]]))
    with pytest.raises(UnsupportedStepError, match="its target was a sparse matrix"):
        score(DummyClassifier(strategy="prior").fit(ROWS, target), ROWS)
