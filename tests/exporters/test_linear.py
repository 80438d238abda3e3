import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import linear_model as lm
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC, LinearSVR

from tests.agreement import assert_agrees, name_of, score
from warehouse_ml.exporters import linear

DIABETES, PROGRESSION = load_diabetes(return_X_y=True, as_frame=True)
IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)

REGRESSORS = [
    lm.ARDRegression(),
    lm.BayesianRidge(),
    lm.ElasticNet(alpha=0.1),
    lm.ElasticNetCV(cv=3, alphas=5),
    lm.GammaRegressor(),
    lm.HuberRegressor(max_iter=1000),
    lm.Lars(),
    lm.LarsCV(cv=3),
    lm.Lasso(alpha=0.1),
    lm.LassoCV(cv=3, alphas=5),
    lm.LassoLars(alpha=0.1),
    lm.LassoLarsCV(cv=3),
    lm.LassoLarsIC(),
    lm.LinearRegression(),
    lm.LinearRegression(fit_intercept=False, positive=True),
    LinearSVR(),
    LinearSVR(fit_intercept=False),
    lm.OrthogonalMatchingPursuit(n_nonzero_coefs=3),
    lm.OrthogonalMatchingPursuitCV(cv=3),
    lm.PoissonRegressor(),
    lm.QuantileRegressor(quantile=0.8, alpha=0.0),
    lm.RANSACRegressor(random_state=0),
    lm.RANSACRegressor(lm.Ridge(), min_samples=20, random_state=0),
    lm.Ridge(),
    lm.RidgeCV(),
    lm.SGDRegressor(random_state=0),
    lm.SGDRegressor(random_state=0, average=True),
    lm.SGDRegressor(loss="epsilon_insensitive", penalty=None, learning_rate="pa1", eta0=1.0, random_state=0),
    lm.TheilSenRegressor(random_state=0, max_subpopulation=100),
    lm.TweedieRegressor(power=0),
    lm.TweedieRegressor(power=1.5),
    lm.TweedieRegressor(power=0, link="log"),
    PLSRegression(n_components=3),
]

SEVERAL = [
    lm.LinearRegression(),
    lm.Lasso(alpha=0.1),
    lm.Lars(),
    lm.MultiTaskElasticNet(alpha=0.1),
    lm.MultiTaskElasticNetCV(cv=3, alphas=4),
    lm.MultiTaskLasso(alpha=0.1),
    lm.MultiTaskLassoCV(cv=3, alphas=4),
    lm.OrthogonalMatchingPursuit(n_nonzero_coefs=3),
    lm.RANSACRegressor(random_state=0),
    lm.Ridge(fit_intercept=False),
    lm.RidgeCV(),
    PLSRegression(),
    PLSCanonical(),
    CCA(),
]

CLASSIFIERS = [
    LinearSVC(),
    LinearSVC(multi_class="crammer_singer", random_state=0),
    lm.LogisticRegression(max_iter=1000),
    lm.LogisticRegression(l1_ratio=1.0, C=0.5, solver="saga", max_iter=5000),
    lm.LogisticRegression(fit_intercept=False, class_weight="balanced", max_iter=1000),
    lm.LogisticRegressionCV(
        Cs=3, cv=3, max_iter=1000, l1_ratios=(0.0,), use_legacy_attributes=False, scoring="accuracy"
    ),
    lm.Perceptron(random_state=0),
    lm.RidgeClassifier(),
    lm.RidgeClassifierCV(),
    lm.SGDClassifier(random_state=0),
    lm.SGDClassifier(loss="log_loss", random_state=0),
    lm.SGDClassifier(loss="modified_huber", random_state=0),
    lm.SGDClassifier(loss="perceptron", random_state=0),
]


def fitted(model: Any, features: Any, target: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, target)


@pytest.mark.parametrize("model", REGRESSORS, ids=name_of)
def test_regressor_agrees(model: Any) -> None:
    fitted(model, DIABETES[::2], PROGRESSION[::2])
    assert_agrees(model, DIABETES[::2], DIABETES[1::2])


@pytest.mark.parametrize("model", SEVERAL, ids=name_of)
def test_regressor_of_several_targets_agrees(model: Any) -> None:
    targets = pd.DataFrame({"a": PROGRESSION, "b": DIABETES["bmi"] * 100 + PROGRESSION % 7})
    fitted(model, DIABETES[::2], targets[::2])
    assert_agrees(model, DIABETES[::2], DIABETES[1::2])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=name_of)
def test_classifier_agrees(model: Any, classes: int) -> None:
    kept = classes > SPECIES
    features, target = IRIS[kept], SPECIES[kept]
    fitted(model, features[::2], target[::2])
    assert_agrees(model, features[::2], features[1::2])


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [-1, 1], [0.0, 1.0]], ids=name_of)
def test_labels_keep_their_type(labels: list[Any]) -> None:
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    model = fitted(lm.LogisticRegression(max_iter=50), features, np.array(labels)[target])
    assert_agrees(model, features)


@pytest.mark.parametrize("model", [lm.RidgeClassifier(), lm.RidgeClassifierCV()], ids=name_of)
def test_ridge_classifier_of_an_indicator_matrix_agrees(model: Any) -> None:
    features, target = load_wine(return_X_y=True, as_frame=True)
    indicator = np.column_stack([target == 0, target > 0, features["alcohol"] > 13]).astype(int)
    assert_agrees(model.fit(features, indicator), features)


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_probabilities_that_are_all_zero_become_uniform(loss: str) -> None:
    model = lm.SGDClassifier(loss=loss, random_state=0).fit(IRIS, SPECIES)
    model.coef_, model.intercept_ = np.zeros_like(model.coef_), np.full(3, -1e4)
    assert np.column_stack(score(model, IRIS, method="predict_proba"))[0].tolist() == [1 / 3] * 3


def test_one_class_sgd_agrees() -> None:
    model = lm.SGDOneClassSVM(nu=0.3, random_state=0).fit(IRIS)
    assert set(model.predict(IRIS)) == {-1, 1}
    assert_agrees(model, IRIS)


def test_sparsified_coefficients_agree() -> None:
    model = lm.LogisticRegression(l1_ratio=1.0, solver="saga", C=0.1, max_iter=5000).fit(IRIS, SPECIES)
    assert sparse.issparse(model.sparsify().coef_)
    assert_agrees(model, IRIS)


@pytest.mark.parametrize("model", [PLSSVD(), PLSCanonical(), CCA(), PLSRegression(scale=False)], ids=name_of)
def test_latent_scores_agree(model: Any) -> None:
    targets = pd.DataFrame({"a": PROGRESSION, "b": DIABETES["bmi"] + PROGRESSION % 7})
    fitted(model, DIABETES, targets)
    last = lm.LinearRegression().fit(model.transform(DIABETES), targets)
    assert_agrees(Pipeline([("latent", model), ("last", last)]), DIABETES)


@pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")
def test_passive_aggressive_models_agree() -> None:
    assert_agrees(lm.PassiveAggressiveClassifier(random_state=0).fit(IRIS, SPECIES), IRIS)
    assert_agrees(lm.PassiveAggressiveRegressor(random_state=0).fit(IRIS, SPECIES), IRIS)


@pytest.mark.parametrize("intercept", [1e-60, -1e-60, 5e-324, 0.0])
def test_a_sum_next_to_nothing_decides_the_label(intercept: float) -> None:
    model = lm.LogisticRegression().fit(IRIS, SPECIES > 0)
    model.coef_, model.intercept_ = np.zeros((1, 4)), np.array([intercept])
    assert_agrees(model, IRIS)


def test_every_predictor_is_tested() -> None:
    tested = {type(model).__name__ for model in (*REGRESSORS, *SEVERAL, *CLASSIFIERS)}
    known = {name.removeprefix("sklearn.") for name in linear.PREDICTORS}
    assert known - tested == {"PassiveAggressiveClassifier", "PassiveAggressiveRegressor", "SGDOneClassSVM"}
