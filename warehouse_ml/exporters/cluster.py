"""Clustering: the nearest of fixed points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import dense, nearest_point, squared_euclidean
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor


def k_means(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The first of the nearest centres."""
    centers = dense(model.cluster_centers_)
    return Prediction.clustering(_assigned(exporter.product(columns, centers.T), centers), len(centers))


def bisecting_k_means(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Down the tree of bisections, at each node to the nearer of two centres."""
    rows = exporter.numbers(columns)
    mean = np.asarray(getattr(model, "_X_mean", 0.0), dtype=np.float64)

    def descend(node: Any) -> Tensor:
        if node.left is None:
            return rows.full_like_rows(int(node.label), "int64")
        centers = np.vstack((node.left.center, node.right.center)) + mean
        left = _assigned(rows @ centers.T, centers).equal(0)
        return left.where(descend(node.left), descend(node.right))

    return Prediction.clustering(descend(model._bisecting_tree), len(model.cluster_centers_))


def center_distances(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The Euclidean distance to each centre."""
    name = "subcluster_centers_" if hasattr(model, "subcluster_centers_") else "cluster_centers_"
    return Columns.of(squared_euclidean(exporter.numbers(columns), dense(getattr(model, name))).sqrt())


def birch(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The label of the nearest subcluster."""
    nearest = nearest_point(exporter.numbers(columns), dense(model.subcluster_centers_))
    labels = np.asarray(model.subcluster_labels_, dtype=np.int64)
    label = exporter.graph.constant(labels).take(nearest.reshape(None)).reshape(None, 1)
    return Prediction.clustering(label, int(labels.max()) + 1)


def nearest_center(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Mean shift and affinity propagation: the nearest centre."""
    centers = dense(model.cluster_centers_)
    rows = exporter.numbers(columns)
    if len(centers) == 0:
        # affinity propagation that did not converge calls every row -1
        return Prediction("clustering", classes=(np.array([-1]),), labels=rows.full_like_rows(0, "int64"))
    return Prediction.clustering(nearest_point(rows, centers), len(centers))


def feature_agglomeration(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The mean, largest, smallest or sum of the features of each group."""
    rows = exporter.numbers(columns)
    labels = np.asarray(model.labels_)
    pool = _POOLS.get(model.pooling_func)
    if pool is None:
        exporter.unsupported(
            "it pools features by a function of your own",
            "Use numpy.mean, numpy.max, numpy.min or numpy.sum.",
        )
    groups = [rows.columns(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)]
    return Columns.of(exporter.graph.concat([pool(group) for group in groups]))


def _mean(group: Tensor) -> Tensor:
    return group.sequential_sum() / float(group.width)


def _median(group: Tensor) -> Tensor:
    ordered, _ = group.topk(group.width, largest=False)
    middle = group.width // 2
    if group.width % 2:
        return ordered.columns([middle])
    return (ordered.columns([middle - 1]) + ordered.columns([middle])) / 2.0


_POOLS: Mapping[Any, Any] = {
    np.mean: _mean,
    np.median: _median,
    np.sum: Tensor.sum,
    np.max: Tensor.max,
    np.amax: Tensor.max,
    np.min: Tensor.min,
    np.amin: Tensor.min,
}


def _assigned(products: Tensor, centers: NDArray[Any]) -> Tensor:
    """|c|^2 - 2 x.c is smallest, as k-means compares: the row's own norm is the same for all."""
    norms: NDArray[np.float64] = (centers * centers).sum(axis=1)
    return (products * -2.0 + norms).argmin()


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.KMeans": center_distances,
    "sklearn.MiniBatchKMeans": center_distances,
    "sklearn.BisectingKMeans": center_distances,
    "sklearn.Birch": center_distances,
    "sklearn.FeatureAgglomeration": feature_agglomeration,
}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.KMeans": k_means,
    "sklearn.MiniBatchKMeans": k_means,
    "sklearn.BisectingKMeans": bisecting_k_means,
    "sklearn.Birch": birch,
    "sklearn.MeanShift": nearest_center,
    "sklearn.AffinityPropagation": nearest_center,
}
