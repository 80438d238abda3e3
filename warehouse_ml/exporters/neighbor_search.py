"""Find the nearest training rows, and of equally near ones those that scikit-learn finds.

A search that meets more rows at the k-th distance than it has places for keeps, mostly, those that it visits
first. Brute force visits in the order of the rows. A tree visits the leaves from the nearest on, and a leaf's
rows in the tree's own order; so the order of the visits is computed here for each row that is asked about.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances

from warehouse_ml.exporters.distances import Metric, dense, squared_euclidean
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.heap import can_settle, settle
from warehouse_ml.graph.tensor import Tensor

LARGEST_TRAINING_SET = 50_000
"""More training rows than this make a batch's distances larger than the memory of a laptop."""


_PARTITIONED = ("cosine", "hamming", "mahalanobis", "nan_euclidean")


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The k nearest training rows of each row, from the nearest on.

    Attributes:
        indices: Their positions, int64 [rows, k].
        distances: Their distances, [rows, k].
    """

    indices: Tensor
    distances: Tensor


@dataclass(frozen=True, slots=True)
class Search:
    """A fitted search of `sklearn.neighbors`.

    Attributes:
        points: The training rows in the order in which they are visited.
        order: Their positions in the training set.
        metric: The distance.
        tree: The k-d tree or ball tree, or None for brute force.
        partitions: The fitted estimator where it sorts by numpy's partition instead of keeping a heap: what
            becomes of equals is then numpy's secret. Else None.
    """

    points: NDArray[np.float64]
    order: NDArray[np.int64]
    metric: Metric
    tree: Any = None
    partitions: Any = None

    @classmethod
    def of(cls, model: Any, exporter: Exporter) -> Search:
        """The search of a fitted estimator; one with a metric that has no faithful form is refused."""
        metric = Metric.of(model.effective_metric_, model.effective_metric_params_)
        if metric is None:
            shown = "a function of your own" if callable(model.metric) else f"the metric {model.metric!r}"
            exporter.unsupported(f"{shown} has no form in ONNX", "Use 'euclidean', 'manhattan' or 'cosine'.")
        points = dense(model._fit_X)
        if len(points) > LARGEST_TRAINING_SET:
            exporter.unsupported(
                f"it compares every row with {len(points)} training rows",
                f"Fit it on at most {LARGEST_TRAINING_SET} rows.",
            )
        if model._fit_method == "brute":
            sparse = hasattr(model._fit_X, "toarray") and "euclidean" in metric.name
            partitions = model if sparse or metric.name in _PARTITIONED else None
            return cls(points, np.arange(len(points)), metric, partitions=partitions)
        order = np.asarray(model._tree.idx_array, dtype=np.int64)
        return cls(points[order], order, metric, model._tree)

    def reduced(self, rows: Tensor) -> Tensor:
        """The reduced distances to all points, [rows, points]."""
        if self.tree is None and self.metric.name in ("euclidean", "sqeuclidean"):
            return squared_euclidean(rows, self.points)
        return self.metric.reduced(rows, self.points)

    def nearest(self, rows: Tensor, k: int) -> Neighbors:
        """The k nearest training rows."""
        graph = rows.graph
        reduced, order = self._visited(rows)
        values, places = reduced.topk(k, largest=False)  # of equals the first
        if self.has_ties(k):
            places = settle(reduced, k, places)
            values, sorting = reduced.take_along(places).topk(k, largest=False)
            places = places.take_along(sorting)
        found = graph.constant(self.order).take(places) if order is None else order.take_along(places)
        # a heap starts with the first row in each place, and takes nothing at an infinite distance
        found = (values < np.inf).where(found, graph.constant(0, "int64"))
        distances = self.metric.distance(values)
        if self.partitions is not None:
            # texts without a known word are rows of zeros, as near to all: so ask the estimator once
            told = _neighbors_of(0.0, self.partitions, k)
            zeros = ~(~rows.equal(0.0)).any()
            found = zeros.where(graph.constant(told[1], "int64"), found)
            distances = zeros.where(told[0], distances)
            if self.metric.name == "nan_euclidean":  # nor is any nearer to a row without a value
                told = _neighbors_of(np.nan, self.partitions, k)
                empty = ~(~rows.isnan()).any()
                found = empty.where(graph.constant(told[1], "int64"), found)
                distances = empty.where(np.nan, distances)
        return Neighbors(found, distances)

    def has_ties(self, k: int) -> bool:
        """Whether the heap has to be followed: a training row has equals at the k-th distance.

        scikit-learn's brute force over more than 256 training rows may share them out to several threads and
        merge their heaps: what it makes of ties then depends on the machine and on the size of the batch.
        """
        if k >= len(self.points) or not can_settle(k) or self.partitions is not None:
            return False
        asked = self.points[np.linspace(0, len(self.points) - 1, 300).round().astype(int)]
        if self.tree is not None:
            nearest = self.tree.query(asked, k + 1)[0]
        else:
            distances = pairwise_distances(asked, self.points, self.metric.name, **self.metric.params)
            nearest = np.sort(distances, axis=1)
        return bool(np.isclose(nearest[:, k - 1], nearest[:, k], rtol=1e-12, atol=0).any())

    def within(self, rows: Tensor, radius: float) -> tuple[Tensor, Tensor]:
        """Which points are within a radius, bool [rows, points], and the distances to all of them."""
        reduced = self.reduced(rows)
        return reduced <= self.metric.reduce(radius), self.metric.distance(reduced)

    def _visited(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """The reduced distances in the order of the visits, and the training rows in that order.

        A depth-first search goes to the nearer child first. The training rows are None where the order
        is the same for every row.
        """
        reduced = self.reduced(rows)
        if self.tree is None:
            return reduced, None
        _, _, nodes, bounds = self.tree.get_arrays()
        turn = _turns(self._bounds(rows, nodes, bounds), len(nodes))
        if turn is None:
            return reduced, None
        leaves = nodes[-turn.width :]
        size = int((leaves["idx_end"] - leaves["idx_start"]).max())
        table = np.full((len(leaves), size), len(self.points))  # the last place is one infinitely far away
        for leaf, members in zip(leaves, table, strict=True):
            members[: leaf["idx_end"] - leaf["idx_start"]] = np.arange(leaf["idx_start"], leaf["idx_end"])
        _, leaf_order = turn.topk(turn.width, largest=False)
        places = rows.graph.constant(table, "int64").take(leaf_order).reshape(None, table.size)
        padded = rows.graph.concat([reduced, rows.full_like_rows(np.inf)])
        return padded.take_along(places), rows.graph.constant(np.append(self.order, 0)).take(places)

    def _bounds(self, rows: Tensor, nodes: NDArray[Any], bounds: NDArray[Any]) -> Tensor:
        """The smallest reduced distance that a point of each node can have, [rows, nodes]."""
        if len(bounds) == 1:  # a ball tree: centres and radii
            distance = self.metric.distance(self.metric.reduced(rows, bounds[0]))
            return (distance - np.asarray(nodes["radius"])).clip(0.0)
        power = self.metric.power
        total: Tensor | None = None
        for j in range(bounds.shape[2]):
            x = rows.columns([j])
            below, above = bounds[0, :, j] - x, x - bounds[1, :, j]
            gap = ((below + abs(below)) + (above + abs(above))) * 0.5
            if np.isinf(power):
                total = gap if total is None else rows.graph.maximum(total, gap)
            else:
                part = gap if power == 1.0 else gap * gap if power == 2.0 else gap**power
                total = part if total is None else total + part
        if total is None:
            raise TypeError("a search needs at least one feature")  # scikit-learn fits none
        return total


def _neighbors_of(value: float, model: Any, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The distances and positions, each [1, k], that the estimator finds for a row of one value."""
    row = (
        model._fit_X[:1] * 0.0 if hasattr(model._fit_X, "toarray") else np.full_like(model._fit_X[:1], value)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        distances, indices = model.kneighbors(row, k)
    return np.asarray(distances, dtype=np.float64), np.asarray(indices, dtype=np.int64)


def _turns(near: Tensor, nodes: int) -> Tensor | None:
    """The turn at which each leaf is visited, [rows, leaves]; None for one leaf."""
    turn: Tensor | None = None
    first, count = 0, 1
    while 2 * first + 1 < nodes:
        first, count = 2 * first + 1, 2 * count
        left = near.columns(range(first, first + count, 2))
        right = near.columns(range(first + 1, first + count, 2))
        second = (left > right).cast("float64").expand_dims(2)
        pair = near.graph.concat([second, 1.0 - second], axis=2).reshape(None, count)
        turn = pair if turn is None else pair + turn.columns([node // 2 for node in range(count)]) * 2.0
    return turn
