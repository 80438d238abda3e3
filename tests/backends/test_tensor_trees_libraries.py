"""Fitted ensembles of every library, as they are registered: the rewritten file gives the same bits."""

import warnings
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import onnx
import pytest
import xgboost
from sklearn import ensemble, tree
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.backends.graphs import run
from tests.backends.tree_oracle import fed
from tests.exporters.tree_data import harder, mixed, numbers
from warehouse_ml.backends.tensor_kernels import placement
from warehouse_ml.backends.tensor_trees import tensor_graph
from warehouse_ml.export import export
from warehouse_ml.sample import Sample


def fitted(estimator: Any, data: Callable[[], Any], classes: int) -> tuple[Any, Any]:
    rows, target = data()
    if classes:
        target = np.digitize(target, np.quantile(target, np.arange(1, classes) / classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM's of linear trees
        return estimator.fit(rows, target), rows


def filled() -> tuple[Any, Any]:
    rows, target = numbers()
    return rows.fillna(0.5), target


def texts() -> tuple[Any, Any]:
    rows, target = mixed()
    chosen = rows[["word", "plain"]].assign(word=rows.word.astype(object), plain=rows.plain.fillna(0))
    return chosen.assign(word=chosen.word.fillna("none")), target


SMALL: dict[str, Any] = {"n_estimators": 12, "random_state": 0}
GROWN: dict[str, Any] = {"n_estimators": 15, "verbose": -1, "min_child_samples": 5, "num_threads": 1}

CASES: dict[str, tuple[Any, Callable[[], Any], int]] = {
    "xgboost, two classes": (xgboost.XGBClassifier(max_depth=6, **SMALL), numbers, 2),
    "xgboost, three classes": (xgboost.XGBClassifier(max_depth=2, **SMALL), numbers, 3),
    "xgboost, categories": (xgboost.XGBRegressor(enable_categorical=True, **SMALL), mixed, 0),
    "xgboost, several outputs at once": (
        xgboost.XGBClassifier(multi_strategy="multi_output_tree", **SMALL),
        numbers,
        3,
    ),
    "xgboost, dart": (xgboost.XGBRegressor(booster="dart", rate_drop=0.5, **SMALL), numbers, 0),
    "lightgbm, missing NaN": (lightgbm.LGBMClassifier(**GROWN), numbers, 2),
    "lightgbm, missing zero": (lightgbm.LGBMRegressor(zero_as_missing=True, **GROWN), numbers, 0),
    "lightgbm, missing none": (lightgbm.LGBMRegressor(use_missing=False, **GROWN), filled, 0),
    "lightgbm, categories": (lightgbm.LGBMClassifier(**GROWN), mixed, 3),
    "lightgbm, linear leaves": (lightgbm.LGBMRegressor(linear_tree=True, **GROWN), numbers, 0),
    "lightgbm, few leaves": (lightgbm.LGBMRegressor(num_leaves=8, **GROWN), numbers, 0),
    "decision tree": (tree.DecisionTreeRegressor(random_state=0), numbers, 0),
    "random forest": (ensemble.RandomForestClassifier(max_depth=6, **SMALL), numbers, 3),
    "random forest, deep": (ensemble.RandomForestRegressor(**SMALL), numbers, 0),
    "extra trees": (ensemble.ExtraTreesClassifier(**SMALL), numbers, 2),
    "gradient boosting": (ensemble.GradientBoostingClassifier(**SMALL), filled, 3),
    "histogram boosting": (ensemble.HistGradientBoostingClassifier(max_iter=12), mixed, 3),
    "isolation forest": (ensemble.IsolationForest(**SMALL), filled, 0),
    "ada boost": (ensemble.AdaBoostClassifier(n_estimators=5, random_state=0), filled, 2),
    "bagging": (ensemble.BaggingRegressor(n_estimators=5, random_state=0), filled, 0),
    "leaves as features": (
        make_pipeline(
            ensemble.RandomTreesEmbedding(n_estimators=5, max_depth=3, random_state=0),
            tree.DecisionTreeRegressor(max_depth=3),
        ),
        filled,
        0,
    ),
    "after a scaler": (
        make_pipeline(StandardScaler(), ensemble.RandomForestRegressor(max_depth=5, **SMALL)),
        filled,
        0,
    ),
    "after categories of texts": (
        make_pipeline(
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            xgboost.XGBClassifier(max_depth=3, **SMALL),
        ),
        texts,
        2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_fitted_trees_give_the_same_bits(name: str) -> None:
    model, rows = fitted(*CASES[name])
    exported = export(model, Sample.of(model, rows))
    old, signature = exported.serialize(), exported.signature
    made = tensor_graph(old, rows=5000, cells=5000 * 64)
    values = fed(signature, harder(rows, infinite=True) if "rounded" in rows else rows)
    feeds = {entry.name: values[entry.feature].reshape(-1, 1) for entry in signature.inputs}
    wanted = run(onnx.load_model_from_string(old), feeds)
    for expected, got in zip(wanted, run(onnx.load_model_from_string(made), feeds), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert not [entry for entry in placement(made).cpu if "TreeEnsemble" in entry.operator]


def test_texts_are_looked_up_on_the_cpu_and_trees_walked_on_cuda() -> None:
    model, rows = fitted(*CASES["after categories of texts"])
    place = placement(tensor_graph(export(model, Sample.of(model, rows)).serialize()))
    assert {entry.operator for entry in place.cpu} == {"ai.onnx.ml.LabelEncoder"}
    assert len(place.copied) == len(place.cpu)
