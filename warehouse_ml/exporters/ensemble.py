"""Ensembles of one kind of estimator: bagging and AdaBoost."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.responses import numbers, probabilities, running_sum
from warehouse_ml.graph.tensor import Tensor


def spread(tensor: Tensor, places: NDArray[Any], width: int) -> Tensor:
    """The columns of a tensor at other places of a wider one that is zero elsewhere: [rows, width]."""
    if list(places) == list(range(width)):
        return tensor
    source = np.full(width, tensor.width, dtype=np.int64)
    source[np.asarray(places, dtype=np.int64)] = np.arange(len(places))
    return tensor.graph.concat([tensor, tensor.full_like_rows([0.0], tensor.dtype)]).columns(source.tolist())


def _summed_by_job(ensemble: Any, parts: list[Tensor]) -> Tensor:
    """Each job of joblib adds its share of the estimators, then the jobs' sums are added."""
    from sklearn.ensemble._base import _partition_estimators

    _, _, starts = _partition_estimators(ensemble.n_estimators, ensemble.n_jobs)
    shares = [parts[first:last] for first, last in pairwise(starts)]
    return running_sum([running_sum(share) for share in shares])


def _bagged(ensemble: Any, columns: Columns, exporter: Exporter) -> list[tuple[Any, Prediction]]:
    plain = columns.as_array()
    return [
        (estimator, exporter.predict(estimator, plain.select(list(features)), f"estimators_[{index}]"))
        for index, (estimator, features) in enumerate(
            zip(ensemble.estimators_, ensemble.estimators_features_, strict=True)
        )
    ]


def bagging_classifier(ensemble: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The mean of the probabilities, or of the votes where an estimator has none; the largest wins.

    The estimators were fitted on class positions; one that did not see all classes has fewer columns.
    """
    width = int(ensemble.n_classes_)
    parts, decisions = [], []
    for estimator, prediction in _bagged(ensemble, columns, exporter):
        if hasattr(estimator, "predict_proba"):
            parts.append(spread(probabilities(prediction, exporter), estimator.classes_, width))
        else:
            parts.append(numbers(prediction, exporter).cast("int64").one_hot(width))
        if prediction.decision is not None and len(prediction.classes[0]) == width:
            decisions.append(prediction.decision.cast("float64"))
    count = float(ensemble.n_estimators)
    mean = _summed_by_job(ensemble, parts) / count
    every = hasattr(ensemble, "decision_function") and len(decisions) == len(parts)
    return Prediction.classification(
        ensemble.classes_,
        labels=mean.argmax(),
        probabilities=mean,
        decision=_summed_by_job(ensemble, decisions) / count if every else None,
    )


def bagging_regressor(ensemble: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The mean of the estimators' predictions."""
    parts = [numbers(prediction, exporter) for _, prediction in _bagged(ensemble, columns, exporter)]
    return Prediction.regression(_summed_by_job(ensemble, parts) / float(ensemble.n_estimators))


def _boosted(ensemble: Any, columns: Columns, exporter: Exporter) -> list[Prediction]:
    plain = columns.as_array()
    return [
        exporter.predict(estimator, plain, f"estimators_[{index}]")
        for index, estimator in enumerate(ensemble.estimators_)
    ]


def adaboost_classifier(ensemble: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """SAMME: an estimator adds its weight w to the class it predicts, -w / (classes - 1) to the others."""
    width = int(ensemble.n_classes_)
    if width == 1:
        exporter.unsupported("it was fitted on a single class", "Use a constant in the query.")
    order = {label: place for place, label in enumerate(np.asarray(ensemble.classes_).tolist())}
    parts = []
    for prediction, weight in zip(
        _boosted(ensemble, columns, exporter), ensemble.estimator_weights_, strict=False
    ):
        if prediction.labels is None:
            exporter.unsupported("an estimator inside it is no classifier")
        places = [order[label] for label in np.asarray(prediction.classes[0]).tolist()]
        chosen = exporter.graph.constant(places, "int64").take(prediction.labels.columns([0]))
        parts.append(chosen.one_hot(width, "bool").where(float(weight), -1 / (width - 1) * float(weight)))
    scores = running_sum(parts) / float(ensemble.estimator_weights_.sum())
    if width == 2:
        scores = scores.columns([1]) - scores.columns([0])
        odds = exporter.graph.concat([-scores, scores]) / 2.0
    else:
        odds = scores / float(width - 1)
    return Prediction.classification(ensemble.classes_, probabilities=odds.softmax(), decision=scores)


def adaboost_regressor(ensemble: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The weighted median: the first of the sorted predictions at which half of the weight is reached."""
    parts = [numbers(prediction, exporter) for prediction in _boosted(ensemble, columns, exporter)]
    ordered, places = exporter.graph.concat(parts).topk(len(parts), largest=False)
    weights = exporter.graph.constant(ensemble.estimator_weights_[: len(parts)], "float64")
    reached = weights.take(places).cumsum()
    half = reached.columns([len(parts) - 1]) * 0.5
    median = (reached >= half).cast("int32").argmax()
    return Prediction.regression(ordered.take_along(median))


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.BaggingClassifier": bagging_classifier,
    "sklearn.BaggingRegressor": bagging_regressor,
    "sklearn.AdaBoostClassifier": adaboost_classifier,
    "sklearn.AdaBoostRegressor": adaboost_regressor,
}
