from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from tests.agreement import assert_agrees, name_of, score
from tests.exporters.test_scaling import hard_rows
from tests.handlers import ScoringError

WINE, _ = load_wine(return_X_y=True, as_frame=True)
DIABETES, _ = load_diabetes(return_X_y=True, as_frame=True, scaled=False)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("method", ["box-cox", "yeo-johnson"])
def test_power_transformer_agrees(method: Any, standardize: bool) -> None:
    transformer = PowerTransformer(method, standardize=standardize).fit(WINE.iloc[::2])
    rows = hard_rows(WINE)
    assert_agrees(transformer, WINE, rows if method == "yeo-johnson" else rows[(rows > 0).all(axis=1)])


@pytest.mark.parametrize("method", ["box-cox", "yeo-johnson"])
@pytest.mark.parametrize("power", [0.0, 2.0, 1.0, 1e-12, -0.7, 3.3])
def test_power_transformer_agrees_at_special_powers(method: Any, power: float) -> None:
    values = np.array([[1e-9], [0.1], [1.0], [2.0], [37.5], [1e6]])
    transformer = PowerTransformer(method, standardize=False).fit(values)
    transformer.lambdas_ = np.array([power])
    assert_agrees(transformer, values)


def test_box_cox_refuses_what_is_not_positive() -> None:
    transformer = PowerTransformer("box-cox").fit(WINE)
    with pytest.raises(ScoringError, match=r"-1\.0 for the feature 'alcohol': not strictly positive"):
        score(transformer, WINE, WINE.assign(alcohol=-1.0))


def test_power_too_large_for_a_double_is_refused() -> None:
    transformer = PowerTransformer().fit(WINE)
    transformer.lambdas_[0] = 30.0
    with pytest.raises(ScoringError, match="'alcohol': its power is too large for a double"):
        score(transformer, WINE, WINE.assign(alcohol=1e100))


QUANTILES = [
    QuantileTransformer(n_quantiles=50),
    QuantileTransformer(n_quantiles=1000, subsample=None),
    QuantileTransformer(n_quantiles=100, output_distribution="normal"),
    QuantileTransformer(n_quantiles=7, output_distribution="normal"),
]


@pytest.mark.parametrize("transformer", QUANTILES, ids=name_of)
@pytest.mark.filterwarnings("ignore:n_quantiles:UserWarning")
def test_quantile_transformer_agrees(transformer: Any) -> None:
    # whole numbers, so that quantiles repeat and rows lie on them
    transformer.fit(DIABETES.iloc[::2])
    assert_agrees(transformer, DIABETES, pd.concat([DIABETES, hard_rows(DIABETES)]))
