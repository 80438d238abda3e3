from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from tests.agreement import assert_agrees
from tests.exporters.tree_data import harder, mixed, numbers
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.export import export
from warehouse_ml.sample import Sample


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Fits of a few rows spend their time waiting for each other's threads."""
    with threadpoolctl.threadpool_limits(1):
        yield


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_classifier_agrees_on_real_data_with_nan(load: Any) -> None:
    features, target = load(return_X_y=True, as_frame=True)
    features.iloc[::7, ::3] = np.nan
    assert_agrees(HistGradientBoostingClassifier(max_iter=15).fit(features, target), features)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma", "quantile"])
def test_loss_agrees(loss: str) -> None:
    features, target = mixed()
    model = HistGradientBoostingRegressor(max_iter=12, loss=loss, quantile=0.3)
    model.fit(features, target - target.min() + 1)
    assert_agrees(model, features, harder(features, infinite=True))


@pytest.mark.parametrize("categorical", ["from_dtype", ["word"], [False, False, False, True, True], [3, 4]])
def test_categories_agree(categorical: Any) -> None:
    features, target = mixed()
    if categorical == ["word"]:
        features = features.drop(columns="code")
    rows = harder(features, unseen=True, infinite=True)
    rows = rows.astype({"code": "object"}) if "code" in rows else rows
    model = HistGradientBoostingRegressor(max_iter=12, categorical_features=categorical)
    assert_agrees(model.fit(features, target), features, rows)
    labels = np.array(["low", "middle", "high"])[np.digitize(target, [1.5, 4.0])]
    model = HistGradientBoostingClassifier(max_iter=12, categorical_features=categorical)
    assert_agrees(model.fit(features, labels), features, rows)
    assert_agrees(model.fit(features, target > 2), features, rows)


def test_text_columns_as_categories_agree() -> None:
    features, target = mixed()
    features = pd.DataFrame({"word": features.word.astype(object), "plain": features.plain})
    model = HistGradientBoostingRegressor(max_iter=12, categorical_features=["word"]).fit(features, target)
    rows = features.copy()
    rows.loc[::4, "word"] = "unseen"
    rows.loc[1::4, "word"] = None
    assert_agrees(model, features, rows)


def test_categories_only_agree() -> None:
    features, target = mixed()
    features = features[["word", "code"]]
    assert_agrees(HistGradientBoostingRegressor(max_iter=5).fit(features, target), features)


def test_category_codes_in_a_matrix_agree() -> None:
    frame, target = mixed()
    features = np.column_stack([frame.plain, np.arange(len(frame)) % 7, frame.word.cat.codes])
    model = HistGradientBoostingRegressor(max_iter=12, categorical_features=[1, 2]).fit(features, target)
    codes = [-3, -1, 0, 3, 6, 7, 1e9, np.nan, 2.7, -0.5, 1e20, 0]
    assert_agrees(model, features, np.column_stack([np.linspace(-1, 1, len(codes)), codes, codes[::-1]]))


def test_epochs_and_infinities_agree() -> None:
    features, target = numbers()
    model = HistGradientBoostingClassifier(max_iter=12, max_bins=200).fit(features, target > 2)
    assert_agrees(model, features, harder(features, infinite=True))


def test_early_stopping_and_one_leaf_agree() -> None:
    features, target = numbers()
    stopped = HistGradientBoostingRegressor(early_stopping=True, n_iter_no_change=2, random_state=0)
    assert_agrees(stopped.fit(features, target), features)
    assert_agrees(
        HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=300).fit(features, target), features
    )


def test_monotonic_constraints_agree() -> None:
    features, target = numbers()
    model = HistGradientBoostingRegressor(max_iter=12, monotonic_cst={"plain": 1}).fit(features, target)
    assert_agrees(model, features, harder(features))


def test_categories_of_another_type_are_refused() -> None:
    features, target = mixed()
    model = HistGradientBoostingRegressor(max_iter=3).fit(features, target)
    sample = features.assign(code=pd.Categorical(features.code.astype(str)))
    with pytest.raises(UnsupportedStepError, match="categories are not of the type"):
        export(model, Sample.of(model, sample))
