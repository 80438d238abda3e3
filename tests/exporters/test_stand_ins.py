from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from tests.agreement import assert_agrees, score
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.exporters.stand_ins import followable

FRAME = load_diabetes(as_frame=True, scaled=False).data[["age", "bmi", "bp"]]
TIMES = pd.DataFrame(
    {"at": np.array(["2024-02-29T13:00", "2023-01-01", "1999-12-31T23:59:59"], "datetime64[s]")}
)

FUNCTIONS = [
    lambda x: pd.DataFrame({"ratio": x["bmi"] / x["bp"], "age": np.log(x["age"])}),
    lambda x: pd.DataFrame(x.to_numpy() * 2, columns=["a", "b", "c"])[["c", "a"]],
    lambda x: pd.DataFrame(x, columns=["bp", "age"]),
    lambda x: pd.DataFrame(x),
    lambda x: pd.concat([x, x[["bp"]] / 3], axis=1),
    lambda x: np.c_[x["age"], x["bmi"] ** 2],
    lambda x: x * 2 if isinstance(x, pd.DataFrame) else x,
    lambda x, *, by=3: x * pd.Series([by]).iloc[0] + np.pi,
    lambda x: x * len(np.c_[[1, 2], [3, 4]]) * len(pd.concat([pd.Series([1.0])])),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_functions_that_call_pandas_agree(function: Any) -> None:
    assert_agrees(FunctionTransformer(function).fit(FRAME), FRAME)


def test_times_made_of_times_agree() -> None:
    parts = FunctionTransformer(
        lambda x: pd.DataFrame({"hour": pd.to_datetime(x["at"]).dt.hour, "day": x["at"].dt.day_of_week})
    )
    assert_agrees(parts.fit(TIMES), TIMES)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: pd.DataFrame({"age": x["age"], "one": 1}), "a frame of columns and something else"),
        (lambda x: pd.concat([x, x]), "joins rows"),
        (lambda x: pd.DataFrame({"at": pd.to_datetime(x["age"])}), "reads times from text or numbers"),
    ],
)
def test_what_cannot_be_followed_is_refused(function: Any, reason: str) -> None:
    model = FunctionTransformer(function).fit(FRAME)
    with pytest.raises(UnsupportedStepError, match=reason):
        score(model, FRAME)


def test_what_is_no_python_function_is_left_alone() -> None:
    assert followable(np.log1p) is np.log1p
    assert followable(LinearRegression) is LinearRegression
