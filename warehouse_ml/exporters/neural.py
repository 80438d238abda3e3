"""Multi-layer perceptrons and restricted Boltzmann machines."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor

_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda layer: layer,
    "exp": Tensor.exp,
    "tanh": Tensor.tanh,
    "logistic": Tensor.sigmoid,
    "relu": lambda layer: layer.clip(0.0),
    "softmax": Tensor.softmax,
}


def perceptron_regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The activations of the last layer."""
    return Prediction.regression(_forward(model, columns, exporter))


def perceptron_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The last layer is the probabilities: above one half, or the largest."""
    output = _forward(model, columns, exporter)
    kind = model._label_binarizer.y_type_
    if kind.startswith("multilabel"):
        parts = [output.columns([index]) for index in range(output.width)]
        return Prediction(
            "classification",
            classes=(np.array([0, 1]),) * output.width,
            labels=(output > 0.5).cast("int64"),
            probabilities=tuple(exporter.graph.concat([1.0 - part, part]) for part in parts),
            multilabel=True,
        )
    if output.width > 1:
        return Prediction.classification(model.classes_, probabilities=output)
    if len(model.classes_) == 1:
        exporter.unsupported("it has seen one class only", "Train it on two classes or more.")
    return Prediction.classification(
        model.classes_,
        labels=(output > 0.5).cast("int64"),
        probabilities=exporter.graph.concat([1.0 - output, output]),
    )


def boltzmann_machine(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The probabilities of the hidden units: sigmoid(X @ components_.T + intercept_hidden_)."""
    return Columns.of((exporter.product(columns, model.components_.T) + model.intercept_hidden_).sigmoid())


def _forward(model: Any, columns: Columns, exporter: Exporter) -> Tensor:
    layer = exporter.product(columns, model.coefs_[0]) + model.intercepts_[0]
    for weights, intercept in zip(model.coefs_[1:], model.intercepts_[1:], strict=True):
        layer = _ACTIVATIONS[model.activation](layer) @ weights + intercept
    return _ACTIVATIONS[model.out_activation_](layer)


TRANSFORMERS: Mapping[str, Transform] = {"sklearn.BernoulliRBM": boltzmann_machine}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.MLPClassifier": perceptron_classifier,
    "sklearn.MLPRegressor": perceptron_regressor,
}
