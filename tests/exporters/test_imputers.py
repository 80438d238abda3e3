import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from palmerpenguins import load_penguins
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from tests.agreement import assert_agrees, name_of, score
from tests.handlers import ScoringError
from warehouse_ml.errors import UnsupportedStepError

assert enable_iterative_imputer  # its import is its effect

PENGUINS = load_penguins()
TEXT = PENGUINS[["island", "sex"]]
NUMBERS = PENGUINS[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "year"]]
ROWS = NUMBERS.iloc[::6].mask(np.random.default_rng(0).random((58, 5)) < 0.3)

SIMPLE = [
    SimpleImputer(),
    SimpleImputer(strategy="median", add_indicator=True),
    SimpleImputer(strategy="most_frequent"),
    SimpleImputer(strategy="constant"),
    SimpleImputer(strategy="constant", fill_value=-1, add_indicator=True),
    SimpleImputer(strategy=np.max),
    SimpleImputer(missing_values=pd.NA),
]


@pytest.mark.parametrize("imputer", SIMPLE, ids=name_of)
def test_imputer_of_numbers_agrees(imputer: Any) -> None:
    assert_agrees(imputer.fit(NUMBERS), NUMBERS, pd.concat([NUMBERS, ROWS]))


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
@pytest.mark.filterwarnings("ignore:Skipping features:UserWarning")
def test_imputer_of_an_empty_feature_agrees(strategy: Any, keep: bool) -> None:
    frame = NUMBERS.assign(empty=np.nan, zero=0.0)
    imputer = SimpleImputer(strategy=strategy, keep_empty_features=keep, add_indicator=True).fit(frame)
    assert_agrees(imputer, frame, ROWS.assign(empty=[1.0, np.nan] * 29, zero=np.nan))


@pytest.mark.parametrize("strategy", ["mean", "most_frequent"])
@pytest.mark.parametrize("dtype", [float, int])
def test_imputer_of_another_missing_value_agrees(strategy: Any, dtype: Any) -> None:
    frame = NUMBERS.fillna(-1).astype(dtype)
    assert_agrees(SimpleImputer(missing_values=-1, strategy=strategy, add_indicator=True).fit(frame), frame)


def spelled(marker: Any) -> pd.DataFrame:
    """The text columns, where missing is spelled like this."""
    return TEXT.astype(object).where(TEXT.notna(), marker)


def encoded(imputer: Any) -> Any:
    return make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"))


TEXT_IMPUTERS = [
    (SimpleImputer(strategy="most_frequent"), np.nan),
    (SimpleImputer(strategy="constant", fill_value="unknown ☃"), np.nan),
    (SimpleImputer(strategy="constant", add_indicator=True), np.nan),
    (SimpleImputer(strategy="most_frequent"), None),
    (SimpleImputer(strategy="constant", fill_value="none"), None),
    (SimpleImputer(strategy="most_frequent", missing_values=None), None),
    (SimpleImputer(strategy="constant", missing_values=None, fill_value="gone"), None),
    (SimpleImputer(strategy="constant", missing_values=pd.NA, fill_value="gone"), pd.NA),
    (SimpleImputer(strategy="most_frequent", missing_values=pd.NA), None),
    (SimpleImputer(strategy="most_frequent", missing_values=""), ""),
    (SimpleImputer(strategy="constant", missing_values="Dream", fill_value="Nightmare"), "?"),
]


@pytest.mark.parametrize(("imputer", "marker"), TEXT_IMPUTERS, ids=lambda value: repr(value)[:60])
def test_imputer_of_text_agrees(imputer: Any, marker: Any) -> None:
    frame = spelled(marker)
    assert_agrees(encoded(imputer).fit(frame), frame)


@pytest.mark.parametrize("dtype", ["str", "category", "string"])
def test_imputer_of_a_text_dtype_agrees(dtype: str) -> None:
    frame = TEXT.astype(dtype)
    missing = pd.NA if dtype == "string" else np.nan
    assert_agrees(encoded(SimpleImputer(strategy="most_frequent", missing_values=missing)).fit(frame), frame)


def test_imputer_of_mixed_columns_agrees() -> None:
    frame = PENGUINS[["island", "bill_length_mm", "body_mass_g", "sex", "year"]]
    assert_agrees(encoded(SimpleImputer(strategy="most_frequent")).fit(frame), frame)


def test_imputer_of_boolean_objects_agrees() -> None:
    frame = pd.DataFrame({"x": pd.Series([True, None, False, True], dtype=object)})
    model = encoded(SimpleImputer(strategy="most_frequent", missing_values=None)).fit(frame)
    assert_agrees(model, frame)


def test_imputer_that_fills_numbers_with_text_is_refused() -> None:
    frame = pd.DataFrame({"t": ["a", None], "x": [1.0, None]}, dtype=object)
    imputer = SimpleImputer(strategy="constant", missing_values=None, fill_value="gone").fit(frame)
    with pytest.raises(UnsupportedStepError, match="fills numbers with text"):
        score(imputer, frame)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("features", ["all", "missing-only"])
def test_missing_indicator_agrees(features: Any, sparse: bool) -> None:
    indicator = MissingIndicator(features=features, sparse=sparse, error_on_new=False).fit(NUMBERS)
    assert_agrees(indicator, NUMBERS, ROWS)


def test_missing_indicator_of_text_agrees() -> None:
    assert_agrees(MissingIndicator().fit(TEXT), TEXT)


def test_missing_indicator_refuses_a_new_missing_value() -> None:
    indicator = MissingIndicator().fit(NUMBERS)
    with pytest.raises(ScoringError, match="NULL for the feature 'year': missing, though it never was"):
        score(indicator, NUMBERS, NUMBERS.assign(year=np.nan))


KNN = [
    KNNImputer(),
    KNNImputer(n_neighbors=2, weights="distance", add_indicator=True),
    KNNImputer(n_neighbors=1),
    KNNImputer(n_neighbors=1000),
    KNNImputer(n_neighbors=1000, weights="distance"),
]


@pytest.mark.parametrize("imputer", KNN, ids=name_of)
def test_knn_imputer_agrees(imputer: Any) -> None:
    # without ties: scikit-learn breaks them as the partition happens to fall
    noise = np.random.default_rng(1).normal(size=NUMBERS.shape) / 9
    imputer.fit((NUMBERS + noise)[::2])
    assert_agrees(imputer, NUMBERS, pd.concat([ROWS, NUMBERS.iloc[:2] * np.nan, NUMBERS.iloc[:9]]))


@pytest.mark.parametrize("keep", [False, True])
def test_knn_imputer_of_an_empty_feature_agrees(keep: bool) -> None:
    frame = (NUMBERS + np.random.default_rng(1).normal(size=NUMBERS.shape)).assign(empty=np.nan)
    imputer = KNNImputer(keep_empty_features=keep).fit(frame)
    assert_agrees(imputer, frame, ROWS.assign(empty=[1.0, np.nan] * 29))


def test_knn_imputer_with_an_equal_row_agrees() -> None:
    frame = pd.DataFrame({"a": [0.0, 0.0, 3.0, 4.0], "b": [1.0, 1.0, 2.0, 9.0], "c": [5.0, 7.0, 6.0, 1.0]})
    imputer = KNNImputer(n_neighbors=3, weights="distance").fit(frame)
    assert_agrees(imputer, frame, pd.DataFrame({"a": [0.0, 3.0], "b": [1.0, np.nan], "c": [np.nan, 5.0]}))


def test_knn_imputer_with_a_metric_of_ones_own_is_refused() -> None:
    imputer = KNNImputer(weights=lambda distances: distances).fit(NUMBERS)
    with pytest.raises(UnsupportedStepError, match="a Python function"):
        score(imputer, NUMBERS)


ITERATIVE = [
    IterativeImputer(max_iter=3),
    IterativeImputer(Ridge(), max_iter=2, skip_complete=True, add_indicator=True),
    IterativeImputer(LinearRegression(), max_iter=2, min_value=10, max_value=[50, 20, 200, 4000, 2050]),
    IterativeImputer(max_iter=2, n_nearest_features=2, random_state=0, imputation_order="random"),
    IterativeImputer(max_iter=0),
    IterativeImputer(make_pipeline(StandardScaler(), Ridge()), max_iter=1, initial_strategy="median"),
    IterativeImputer(DecisionTreeRegressor(max_depth=3, random_state=0), max_iter=1),
    IterativeImputer(RandomForestRegressor(3, max_depth=3, random_state=0), max_iter=1),
]


def fitted(imputer: Any, frame: pd.DataFrame) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return imputer.fit(frame)


@pytest.mark.parametrize("imputer", ITERATIVE, ids=name_of)
def test_iterative_imputer_agrees(imputer: Any) -> None:
    model = fitted(imputer, NUMBERS)
    assert_agrees(model, NUMBERS, pd.concat([ROWS, NUMBERS.iloc[:5]]))


@pytest.mark.parametrize("keep", [False, True])
def test_iterative_imputer_of_an_empty_feature_agrees(keep: bool) -> None:
    frame = NUMBERS.copy()
    frame.insert(1, "empty", np.nan)
    rows = ROWS.copy()
    rows.insert(1, "empty", [1.0, np.nan] * 29)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping features")
        assert_agrees(fitted(IterativeImputer(max_iter=2, keep_empty_features=keep), frame), frame, rows)


def test_iterative_imputer_that_draws_is_refused() -> None:
    with pytest.raises(UnsupportedStepError, match="draws from the posterior"):
        score(fitted(IterativeImputer(max_iter=1, sample_posterior=True), NUMBERS), NUMBERS)


def test_imputed_regression_agrees() -> None:
    frame, target = load_diabetes(return_X_y=True, as_frame=True)
    holes = frame.mask(np.random.default_rng(0).random(frame.shape) < 0.1)
    assert_agrees(make_pipeline(SimpleImputer(add_indicator=True), Ridge()).fit(holes, target), holes)


@pytest.mark.parametrize(
    "imputer", [KNNImputer(missing_values=-1), IterativeImputer(max_iter=2, missing_values=-1)]
)
def test_imputer_of_minus_one_agrees(imputer: Any) -> None:
    frame = NUMBERS[["bill_depth_mm", "body_mass_g"]] + np.random.default_rng(1).normal(size=(344, 2))
    assert_agrees(fitted(imputer, frame.fillna(-1)), frame.fillna(-1))


def test_imputer_of_what_numbers_never_are_agrees() -> None:
    frame = NUMBERS.fillna(0)
    assert_agrees(KNNImputer(missing_values="?").fit(frame), frame)


@pytest.mark.parametrize("missing", [-1, "?", 5.5])
def test_imputer_of_a_value_of_one_type_leaves_the_other_alone(missing: Any) -> None:
    frame = pd.DataFrame({"t": ["a", "?", "b", "a"], "x": [1.0, -1.0, 5.5, 1.0], "n": [2**60, -1, 7, -1]})
    imputer = SimpleImputer(missing_values=missing, strategy="most_frequent").fit(frame)
    assert_agrees(make_pipeline(imputer, OneHotEncoder()).fit(frame), frame)
