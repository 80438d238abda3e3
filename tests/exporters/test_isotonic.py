from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_diabetes
from sklearn.isotonic import IsotonicRegression

from tests.agreement import assert_agrees, name_of, score
from tests.handlers import ScoringError
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.exporters.isotonic import interpolate
from warehouse_ml.graph.graph import Graph

DIABETES, PROGRESSION = load_diabetes(return_X_y=True, as_frame=True)
BMI = DIABETES[["bmi"]]
BEYOND = pd.DataFrame({"bmi": [*BMI["bmi"][:50] * 1.01, -9.0, 9.0, 0.0]})

SETTINGS: list[dict[str, Any]] = [
    {},
    {"out_of_bounds": "clip"},
    {"out_of_bounds": "clip", "increasing": False},
    {"increasing": "auto", "y_min": 100, "y_max": 200},
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", SETTINGS, ids=name_of)
def test_isotonic_regression_agrees(options: dict[str, Any], dtype: str) -> None:
    features = BMI.astype(dtype)
    assert_agrees(IsotonicRegression(**options).fit(features, PROGRESSION), features, BEYOND.astype(dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_single_threshold_is_constant(dtype: str) -> None:
    features = pd.DataFrame({"bmi": [1.0, 1.0]}, dtype=dtype)
    assert_agrees(IsotonicRegression().fit(features, [3.0, 5.0]), features, BEYOND)


def test_out_of_bounds_is_refused_where_the_estimator_raises() -> None:
    model = IsotonicRegression(out_of_bounds="raise").fit(BMI, PROGRESSION)
    assert_agrees(model, BMI)
    with pytest.raises(ScoringError, match=r"refuses 9\.0 for the feature 'bmi': out of bounds"):
        score(model, BMI, pd.DataFrame({"bmi": [0.0, 9.0]}))
    assert np.isnan(score(model, BMI, pd.DataFrame({"bmi": [0.0, 9.0]}), "try_predict")[0]).tolist() == [
        False,
        True,
    ]


def test_two_features_are_refused() -> None:
    with pytest.raises(UnsupportedStepError, match="takes one feature"):
        score(IsotonicRegression().fit(BMI, PROGRESSION), DIABETES[["bmi", "bp"]])


FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(
    points=st.lists(st.integers(-1000, 1000), min_size=1, max_size=40, unique=True).map(sorted),
    x=hnp.arrays(
        np.float64, (5, 2), elements=FINITE | st.sampled_from([np.nan, np.inf, -np.inf, -1.0, 0.0, 7.0])
    ),
    data=st.data(),
)
def test_interpolation_is_the_one_of_numpy(points: list[int], x: np.ndarray, data: st.DataObject) -> None:
    xs = np.array(points, dtype=float)
    ys = data.draw(hnp.arrays(np.float64, len(xs), elements=FINITE))
    graph = Graph()
    line = interpolate(graph.input("x", "float64", (None, 2)), xs, ys)
    session = onnxruntime.InferenceSession(graph.build({"y": line}).SerializeToString())
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], np.interp(x, xs, ys))
