"""Calibrated probabilities, and decision thresholds other than one half."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.isotonic import isotonic_values
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.responses import (
    decision,
    first_method,
    probabilities,
    response,
    running_sum,
)
from warehouse_ml.graph.tensor import Tensor

_LOGIT_FLOOR = 1e-12
"""What `sklearn.calibration._convert_to_logits` adds to a probability."""


def calibrated(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The mean of the calibrated probabilities of every classifier; the first largest wins."""
    tables = []
    for index, pair in enumerate(model.calibrated_classifiers_):
        inner = exporter.predict(pair.estimator, columns, f"calibrated_classifiers_[{index}]")
        method = first_method(pair.estimator, ("decision_function", "predict_proba"))
        scores = response(pair.estimator, inner, method, exporter)
        tables.append(
            _tempered(pair, scores, method)
            if pair.method == "temperature"
            else _calibrated_each(pair, scores)
        )
    mean = running_sum(tables) / float(len(tables))
    return Prediction.classification(model.classes_, labels=mean.argmax(), probabilities=mean)


def _calibrated_each(pair: Any, scores: Tensor) -> Tensor:
    """A curve for each class, then the row divided by its sum; a row of zeros becomes uniform.

    Of two classes only the second one has a curve. A classifier that did not see all classes leaves the
    others at zero.
    """
    known = np.asarray(pair.classes).tolist()
    columns: dict[int, Tensor] = {}
    for column, (label, curve) in enumerate(
        zip(np.asarray(pair.estimator.classes_).tolist(), pair.calibrators, strict=False)
    ):
        if column < scores.width:
            place = known.index(label) + (len(known) == 2)
            columns[place] = _curve(curve, scores.columns([column]))
    graph = scores.graph
    if len(known) == 2:
        return graph.concat([1.0 - columns[1], columns[1]])
    zero = scores.full_like_rows([0.0], "float64")
    table = graph.concat([columns.get(place, zero) for place in range(len(known))])
    total = running_sum([table.columns([place]) for place in range(len(known))])
    empty = total.equal(0.0)
    return empty.where(1 / len(known), table / empty.where(1.0, total))


def _curve(curve: Any, scores: Tensor) -> Tensor:
    if hasattr(curve, "a_"):  # Platt's sigmoid
        return (-(scores * float(curve.a_) + float(curve.b_))).sigmoid()
    return isotonic_values(curve, scores)


def _tempered(pair: Any, scores: Tensor, method: str) -> Tensor:
    """softmax(beta * logits); probabilities become logits by their logarithm.

    scikit-learn looks at the values of a whole batch to tell probabilities from logits; here the
    method that was asked decides, which is the same but for a batch of logits that all look like
    probabilities.
    """
    if scores.width == 1:
        other = 1.0 - scores if method == "predict_proba" else -scores
        scores = scores.graph.concat([other, scores])
    logits = (scores + _LOGIT_FLOOR).log() if method == "predict_proba" else scores
    return (logits * float(pair.calibrators[0].beta_)).softmax()


def _with_threshold(
    model: Any, columns: Columns, exporter: Exporter, threshold: Any, pos_label: Any
) -> Prediction:
    """The positive class where its score is not below the threshold."""
    estimator = getattr(model, "estimator_", model.estimator)
    inner = exporter.predict(estimator, columns, "estimator_")
    asked = model.response_method
    method = first_method(estimator, ("predict_proba", "decision_function") if asked == "auto" else (asked,))
    classes = np.asarray(model.classes_).tolist()
    positive = 1 if pos_label is None else classes.index(pos_label)
    if method == "predict_proba":
        scores = inner.probabilities[0] if len(inner.probabilities) == 1 else probabilities(inner, exporter)
        scores = scores.columns([positive])
    else:
        scores = decision(inner, exporter)
        scores = scores if positive == 1 else -scores
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    if isinstance(threshold, np.generic):  # numpy compares a float32 score with its own scalars as doubles
        scores = scores.cast("float64")
    above = scores >= float(threshold)
    return Prediction.classification(
        model.classes_,
        labels=above.where(np.int64(positive), np.int64(1 - positive)),
        probabilities=inner.probabilities[0] if inner.probabilities else None,
        decision=inner.decision,
    )


def fixed_threshold(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """A threshold that the user set."""
    return _with_threshold(model, columns, exporter, model.threshold, model.pos_label)


def tuned_threshold(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The threshold that did best in cross-validation."""
    pos_label = model._curve_scorer._get_pos_label()
    return _with_threshold(model, columns, exporter, model.best_threshold_, pos_label)


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.CalibratedClassifierCV": calibrated,
    "sklearn.FixedThresholdClassifier": fixed_threshold,
    "sklearn.TunedThresholdClassifierCV": tuned_threshold,
}
