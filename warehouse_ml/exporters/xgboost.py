"""XGBoost: boosters are read from their own JSON, which knows nothing of pandas or of feature names.

Its format: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html. XGBoost rounds features to
float32, compares with <, and adds leaf values in float32, the base score first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.category_codes import category_codes
from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.tree_graph import apply_link, tree_outputs
from warehouse_ml.exporters.trees import CategorySet, Link, Tree, TreeEnsemble
from warehouse_ml.graph.tensor import Tensor

_LINKS: Mapping[str, Link] = {
    "reg:squarederror": "identity",
    "reg:linear": "identity",
    "reg:squaredlogerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:absoluteerror": "identity",
    "reg:quantileerror": "identity",
    "reg:logistic": "sigmoid",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "count:poisson": "exp",
    "survival:cox": "exp",
    "survival:aft": "exp",
    "binary:logistic": "sigmoid",
    "binary:logitraw": "identity",
    "binary:hinge": "positive",
    "multi:softmax": "softmax",
    "multi:softprob": "softmax",
    "rank:pairwise": "identity",
    "rank:ndcg": "identity",
    "rank:map": "identity",
}


def regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Regressors and rankers: the sums after the objective's link; multi:softmax gives a class number."""
    booster = json.loads(model.get_booster().save_raw("json"))["learner"]
    results = _results(model, booster, columns, exporter)
    if booster["objective"]["name"] == "multi:softmax":
        results = results.argmax()
    return Prediction.regression(results.cast("float64"))


def classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Above 0.5 for two classes and for each of several labels, else the largest: XGBClassifier.predict."""
    booster = json.loads(model.get_booster().save_raw("json"))["learner"]
    results = _results(model, booster, columns, exporter)
    if results.width > 1 and model.n_classes_ != 2:
        return Prediction.classification(
            np.arange(results.width), labels=results.argmax(), probabilities=results.cast("float64")
        )
    pairs = [exporter.graph.concat([1.0 - part, part]) for part in _parts(results)]
    return Prediction(
        "classification",
        classes=(np.arange(2),) * results.width,
        labels=(results > 0.5).cast("int64"),
        probabilities=tuple(pair.cast("float64") for pair in pairs),
        multilabel=results.width > 1,
    )


def _parts(results: Tensor) -> list[Tensor]:
    return [results.columns([index]) for index in range(results.width)]


def _results(model: Any, booster: Mapping[str, Any], columns: Columns, exporter: Exporter) -> Tensor:
    """What Booster.predict returns, float32 of shape [rows, outputs]."""
    objective = booster["objective"]["name"]
    if objective not in _LINKS:
        exporter.unsupported(
            f"the objective {objective!r} is not known", "Use one of XGBoost's own objectives."
        )
    coded = _coded(booster, columns, exporter)
    marker = None if model.missing is None or np.isnan(model.missing) else float(np.float32(model.missing))
    ensemble = read_booster(booster, sparse=columns.sparse, missing=marker)
    if booster["gradient_booster"]["name"] == "gblinear":
        return apply_link(ensemble, _linear_sums(booster, ensemble, exporter.numbers(coded, "float32")))
    return tree_outputs(ensemble, coded, exporter)


def read_booster(booster: Mapping[str, Any], *, sparse: bool, missing: float | None) -> TreeEnsemble:
    """The trees of a booster: those up to the best iteration where training was stopped early.

    Args:
        booster: The `learner` of the JSON that `Booster.save_raw("json")` returns.
        sparse: Whether zeros are missing, as in a sparse matrix.
        missing: A value besides NaN that is missing.
    """
    features = int(booster["learner_model_param"]["num_feature"])
    base = _base_margin(booster)
    return TreeEnsemble.of(
        _trees(booster, base),
        features=features,
        base=base,
        comparison="<",
        precision="float32",
        link=_LINKS[booster["objective"]["name"]],
        missing_zero=np.zeros(features) if sparse else None,
        missing_marker=missing,
    )


def _trees(booster: Mapping[str, Any], base: NDArray[np.float32]) -> list[Tree]:
    gradient_booster = booster["gradient_booster"]
    dart = gradient_booster["name"] == "dart"
    model = gradient_booster["gbtree"]["model"] if dart else gradient_booster["model"]
    if "trees" not in model:  # a linear booster
        return []
    trees = [_tree(tree, output) for tree, output in zip(model["trees"], model["tree_info"], strict=True)]
    if dart:
        weights = np.asarray(gradient_booster["weight_drop"], np.float32)
        trees = [_weighted(tree, weight, base) for tree, weight in zip(trees, weights, strict=True)]
    best = booster["attributes"].get("best_iteration")
    return trees if best is None else trees[: model["iteration_indptr"][int(best) + 1]]


def _tree(facts: Mapping[str, Any], output: int) -> Tree:
    left = np.asarray(facts["left_children"], np.int64)
    right = np.asarray(facts["right_children"], np.int64)
    is_leaf = left < 0
    conditions = np.asarray(facts["split_conditions"], np.float32)
    width = int(facts["tree_param"]["size_leaf_vector"])
    if width > 1:
        # a leaf's right child is then its row in `leaf_weights`
        values = np.zeros((len(left), width), np.float32)
        rows = np.asarray(facts["leaf_weights"], np.float32).reshape(-1, width)
        values[is_leaf] = rows[right[is_leaf]]
    else:
        values = conditions.reshape(-1, 1)
    return Tree(
        feature=np.where(is_leaf, -1, np.asarray(facts["split_indices"], np.int64)),
        threshold=conditions.astype(np.float64),
        left=left,
        right=right,
        missing_left=np.asarray(facts["default_left"], bool),
        values=values,
        output=0 if width > 1 else int(output),
        categories=_category_sets(facts, len(left)),
    )


def _category_sets(facts: Mapping[str, Any], nodes: int) -> list[CategorySet | None]:
    """The listed categories go right, every other code left: common/categorical.h, Decision."""
    if not facts["categories_nodes"]:
        return []
    sets: list[CategorySet | None] = [None] * nodes
    for node, start, size in zip(
        facts["categories_nodes"], facts["categories_segments"], facts["categories_sizes"], strict=True
    ):
        listed = set(facts["categories"][start : start + size])
        sets[node] = CategorySet(tuple(code not in listed for code in range(max(listed) + 1)), True)
    return sets


def _weighted(tree: Tree, weight: np.float32, base: NDArray[np.float32]) -> Tree:
    """A tree of DART.

    Booster.inplace_predict scores it alone, on top of the base score, which it takes off again before it
    multiplies: gbm/gbtree.cc.
    """
    own = base[tree.output : tree.output + tree.values.shape[1]]
    return replace(tree, values=((tree.values + own) - own) * weight)


def _base_margin(booster: Mapping[str, Any]) -> NDArray[np.float32]:
    """The base score before the link, one for each output: ProbToMargin of the objective."""
    parameters = booster["learner_model_param"]
    outputs = max(int(parameters["num_class"]), int(parameters["num_target"]), 1)
    score = np.atleast_1d(np.asarray(json.loads(parameters["base_score"]), np.float32))
    objective = booster["objective"]["name"]
    if _LINKS[objective] == "sigmoid":
        score = -_log(np.float32(1.0) / score - np.float32(1.0))
    elif _LINKS[objective] == "exp":
        score = _log(score)
    return np.array(np.broadcast_to(score, outputs), np.float32)


def _log(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithm, rounded correctly as the C library's is; numpy's for float32 is not always."""
    with np.errstate(divide="ignore"):
        return np.log(values.astype(np.float64)).astype(np.float32)


def _linear_sums(booster: Mapping[str, Any], ensemble: TreeEnsemble, matrix: Tensor) -> Tensor:
    """The base and the bias, then weight * feature one after another; a missing feature adds nothing.

    XGBoost 3.2 adds the base of the first output to every one of them: gbm/gblinear.cc.
    """
    weights = np.asarray(booster["gradient_booster"]["model"]["weights"], np.float32)
    weights = weights.reshape(ensemble.features + 1, ensemble.outputs)
    values = matrix
    if ensemble.missing_marker is not None:
        values = values.equal(ensemble.missing_marker).where(0.0, values)
    values = values.isnan().where(0.0, values)
    sums = []
    for output in range(ensemble.outputs):
        start = matrix.full_like_rows(weights[[-1], output] + ensemble.base[0])
        products = values * weights[:-1, output].reshape(1, -1)
        sums.append(matrix.graph.concat([start, products]).sequential_sum())
    return matrix.graph.concat(sums)


def _coded(booster: Mapping[str, Any], columns: Columns, exporter: Exporter) -> Columns:
    """The columns with pandas categories as the codes that the booster knows them by."""
    model = booster["gradient_booster"].get("gbtree", booster["gradient_booster"])["model"]
    recorded = model.get("cats", {}).get("enc", [])
    parts = []
    index = 0
    for block in columns.blocks:
        if block.categories is None:
            parts.append(Columns((block,)))
        else:
            known = block.categories
            if recorded:
                known = _recorded_categories(recorded[index], known, exporter)
            codes = category_codes(block, known, exporter)
            if recorded:
                # XGBoost 3.2 raises for an unknown category that sorts after all known ones, and takes
                # another one for the next that it knows: src/encoder/ordinal.h
                exporter.refuse(codes.equal(-1.0), Columns((block,)), "unknown category", stricter=True)
            parts.append(Columns.of(codes))
        index += len(block.features)
    return Columns.join(parts)


def _recorded_categories(entry: Mapping[str, Any], sampled: NDArray[Any], exporter: Exporter) -> NDArray[Any]:
    """A column's categories as the booster has them.

    Whole numbers are a list. Texts are UTF-8 with offsets, as Arrow stores them; but XGBoost 3.2 counts the
    offsets in characters, so that text beyond ASCII is cut at the wrong places (_data_utils.py,
    npstr_to_arrow_strarr). It then knows a frame with the same categories in the same order, and no other.
    """
    if "offsets" not in entry:
        return np.asarray(entry["values"])
    raw = np.asarray(entry["values"], np.int64).astype(np.uint8).tobytes()
    offsets = entry["offsets"]
    if raw.isascii() and len(raw) == (offsets or [0])[-1]:
        texts = [raw[start:end].decode() for start, end in pairwise(offsets)]
        return np.array(texts, object)
    lengths = [len(str(category)) for category in sampled.tolist()]
    same = "".join(map(str, sampled.tolist())).encode()[: offsets[-1]] == raw[: offsets[-1]]
    if not same or np.cumsum([0, *lengths]).tolist() != list(offsets):
        exporter.unsupported(
            "XGBoost cannot store categories beyond ASCII, and the sample has others than the training data",
            "Give the sample's column the categories of the training data, in their order.",
        )
    return sampled


PREDICTORS: Mapping[str, Predict] = {
    "warehouse_ml.XGBoostBooster": regressor,
    "xgboost.XGBRegressor": regressor,
    "xgboost.XGBRFRegressor": regressor,
    "xgboost.XGBRanker": regressor,
    "xgboost.XGBClassifier": classifier,
    "xgboost.XGBRFClassifier": classifier,
}
