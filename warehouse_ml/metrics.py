"""Figures that say how good a fitted estimator is on rows that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.signature import Task

SILHOUETTE_ROWS = 2000
"""Its cost grows with the square of the rows."""


def task_of(estimator: Any) -> Task:
    """What kind of answer an estimator gives, by its scikit-learn tags."""
    from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

    if is_classifier(estimator):
        return "classification"
    if is_regressor(estimator):
        return "regression"
    if is_clusterer(estimator):
        return "clustering"
    return "outlier detection" if is_outlier_detector(estimator) else "transformation"


def evaluate(estimator: Any, rows: Any, target: NDArray[Any] | None, *, seed: int = 0) -> dict[str, float]:
    """Score the rows and compare with the target.

    Args:
        estimator: A fitted estimator.
        rows: The features as it is fed with them; at least one row.
        target: [rows] or [rows, targets]; None for what learns without a target.
        seed: Picks the rows of the silhouette.

    Returns:
        Classification: `accuracy`, `balanced_accuracy`, `f1_macro`, and where there are probabilities
        `log_loss`, `roc_auc` (one against the rest) and for two classes `brier`. Regression: `mae`,
        `rmse`, `r2`. Clustering: `silhouette`. Outlier detection: `outlier_share`. Several targets: the
        means over them. A figure that these rows do not define is left out.
    """
    task = task_of(estimator)
    if task == "classification" and target is not None:
        figures = _of_classifier(estimator, rows, target)
    elif task == "regression" and target is not None:
        figures = _of_regressor(np.asarray(estimator.predict(rows), dtype=np.float64), target)
    elif task == "clustering" and hasattr(estimator, "predict"):
        figures = _of_clusters(estimator, rows, seed)
    elif task == "outlier detection" and hasattr(estimator, "predict"):
        figures = {"outlier_share": float(np.mean(estimator.predict(rows) == -1))}
    else:
        figures = {}
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}


def mean_and_std(folds: list[dict[str, float]]) -> dict[str, float]:
    """`cv_<name>_mean` and `cv_<name>_std` (population) of every figure that each fold has."""
    names = [name for name in folds[0] if all(name in fold for fold in folds)]
    figures = {}
    for name in names:
        values = np.array([fold[name] for fold in folds])
        figures[f"cv_{name}_mean"] = float(values.mean())
        figures[f"cv_{name}_std"] = float(values.std())
    return figures


def _of_classifier(estimator: Any, rows: Any, target: NDArray[Any]) -> Mapping[str, float]:
    predicted = np.asarray(estimator.predict(rows))
    probabilities = estimator.predict_proba(rows) if hasattr(estimator, "predict_proba") else None
    if target.ndim == 1:
        classes = getattr(estimator, "classes_", None)
        return _of_classes(target, predicted.reshape(-1), probabilities, classes)
    if not isinstance(getattr(estimator, "classes_", None), list) or not isinstance(probabilities, list):
        probabilities = None
    outputs = [
        _of_classes(
            target[:, place],
            predicted[:, place],
            None if probabilities is None else probabilities[place],
            None if probabilities is None else estimator.classes_[place],
        )
        for place in range(target.shape[1])
    ]
    names = [name for name in outputs[0] if all(name in output for output in outputs)]
    return {name: float(np.mean([output[name] for output in outputs])) for name in names}


def _of_classes(
    target: NDArray[Any], predicted: NDArray[Any], probabilities: Any, classes: NDArray[Any] | None
) -> Mapping[str, float]:
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    if target.dtype.kind == "b" and predicted.dtype.kind != "b":
        target = target.astype(predicted.dtype)  # XGBoost answers 0 and 1 where it learned booleans
    figures = {
        "accuracy": accuracy_score(target, predicted),
        "balanced_accuracy": recall_score(
            target, predicted, labels=np.unique(target), average="macro", zero_division=0
        ),
        "f1_macro": f1_score(target, predicted, average="macro", zero_division=0),
    }
    if probabilities is not None and classes is not None and len(classes) == np.shape(probabilities)[1]:
        figures |= _of_probabilities(target, np.asarray(probabilities, dtype=np.float64), np.asarray(classes))
    return figures


def _of_probabilities(
    target: NDArray[Any], probabilities: NDArray[np.float64], classes: NDArray[Any]
) -> Mapping[str, float]:
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    if len(classes) < 2 or not np.isfinite(probabilities).all() or not np.isin(target, classes).all():
        return {}
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    positions = np.searchsorted(classes, target)
    figures = {"log_loss": log_loss(positions, probabilities, labels=np.arange(len(classes)))}
    all_seen = len(np.unique(positions)) == len(classes)
    if len(classes) == 2:
        figures["brier"] = brier_score_loss(positions, probabilities[:, 1], pos_label=1)
        if all_seen:
            figures["roc_auc"] = roc_auc_score(positions, probabilities[:, 1])
    elif all_seen:
        figures["roc_auc"] = roc_auc_score(positions, probabilities, multi_class="ovr")
    return figures


def _of_regressor(predicted: NDArray[np.float64], target: NDArray[Any]) -> Mapping[str, float]:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    predicted = predicted.reshape(target.shape)
    if not np.isfinite(predicted).all():
        return {}
    figures = {
        "mae": mean_absolute_error(target, predicted),
        "rmse": root_mean_squared_error(target, predicted),
    }
    if len(target) > 1:
        figures["r2"] = r2_score(target, predicted)
    return figures


def _of_clusters(estimator: Any, rows: Any, seed: int) -> Mapping[str, float]:
    from sklearn.metrics import silhouette_score

    space = (
        estimator[:-1].transform(rows) if hasattr(estimator, "steps") and len(estimator.steps) > 1 else rows
    )
    labels = np.asarray(estimator.predict(rows))
    if len(labels) > SILHOUETTE_ROWS:
        picked = np.sort(np.random.default_rng(seed).choice(len(labels), SILHOUETTE_ROWS, replace=False))
        space = space.iloc[picked] if hasattr(space, "iloc") else space[picked]
        labels = labels[picked]
    if not 2 <= len(np.unique(labels)) < len(labels):
        return {}
    return {"silhouette": silhouette_score(space, labels)}
