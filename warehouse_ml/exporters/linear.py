"""Linear models: a matrix product, a link, and how a label is chosen."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.graph import Tensor
from warehouse_ml.exporters.prediction import Prediction


def linear_scores(model: Any, columns: Columns, exporter: Exporter) -> Tensor:
    """X @ coef_.T + intercept_, of shape [rows, outputs]."""
    coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    return exporter.numbers(columns) @ coefficients.T + np.asarray(model.intercept_, dtype=np.float64)


def linear_regression(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Ordinary and regularised least squares of any kind: the scores are the prediction."""
    return Prediction.regression(linear_scores(model, columns, exporter))


def logistic_regression(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Sigmoid of the score for two classes, softmax for more."""
    scores = linear_scores(model, columns, exporter)
    if scores.width == 1:
        positive = scores.sigmoid()
        probabilities = exporter.graph.concat([1.0 - positive, positive])
    else:
        probabilities = scores.softmax()
    return Prediction.classification(model.classes_, probabilities=probabilities, decision=scores)


TRANSFORMERS: Mapping[str, Transform] = {}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.LinearRegression": linear_regression,
    "sklearn.LogisticRegression": logistic_regression,
}
