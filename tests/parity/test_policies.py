import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from warehouse_ml.errors import SampleError, UnknownFeatureError
from warehouse_ml.parity.oracle import Oracle
from warehouse_ml.parity.policies import FLOAT32_MAX, choose_policies
from warehouse_ml.parity.rows import as_values
from warehouse_ml.sample import Sample

X, Y = load_diabetes(return_X_y=True, as_frame=True)
X = X[["age", "bmi"]]


def chosen(estimator, **asked):
    estimator.fit(X, Y)
    sample = Sample.of(estimator, X)
    return choose_policies(sample.features, as_values(X.head(4)), Oracle(estimator, sample), **asked)


def test_what_raises_on_missing_values_gives_null() -> None:
    assert [f.missing for f in chosen(LinearRegression())] == ["null", "null"]


@pytest.mark.parametrize(
    "estimator",
    [make_pipeline(SimpleImputer(), LinearRegression()), HistGradientBoostingRegressor(max_iter=3)],
)
def test_what_takes_missing_values_gets_them(estimator) -> None:
    assert [f.missing for f in chosen(estimator)] == ["model", "model"]


def test_policies_can_be_asked_for() -> None:
    features = chosen(LinearRegression(), missing={"age": "error"}, defaults={"bmi": 0.5})
    assert [(f.missing, f.default) for f in features] == [("error", None), ("default", 0.5)]


def test_one_policy_for_all() -> None:
    assert [f.missing for f in chosen(LinearRegression(), missing="error")] == ["error", "error"]


def test_policy_model_needs_an_estimator_that_takes_missing_values() -> None:
    with pytest.raises(SampleError, match="raises where 'age' is missing"):
        chosen(LinearRegression(), missing={"age": "model"})


def test_unknown_policy_and_feature_are_refused() -> None:
    with pytest.raises(SampleError, match="'zero' is no policy for NULL"):
        chosen(LinearRegression(), missing="zero")
    with pytest.raises(UnknownFeatureError, match="no feature 'bim'. Did you mean 'bmi'"):
        chosen(LinearRegression(), missing={"bim": "error"})


def test_limits_are_what_the_estimator_accepts() -> None:
    assert [f.limit for f in chosen(RandomForestRegressor(3))] == [FLOAT32_MAX, FLOAT32_MAX]
    assert [f.limit for f in chosen(HistGradientBoostingRegressor(max_iter=3))] == [None, None]
    assert chosen(LinearRegression())[0].limit == np.finfo(np.float64).max


def test_where_no_magnitude_is_accepted_there_is_no_limit() -> None:
    class Picky(LinearRegression):
        def predict(self, X):
            if np.abs(np.asarray(X)).max() > 5:
                raise ValueError("too large")
            return super().predict(X)

    assert chosen(Picky())[0].limit is None


def test_a_feature_that_must_be_positive_has_a_limit_too() -> None:
    model = make_pipeline(FunctionTransformer(np.log), LinearRegression()).fit(abs(X) + 1, Y)
    sample = Sample.of(model, abs(X) + 1)
    features = choose_policies(sample.features, as_values(sample.frame.head(4)), Oracle(model, sample))
    assert features[0].limit == np.finfo(np.float64).max
