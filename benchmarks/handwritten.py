"""The fastest SQL that a person would write for a model: one expression, or a CASE per tree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.synthetic import FEATURES

LEAVES = 20_000
"""Beyond this many leaves DuckDB takes minutes to read the text."""


@dataclass(frozen=True)
class Leaf:
    value: float


@dataclass(frozen=True)
class Split:
    feature: int
    comparison: str
    threshold: float
    left: Split | Leaf
    right: Split | Leaf


def linear_sql(estimator: Any, kind: str) -> str:
    """A scaler and a logistic regression as one sum of products and a sigmoid.

    Args:
        estimator: The fitted pipeline.
        kind: `FLOAT` or `DOUBLE`, the type of the sum.
    """
    scaler, model = estimator[0], estimator[-1]
    weights = model.coef_[0].astype(float) / scaler.scale_
    bias = float(model.intercept_[0]) - float(scaler.mean_ @ weights)
    terms = [_literal(bias, kind)]
    terms += [f"{_literal(weight, kind)} * {name}" for weight, name in zip(weights, FEATURES, strict=True)]
    return f"1 / (1 + exp(-({' + '.join(terms)})))"


def trees_sql(estimator: Any) -> str | None:
    """Trees as CASE expressions in the precision of their library; None where they are too many."""
    name = type(estimator).__name__
    if name == "XGBClassifier":
        booster = estimator.get_booster()
        names = booster.feature_names
        trees = [_from_xgboost(json.loads(text), names) for text in booster.get_dump(dump_format="json")]
        base = float(
            json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"].strip("[]")
        )
        margin = _literal(float(np.log(base / (1 - base))), "FLOAT")
        return f"1 / (1 + exp(-({_sum(trees, 'FLOAT')} + {margin})))"
    if name == "LGBMClassifier":
        infos = estimator.booster_.dump_model()["tree_info"]
        trees = [_from_lightgbm(info["tree_structure"]) for info in infos]
        return f"1 / (1 + exp(-({_sum(trees, 'DOUBLE')})))"
    if hasattr(estimator, "tree_"):
        return case(_from_sklearn(estimator.tree_), "DOUBLE")
    if hasattr(estimator, "estimators_"):
        if sum(tree.tree_.n_leaves for tree in estimator.estimators_) > LEAVES:
            return None
        trees = [_from_sklearn(tree.tree_) for tree in estimator.estimators_]
        return f"({_sum(trees, 'DOUBLE')}) / {len(trees)}"
    return None


def case(node: Split | Leaf, kind: str) -> str:
    """A tree as nested CASE expressions; the columns are FLOAT, and so are the thresholds."""
    if isinstance(node, Leaf):
        return _literal(node.value, kind)
    test = f"{FEATURES[node.feature]} {node.comparison} {_literal(node.threshold, 'FLOAT')}"
    return f"CASE WHEN {test} THEN {case(node.left, kind)} ELSE {case(node.right, kind)} END"


def _sum(trees: Sequence[Split | Leaf], kind: str) -> str:
    return " + ".join(case(tree, kind) for tree in trees)


def _literal(value: float, kind: str) -> str:
    if kind == "FLOAT":
        return f"'{float(np.float32(value))!r}'::FLOAT"
    return f"'{float(value)!r}'::DOUBLE"


def _float_below(threshold: float) -> float:
    """The largest float32 that is not above a threshold: `x <= t` stays what it was for every float32."""
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))


def _from_xgboost(node: dict[str, Any], names: Sequence[str]) -> Split | Leaf:
    if "leaf" in node:
        return Leaf(node["leaf"])
    children = {child["nodeid"]: child for child in node["children"]}
    left, right = (_from_xgboost(children[node[side]], names) for side in ("yes", "no"))
    return Split(names.index(node["split"]), "<", node["split_condition"], left, right)


def _from_lightgbm(node: dict[str, Any]) -> Split | Leaf:
    if "leaf_value" in node:
        return Leaf(node["leaf_value"])
    left, right = (_from_lightgbm(node[f"{side}_child"]) for side in ("left", "right"))
    return Split(node["split_feature"], "<=", _float_below(node["threshold"]), left, right)


def _from_sklearn(tree: Any, node: int = 0) -> Split | Leaf:
    if tree.children_left[node] < 0:
        values = tree.value[node, 0]
        return Leaf(float(values[1] / values.sum()))
    left = _from_sklearn(tree, tree.children_left[node])
    right = _from_sklearn(tree, tree.children_right[node])
    return Split(int(tree.feature[node]), "<=", _float_below(tree.threshold[node]), left, right)
