"""Linear models: a matrix product, a link, and how a label is chosen."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor


def linear_scores(model: Any, columns: Columns, exporter: Exporter) -> Tensor:
    """X @ coef_.T + intercept_, of shape [rows, outputs]."""
    coefficients = _coefficients(model)
    # one intercept may stand for all outputs, as it does without fit_intercept
    intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64).ravel(), len(coefficients))
    return exporter.product(columns, coefficients.T) + intercept


def normalized(scores: Tensor) -> Tensor:
    """Non-negative scores [rows, classes] over their sum; a row of zeros is uniform."""
    total = scores.sum()
    nothing = total <= 0.0
    return nothing.where(1.0 / scores.width, scores / nothing.where(1.0, total))


def one_versus_rest(decision: Tensor) -> Tensor:
    """LIBLINEAR's probabilities: the sigmoid of each decision, normalized where there are several."""
    chance = decision.sigmoid()
    return _two(chance) if decision.width == 1 else normalized(chance)


def linear_regression(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Ordinary and regularised least squares of any kind: the scores are the prediction."""
    return Prediction.regression(linear_scores(model, columns, exporter))


def generalized_regression(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The inverse of the link (identity or logarithm) of the scores."""
    scores = linear_scores(model, columns, exporter)
    link = type(model._base_loss.link).__name__
    if link == "IdentityLink":
        return Prediction.regression(scores)
    if link != "LogLink":
        exporter.unsupported(f"its link {link} is not known", "Use the link 'identity' or 'log'.")
    return Prediction.regression(scores.exp())


def ransac(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """What the regressor that was fitted on the inliers predicts."""
    return exporter.predict(model.estimator_, columns, "estimator_")


def linear_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The largest score, or for two classes its sign; no probabilities."""
    return Prediction.classification(model.classes_, decision=linear_scores(model, columns, exporter))


def ridge_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """A linear classifier; for an indicator matrix, the sign of every score."""
    if not model._label_binarizer.y_type_.startswith("multilabel"):
        return linear_classifier(model, columns, exporter)
    scores = linear_scores(model, columns, exporter)
    return Prediction(
        "classification",
        classes=(np.array([0, 1]),) * scores.width,
        labels=(scores > 0.0).cast("int64"),
        decision=scores,
        multilabel=True,
    )


def logistic_regression(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Sigmoid of the score for two classes, softmax for more.

    scikit-learn before 1.8 could also normalize sigmoids for several classes, or take a softmax for two.
    """
    scores = linear_scores(model, columns, exporter)
    scheme = getattr(model, "multi_class", "deprecated")
    separate = scheme == "ovr" or (scheme in ("auto", "deprecated", "warn") and model.solver == "liblinear")
    if scores.width == 1 and scheme == "multinomial":
        probabilities = exporter.graph.concat([-scores, scores]).softmax()
    elif scores.width == 1 or separate:
        probabilities = one_versus_rest(scores)
    else:
        probabilities = scores.softmax()
    return Prediction.classification(model.classes_, probabilities=probabilities, decision=scores)


def sgd_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """A linear classifier; only the logarithmic and the modified Huber loss have probabilities."""
    scores = linear_scores(model, columns, exporter)
    probabilities = None
    if model.loss == "log_loss":
        probabilities = one_versus_rest(scores)
    elif model.loss == "modified_huber":
        chance = (scores.clip(-1.0, 1.0) + 1.0) / 2.0
        probabilities = _two(chance) if scores.width == 1 else normalized(chance)
    return Prediction.classification(model.classes_, probabilities=probabilities, decision=scores)


def sgd_one_class(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """X @ coef_.T - offset_; not negative is an inlier."""
    decision = exporter.numbers(columns) @ _coefficients(model).T - np.asarray(
        model.offset_, dtype=np.float64
    )
    return Prediction.outliers(decision, decision >= 0.0)


def pls_predict(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """(X - mean) @ coef_.T + intercept_: the coefficients hold the scale already."""
    centred = exporter.numbers(columns) - model._x_mean
    return Prediction.regression(centred @ np.asarray(model.coef_).T + model.intercept_)


def pls_transform(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """(X - mean) / scale, rotated."""
    rotation = model.x_rotations_ if hasattr(model, "x_rotations_") else model.x_weights_
    scaled = (exporter.numbers(columns) - model._x_mean) / model._x_std
    return Columns.of(scaled @ np.asarray(rotation))


def _coefficients(model: Any) -> NDArray[np.float64]:
    """The coefficients, [outputs, features]; `sparsify` may have made them a sparse matrix."""
    coefficients = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    return np.atleast_2d(np.asarray(coefficients, dtype=np.float64))


def _two(positive: Tensor) -> Tensor:
    return positive.graph.concat([1.0 - positive, positive])


_LEAST_SQUARES = (
    "ARDRegression",
    "BayesianRidge",
    "ElasticNet",
    "ElasticNetCV",
    "HuberRegressor",
    "Lars",
    "LarsCV",
    "Lasso",
    "LassoCV",
    "LassoLars",
    "LassoLarsCV",
    "LassoLarsIC",
    "LinearRegression",
    "LinearSVR",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PassiveAggressiveRegressor",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
    "TheilSenRegressor",
)
_PLS = ("CCA", "PLSCanonical", "PLSRegression")

TRANSFORMERS: Mapping[str, Transform] = {
    **{f"sklearn.{name}": pls_transform for name in (*_PLS, "PLSSVD")},
}

PREDICTORS: Mapping[str, Predict] = {
    **{f"sklearn.{name}": linear_regression for name in _LEAST_SQUARES},
    **{f"sklearn.{name}": pls_predict for name in _PLS},
    "sklearn.PoissonRegressor": generalized_regression,
    "sklearn.GammaRegressor": generalized_regression,
    "sklearn.TweedieRegressor": generalized_regression,
    "sklearn.RANSACRegressor": ransac,
    "sklearn.LinearSVC": linear_classifier,
    "sklearn.PassiveAggressiveClassifier": linear_classifier,
    "sklearn.Perceptron": linear_classifier,
    "sklearn.RidgeClassifier": ridge_classifier,
    "sklearn.RidgeClassifierCV": ridge_classifier,
    "sklearn.LogisticRegression": logistic_regression,
    "sklearn.LogisticRegressionCV": logistic_regression,
    "sklearn.SGDClassifier": sgd_classifier,
    "sklearn.SGDOneClassSVM": sgd_one_class,
}
