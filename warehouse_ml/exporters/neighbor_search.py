"""Find the nearest training rows, and of equally near ones those that scikit-learn finds.

A search that meets more rows at the k-th distance than it has places for keeps those that it visits first.
Brute force visits in the order of the rows. A tree visits the leaves from the nearest on, and a leaf's
rows in the tree's own order; so the order of the visits is computed here for each row that is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.distances import Metric, dense, squared_euclidean
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.graph import Tensor

LARGEST_TRAINING_SET = 50_000
"""More training rows than this make a batch's distances larger than the memory of a laptop."""


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
    """

    points: NDArray[np.float64]
    order: NDArray[np.int64]
    metric: Metric
    tree: Any = None

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
            return cls(points, np.arange(len(points)), metric)
        order = np.asarray(model._tree.idx_array, dtype=np.int64)
        return cls(points[order], order, metric, model._tree)

    def reduced(self, rows: Tensor) -> Tensor:
        """The reduced distances to all points, [rows, points]."""
        if self.tree is None and self.metric.name in ("euclidean", "sqeuclidean"):
            return squared_euclidean(rows, self.points)
        return self.metric.reduced(rows, self.points)

    def nearest(self, rows: Tensor, k: int) -> Neighbors:
        """The k nearest training rows."""
        reduced = self.reduced(rows)
        values, places = reduced.topk(k, largest=False)
        if self.tree is not None:
            rank = self._visits(rows)
            last = values.columns([k - 1])
            tied = reduced.equal(last).where(rank, np.inf)
            key = (reduced < last).where(-1.0, tied)
            _, chosen = key.topk(k, largest=False)
            values, within = reduced.take_along(chosen).topk(k, largest=False)
            places = chosen.take_along(within)
        # a heap starts with the first row in each place, and takes nothing at an infinite distance
        found = rows.graph.constant(self.order).take(places)
        finite = values < np.inf
        return Neighbors(finite.where(found, rows.graph.constant(0, "int64")), self.metric.distance(values))

    def within(self, rows: Tensor, radius: float) -> tuple[Tensor, Tensor]:
        """Which points are within a radius, bool [rows, points], and the distances to all of them."""
        reduced = self.reduced(rows)
        return reduced <= self.metric.reduce(radius), self.metric.distance(reduced)

    def _visits(self, rows: Tensor) -> Tensor:
        """The turn at which a depth-first search comes to each point, nearer child first: [rows, points]."""
        _, _, nodes, bounds = self.tree.get_arrays()
        near = self._bounds(rows, nodes, bounds)
        turn: Tensor | None = None
        first, count = 0, 1
        while 2 * first + 1 < len(nodes):
            first, count = 2 * first + 1, 2 * count
            left = near.columns(range(first, first + count, 2))
            right = near.columns(range(first + 1, first + count, 2))
            second = (left > right).cast("float64")
            pair = rows.graph.concat([second.expand_dims(2), (1.0 - second).expand_dims(2)], axis=2).reshape(
                None, count
            )
            if turn is not None:
                pair = pair + turn.columns([node // 2 for node in range(count)]) * 2.0
            turn = pair
        position = np.arange(len(self.order), dtype=np.float64)
        if turn is None:
            return rows.full_like_rows(position)
        leaves = nodes[first : first + count]
        leaf_of = np.repeat(np.arange(count), leaves["idx_end"] - leaves["idx_start"])
        return turn.columns(leaf_of.tolist()) * float(len(position)) + position

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
