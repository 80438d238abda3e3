"""An estimator for each output: side by side, or in a chain."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.responses import Method, numbers, response


def _side_by_side(
    parts: list[Prediction], exporter: Exporter, *, proba: bool, multilabel: bool
) -> Prediction:
    """The first output of each, as one answer of several outputs."""
    if parts[0].value is not None:
        return Prediction.regression(exporter.graph.concat([numbers(part, exporter) for part in parts]))
    labels = [part.labels.columns([0]) for part in parts if part.labels is not None]
    if proba and any(len(part.probabilities) != 1 for part in parts):
        exporter.unsupported("the probabilities of an estimator inside it cannot be exported")
    decisions = [part.decision for part in parts if part.decision is not None and part.decision.width == 1]
    return Prediction(
        "classification",
        classes=tuple(part.classes[0] for part in parts),
        labels=exporter.graph.concat(labels),
        probabilities=tuple(part.probabilities[0] for part in parts) if proba else (),
        decision=exporter.graph.concat(decisions) if len(decisions) == len(parts) else None,
        multilabel=multilabel,
    )


def multi_output(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """An estimator for each output, on the same features."""
    parts = [
        exporter.predict(estimator, columns, f"estimators_[{index}]")
        for index, estimator in enumerate(model.estimators_)
    ]
    return _side_by_side(parts, exporter, proba=hasattr(model, "predict_proba"), multilabel=False)


def chain(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Each estimator is also fed with the answers of those before it, by `chain_method_`.

    `order_` says which output each estimator is for.
    """
    method: Method = getattr(model, "chain_method_", "predict")
    fed, parts = columns.as_array(), []
    for index, estimator in enumerate(model.estimators_):
        part = exporter.predict(estimator, fed, f"estimators_[{index}]")
        parts.append(part)
        answer = response(estimator, part, method, exporter)
        fed = Columns.join([fed, Columns.of(answer)], sparse=columns.sparse)
    ordered = [parts[place] for place in np.argsort(model.order_)]
    binary = all(len(part.classes) == 1 and len(part.classes[0]) == 2 for part in parts)
    proba = hasattr(model, "predict_proba") and binary
    return _side_by_side(ordered, exporter, proba=proba, multilabel=binary)


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.MultiOutputClassifier": multi_output,
    "sklearn.MultiOutputRegressor": multi_output,
    "sklearn.ClassifierChain": chain,
    "sklearn.RegressorChain": chain,
}
