import time

import numpy as np
import pytest
from skl2onnx import update_registered_converter
from skl2onnx.algebra.onnx_ops import OnnxAdd
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from tests.agreement import assert_agrees
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.exporters import public

X = np.arange(12.0).reshape(6, 2)


class Shift(TransformerMixin, BaseEstimator):
    """A third party's transformer."""

    def fit(self, X, y=None):
        self.by_ = np.asarray(X).mean(axis=0)
        self.n_features_in_ = 2
        return self

    def transform(self, X):
        return np.asarray(X) + self.by_


class Unknown(RegressorMixin, BaseEstimator):
    """One that nobody wrote a converter for."""

    def fit(self, X, y):
        self.n_features_in_ = 2
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return np.zeros(len(X))


def _shape(operator) -> None:
    operator.outputs[0].type = DoubleTensorType([None, 2])


def _convert(scope, operator, container) -> None:
    shift = operator.raw_operator.by_.reshape(1, 2)
    OnnxAdd(operator.inputs[0], shift, op_version=15, output_names=[operator.outputs[0].full_name]).add_to(
        scope, container
    )


def _loop_for_ever(scope, operator, container) -> None:
    while True:
        time.sleep(0.001)


def test_a_registered_converter_is_used() -> None:
    update_registered_converter(Shift, "WmlTestShift", _shape, _convert)
    model = make_pipeline(Shift(), LinearRegression()).fit(X, X @ [1.0, 2.0])
    assert_agrees(model, X)


def test_without_a_converter_the_step_is_named() -> None:
    with pytest.raises(UnsupportedStepError, match="Cannot export Unknown: there is no converter for it"):
        assert_agrees(Unknown().fit(X, X[:, 0]), X)


def test_a_converter_that_does_not_end_is_ended(monkeypatch) -> None:
    update_registered_converter(Shift, "WmlTestLoop", _shape, _loop_for_ever, overwrite=True)
    monkeypatch.setattr(public, "TIME_LIMIT", 0.3)
    with pytest.raises(UnsupportedStepError, match=r"did not end within 0.3 s"):
        assert_agrees(Shift().fit(X), X)


def test_work_within_its_time_returns_or_raises() -> None:
    assert public.within_time(lambda: 3, 5.0) == 3
    with pytest.raises(ZeroDivisionError):
        public.within_time(lambda: 1 / 0, 5.0)
