"""Neighbours: votes and means of the nearest training rows, of those within a radius, of centroids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import manhattan, squared_euclidean
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.neighbor_search import Search
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor


def k_neighbors_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The weighted votes of the k nearest; of equal votes the first class."""
    rows = exporter.numbers(columns)
    found = Search.of(model, exporter).nearest(rows, model.n_neighbors)
    weights = _k_weights(model, found.distances, exporter)
    if weights is not None:
        # an infinite distance weighs 0, and scikit-learn raises where all do
        exporter.refuse(~(weights.max() > 0.0), Columns.of(rows), "all neighbours have the weight zero")
    votes = []
    for labels, classes in zip(_targets(model._y), _classes(model), strict=True):
        chosen = exporter.graph.constant(labels, "int64").take(found.indices)
        votes.append(_votes(chosen, weights, len(classes)))
    return _classified(_classes(model), votes, [vote.argmax() for vote in votes])


def k_neighbors_regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The weighted mean of the targets of the k nearest."""
    found = Search.of(model, exporter).nearest(exporter.numbers(columns), model.n_neighbors)
    weights = _k_weights(model, found.distances, exporter)
    values = []
    for target in _targets(model._y):
        near = exporter.graph.constant(target, "float64").take(found.indices)
        if weights is None:
            values.append(near.sum() / float(model.n_neighbors))
        else:
            values.append((near * weights).sum() / weights.sum())
    return Prediction.regression(exporter.graph.concat(values))


def radius_neighbors_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The weighted votes of all within the radius; rows without any get the outlier label or are refused."""
    rows = exporter.numbers(columns)
    search = Search.of(model, exporter)
    weights = _radius_weights(model, search, rows, exporter)
    lonely = ~(weights > 0.0).any()
    if model.outlier_label_ is None:
        exporter.refuse(lonely, Columns.of(rows), "no neighbours within the radius")
    shares, labels, known = [], [], []
    for k, (target, classes) in enumerate(zip(_targets(model._y), _classes(model), strict=True)):
        votes = weights @ np.eye(len(classes))[target[search.order]]
        outlier = None if model.outlier_label_ is None else model.outlier_label_[k]
        place = np.flatnonzero(classes == outlier) if outlier is not None else np.array([], dtype=int)
        if place.size == 1:
            votes = lonely.where(np.eye(len(classes))[place], votes)
        total = votes.sum()
        shares.append(votes / total.equal(0.0).where(1.0, total))
        label = shares[-1].argmax()
        if outlier is not None and place.size == 0:
            label = lonely.where(exporter.graph.constant(len(classes), "int64"), label)
            classes = np.append(classes, outlier)
        labels.append(label)
        known.append(classes)
    return Prediction(
        "classification",
        classes=tuple(known),
        labels=exporter.graph.concat(labels),
        probabilities=tuple(shares),
    )


def radius_neighbors_regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The weighted mean of the targets within the radius, NaN where there is none."""
    rows = exporter.numbers(columns)
    search = Search.of(model, exporter)
    weights = _radius_weights(model, search, rows, exporter)
    targets = np.column_stack([np.asarray(target, dtype=np.float64) for target in _targets(model._y)])
    empty = np.nan
    if np.asarray(model._y).dtype.kind in "iu":  # what numpy makes of NaN among whole numbers
        empty = float(np.iinfo(np.asarray(model._y).dtype).min)
    total = weights.sum()
    lonely = total.equal(0.0)
    mean = (weights @ targets[search.order]) / lonely.where(1.0, total)
    return Prediction.regression(lonely.where(empty, mean))


def nearest_centroid(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The nearest centroid; with unequal priors the largest discriminant score, (18.2) of Hastie et al."""
    rows = exporter.numbers(columns)
    centroids = np.asarray(model.centroids_, dtype=np.float64)
    deviation = np.asarray(model.within_class_std_dev_, dtype=np.float64)
    scale = np.where(deviation != 0, deviation, 1.0)
    euclidean = model.metric == "euclidean"
    scaled, points = rows / scale, centroids / scale
    squares = squared_euclidean(scaled, points) if euclidean else manhattan(scaled, points) ** 2.0
    scores = 2.0 * np.log(np.asarray(model.class_prior_)) - squares
    labels = scores.argmax()
    if np.isclose(model.class_prior_, 1 / len(model.classes_)).all():
        labels = (squared_euclidean(rows, centroids) if euclidean else manhattan(rows, centroids)).argmin()
    if not euclidean:
        return Prediction.classification(model.classes_, labels=labels)
    two = len(model.classes_) == 2
    return Prediction.classification(
        model.classes_,
        labels=labels,
        probabilities=scores.softmax(),
        decision=scores.columns([1]) - scores.columns([0]) if two else scores,
    )


def local_outlier_factor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The density of the k nearest over one's own: Breunig et al., 2000."""
    found = Search.of(model, exporter).nearest(exporter.numbers(columns), model.n_neighbors_)
    graph = exporter.graph
    reach = np.asarray(model._distances_fit_X_, dtype=np.float64)[:, model.n_neighbors_ - 1]
    reached = graph.maximum(found.distances, graph.constant(reach).take(found.indices))
    density = 1.0 / (reached.mean() + 1e-10)
    ratios = graph.constant(np.asarray(model._lrd, dtype=np.float64)).take(found.indices) / density
    decision = -ratios.mean() - float(model.offset_)
    return Prediction.outliers(decision, ~(decision < 0.0))


def _graph_transformer(model: Any, columns: Columns, exporter: Exporter) -> NoReturn:
    """A graph of neighbours is a matrix with a column per training row."""
    exporter.unsupported(
        "its result is a graph over the training rows",
        "Use the neighbours estimator itself instead of one with metric='precomputed'.",
    )


def _targets(y: Any) -> list[NDArray[Any]]:
    """The target's columns."""
    return list(np.asarray(y).reshape(len(y), -1).T)


def _classes(model: Any) -> list[NDArray[Any]]:
    return list(model.classes_) if model.outputs_2d_ else [model.classes_]


def _k_weights(model: Any, distances: Tensor, exporter: Exporter) -> Tensor | None:
    """One over the distance, or where a distance is zero one for the zeros alone; None for equal weights."""
    if model.weights in (None, "uniform"):
        return None
    _require_named_weights(model, exporter)
    zero = distances.equal(0.0)
    return zero.any().where(zero.cast("float64"), 1.0 / distances)


def _radius_weights(model: Any, search: Search, rows: Tensor, exporter: Exporter) -> Tensor:
    """The weight of every training row in the search's order, zero outside the radius: [rows, points]."""
    inside, distances = search.within(rows, model.radius)
    if model.weights in (None, "uniform"):
        return inside.cast("float64")
    _require_named_weights(model, exporter)
    zero = inside & distances.equal(0.0)
    inverse = inside.where(1.0 / inside.where(distances, 1.0), 0.0)
    return zero.any().where(zero.cast("float64"), inverse)


def _require_named_weights(model: Any, exporter: Exporter) -> None:
    if model.weights != "distance":
        exporter.unsupported("its weights are a function of your own", "Use weights='distance'.")


def _votes(chosen: Tensor, weights: Tensor | None, classes: int) -> Tensor:
    """The share of each class in the weights of the chosen, added from the nearest on: [rows, classes]."""
    sums = []
    for label in range(classes):
        vote = chosen.equal(label).cast("float64")
        sums.append(vote.sum() if weights is None else (vote * weights).sequential_sum())
    votes = chosen.graph.concat(sums)
    return votes / votes.sum()


def _classified(
    classes: Sequence[NDArray[Any]], probabilities: Sequence[Tensor], labels: Sequence[Tensor]
) -> Prediction:
    return Prediction(
        "classification",
        classes=tuple(classes),
        labels=labels[0].graph.concat(labels),
        probabilities=tuple(probabilities),
    )


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.KNeighborsTransformer": _graph_transformer,
    "sklearn.RadiusNeighborsTransformer": _graph_transformer,
}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.KNeighborsClassifier": k_neighbors_classifier,
    "sklearn.KNeighborsRegressor": k_neighbors_regressor,
    "sklearn.RadiusNeighborsClassifier": radius_neighbors_classifier,
    "sklearn.RadiusNeighborsRegressor": radius_neighbors_regressor,
    "sklearn.NearestCentroid": nearest_centroid,
    "sklearn.LocalOutlierFactor": local_outlier_factor,
}
