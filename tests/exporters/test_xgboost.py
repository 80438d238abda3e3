import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.agreement import assert_agrees, score
from tests.exporters.tree_data import harder, mixed, numbers
from tests.handlers import ScoringError
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.export import export
from warehouse_ml.parity.hard_rows import hard_rows
from warehouse_ml.parity.rows import as_values
from warehouse_ml.sample import Sample

FLOAT32 = 1e-6
CATEGORIES = {"enable_categorical": True, "n_estimators": 12}


def classes_of(target: np.ndarray) -> np.ndarray:
    return np.digitize(target, [1.5, 4.0])


def agrees(model: Any, features: Any, target: Any, rows: Any = None, **fit: Any) -> None:
    model.set_params(n_jobs=1)
    model.fit(features, target, **fit)
    assert_agrees(model, features, rtol=FLOAT32)
    if rows is not None:
        assert_agrees(model, features, rows, rtol=FLOAT32)


@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_classifier_agrees_on_real_data_with_nan(load: Any, booster: str) -> None:
    features, target = load(return_X_y=True, as_frame=True)
    features.iloc[::7, ::3] = np.nan
    drop = {"rate_drop": 0.3} if booster == "dart" else {}
    model = xgboost.XGBClassifier(n_estimators=25, booster=booster, n_jobs=1, **drop)
    assert_agrees(model.fit(features, target), features, rtol=1e-5 if booster == "gblinear" else FLOAT32)


@pytest.mark.parametrize(
    ("booster", "base_score"), [("gbtree", None), ("gbtree", 0.3), ("dart", 0.3), ("gblinear", None)]
)
@pytest.mark.parametrize(
    "objective",
    [
        "reg:squarederror",
        "reg:squaredlogerror",
        "reg:logistic",
        "reg:pseudohubererror",
        "reg:absoluteerror",
        "reg:gamma",
        "reg:tweedie",
        "count:poisson",
        "survival:cox",
        "binary:logistic",
        "binary:logitraw",
        "binary:hinge",
    ],
)
def test_objective_agrees(objective: str, booster: str, base_score: float | None) -> None:
    features, target = numbers()
    features = features.drop(columns="epoch")
    share = (target - target.min() + 1) / (target.max() - target.min() + 2)
    if objective.startswith("binary:"):
        share = (share > 0.4).astype(float)
    model = xgboost.XGBRegressor(n_estimators=8, objective=objective, booster=booster, base_score=base_score)
    agrees(model, features, share, harder(numbers()[0]).drop(columns="epoch").clip(-9, 9))


@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
def test_several_quantiles_agree(booster: str) -> None:
    features, target = numbers()
    model = xgboost.XGBRegressor(
        n_estimators=8, objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9], booster=booster
    )
    agrees(model, features.drop(columns="epoch"), target)


def test_accelerated_failure_time_agrees() -> None:
    features, target = numbers()
    lower = np.exp(target / 5)
    data = xgboost.DMatrix(features, label_lower_bound=lower, label_upper_bound=lower * 2)
    model = xgboost.XGBRegressor(n_jobs=1)
    model._Booster = xgboost.train({"objective": "survival:aft", "nthread": 1}, data, 5)
    assert_agrees(model, features, harder(features), rtol=FLOAT32)


@pytest.mark.parametrize("labels", [2, 3])
def test_epochs_extremes_and_denormals_agree(labels: int) -> None:
    features, target = numbers()
    chosen = classes_of(target) if labels == 3 else target > 2
    agrees(xgboost.XGBClassifier(n_estimators=20), features, chosen, harder(features))


@pytest.mark.parametrize("method", ["exact", "approx", "hist"])
def test_tree_method_agrees(method: str) -> None:
    features, target = numbers()
    agrees(xgboost.XGBRegressor(n_estimators=10, tree_method=method), features, target, harder(features))


@pytest.mark.parametrize("onehot", [1, 100])
@pytest.mark.parametrize("booster", ["gbtree", "dart"])
def test_native_categories_agree(onehot: int, booster: str) -> None:
    features, target = mixed()
    rows = harder(features)
    settings = {**CATEGORIES, "max_cat_to_onehot": onehot, "booster": booster}
    agrees(xgboost.XGBRegressor(**settings), features, target, rows)
    agrees(xgboost.XGBClassifier(**settings), features, target > 2, rows)
    agrees(xgboost.XGBClassifier(**settings), features, classes_of(target), rows)


def test_native_categories_beyond_ascii_agree() -> None:
    features, target = mixed()
    features["word"] = features.word.cat.rename_categories({"u": "é", "y": "日本"})
    agrees(xgboost.XGBRegressor(**CATEGORIES), features, target, harder(features))


def test_native_categories_beyond_ascii_of_another_sample_are_refused() -> None:
    features, target = mixed()
    features["word"] = features.word.cat.rename_categories({"u": "é", "y": "日本"})
    model = xgboost.XGBRegressor(**CATEGORIES, n_jobs=1).fit(features, target)
    features["word"] = features.word.cat.rename_categories({"é": "e"})
    with pytest.raises(UnsupportedStepError, match="cannot store categories beyond ASCII"):
        export(model, Sample.of(model, features))


@pytest.mark.parametrize(("column", "value"), [("word", "w"), ("code", 15), ("code", 40)])
def test_unknown_native_category_is_refused(column: str, value: Any) -> None:
    features, target = mixed()
    model = xgboost.XGBRegressor(**CATEGORIES, n_jobs=1).fit(features, target)
    rows = features.head(3).copy()
    rows[column] = pd.Categorical([value] * 3)
    with pytest.raises(ScoringError, match=f"refuses .* for the feature {column!r}: unknown category"):
        score(model, features, rows)
    assert np.isnan(score(model, features, rows, "try_predict")[0]).all()


def test_unknown_native_categories_stay_out_of_the_hard_rows() -> None:
    features, target = mixed()
    model = xgboost.XGBRegressor(**CATEGORIES, n_jobs=1).fit(features, target)
    signature = export(model, Sample.of(model, features)).signature
    assert signature.familiar_features == {3, 4}
    hard = hard_rows(as_values(features), signature.features, familiar=signature.familiar_features).values
    assert set(hard.word) <= {None, *features.word.cat.categories}
    assert set(hard.code) <= {None, *features.code.cat.categories}
    assert 5e-324 in set(hard.plain)


def test_category_codes_in_a_matrix_agree() -> None:
    frame, target = mixed()
    features = np.column_stack([frame.plain, frame.word.cat.codes.replace(-1, np.nan)])
    model = xgboost.XGBRegressor(**CATEGORIES, feature_types=["q", "c"], max_cat_to_onehot=1)
    codes = [-3, -1, 0, 3, 4, 9, 1e9, np.nan, 2.7, -0.5, 1e20, 0]
    agrees(model, features, target, np.column_stack([np.linspace(-1, 1, len(codes)), codes]))


@pytest.mark.parametrize("booster", ["gbtree", "gblinear"])
@pytest.mark.parametrize("marker", [-999.0, 0.1])
def test_other_missing_marker_agrees(booster: str, marker: float) -> None:
    features, target = numbers()
    filled = features.drop(columns="epoch").fillna(marker).to_numpy()
    rows = filled.copy()
    rows[::3, 1] = marker
    agrees(xgboost.XGBRegressor(n_estimators=10, missing=marker, booster=booster), filled, target, rows)


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_outputs_agree(strategy: str) -> None:
    features, target = numbers()
    rows = harder(features)
    settings = {"n_estimators": 8, "multi_strategy": strategy}
    agrees(xgboost.XGBRegressor(**settings), features, np.column_stack([target, -(target**2)]), rows)
    agrees(xgboost.XGBClassifier(**settings), features, classes_of(target), rows)
    labels = np.column_stack([target > 1, target > 3]).astype(int)
    agrees(xgboost.XGBClassifier(**settings), features, labels, rows)


@pytest.mark.parametrize(
    "model",
    [
        xgboost.XGBRFClassifier(n_estimators=8),
        xgboost.XGBClassifier(n_estimators=4, num_parallel_tree=3, subsample=0.5),
        xgboost.XGBClassifier(n_estimators=8, objective="multi:softmax"),
        xgboost.XGBClassifier(n_estimators=8, base_score=0.3),
        xgboost.XGBRegressor(n_estimators=8, objective="multi:softmax", num_class=3),
        xgboost.XGBRFRegressor(n_estimators=8),
        xgboost.XGBRegressor(n_estimators=2, gamma=1e9),
    ],
)
def test_forests_and_classes_agree(model: Any) -> None:
    features, target = numbers()
    agrees(model, features, classes_of(target), harder(features))


@pytest.mark.parametrize("objective", ["binary:hinge", "binary:logitraw", "binary:logistic"])
def test_objective_of_two_classes_agrees(objective: str) -> None:
    features, target = numbers()
    agrees(xgboost.XGBClassifier(n_estimators=8, objective=objective), features, target > 2, harder(features))


@pytest.mark.parametrize("booster", ["gbtree", "dart"])
def test_early_stopping_agrees(booster: str) -> None:
    features, target = numbers()
    labels = classes_of(target)
    model = xgboost.XGBClassifier(
        n_estimators=100, early_stopping_rounds=2, num_parallel_tree=2, learning_rate=1, booster=booster
    )
    watched = [(features, np.roll(labels, 7))]
    agrees(model, features, labels, harder(features), eval_set=watched, verbose=False)
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1


@pytest.mark.parametrize("objective", ["rank:ndcg", "rank:pairwise", "rank:map"])
def test_ranker_agrees(objective: str) -> None:
    features, target = numbers()
    grades = (target > 2).astype(int)
    queries = np.arange(len(target)) // 40
    agrees(xgboost.XGBRanker(n_estimators=8, objective=objective), features, grades, qid=queries)


def squared_error(target: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return scores - target, np.ones_like(target)


def test_own_objective_agrees() -> None:
    features, target = numbers()
    agrees(xgboost.XGBRegressor(n_estimators=5, objective=squared_error), features, target)


@pytest.mark.parametrize("sparse", [0.0, 1.0])
def test_zeros_of_a_sparse_step_are_missing(sparse: float) -> None:
    features, target = mixed()
    features["word"] = features.word.astype(object).fillna("none")
    encoder = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), ["word"])],
        remainder="passthrough",
        sparse_threshold=sparse,
    )
    pipeline = make_pipeline(encoder, xgboost.XGBClassifier(n_estimators=10, n_jobs=1))
    features = features[["rounded", "word"]]
    pipeline.fit(features, target > 2)
    rows = features.head(60).copy()
    rows.loc[::3, "rounded"] = 0.0
    rows.loc[1::6, "rounded"] = 1e-310  # no zero until it is rounded to float32
    rows.loc[1::3, "word"] = "unseen"
    assert_agrees(pipeline, features, rows, rtol=FLOAT32)


def test_any_feature_names_agree() -> None:
    features, target = numbers()
    features.columns = ["f0", "two words", 'a "quoted" one']
    agrees(xgboost.XGBRegressor(n_estimators=3), features, target)


def test_unknown_objective_is_refused() -> None:
    features, target = numbers()
    model = xgboost.XGBRegressor(n_estimators=2, n_jobs=1).fit(features, target)
    saved = bytes(model.get_booster().save_raw("json")).replace(b'"reg:squarederror"', b'"reg:new"')

    class Booster:
        def save_raw(self, raw_format: str) -> bytes:
            return saved

    model.get_booster = Booster
    with pytest.raises(UnsupportedStepError, match="the objective 'reg:new' is not known"):
        export(model, Sample.of(model, features))


def test_converters_do_not_load_the_trainers() -> None:
    code = (
        "import sys, warehouse_ml.exporters.xgboost, warehouse_ml.exporters.lightgbm;"
        "assert not {'xgboost', 'lightgbm'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
