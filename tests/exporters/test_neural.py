import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from tests.agreement import assert_agrees, score
from warehouse_ml.errors import UnsupportedStepError

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]


def fitted(model: Any, features: Any, target: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, target)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("classes", [2, 3])
def test_classifier_agrees(activation: str, classes: int) -> None:
    kept = classes > SPECIES
    model = MLPClassifier((7, 5), activation=activation, max_iter=60, random_state=0)
    assert_agrees(fitted(model, IRIS[kept], SPECIES[kept]), IRIS)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("targets", [1, 2])
def test_regressor_agrees(activation: str, targets: int) -> None:
    target = IRIS.iloc[:, 2 : 2 + targets].to_numpy()
    model = MLPRegressor(hidden_layer_sizes=(9,), activation=activation, max_iter=60, random_state=0)
    assert_agrees(fitted(model, IRIS, target if targets > 1 else target.ravel()), IRIS)


def test_poisson_regressor_agrees() -> None:
    model = MLPRegressor(hidden_layer_sizes=(5,), loss="poisson", max_iter=60, random_state=0)
    assert_agrees(fitted(model, IRIS, SPECIES), IRIS)


def test_classifier_of_an_indicator_matrix_agrees() -> None:
    indicator = np.column_stack([SPECIES == 0, SPECIES > 0, IRIS.iloc[:, 0] > 6]).astype(int)
    model = MLPClassifier((6,), max_iter=60, random_state=0)
    assert_agrees(fitted(model, IRIS, indicator), IRIS)


def test_a_single_class_is_refused() -> None:
    model = fitted(MLPClassifier((2,), max_iter=2), IRIS, np.zeros(len(IRIS)))
    with pytest.raises(UnsupportedStepError, match="one class only"):
        score(model, IRIS)


def test_boltzmann_machine_agrees() -> None:
    digits, figure = load_digits(return_X_y=True)
    pixels = pd.DataFrame(digits[::6] / 16.0).rename(columns=str)
    assert_agrees(BernoulliRBM(8, n_iter=2, random_state=0).fit(pixels), pixels)
    stacked = make_pipeline(BernoulliRBM(8, n_iter=2, random_state=0), LogisticRegression(max_iter=500))
    assert_agrees(stacked.fit(pixels, figure[::6]), pixels)
