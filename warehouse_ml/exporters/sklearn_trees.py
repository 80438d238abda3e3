"""scikit-learn's trees, forests and gradient boosting on plain trees, and what is made of single trees.

They round features to float32 and compare with double thresholds by <=; leaf values are doubles, added one
tree after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.tree_graph import apply_link, leaf_numbers, tree_outputs, tree_sums
from warehouse_ml.exporters.trees import Link, Tree, TreeEnsemble
from warehouse_ml.graph.tensor import Tensor


def forest_regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The mean of the trees' values: ForestRegressor.predict. One tree is a forest of one."""
    trees = [_tree(part.tree_, part.tree_.value[:, :, 0]) for part in _members(model)]
    base = np.zeros(model.n_outputs_)
    ensemble = _ensemble(trees, model, base, divisor=float(len(trees)))
    return Prediction.regression(tree_outputs(ensemble, columns, exporter))


def forest_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The largest mean of the trees' class fractions, for each output: ForestClassifier.predict_proba."""
    counts = np.atleast_1d(model.n_classes_)
    trees = [
        _tree(
            part.tree_,
            np.concatenate([part.tree_.value[:, k, :count] for k, count in enumerate(counts)], axis=1),
        )
        for part in _members(model)
    ]
    ensemble = _ensemble(trees, model, np.zeros(counts.sum()), divisor=float(len(trees)))
    fractions = tree_outputs(ensemble, columns, exporter)
    ends = np.cumsum(counts)
    parts = [fractions.columns(range(end - count, end)) for end, count in zip(ends, counts, strict=True)]
    classes = [model.classes_] if model.n_outputs_ == 1 else model.classes_
    return Prediction(
        "classification",
        classes=tuple(np.asarray(known) for known in classes),
        labels=exporter.graph.concat([part.argmax() for part in parts]),
        probabilities=tuple(parts),
        multilabel=len(parts) > 1 and all(np.array_equal(known, [0, 1]) for known in classes),
    )


def boosting_regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The initial prediction plus learning rate * leaf, stage by stage: GradientBoostingRegressor."""
    return Prediction.regression(_boosting_sums(model, "identity", columns, exporter)[1])


def boosting_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Sums as logits; two classes share a sum, and 0 is the second one: GradientBoostingClassifier."""
    link: Link = "sigmoid" if model.n_trees_per_iteration_ == 1 else "softmax"
    ensemble, sums = _boosting_sums(model, link, columns, exporter)
    results = apply_link(ensemble, sums)
    if results.width > 1:
        return Prediction.classification(model.classes_, probabilities=results, decision=sums)
    return Prediction.classification(
        model.classes_,
        labels=(sums >= 0.0).cast("int64"),
        probabilities=exporter.graph.concat([1.0 - results, results]),
        decision=sums,
    )


def _boosting_sums(
    model: Any, link: Link, columns: Columns, exporter: Exporter
) -> tuple[TreeEnsemble, Tensor]:
    trees = [
        _tree(part.tree_, model.learning_rate * part.tree_.value[:, :1, 0], output=output)
        for stage in model.estimators_
        for output, part in enumerate(stage)
    ]
    base, start = np.zeros(model.n_trees_per_iteration_), None
    if not isinstance(model.init_, str):  # "zero" stays zero
        if type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor") and model.init is None:
            base = _constant_start(model)
        else:
            rounded = exporter.numbers(columns, "float32").cast("float64")
            start = _start(model, Columns.of(rounded), exporter)
    scale = 2.0 if getattr(model, "loss", "") == "exponential" else 1.0
    ensemble = _ensemble(trees, model, base, link=link, scale=scale)
    return ensemble, tree_sums(ensemble, columns, exporter, start)


def _constant_start(model: Any) -> NDArray[np.float64]:
    """The raw prediction of the default initial estimator, which is the same for every row."""
    row = np.zeros((1, model.n_features_in_), np.float32)
    start: NDArray[np.float64] = np.asarray(model._raw_predict_init(row), np.float64)[0]
    return start


def _start(model: Any, columns: Columns, exporter: Exporter) -> Tensor:
    """The raw prediction of an initial estimator: _init_raw_predictions of ensemble/_gb.py."""
    first = exporter.predict(model.init_, columns, "init")
    if first.value is not None:
        return first.value
    # probabilities are clipped by one epsilon of double, then sent through the loss's link
    eps = float(np.finfo(np.float64).eps)
    shares = first.probabilities[0].clip(eps, 1.0 - eps)
    if model.n_trees_per_iteration_ > 1:
        logs = shares.log()
        return logs - logs.mean()
    shares = shares.columns([1])
    logit = (shares / (1.0 - shares)).log()
    return logit * 0.5 if model.loss == "exponential" else logit


def isolation_forest(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """2 ** -(path length / expected length), with the sign turned, less the offset: IsolationForest."""
    trees = [
        _tree(
            part.tree_,
            (model._decision_path_lengths[t] + model._average_path_length_per_tree[t] - 1.0)[:, None],
            features=np.asarray(model.estimators_features_[t]),
        )
        for t, part in enumerate(model.estimators_)
    ]
    denominator = len(trees) * _expected_path_length(model._max_samples)
    ensemble = _ensemble(trees, model, np.zeros(1))
    depths = tree_outputs(ensemble, columns, exporter)
    shares = depths / denominator if denominator else depths * 0.0 + 1.0
    decision = -(exporter.graph.constant(2.0) ** -shares) - float(model.offset_)
    return Prediction.outliers(decision, shares >= _inlier_share(float(model.offset_)))


def _expected_path_length(samples: int) -> float:
    from sklearn.ensemble._iforest import _average_path_length

    return float(_average_path_length([samples])[0])


def _inlier_share(offset: float) -> float:
    """The smallest share of the expected length that numpy scores as not below the offset.

    A row of the training set may lie on the offset exactly, and a power that is computed elsewhere may
    differ in its last bit. So the label hangs on the share, which is exact.
    """
    low, high = 0.0, 1e6
    if -(2.0 ** -np.float64(low)) - offset >= 0:
        return -np.inf
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return high
        if (-(2.0 ** -np.full(1, middle)) - offset)[0] >= 0:
            high = middle
        else:
            low = middle


def trees_embedding(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Which leaf of each tree a row ends in, one-hot: RandomTreesEmbedding.transform."""
    trees = [_tree(part.tree_, part.tree_.value[:, :1, 0]) for part in model.estimators_]
    ensemble = _ensemble(trees, model, np.zeros(1))
    numbers = leaf_numbers(ensemble, columns, exporter)
    tree_of, number = [], []
    for place, (part, known) in enumerate(
        zip(model.estimators_, model.one_hot_encoder_.categories_, strict=True)
    ):
        leaves = np.flatnonzero(part.tree_.children_left < 0)
        number.extend(np.searchsorted(leaves, known).tolist())
        tree_of.extend([place] * len(known))
    hot = numbers.take(tree_of, axis=1).equal(np.array(number, np.int64).reshape(1, -1))
    return Columns.of(hot.cast("float64"), sparse=bool(model.sparse_output))


def _members(model: Any) -> Sequence[Any]:
    return list(model.estimators_) if hasattr(model, "estimators_") else [model]


def _tree(tree: Any, values: NDArray[Any], *, output: int = 0, features: NDArray[Any] | None = None) -> Tree:
    """The arrays of sklearn.tree._tree.Tree; `features` are the positions of those that it was given."""
    split = tree.children_left >= 0
    feature = np.where(split, tree.feature, 0)
    if features is not None:
        feature = features[feature]
    return Tree(
        feature=np.where(split, feature, -1),
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        missing_left=np.asarray(tree.missing_go_to_left, bool),
        values=values,
        output=output,
    )


def _ensemble(
    trees: Sequence[Tree],
    model: Any,
    base: NDArray[np.float64],
    *,
    divisor: float = 1.0,
    link: Link = "identity",
    scale: float = 1.0,
) -> TreeEnsemble:
    return TreeEnsemble.of(
        trees,
        features=int(model.n_features_in_),
        base=base,
        comparison="<=",
        precision="float32",
        divisor=divisor,
        link=link,
        scale=scale,
    )


TRANSFORMERS: Mapping[str, Transform] = {"sklearn.RandomTreesEmbedding": trees_embedding}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.DecisionTreeClassifier": forest_classifier,
    "sklearn.DecisionTreeRegressor": forest_regressor,
    "sklearn.ExtraTreeClassifier": forest_classifier,
    "sklearn.ExtraTreeRegressor": forest_regressor,
    "sklearn.RandomForestClassifier": forest_classifier,
    "sklearn.RandomForestRegressor": forest_regressor,
    "sklearn.ExtraTreesClassifier": forest_classifier,
    "sklearn.ExtraTreesRegressor": forest_regressor,
    "sklearn.GradientBoostingClassifier": boosting_classifier,
    "sklearn.GradientBoostingRegressor": boosting_regressor,
    "sklearn.IsolationForest": isolation_forest,
}
