import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.agreement import assert_agrees, score
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.graph.numpy_functions import FUNCTIONS

FRAME, TARGET = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME = FRAME[["age", "bmi", "bp"]]
SHARES = (np.arange(400).reshape(-1, 2) + 0.5) / 400
ROWS = np.r_[
    SHARES * 20 - 10,
    SHARES * 2 - 1,
    10.0 ** (SHARES * 40 - 20),
    2.0 ** np.arange(-20, 20).reshape(-1, 2),
    [[0, -0.0]],
]
INSIDE_ONE = {np.arctanh, special.logit}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_function_agrees(function: Any) -> None:
    with np.errstate(all="ignore"):
        rows = ROWS[(abs(ROWS) < 1).all(axis=1)] if function in INSIDE_ONE else ROWS
        assert_agrees(FunctionTransformer(function).fit(rows), rows)


OPTIONS = [
    (np.clip, {"a_min": 30.0, "a_max": 60.0}),
    (np.clip, {"a_min": None, "a_max": 60}),
    (np.clip, {"min": 25, "max": 50}),
    (np.round, {"decimals": 1}),
    (np.round, {"decimals": -1}),
    (np.nan_to_num, {"nan": -1.0}),
    (functools.partial(np.clip, a_min=40), {"a_max": 50}),
    (None, None),
    (np.asarray, None),
]


@pytest.mark.parametrize(("function", "options"), OPTIONS)
@pytest.mark.parametrize("validate", [False, True])
def test_function_with_options_agrees(function: Any, options: Any, validate: bool) -> None:
    transformer = FunctionTransformer(function, kw_args=options, validate=validate).fit(FRAME)
    rows = FRAME if validate else FRAME.mask(np.random.default_rng(0).random(FRAME.shape) < 0.1)
    assert_agrees(transformer, FRAME, rows)


def test_nothing_is_done_to_text() -> None:
    frame = pd.DataFrame({"x": ["a", "b"]})
    with pytest.raises(UnsupportedStepError, match="fed with text"):
        score(FunctionTransformer(np.log1p).fit(frame), frame)


@pytest.mark.parametrize(
    ("transformer", "reason"),
    [
        (FunctionTransformer(sorted), "its function 'sorted' loops over the values"),
        (
            FunctionTransformer(np.log1p, kw_args={"where": True}),
            r"its kw_args \['where'\] have no form in ONNX",
        ),
    ],
)
def test_other_function_is_refused(transformer: Any, reason: str) -> None:
    with pytest.raises(UnsupportedStepError, match=f"{reason}.*Use one of numpy's functions"):
        score(transformer.fit(FRAME), FRAME)


def test_regression_of_logarithms_agrees() -> None:
    model = make_pipeline(FunctionTransformer(np.log1p, feature_names_out="one-to-one"), Ridge())
    assert_agrees(model.fit(FRAME, TARGET), FRAME)
