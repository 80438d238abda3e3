"""Distances between rows and fixed points, rounded as scikit-learn rounds them.

Where a label hangs on which of two points is nearer, the order of the additions is seen: trees and
scipy add feature after feature, `euclidean_distances` goes through a matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.graph.tensor import Tensor

_SYNONYMS: Mapping[str, str] = {
    "l2": "euclidean",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "infinity": "chebyshev",
    "p": "minkowski",
}


def dense(matrix: Any) -> NDArray[np.float64]:
    """A fitted matrix as float64, [points, features]; a sparse one is filled with its zeros."""
    full = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return np.asarray(full, dtype=np.float64)


def squared_norms(rows: Tensor) -> Tensor:
    """The squared length of each row, [rows, 1]."""
    return (rows * rows).sum(1)


def squared_euclidean(rows: Tensor, points: NDArray[Any]) -> Tensor:
    """|x|^2 - 2 x.y + |y|^2, not below 0, as `sklearn.metrics.euclidean_distances` computes it."""
    norms: NDArray[np.float64] = (points * points).sum(axis=1)
    return ((-2.0 * (rows @ points.T) + squared_norms(rows)) + norms).clip(0.0)


def nearest_point(rows: Tensor, points: NDArray[Any]) -> Tensor:
    """The position of the point at the smallest Euclidean distance, the first of equals: [rows, 1]."""
    return squared_euclidean(rows, points).argmin()


def normalized(rows: Tensor) -> Tensor:
    """Rows of length 1, as `sklearn.preprocessing.normalize`: a row of zeros stays."""
    length = squared_norms(rows).sqrt()
    return rows / (length < _TINY).where(1.0, length)


def normalized_points(points: NDArray[Any]) -> NDArray[np.float64]:
    """The same for fitted points."""
    length = np.sqrt(np.einsum("ij,ij->i", points, points))[:, np.newaxis]
    return np.asarray(points / np.where(length < _TINY, 1.0, length))


_SQUARED = ("euclidean", "nan_euclidean", "seuclidean", "mahalanobis")
_TINY = 10 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True)
class Metric:
    """A distance by its scikit-learn name.

    Attributes:
        name: `euclidean`, `manhattan`, `chebyshev`, `minkowski` and so on.
        params: Its parameters: `p` and `w` of minkowski, `V` of seuclidean, `VI` of mahalanobis.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: Any, params: Mapping[str, Any] | None = None) -> Metric | None:
        """The metric, or None where there is no faithful form of it here."""
        params = dict(params or {})
        if not isinstance(name, str):
            return None
        name = _SYNONYMS.get(name, name)
        if name == "minkowski":
            p, w = params.get("p", 2), params.get("w")
            if w is None and p in (1, 2, np.inf):
                return cls({1: "manhattan", 2: "euclidean"}.get(p, "chebyshev"))
        return cls(name, params) if name in _REDUCED else None

    def reduced(self, rows: Tensor, points: NDArray[Any]) -> Tensor:
        """A value that orders as the distance does and costs less, [rows, points]."""
        return _REDUCED[self.name](self, rows, points)

    def distance(self, reduced: Tensor) -> Tensor:
        """The distance that belongs to a reduced one."""
        if self.name in _SQUARED:
            return reduced.sqrt()
        return reduced ** (1.0 / self.params["p"]) if self.name == "minkowski" else reduced

    def reduce(self, distance: float) -> float:
        """The reduced distance that belongs to a distance."""
        if self.name in _SQUARED:
            return float(distance) * float(distance)
        return float(distance) ** float(self.params["p"]) if self.name == "minkowski" else float(distance)

    @property
    def power(self) -> float:
        """The p of a k-d tree's bounds."""
        named = {"euclidean": 2.0, "manhattan": 1.0, "chebyshev": np.inf}
        return named[self.name] if self.name in named else float(self.params["p"])


def _added(rows: Tensor, points: NDArray[Any], term: Callable[[int, Tensor, NDArray[Any]], Tensor]) -> Tensor:
    """The sum of a term over the features, one after another."""
    total: Tensor | None = None
    for j in range(points.shape[1]):
        value = term(j, rows.columns([j]), points[:, j].reshape(1, -1))
        total = value if total is None else total + value
    if total is None:
        raise TypeError("a distance needs at least one feature")  # scikit-learn fits none
    return total


def summed_squares(rows: Tensor, points: NDArray[Any]) -> Tensor:
    """The sum of squared differences, feature after feature, as scipy's cdist computes it."""

    def term(j: int, x: Tensor, y: NDArray[Any]) -> Tensor:
        difference = x - y
        return difference * difference

    return _added(rows, points, term)


def manhattan(rows: Tensor, points: NDArray[Any]) -> Tensor:
    """The sum of absolute differences, feature after feature."""
    return _added(rows, points, lambda j, x, y: abs(x - y))


def _euclidean(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    return summed_squares(rows, points)


def _manhattan(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    return manhattan(rows, points)


def _chebyshev(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    largest = abs(rows.columns([0]) - points[:, 0].reshape(1, -1))
    for j in range(1, points.shape[1]):
        largest = rows.graph.maximum(largest, abs(rows.columns([j]) - points[:, j].reshape(1, -1)))
    return largest


def _minkowski(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    p, w = float(metric.params["p"]), metric.params.get("w")
    weights = np.ones(points.shape[1]) if w is None else np.asarray(w, dtype=np.float64)
    return _added(rows, points, lambda j, x, y: abs(x - y) ** p * float(weights[j]))


def _seuclidean(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    variances = np.asarray(metric.params["V"], dtype=np.float64)

    def term(j: int, x: Tensor, y: NDArray[Any]) -> Tensor:
        difference = x - y
        return difference * difference / float(variances[j])

    return _added(rows, points, term)


def _mahalanobis(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    inverse = metric.params.get("VI")
    matrix = np.linalg.inv(metric.params["V"]) if inverse is None else np.asarray(inverse, dtype=np.float64)
    differences = [rows.columns([j]) - points[:, j].reshape(1, -1) for j in range(points.shape[1])]
    total: Tensor | None = None
    for i, row in enumerate(matrix):
        inner = differences[0] * float(row[0])
        for difference, weight in zip(differences[1:], row[1:], strict=True):
            inner = inner + difference * float(weight)
        total = inner * differences[i] if total is None else total + inner * differences[i]
    if total is None:
        raise TypeError("a distance needs at least one feature")  # scikit-learn fits none
    return total


def _canberra(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    def term(j: int, x: Tensor, y: NDArray[Any]) -> Tensor:
        size: Tensor = abs(x) + np.abs(y)
        positive = size > 0.0
        return positive.where(abs(x - y) / positive.where(size, 1.0), 0.0)

    return _added(rows, points, term)


def _braycurtis(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    size = _added(rows, points, lambda j, x, y: abs(x) + np.abs(y))
    positive = size > 0.0
    return positive.where(manhattan(rows, points) / positive.where(size, 1.0), 0.0)


def _hamming(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    unequal = _added(rows, points, lambda j, x, y: (~x.equal(y)).cast("float64"))
    return unequal / float(points.shape[1])


def _cosine(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    return (1.0 - normalized(rows) @ normalized_points(points).T).clip(0.0, 2.0)


def _nan_euclidean(metric: Metric, rows: Tensor, points: NDArray[Any]) -> Tensor:
    """The distance over the features that both have, scaled up to all: `nan_euclidean_distances`."""
    absent = rows.isnan()
    here, there = absent.where(0.0, rows), np.nan_to_num(points, nan=0.0)
    missing: NDArray[np.float64] = np.isnan(points).T.astype(np.float64)
    squares = squared_euclidean(here, there) - (here * here) @ missing
    squares = (squares - absent.cast("float64") @ (there * there).T).clip(0.0)
    shared: Tensor = (~absent).cast("float64") @ (1.0 - missing)
    scaled = squares / shared.clip(1.0) * float(points.shape[1])
    # without a shared feature scikit-learn has NaN, which it sorts behind everything
    return shared.equal(0.0).where(np.finfo(np.float64).max, scaled)


_REDUCED: Mapping[str, Callable[[Metric, Tensor, NDArray[Any]], Tensor]] = {
    "euclidean": _euclidean,
    "sqeuclidean": _euclidean,
    "manhattan": _manhattan,
    "chebyshev": _chebyshev,
    "minkowski": _minkowski,
    "seuclidean": _seuclidean,
    "mahalanobis": _mahalanobis,
    "canberra": _canberra,
    "braycurtis": _braycurtis,
    "hamming": _hamming,
    "cosine": _cosine,
    "nan_euclidean": _nan_euclidean,
}
