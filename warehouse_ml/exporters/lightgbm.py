"""LightGBM: boosters are read from their own dump.

LightGBM computes in double, compares by <=, and adds leaf values one tree after another; the average of the
target is part of the first tree. How a split treats zero and missing values is written at the split: see
NumericalDecision and CategoricalDecision in include/LightGBM/tree.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.category_codes import category_codes
from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.tree_graph import apply_link, tree_outputs, tree_sums
from warehouse_ml.exporters.trees import CategorySet, LinearLeaf, Link, Tree, TreeEnsemble
from warehouse_ml.graph.tensor import Tensor

ZERO = float(np.float32(1e-35))
"""kZeroThreshold: what is not above it in magnitude is zero."""

_INFINITY = 1e300

_LINKS: Mapping[str, Link] = {
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "binary": "sigmoid",
    "multiclass": "softmax",
    "multiclassova": "sigmoid",
    "cross_entropy": "sigmoid",
    "cross_entropy_lambda": "log1p_exp",
    "lambdarank": "identity",
    "rank_xendcg": "identity",
    "none": "identity",
}


def regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Regressors and rankers: the sums after the objective's link."""
    return Prediction.regression(_results(model, columns, exporter))


def classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The largest probability; one output is the second class's: LGBMClassifier.predict.

    The decision function, where the release has one, is what the trees add up to.
    """
    if len(model.classes_) == 1:  # its probabilities have two columns nevertheless
        exporter.unsupported("it has seen one class only", "Train it on two classes or more.")
    if callable(model.objective_):  # its predict returns the sums, and no labels
        exporter.unsupported(
            "its objective is a function, so that it predicts sums instead of classes",
            "Use one of LightGBM's own objectives.",
        )
    ensemble, coded = _read(model, columns, exporter)
    sums = tree_sums(ensemble, coded, exporter)
    results = apply_link(ensemble, sums)
    if results.width == 1:
        results = exporter.graph.concat([1.0 - results, results])
    return Prediction.classification(
        model.classes_, labels=results.argmax(), probabilities=results, decision=sums
    )


def _results(model: Any, columns: Columns, exporter: Exporter) -> Tensor:
    ensemble, coded = _read(model, columns, exporter)
    return tree_outputs(ensemble, coded, exporter)


def _read(model: Any, columns: Columns, exporter: Exporter) -> tuple[TreeEnsemble, Columns]:
    dump = model.booster_.dump_model()
    objective = dump.get("objective", "none").split()
    if objective[0] not in _LINKS:
        exporter.unsupported(
            f"the objective {objective[0]!r} is not known", "Use one of LightGBM's own objectives."
        )
    splits = [split for tree in dump["tree_info"] for split in _splits(tree["tree_structure"])]
    zero = {split["split_feature"] for split in splits if split["missing_type"] == "Zero"}
    other = {split["split_feature"] for split in splits if split["missing_type"] != "Zero"}
    if zero & other:
        exporter.unsupported(
            f"{dump['feature_names'][min(zero & other)]!r} has zero as a missing value in some trees only",
            "Fit all of them with the same zero_as_missing.",
        )
    ensemble = read_dump(dump, zero)
    return ensemble, _coded(model, ensemble, columns, exporter)


def read_dump(dump: Mapping[str, Any], zero: set[int]) -> TreeEnsemble:
    """The trees of a booster, up to the best iteration where training was stopped early.

    Args:
        dump: What `Booster.dump_model` returns.
        zero: The features of which zero is a missing value.
    """
    features = int(dump["max_feature_idx"]) + 1
    outputs = int(dump["num_tree_per_iteration"])
    name, *settings = dump.get("objective", "none").split()
    scale = [float(setting.partition(":")[2]) for setting in settings if setting.startswith("sigmoid:")]
    trees = [_tree(tree["tree_structure"], place % outputs) for place, tree in enumerate(dump["tree_info"])]
    return TreeEnsemble.of(
        trees,
        features=features,
        base=np.zeros(outputs),
        comparison="<=",
        precision="float64",
        divisor=float(max(len(trees) // outputs, 1)) if dump["average_output"] else 1.0,
        link="signed_square" if "sqrt" in settings else _LINKS[name],
        scale=scale[0] if scale else 1.0,
        missing_zero=np.where(np.isin(np.arange(features), list(zero)), ZERO, -1.0) if zero else None,
    )


def _nodes(root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All nodes from the root on, parents first."""
    found = [root]
    for node in found:
        if "split_feature" in node:
            found.extend((node["left_child"], node["right_child"]))
    return found


def _splits(root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [node for node in _nodes(root) if "split_feature" in node]


def _tree(root: Mapping[str, Any], output: int) -> Tree:
    nodes = _nodes(root)
    count = len(nodes)
    feature = np.full(count, -1)
    threshold, values = np.zeros(count), np.zeros((count, 1))
    left, right = np.full(count, -1), np.full(count, -1)
    missing_left = np.zeros(count, bool)
    categories: list[CategorySet | None] = [None] * count
    linear: list[LinearLeaf | None] = [None] * count
    child = 1  # children follow in the order of their parents
    for place, node in enumerate(nodes):
        if "split_feature" not in node:
            values[place] = node["leaf_value"]
            if "leaf_const" in node:
                linear[place] = LinearLeaf(
                    node["leaf_const"], tuple(node["leaf_features"]), tuple(node["leaf_coeff"])
                )
            continue
        feature[place] = node["split_feature"]
        left[place], right[place] = child, child + 1
        child += 2
        if node["decision_type"] == "==":
            categories[place] = _category_set(node["threshold"])  # missing and unknown ones go right
            continue
        threshold[place] = _unclipped(node["threshold"])
        # without a treatment of missing values, NaN counts as zero
        as_zero = node["missing_type"] == "None"
        missing_left[place] = node["threshold"] >= 0.0 if as_zero else node["default_left"]
    return Tree(
        feature,
        threshold,
        left,
        right,
        missing_left,
        values,
        output,
        categories if any(categories) else (),
        linear if any(linear) else (),
    )


def _unclipped(threshold: float) -> float:
    """The dump writes infinity as 1e300, the model has infinity: AvoidInf in utils/common.h."""
    return float(np.copysign(np.inf, threshold)) if abs(threshold) >= _INFINITY else threshold


def _category_set(threshold: str) -> CategorySet:
    left = {int(code) for code in str(threshold).split("||")}
    return CategorySet(tuple(code in left for code in range(max(left) + 1)), False)


def _coded(model: Any, ensemble: TreeEnsemble, columns: Columns, exporter: Exporter) -> Columns:
    """The columns with pandas categories as the codes that they had when the model was fitted."""
    known = list(model.booster_.pandas_categorical or [])
    given = [block for block in columns.blocks if block.categories is not None]
    if len(known) != len(given):
        exporter.unsupported(
            f"it was fitted on {len(known)} pandas category columns, and the sample has {len(given)}",
            "Give the sample the types that the training data had.",
        )
    categorical = set(ensemble.feature[ensemble.category_set >= 0].tolist())
    parts = []
    index = 0
    for block in columns.blocks:
        own = Columns((block,))
        places = range(index, index + len(block.features))
        if block.categories is not None:
            codes = category_codes(block, _listed(known.pop(0)), exporter)
            own = Columns.of((codes < 0.0).where(np.nan, codes))  # what is unseen is missing
        elif categorical.intersection(places):
            own = Columns.of(_whole(exporter.numbers(own), [place in categorical for place in places]))
        parts.append(own)
        index += len(places)
    return Columns.join(parts)


def _whole(numbers: Tensor, categorical: list[bool]) -> Tensor:
    """Codes lose their fraction as a C++ cast to int loses it: what is between -1 and 0 becomes 0."""
    fraction = (numbers > np.where(categorical, -1.0, np.inf).reshape(1, -1)) & (numbers < 0.0)
    return fraction.where(0.0, numbers)


def _listed(categories: list[Any]) -> NDArray[Any]:
    return np.array(categories, object if any(isinstance(category, str) for category in categories) else None)


PREDICTORS: Mapping[str, Predict] = {
    "warehouse_ml.LightGBMBooster": regressor,
    "lightgbm.LGBMRegressor": regressor,
    "lightgbm.LGBMRanker": regressor,
    "lightgbm.LGBMModel": regressor,
    "lightgbm.LGBMClassifier": classifier,
}
