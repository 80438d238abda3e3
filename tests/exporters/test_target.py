from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from tests.agreement import assert_agrees
from warehouse_ml.errors import UnsupportedStepError

_TRANSFORMERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((2, 5)),
    MaxAbsScaler(),
    RobustScaler(),
    PowerTransformer(),
    PowerTransformer("box-cox"),
    PowerTransformer(standardize=False),
    QuantileTransformer(n_quantiles=50),
    QuantileTransformer(n_quantiles=20, output_distribution="normal"),
    make_pipeline(StandardScaler(), MinMaxScaler()),
]


@pytest.mark.parametrize("transformer", _TRANSFORMERS)
def test_transformed_target_agrees(transformer: Any) -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = TransformedTargetRegressor(Ridge(0.1), transformer=transformer).fit(features, target)
    assert_agrees(model, features * 2.0)


@pytest.mark.parametrize("transformer", _TRANSFORMERS)
def test_several_transformed_targets_agree(transformer: Any) -> None:
    features, target = load_linnerud(return_X_y=True, as_frame=True)
    if getattr(transformer, "n_quantiles", 0) > len(target):
        transformer = QuantileTransformer(n_quantiles=len(target) - 1)
    model = TransformedTargetRegressor(LinearRegression(), transformer=transformer)
    assert_agrees(model.fit(features, target), features)


@pytest.mark.parametrize(
    ("function", "inverse"),
    [(np.log, np.exp), (np.log1p, np.expm1), (np.sqrt, np.square), (np.square, np.sqrt), (None, None)],
)
def test_target_through_functions_agrees(function: Any, inverse: Any) -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = TransformedTargetRegressor(Ridge(), func=function, inverse_func=inverse)
    assert_agrees(model.fit(features, target), features)


def test_target_through_the_users_own_function_is_refused() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = TransformedTargetRegressor(
        Ridge(), func=np.log, inverse_func=lambda y: np.exp(np.sort(y)), check_inverse=False
    )
    with pytest.raises(UnsupportedStepError, match=r"its function '<lambda>' calls numpy\.sort"):
        assert_agrees(model.fit(features, target), features)


def test_target_of_a_transformer_without_converter_is_refused() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    bins = KBinsDiscretizer(encode="ordinal", quantile_method="averaged_inverted_cdf")
    model = TransformedTargetRegressor(Ridge(), transformer=bins, check_inverse=False)
    with pytest.raises(UnsupportedStepError, match="inverse_transform of KBinsDiscretizer"):
        assert_agrees(model.fit(features, target), features)


def test_target_through_a_function_transformer_agrees() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    logarithm = FunctionTransformer(np.log1p, np.expm1)
    model = TransformedTargetRegressor(Ridge(), transformer=logarithm)
    assert_agrees(model.fit(features, target), features)
