"""The imputer that fills with the mean of the nearest training rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Block, Columns
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.exporters.imputers import missing_mask, never, with_indicator
from warehouse_ml.graph.tensor import Tensor

_MOST_ROWS = 50_000
"""More training rows would need gigabytes for the distances of one batch."""


def knn_imputer(imputer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """For each missing value the (weighted) mean of the nearest rows that have one.

    Source: KNNImputer.transform of scikit-learn 1.9, with nan_euclidean_distances.
    """
    if imputer.metric != "nan_euclidean" or imputer.weights not in ("uniform", "distance"):
        exporter.unsupported(
            "its metric or its weights are a Python function",
            "Use metric='nan_euclidean' and weights 'uniform' or 'distance'.",
        )
    training = np.array(imputer._fit_X, dtype=np.float64)
    absent = np.array(imputer._mask_fit_X, dtype=bool)
    if len(training) > _MOST_ROWS:
        exporter.unsupported(
            f"it keeps more than {_MOST_ROWS:,} training rows", "Fit it on a sample of the rows."
        )
    numbers = exporter.numbers(columns)
    missing = missing_mask(Block(numbers, columns.features), imputer.missing_values, computes=True)
    if missing is None:
        missing = never(numbers)
    distances = _distances(numbers, missing, training, absent)
    filled = []
    for index in range(numbers.width):
        value = numbers.columns([index])
        if imputer._valid_mask[index]:
            imputed = _from_donors(imputer, distances, training[:, index], absent[:, index])
            filled.append(missing.columns([index]).where(imputed, value))
        elif imputer.keep_empty_features:
            filled.append(value.full_like_rows([0.0]))
    result = Columns.of(exporter.graph.concat(filled))
    return with_indicator(imputer, result, columns, computes=True)


def _distances(
    numbers: Tensor, missing: Tensor, training: NDArray[np.float64], absent: NDArray[np.bool_]
) -> Tensor:
    """nan_euclidean_distances to every training row: [rows, training rows], infinite where undefined."""
    known = np.where(absent, 0.0, training)
    x = missing.where(0.0, numbers)
    gone = missing.cast("float64")
    squares = x * x
    squared = (-2.0 * (x @ known.T) + squares.sum()) + (known * known).sum(axis=1).reshape(1, -1)
    squared = squared.clip(0.0)
    squared = (squared - squares @ absent.T.astype(np.float64)) - gone @ (known * known).T
    squared = squared.clip(0.0)
    present = (1.0 - gone) @ (~absent).T.astype(np.float64)
    undefined = present.equal(0.0)
    scaled = squared / undefined.where(1.0, present) * float(training.shape[1])
    return undefined.where(np.inf, scaled.sqrt())


def _from_donors(
    imputer: Any, distances: Tensor, column: NDArray[np.float64], absent: NDArray[np.bool_]
) -> Tensor:
    donors = np.flatnonzero(~absent)
    nearest, which = distances.take(donors, axis=1).topk(min(imputer.n_neighbors, len(donors)), largest=False)
    defined = nearest < np.inf
    if imputer.weights == "uniform":
        weights = defined.cast("float64")
    else:
        touching = nearest.equal(0.0)
        inverse = defined.where(1.0 / touching.where(1.0, nearest), 0.0)
        weights = touching.any().where(touching.cast("float64"), inverse)
    total = weights.sum()
    values = distances.graph.constant(column[donors]).take(which)
    nothing = total.equal(0.0)
    mean = (values * weights).sum() / nothing.where(1.0, total)
    # no row shares a known feature with this one
    return nothing.where(float(column[donors].mean()), mean)


TRANSFORMERS: Mapping[str, Transform] = {"sklearn.KNNImputer": knn_imputer}
