"""Several estimators side by side: voting, and stacking with a final estimator on top."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.responses import decision, numbers, probabilities, running_sum
from warehouse_ml.graph.tensor import Tensor

_MATRIX_OF_LABELS = frozenset(
    {"MLPClassifier", "OneVsRestClassifier", "ClassifierChain", "StackingClassifier"}
)
"""Whose `predict_proba` of several labels is one matrix; the others return a list of matrices."""


def _members(ensemble: Any, columns: Columns, exporter: Exporter) -> list[tuple[Any, Prediction]]:
    kept = [name for name, estimator in ensemble.estimators if not isinstance(estimator, str)]
    return [
        (estimator, exporter.predict(estimator, columns, name))
        for name, estimator in zip(kept, ensemble.estimators_, strict=True)
    ]


def _average(parts: list[Tensor], weights: list[float] | None) -> Tensor:
    """`np.average` along the first axis."""
    if weights is None:
        return running_sum(parts) / float(len(parts))
    scaled = [part * float(weight) for part, weight in zip(parts, weights, strict=True)]
    return running_sum(scaled) / float(np.sum(weights))


def voting_classifier(ensemble: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Hard: the class with the most (weighted) votes, soft: with the largest mean probability.

    Either way the first class wins a tie. The estimators predict positions in `classes_`.
    """
    weights = ensemble._weights_not_none
    width = len(ensemble.classes_)
    members = _members(ensemble, columns, exporter)
    if ensemble.voting == "soft":
        mean = _average([probabilities(prediction, exporter) for _, prediction in members], weights)
        return Prediction.classification(ensemble.classes_, labels=mean.argmax(), probabilities=mean)
    votes = [numbers(prediction, exporter).cast("int64").one_hot(width) for _, prediction in members]
    if weights is not None:
        votes = [vote * float(weight) for vote, weight in zip(votes, weights, strict=True)]
    return Prediction.classification(ensemble.classes_, labels=running_sum(votes).argmax())


def voting_regressor(ensemble: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The (weighted) mean of the predictions."""
    parts = [numbers(prediction, exporter) for _, prediction in _members(ensemble, columns, exporter)]
    return Prediction.regression(_average(parts, ensemble._weights_not_none))


def voting_transform(ensemble: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The predictions side by side, or for soft votes the probabilities."""
    soft = getattr(ensemble, "voting", "hard") == "soft"
    if soft and not ensemble.flatten_transform:
        exporter.unsupported("its transform is no matrix", "Set flatten_transform=True.")
    read = probabilities if soft else numbers
    members = _members(ensemble, columns, exporter)
    return Columns.of(exporter.graph.concat([read(prediction, exporter) for _, prediction in members]))


def _meta_features(
    ensemble: Any, estimator: Any, prediction: Prediction, method: str, exporter: Exporter
) -> Tensor:
    """What one estimator adds to the features of the final one.

    Of the probabilities of two classes the first column is dropped; and so is it, for each label, of a
    list of them.
    """
    if method == "predict":
        return numbers(prediction, exporter)
    if method == "decision_function":
        return decision(prediction, exporter)
    if len(prediction.probabilities) <= 1:
        table = probabilities(prediction, exporter)
    else:
        positive = [part.cast("float64").columns(range(1, part.width)) for part in prediction.probabilities]
        table = exporter.graph.concat(positive)
        if _last(estimator) not in _MATRIX_OF_LABELS:
            return table
    return table.columns(range(1, table.width)) if len(ensemble.classes_) == 2 else table


def _last(estimator: Any) -> str:
    """The class whose `predict_proba` answers in the end."""
    while True:
        if hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif type(estimator).__name__ == "FrozenEstimator":
            estimator = estimator.estimator
        else:
            return type(estimator).__name__


def stacking_transform(ensemble: Any, columns: Columns, exporter: Exporter) -> Columns:
    """What the estimators answer, side by side, then the features themselves with `passthrough`."""
    parts = [
        _meta_features(ensemble, estimator, prediction, method, exporter)
        for (estimator, prediction), method in zip(
            _members(ensemble, columns, exporter), ensemble.stack_method_, strict=True
        )
    ]
    stacked = Columns.of(exporter.graph.concat(parts))
    if not ensemble.passthrough:
        return stacked
    return Columns.join([stacked, columns.as_array()], sparse=columns.sparse)


def stacking_regressor(ensemble: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The final estimator on the answers of the others."""
    stacked = stacking_transform(ensemble, columns, exporter)
    return exporter.predict(ensemble.final_estimator_, stacked, "final_estimator_")


def stacking_classifier(ensemble: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The final estimator on the answers of the others; it predicts positions in `classes_`.

    For several labels scikit-learn 1.9 returns the probability of the *first* class of each.
    """
    final = stacking_regressor(ensemble, columns, exporter)
    encoders = ensemble._label_encoder
    if not isinstance(encoders, list):
        classes = (encoders.inverse_transform(np.asarray(final.classes[0])),)
        return replace(final, classes=classes)
    classes = tuple(
        encoder.inverse_transform(np.asarray(known, dtype=np.int64))
        for encoder, known in zip(encoders, final.classes, strict=True)
    )
    swapped = (
        ()
        if final.multilabel and _last(ensemble.final_estimator_) in _MATRIX_OF_LABELS
        else tuple(
            exporter.graph.concat([1.0 - table.columns([0]), table.columns([0])])
            for table in final.probabilities
        )
    )
    return replace(final, classes=classes, probabilities=swapped, multilabel=True)


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.VotingClassifier": voting_transform,
    "sklearn.VotingRegressor": voting_transform,
    "sklearn.StackingClassifier": stacking_transform,
    "sklearn.StackingRegressor": stacking_transform,
}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.VotingClassifier": voting_classifier,
    "sklearn.VotingRegressor": voting_regressor,
    "sklearn.StackingClassifier": stacking_classifier,
    "sklearn.StackingRegressor": stacking_regressor,
}
