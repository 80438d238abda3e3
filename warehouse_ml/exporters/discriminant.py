"""Linear and quadratic discriminant analysis."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.linear import linear_scores
from warehouse_ml.exporters.prediction import Prediction


def linear_discriminant(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The sigmoid of the score for two classes, softmax for more."""
    scores = linear_scores(model, columns, exporter)
    if scores.width == 1:
        positive = scores.sigmoid()
        probabilities = exporter.graph.concat([1.0 - positive, positive])
    else:
        probabilities = scores.softmax()
    return Prediction.classification(model.classes_, probabilities=probabilities, decision=scores)


def linear_discriminant_transform(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """X @ scalings_, about the overall mean with the solver 'svd'."""
    if model.solver == "lsqr":
        exporter.unsupported("the solver 'lsqr' has no transform", "Use the solver 'svd' or 'eigen'.")
    values = exporter.numbers(columns)
    if model.solver == "svd":
        values = values - np.asarray(model.xbar_)
    return Columns.of(values @ np.asarray(model.scalings_)[:, : model._max_components])


def quadratic_discriminant(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The log posterior of one Gaussian per class: eq. (4.12) of The Elements of Statistical Learning."""
    values = exporter.numbers(columns)
    distances = []
    for mean, rotation, scaling in zip(model.means_, model.rotations_, model.scalings_, strict=True):
        whitened = (values - mean) @ (rotation * scaling**-0.5)
        distances.append((whitened * whitened).sum())
    spread = np.array([np.log(scaling).sum() for scaling in model.scalings_])
    scores = (exporter.graph.concat(distances) + spread) * -0.5 + np.log(model.priors_)
    decision = scores
    if len(model.classes_) == 2:
        decision = scores.columns([1]) - scores.columns([0])
    return Prediction.classification(
        model.classes_, labels=scores.argmax(), probabilities=scores.softmax(), decision=decision
    )


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.LinearDiscriminantAnalysis": linear_discriminant_transform,
}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.LinearDiscriminantAnalysis": linear_discriminant,
    "sklearn.QuadraticDiscriminantAnalysis": quadratic_discriminant,
}
