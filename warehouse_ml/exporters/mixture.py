"""Gaussian mixtures: the posterior of each component."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import squared_norms
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor


def gaussian_mixture(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The softmax of the log densities plus the log weights; the largest is the label."""
    rows = exporter.numbers(columns)
    scores = _log_densities(model, rows) + np.asarray(model._estimate_log_weights())
    return _posterior(scores)


def bayesian_gaussian_mixture(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The same with the expectations of the variational posterior: Bishop, 2006, (10.64) and (10.65)."""
    rows = exporter.numbers(columns)
    width = rows.width
    freedom = np.asarray(model.degrees_of_freedom_, dtype=np.float64)
    log_lambda = width * math.log(2.0) + digamma(0.5 * (freedom - np.arange(width)[:, np.newaxis])).sum(
        axis=0
    )
    shift = 0.5 * (log_lambda - width / np.asarray(model.mean_precision_)) - 0.5 * width * np.log(freedom)
    return _posterior(_log_densities(model, rows) + (shift + np.asarray(model._estimate_log_weights())))


def _posterior(scores: Tensor) -> Prediction:
    return Prediction(
        "clustering",
        classes=(np.arange(scores.width),),
        labels=scores.argmax(),
        probabilities=(scores.softmax(),),
    )


def _log_densities(model: Any, rows: Tensor) -> Tensor:
    """The log density of each component, [rows, components], as `_estimate_log_gaussian_prob`."""
    means = np.asarray(model.means_, dtype=np.float64)
    factors = np.asarray(model.precisions_cholesky_, dtype=np.float64)
    squares = _squared_distances(rows, means, factors, model.covariance_type)
    log_determinant: NDArray[np.float64] = {
        "full": lambda: np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(axis=-1),
        "tied": lambda: np.log(np.diagonal(factors)).sum(),
        "diag": lambda: np.log(factors).sum(axis=1),
        "spherical": lambda: means.shape[1] * np.log(factors),
    }[model.covariance_type]()
    return (squares + float(means.shape[1] * math.log(2 * math.pi))) * -0.5 + log_determinant


def _squared_distances(
    rows: Tensor, means: NDArray[np.float64], factors: NDArray[np.float64], kind: str
) -> Tensor:
    """The squared Mahalanobis distance to each mean, [rows, components]."""
    if kind in ("full", "tied"):
        each = factors if kind == "full" else [factors] * len(means)
        whitened = [rows @ factor - mean @ factor for mean, factor in zip(means, each, strict=True)]
        return rows.graph.concat([squared_norms(white) for white in whitened])
    inverse: NDArray[np.float64] = factors**2
    lengths: NDArray[np.float64] = (means**2 * (inverse if kind == "diag" else 1.0)).sum(axis=1)
    if kind == "diag":
        cross = (rows @ (means * inverse).T) * 2.0
        return -cross + lengths + (rows * rows) @ inverse.T
    cross = (rows @ means.T) * inverse * 2.0
    return -cross + lengths * inverse + squared_norms(rows) * inverse


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.GaussianMixture": gaussian_mixture,
    "sklearn.BayesianGaussianMixture": bayesian_gaussian_mixture,
}
