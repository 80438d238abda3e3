from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import KBinsDiscretizer, PolynomialFeatures, SplineTransformer

from tests.agreement import assert_agrees, name_of, score
from tests.handlers import ScoringError

DIABETES, _ = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME = DIABETES[["age", "bmi", "bp", "s6"]]

POLYNOMIALS = [
    PolynomialFeatures(),
    PolynomialFeatures(3, include_bias=False),
    PolynomialFeatures((2, 4), interaction_only=True),
    PolynomialFeatures((2, 3), include_bias=False),
    PolynomialFeatures(6, interaction_only=True),
    PolynomialFeatures((0, 1)),
]


@pytest.mark.parametrize("transformer", POLYNOMIALS, ids=name_of)
def test_polynomial_features_agree(transformer: Any) -> None:
    assert_agrees(transformer.fit(FRAME), FRAME, rtol=1e-14)


@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("encode", ["ordinal", "onehot", "onehot-dense"])
def test_bins_agree(encode: Any, strategy: Any) -> None:
    options = {"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}
    transformer = KBinsDiscretizer(5, encode=encode, strategy=strategy, **options).fit(FRAME.iloc[::2])
    edges = pd.DataFrame(
        {
            name: np.resize(np.r_[column, np.nextafter(column, np.inf), np.nextafter(column, -np.inf)], 18)
            for name, column in zip(FRAME, transformer.bin_edges_, strict=True)
        }
    )
    assert_agrees(transformer, FRAME, pd.concat([FRAME, edges, FRAME * 9, -FRAME]))


def test_bins_in_float32_agree() -> None:
    transformer = KBinsDiscretizer(4, encode="ordinal", strategy="uniform", dtype=np.float32).fit(FRAME)
    assert_agrees(transformer, FRAME)


def far_rows(frame: pd.DataFrame) -> pd.DataFrame:
    low, high = frame.min(), frame.max()
    steps = np.linspace(-1.3, 2.3, 61)
    return pd.DataFrame([low + (high - low) * step for step in steps])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
def test_splines_agree(extrapolation: Any, degree: int, sparse: bool) -> None:
    transformer = SplineTransformer(
        n_knots=7, degree=degree, extrapolation=extrapolation, sparse_output=sparse, include_bias=degree != 2
    ).fit(FRAME)
    assert_agrees(transformer, FRAME, pd.concat([FRAME.iloc[::5], far_rows(FRAME)]))


def test_splines_of_degree_nought_agree() -> None:
    transformer = SplineTransformer(degree=0, extrapolation="linear").fit(FRAME)
    assert_agrees(transformer, FRAME, pd.concat([FRAME.iloc[::5], far_rows(FRAME)]))


def test_splines_with_repeated_quantile_knots_agree() -> None:
    frame = pd.DataFrame({"x": np.r_[np.zeros(40), np.arange(20.0), np.full(5, 6.0)]})
    transformer = SplineTransformer(n_knots=8, knots="quantile", extrapolation="continue").fit(frame)
    assert_agrees(transformer, frame, far_rows(frame))


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "periodic"])
def test_splines_of_missing_values_are_zeros(extrapolation: Any) -> None:
    transformer = SplineTransformer(handle_missing="zeros", extrapolation=extrapolation).fit(FRAME)
    assert_agrees(transformer, FRAME, FRAME.mask(FRAME.quantile(0.8) < FRAME))


def test_splines_refuse_what_lies_beyond_the_knots() -> None:
    transformer = SplineTransformer(extrapolation="error").fit(FRAME)
    assert_agrees(transformer, FRAME)
    with pytest.raises(ScoringError, match=r"500\.0 for the feature 'age': beyond the limits of the knots"):
        score(transformer, FRAME, FRAME.assign(age=500.0))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=12, unique=True), st.integers(1, 4))
def test_splines_agree_for_any_knots(knots: list[float], degree: int) -> None:
    column = np.sort(np.array(knots)).reshape(-1, 1)
    if np.diff(column.ravel()).min() < 1e-3:
        return
    transformer = SplineTransformer(degree=degree, knots=column, extrapolation="linear").fit(column)
    between = np.linspace(column[0], column[-1], 50)
    assert_agrees(transformer, np.r_[column, between], rtol=1e-7)


def test_splines_of_degree_nought_refuse_what_lies_above() -> None:
    transformer = SplineTransformer(degree=0, n_knots=4).fit(FRAME)
    assert_agrees(transformer, FRAME, far_rows(FRAME).iloc[:30])
    with pytest.raises(ValueError, match="shape mismatch"):
        transformer.transform(FRAME.assign(age=500.0))
    with pytest.raises(ScoringError, match="for the feature 'age': beyond the limits of the knots"):
        score(transformer, FRAME, FRAME.assign(age=500.0))


def test_periodic_splines_of_a_constant_agree() -> None:
    frame = pd.DataFrame({"x": [3.0, 3.0, np.nan, 3.0]})
    transformer = SplineTransformer(extrapolation="periodic", handle_missing="zeros", degree=2).fit(frame)
    assert_agrees(transformer, frame, pd.DataFrame({"x": [3.0, 4.0, np.nan]}))


def test_interactions_of_one_column_agree() -> None:
    frame = FRAME[["age"]]
    assert_agrees(PolynomialFeatures(3, interaction_only=True).fit(frame), frame)
