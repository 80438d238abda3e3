"""Rows + estimator -> fitted estimator, metrics, lineage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.errors import MissingDependencyError, TrainError

if TYPE_CHECKING:
    import pandas as pd

    from warehouse_ml.signature import Task
    from warehouse_ml.training.data import Data
    from warehouse_ml.training.weights import ClassWeight

SAMPLE_ROWS = 1000
"""How many rows are handed to the parity gate."""


@dataclass(frozen=True, slots=True)
class Training:
    """A finished training.

    Attributes:
        estimator: The fitted clone.
        train: The features of the rows that it was fitted on.
        test: The features of the rows that were held out; empty where none were.
        sample: Rows of both for the parity gate, at most `SAMPLE_ROWS`.
        metrics: Figures on the held-out rows, and `cv_…_mean` and `cv_…_std` of the cross-validation.
        lineage: Rows, seed, data fingerprint, target, estimator and library versions, as JSON has them.
    """

    estimator: Any
    train: pd.DataFrame
    test: pd.DataFrame
    sample: pd.DataFrame
    metrics: dict[str, float]
    lineage: dict[str, Any]


def fit(
    estimator: Any,
    frame: Any,
    *,
    target: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    stratify: bool = True,
    sample_weight: str | None = None,
    class_weight: ClassWeight | None = None,
    cross_validation: Any = None,
    progress: bool | None = None,
) -> Training:
    """Fit a clone of an estimator and measure it on rows that were held out.

    Rows whose target is NULL are left out and counted. Metrics are not weighted. Cross-validation uses the
    training rows only, so that the held-out ones stay unseen.

    Args:
        estimator: Any estimator of the scikit-learn API; it is not changed.
        frame: A table (pandas, polars or Arrow).
        target: The column to predict, or several; None for what learns without one.
        features: The columns to predict from; by default all others.
        test_fraction: The share that is held out, 0 to hold out none.
        seed: Chooses the rows that are held out, the folds and the sample.
        stratify: Whether the shares of the classes stay the same in both parts. Where a class has too few
            rows the split is not stratified, which the lineage tells.
        sample_weight: The column of weights, which goes to the last step of a pipeline.
        class_weight: `balanced`, or a weight for each class. Goes to the parameter `class_weight` of the
            last step where it has one, else into the weights of the rows.
        cross_validation: The number of folds (shuffled, stratified for classes), or a splitter.
        progress: Whether to show a bar on stderr; by default where that is a terminal.

    Raises:
        TrainError: The data, the target, the options and the estimator do not go together.
        MissingDependencyError: The training extra is not installed.
    """
    try:
        from sklearn.base import clone
    except ModuleNotFoundError as error:
        raise MissingDependencyError("scikit-learn", "train") from error
    from warehouse_ml.lineage import fingerprint, libraries
    from warehouse_ml.metrics import evaluate, mean_and_std, task_of
    from warehouse_ml.progress import progress_bar
    from warehouse_ml.sample import as_frame
    from warehouse_ml.training.splits import folds, split
    from warehouse_ml.training.weights import with_class_weight

    if isinstance(estimator, type) or not hasattr(estimator, "fit") or not hasattr(estimator, "get_params"):
        raise TrainError(f"{estimator!r} is no estimator; give an instance that has fit and get_params.")
    table = as_frame(frame)
    task = task_of(estimator)
    targets = [target] if isinstance(target, str) else list(target or ())
    data, unknown = _data(estimator, task, table, targets, features, sample_weight)
    classes = data.target if task == "classification" and len(targets) == 1 else None
    if classes is not None:
        _check_classes(estimator, targets[0], classes)
    model = clone(estimator)
    if class_weight is not None:
        if classes is None:
            raise TrainError("class_weight is for a classifier of one target.")
        model, weights = with_class_weight(model, class_weight, classes)
        if weights is not None:
            data = replace(data, weights=weights if data.weights is None else weights * data.weights)

    train_rows, test_rows, stratified = split(
        len(data.features), classes if stratify else None, test_fraction, seed
    )
    train, test = data.take(train_rows), data.take(test_rows)
    if classes is not None and len(np.unique(classes[train_rows])) < 2:
        raise TrainError(f"Only one class of the target {targets[0]!r} is left to train on; take more rows.")
    figures: list[dict[str, float]] = []
    if cross_validation is not None:
        parts = folds(
            cross_validation, train.features, train.target, None if classes is None else train.target, seed
        )
        with progress_bar("Cross-validation", len(parts), progress) as advance:
            for inner, outer in parts:
                fitted = train.take(inner).fit(clone(model))
                rest = train.take(outer)
                figures.append(evaluate(fitted, rest.fed(fitted), rest.target, seed=seed))
                advance()
    with progress_bar(f"Fitting {type(estimator).__name__}", None, progress):
        fitted = train.fit(model)
        metrics = evaluate(fitted, test.fed(fitted), test.target, seed=seed) if len(test_rows) else {}
    sample = data.features.sample(min(len(data.features), SAMPLE_ROWS), random_state=seed)
    return Training(
        estimator=fitted,
        train=train.features,
        test=test.features,
        sample=sample.reset_index(drop=True),
        metrics=metrics | (mean_and_std(figures) if figures else {}),
        lineage={
            "rows": len(table),
            "rows_without_target": unknown,
            "train_rows": len(train_rows),
            "test_rows": len(test_rows),
            "test_fraction": test_fraction,
            "stratified": stratified,
            "seed": seed,
            "target": targets[0] if len(targets) == 1 else targets,
            "features": list(data.features.columns),
            "sample_weight": sample_weight,
            "class_weight": None if class_weight is None else str(class_weight),
            "cross_validation": None if cross_validation is None else str(cross_validation),
            "data_fingerprint": fingerprint(table),
            "estimator": repr(estimator),
            "libraries": libraries(estimator),
        },
    )


def _data(
    estimator: Any,
    task: Task,
    table: pd.DataFrame,
    targets: list[str],
    features: Sequence[str] | None,
    sample_weight: str | None,
) -> tuple[Data, int]:
    """The rows with a target, and how many have none."""
    from warehouse_ml.training.columns import feature_names, plain_features, require_column, target_values
    from warehouse_ml.training.data import Data
    from warehouse_ml.training.weights import sample_weights

    if not targets and (task in ("classification", "regression") or _needs_target(estimator)):
        raise TrainError(f"{type(estimator).__name__} learns from a target; name its column with target=….")
    if targets and task in ("clustering", "outlier detection"):
        raise TrainError(f"{type(estimator).__name__} learns without a target; leave target out.")
    for name in targets:
        require_column(table, name, "target")
    if len(set(targets)) < len(targets):
        raise TrainError("A target comes twice.")
    if sample_weight is not None:
        require_column(table, sample_weight, "weight")
    names = feature_names(
        table, features, [*targets, *([sample_weight] if sample_weight is not None else [])]
    )
    known = table[table[targets].notna().all(axis=1)] if targets else table
    if len(known) == 0:
        reason = f"the target is NULL in all {len(table):,}" if len(table) else "the query gives none"
        raise TrainError(f"There are no rows to train on: {reason}.")
    values = target_values(known, targets, classes=task == "classification") if targets else None
    weights = None if sample_weight is None else sample_weights(sample_weight, known[sample_weight])
    return Data(plain_features(known[list(names)]), values, weights), len(table) - len(known)


def _needs_target(estimator: Any) -> bool:
    from sklearn.utils import get_tags

    return bool(get_tags(estimator).target_tags.required)


def _check_classes(estimator: Any, target: str, values: NDArray[Any]) -> None:
    classes = np.unique(values).tolist()
    if len(classes) < 2:
        raise TrainError(
            f"The target {target!r} has only one class, {classes[0]!r}; there is nothing to learn."
        )
    last = estimator
    while hasattr(last, "steps"):
        last = last.steps[-1][1]
    if type(last).__module__.startswith("xgboost") and classes != list(range(len(classes))):
        listed = ", ".join(map(repr, classes[:6])) + (", …" if len(classes) > 6 else "")
        raise TrainError(
            f"{type(last).__name__} takes only the classes 0, 1, … {len(classes) - 1}, and {target!r} "
            f"holds {listed}. Number them in the query (CASE … WHEN), or take a classifier that keeps "
            "labels, such as HistGradientBoostingClassifier or LGBMClassifier."
        )
