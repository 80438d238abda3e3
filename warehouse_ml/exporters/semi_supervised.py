"""Semi-supervised classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import dense
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.neighbor_search import Search
from warehouse_ml.exporters.pairwise_kernels import pairwise_kernel
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor


def label_propagation(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The label distributions of the training rows, weighted by the kernel or summed over the nearest."""
    rows = exporter.numbers(columns)
    spread = dense(model.label_distributions_)
    if model.kernel == "knn":
        found = Search.of(model.nn_fit, exporter).nearest(rows, model.nn_fit.n_neighbors)
        table = exporter.graph.constant(spread)
        total: Tensor | None = None
        for j in range(model.nn_fit.n_neighbors):
            part = table.take(found.indices.columns([j]).reshape(None))
            total = part if total is None else total + part
        if total is None:
            raise TypeError("a search returns at least one neighbour")  # scikit-learn fits no other
    else:
        params = {"gamma": model.gamma}
        total = pairwise_kernel(model.kernel, rows, dense(model.X_), params, exporter) @ spread
    probabilities = total / total.sum()
    # far from every training row the kernel is 0 everywhere, 0 / 0 is NaN, and numpy's argmax of NaNs is 0
    known = probabilities.isnan().where(0.0, probabilities)
    return Prediction.classification(model.classes_, labels=known.argmax(), probabilities=probabilities)


def self_training(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """What the last fitted classifier inside says."""
    return exporter.predict(model.estimator_, columns, "estimator")


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.LabelPropagation": label_propagation,
    "sklearn.LabelSpreading": label_propagation,
    "sklearn.SelfTrainingClassifier": self_training,
}
