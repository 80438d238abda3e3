from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from warehouse_ml.graph import elementary, piecewise, special
from warehouse_ml.graph.graph import Graph
from warehouse_ml.graph.tensor import Tensor

FLOATS = st.lists(st.floats(width=64), min_size=1, max_size=50)
SPECIAL = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    1.0,
    -1.0,
    1e-300,
    1e300,
    -1e300,
    709.5,
    710.2,
    -745.5,
    1e8,
    1e15,
]


def computed(function: Callable[[Tensor], Tensor], values: Any) -> np.ndarray:
    graph = Graph()
    model = graph.build({"y": function(graph.input("x", "float64", (None, 1)))})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.asarray(values, dtype=np.float64).reshape(-1, 1)})[0].ravel()


@pytest.mark.parametrize("name", ["log1p", "expm1", "sinh", "cosh", "arcsinh", "arccosh", "arctanh"])
def test_function_is_accurate(name: str) -> None:
    random = np.random.default_rng(0)
    values = np.r_[random.normal(size=5000) * 10.0 ** random.integers(-20, 3, 5000), SPECIAL]
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(values)
    np.testing.assert_allclose(computed(getattr(elementary, name), values), expected, rtol=2e-13)


def test_cosine_is_accurate() -> None:
    values = np.random.default_rng(0).normal(size=5000) * 100
    np.testing.assert_allclose(computed(elementary.cos, values), np.cos(values), rtol=0, atol=3e-15)


def test_normal_quantile_is_that_of_scipy() -> None:
    tails = 10.0 ** -np.arange(1, 300)
    values = np.r_[np.linspace(0, 1, 2001), tails, 1 - tails[:15], np.exp(-2), 1 - np.exp(-2), -1, 2, np.nan]
    expected = norm.ppf(values)
    np.testing.assert_allclose(computed(special.normal_quantile, values), expected, rtol=1e-14, atol=1e-15)


KNOTS = np.array([-3.0, 0.0, 1.0, 1.0, 1.0, 2.5, 7.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-10, 10) | st.sampled_from(KNOTS.tolist()), min_size=1, max_size=50))
def test_searchsorted_is_that_of_numpy(values: list[float]) -> None:
    for right in (True, False):
        counts = computed(
            lambda x, r=right: piecewise.searchsorted(x, [KNOTS], right=r).cast("float64"), values
        )
        assert counts.tolist() == np.searchsorted(KNOTS, values, side="right" if right else "left").tolist()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-10, 10) | st.sampled_from(KNOTS.tolist()), min_size=1, max_size=50))
def test_interpolate_is_that_of_numpy(values: list[float]) -> None:
    heights = np.array([0.0, 0.5, 0.7, 0.9, 1.2, 1.1, 5.0])
    expected = np.interp(values, KNOTS, heights)
    np.testing.assert_allclose(
        computed(lambda x: piecewise.interpolate(x, [KNOTS], [heights]), values), expected, rtol=1e-13
    )
