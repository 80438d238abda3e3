"""Ask an estimator inside another for the answer that scikit-learn would ask it for."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor

Method = Literal["predict", "predict_proba", "predict_log_proba", "decision_function"]


def first_method(estimator: Any, methods: Sequence[Method]) -> Method:
    """The first of the methods that the estimator has, as `_check_response_method` chooses it."""
    for method in methods:
        if hasattr(estimator, method):
            return method
    raise AttributeError(f"{type(estimator).__name__} has none of {', '.join(methods)}")


def probabilities(prediction: Prediction, exporter: Exporter) -> Tensor:
    """What `predict_proba` returns for one output, float64 [rows, classes]."""
    if len(prediction.probabilities) != 1:
        exporter.unsupported("the probabilities of an estimator inside it cannot be exported")
    return prediction.probabilities[0].cast("float64")


def decision(prediction: Prediction, exporter: Exporter) -> Tensor:
    """What `decision_function` returns, float64: [rows, 1] for two classes, else [rows, classes]."""
    if prediction.decision is None:
        exporter.unsupported("the decision function of an estimator inside it cannot be exported")
    return prediction.decision.cast("float64")


def numbers(prediction: Prediction, exporter: Exporter) -> Tensor:
    """What `predict` returns, as float64 [rows, outputs]."""
    if prediction.value is not None:
        return prediction.value.cast("float64")
    if prediction.labels is None:
        raise TypeError("a prediction holds a value or labels")
    parts = []
    for output, classes in enumerate(prediction.classes):
        if np.asarray(classes).dtype.kind not in "biuf":
            exporter.unsupported(
                "an estimator inside it predicts labels that are no numbers",
                "Let it be fitted by the outer estimator, which encodes them.",
            )
        table = exporter.graph.constant(np.asarray(classes, dtype=np.float64))
        parts.append(table.take(prediction.labels.columns([output])))
    return exporter.graph.concat(parts)


def response(estimator: Any, prediction: Prediction, method: Method, exporter: Exporter) -> Tensor:
    """What `_get_response_values` returns of an estimator, as a matrix.

    Of two classes it takes the second one's probability, so that the answer is [rows, 1].
    """
    if method == "predict":
        return numbers(prediction, exporter)
    if method == "decision_function":
        return decision(prediction, exporter)
    table = probabilities(prediction, exporter)
    if method == "predict_log_proba":
        table = table.log()
    return table.columns([1]) if len(estimator.classes_) == 2 else table


def binary_score(estimator: Any, prediction: Prediction, exporter: Exporter) -> Tensor:
    """`sklearn.multiclass._predict_binary`: a value, else a decision, else the second class's probability."""
    if prediction.value is not None:
        return prediction.value.cast("float64")
    if hasattr(estimator, "decision_function"):
        return decision(prediction, exporter)
    return probabilities(prediction, exporter).columns([1])


def binary_threshold(estimator: Any) -> float:
    """`sklearn.multiclass._threshold_for_binary_predict`: 0 for a classifier's decision, else 0.5."""
    from sklearn.base import is_classifier

    return 0.0 if hasattr(estimator, "decision_function") and is_classifier(estimator) else 0.5


def running_sum(tensors: Sequence[Tensor]) -> Tensor:
    """The sum, added one after another as a Python loop does: a tie is decided by the last bit."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
