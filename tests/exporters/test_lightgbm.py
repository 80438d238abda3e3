from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_wine

from tests.agreement import assert_agrees
from tests.exporters.tree_data import harder, mixed, numbers
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.export import export
from warehouse_ml.sample import Sample

QUIET: dict[str, Any] = {"verbose": -1, "n_jobs": 1, "n_estimators": 12}


def classes_of(target: np.ndarray) -> np.ndarray:
    return np.array(["low", "middle", "high"])[np.digitize(target, [1.5, 4.0])]


def agrees(model: Any, features: Any, target: Any, rows: Any = None, **fit: Any) -> None:
    model.fit(features, target, **fit)
    assert_agrees(model, features)
    if rows is not None:
        assert_agrees(model, features, rows)


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_classifier_agrees_on_real_data_with_nan(load: Any) -> None:
    features, target = load(return_X_y=True, as_frame=True)
    features.iloc[::7, ::3] = np.nan
    agrees(lightgbm.LGBMClassifier(**QUIET), features, target)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"boosting_type": "dart"},
        {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"extra_trees": True},
        {"max_cat_to_onehot": 1},
        {"max_cat_to_onehot": 1, "zero_as_missing": True},
        {"min_child_samples": 5000},
    ],
)
def test_settings_agree_with_categories(settings: dict[str, Any]) -> None:
    features, target = mixed()
    rows = harder(features, unseen=True, infinite=True)
    agrees(lightgbm.LGBMRegressor(**QUIET, **settings), features, target, rows)
    agrees(lightgbm.LGBMClassifier(**QUIET, **settings), features, target > 2, rows)
    agrees(lightgbm.LGBMClassifier(**QUIET, **settings), features, classes_of(target), rows)


def test_linear_trees_agree() -> None:
    features, target = numbers()
    rows = harder(features, infinite=True)
    agrees(lightgbm.LGBMRegressor(**QUIET, linear_tree=True), features, target, rows)
    agrees(lightgbm.LGBMClassifier(**QUIET, linear_tree=True), features, classes_of(target), rows)


@pytest.mark.parametrize("settings", [{}, {"linear_tree": True}])
def test_ordered_categories_that_are_unseen_are_missing(settings: dict[str, Any]) -> None:
    features, target = mixed()
    words = pd.CategoricalDtype(["u", "v", "x", "y", "z"], ordered=True)
    features = features.assign(word=features.word.astype(words))[["plain", "word"]]
    rows = features.assign(word=pd.Categorical(["new"] * len(features), [*words.categories, "new"]))
    agrees(lightgbm.LGBMRegressor(**QUIET, **settings), features, target, rows)


@pytest.mark.parametrize(
    "objective",
    [
        "regression_l1",
        "huber",
        "fair",
        "quantile",
        "mape",
        "poisson",
        "gamma",
        "tweedie",
        "cross_entropy",
        "cross_entropy_lambda",
    ],
)
def test_objective_agrees(objective: str) -> None:
    features, target = mixed()
    share = (target - target.min() + 0.01) / (target.max() - target.min() + 0.02)
    rows = harder(features, unseen=True)
    agrees(lightgbm.LGBMRegressor(**QUIET, objective=objective), features, share, rows)


@pytest.mark.parametrize("objective", ["regression", "regression_l1"])
def test_square_root_of_the_target_agrees(objective: str) -> None:
    features, target = mixed()
    model = lightgbm.LGBMRegressor(**QUIET, objective=objective, reg_sqrt=True)
    agrees(model, features, target - 5, harder(features))


def test_objectives_of_classes_agree() -> None:
    features, target = mixed()
    agrees(lightgbm.LGBMClassifier(**QUIET, sigmoid=2.5), features, target > 2)
    agrees(lightgbm.LGBMClassifier(**QUIET, objective="multiclassova"), features, classes_of(target))
    agrees(lightgbm.LGBMClassifier(**QUIET, objective="multiclass", num_class=2), features, target > 2)


@pytest.mark.parametrize("objective", ["lambdarank", "rank_xendcg"])
def test_ranker_agrees(objective: str) -> None:
    features, target = mixed()
    model = lightgbm.LGBMRanker(**QUIET, objective=objective)
    agrees(model, features, (target > 2).astype(int), harder(features), group=[40] * 10)


def test_early_stopping_agrees() -> None:
    features, target = mixed()
    model = lightgbm.LGBMRegressor(**{**QUIET, "n_estimators": 200}, learning_rate=0.5)
    stop = lightgbm.early_stopping(3, verbose=False)
    watched = {"eval_X": features, "eval_y": np.roll(target, 7)}
    agrees(model, features, target, callbacks=[stop], **watched)
    assert model.best_iteration_ < 200


@pytest.mark.parametrize("code", [-3, -1, 0, 7, 19, 20, 1e9, np.nan, 2.7, -0.5, -0.0, np.inf, -np.inf])
def test_categories_as_numbers_agree(code: float) -> None:
    features, target = numbers()
    features["code"] = np.arange(len(features)) % 20
    model = lightgbm.LGBMRegressor(**QUIET, max_cat_to_onehot=1, min_data_per_group=5, cat_smooth=1)
    model.fit(features, target + 2 * (features.code % 3), categorical_feature=["code"])
    assert_agrees(model, features, harder(features).assign(code=code))


def test_matrix_without_names_agrees() -> None:
    features, target = numbers()
    agrees(lightgbm.LGBMRegressor(**QUIET), features.to_numpy(), target, harder(features).to_numpy())


def squared_error(target: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return scores - target, np.ones_like(target)


def test_own_objective_of_a_regressor_agrees() -> None:
    features, target = numbers()
    agrees(lightgbm.LGBMRegressor(**QUIET, objective=squared_error), features, target, harder(features))


def test_own_objective_of_a_classifier_is_refused() -> None:
    features, target = numbers()
    model = lightgbm.LGBMClassifier(**QUIET, objective=squared_error)
    model.fit(features, target > 2)
    with pytest.raises(UnsupportedStepError, match="Use one of LightGBM's own objectives"):
        export(model, Sample.of(model, features))


def test_sample_without_the_categories_is_refused() -> None:
    features, target = mixed()
    model = lightgbm.LGBMRegressor(**QUIET).fit(features, target)
    sample = features.assign(code=features.code.astype(float))
    with pytest.raises(
        UnsupportedStepError, match="fitted on 2 pandas category columns, and the sample has 1"
    ):
        export(model, Sample.of(model, sample))


def test_text_categories_for_numbers_are_refused() -> None:
    features, target = mixed()
    model = lightgbm.LGBMRegressor(**QUIET).fit(features, target)
    sample = features.assign(code=pd.Categorical(features.code.astype(str)))
    with pytest.raises(UnsupportedStepError, match="categories are not of the type"):
        export(model, Sample.of(model, sample))


def test_zero_missing_in_some_trees_only_is_refused() -> None:
    features, target = numbers()
    first = lightgbm.LGBMRegressor(**QUIET, zero_as_missing=True).fit(features, target)
    dump = first.booster_.dump_model()
    dump["tree_info"][0]["tree_structure"]["missing_type"] = "NaN"
    first.booster_.dump_model = lambda: dump
    with pytest.raises(UnsupportedStepError, match="zero as a missing value in some trees only"):
        export(first, Sample.of(first, features))
