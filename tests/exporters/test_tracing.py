import functools
from typing import Any

import numpy as np
import pytest
from palmerpenguins import load_penguins
from sklearn.datasets import load_diabetes
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from tests.agreement import assert_agrees, score
from warehouse_ml.errors import UnsupportedStepError

FRAME, TARGET = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME = FRAME[["age", "bmi", "bp", "s6"]]
TEXT = load_penguins()[["island"]].assign(sex=load_penguins()["sex"].fillna("?"))


def with_ratio(frame: Any) -> Any:
    frame = frame.copy()
    frame["ratio"] = frame["bmi"] / frame["bp"]
    frame["one"] = 1
    return frame


FRAME_FUNCTIONS = [
    lambda frame: np.log1p(frame) ** 2 - frame / 3,
    lambda frame: frame[["bp", "age"]] * 2,
    lambda frame: frame.assign(product=frame["age"] * frame["bmi"], twice=lambda f: f["product"] * 2),
    lambda frame: frame.drop(columns="age").clip(20, 90).abs(),
    lambda frame: frame.drop(columns=["bp", "s6"]).fillna(0).astype(float),
    lambda frame: np.maximum(frame.iloc[:, 1:3].to_numpy(), 30.5),
    lambda frame: np.column_stack([np.sin(2 * np.pi * frame["age"] / 24), np.cos(frame["bp"].values)]),
    lambda frame: frame["bmi"].to_frame(),
    lambda frame: frame.apply(lambda column: column / 2).astype(int),
    lambda frame: frame[["age"]].isna() * 2.0,
    lambda frame: np.abs(np.clip(frame[list(frame.columns)[:2]], 30, 60)),
    with_ratio,
]


@pytest.mark.parametrize("function", FRAME_FUNCTIONS, ids=range(len(FRAME_FUNCTIONS)))
def test_function_of_a_frame_agrees(function: Any) -> None:
    assert_agrees(FunctionTransformer(function).fit(FRAME), FRAME)


MATRIX_FUNCTIONS = [
    lambda x: np.sqrt(np.abs(x - 40)) + 1,
    lambda x: x[:, [0, 2]] // 7,
    lambda x: np.hstack([x // 0.1, x // -0.3, (x - 50) // 0]),
    lambda x: (x > 50) * (x > 60) * 2.5 + np.maximum(x > 3, x > 99),
    lambda x: np.where(x > 50, np.log(x), -1) * np.isnan(x) + (x > 20) * (x < 40),
    lambda x: np.where(x[:, 0] > 50, x[:, 1], x[:, 2]).reshape(-1, 1),
    lambda x: x[:, 1:] % np.array([5.0, -3.0, 7.0]),
    lambda x: np.hstack([x, np.minimum(x[:, :1], 33), x[:, -1].reshape(-1, 1)]),
    lambda x: np.concatenate([x, x > 50, x >= 60, x < 20, x >= 1e9], axis=1),
    lambda x: x.sum(axis=1).reshape(-1, 1),
    lambda x: x[:, 0].ravel().reshape((-1, 1)),
]


@pytest.mark.parametrize("function", MATRIX_FUNCTIONS, ids=range(len(MATRIX_FUNCTIONS)))
@pytest.mark.filterwarnings("ignore:.*floor_divide:RuntimeWarning")
def test_function_of_a_matrix_agrees(function: Any) -> None:
    assert_agrees(FunctionTransformer(function, validate=True).fit(FRAME), FRAME)


TEXT_FUNCTIONS = [
    lambda frame: frame["island"],
    lambda frame: frame[["sex"]].to_numpy().ravel(),
    lambda frame: np.squeeze(frame[["sex"]]),
]


@pytest.mark.parametrize("function", TEXT_FUNCTIONS, ids=range(len(TEXT_FUNCTIONS)))
def test_function_that_picks_a_text_agrees(function: Any) -> None:
    model = make_pipeline(FunctionTransformer(function), CountVectorizer(), LogisticRegression())
    assert_agrees(model.fit(TEXT, TEXT["island"]), TEXT)


def test_function_that_fills_text_agrees() -> None:
    frame = load_penguins()[["sex"]]
    model = make_pipeline(FunctionTransformer(lambda x: x.fillna("none")), OneHotEncoder())
    assert_agrees(model.fit(frame), frame)


def test_function_that_makes_a_matrix_dense_agrees() -> None:
    dense = FunctionTransformer(lambda x: x.toarray(), accept_sparse=True)
    model = make_pipeline(OneHotEncoder(), dense, StandardScaler(), LogisticRegression())
    assert_agrees(model.fit(TEXT, TEXT["island"]), TEXT)


def power(x: Any, exponent: float, shift: float = 0) -> Any:
    return (x + shift) ** exponent


def test_function_with_arguments_agrees() -> None:
    assert_agrees(FunctionTransformer(power, kw_args={"exponent": 1.5, "shift": 1}).fit(FRAME), FRAME)
    assert_agrees(FunctionTransformer(functools.partial(power, exponent=0.5)).fit(FRAME), FRAME)
    model = make_pipeline(FunctionTransformer(functools.partial(np.power, 1.01)), Ridge())
    assert_agrees(model.fit(FRAME, TARGET), FRAME)


UNTRACEABLE = [
    (lambda x: x - x.mean(), r"uses \.mean"),
    (lambda x: np.asarray(x), "looks at the values"),
    (lambda x: x.sum(), "sums over the rows"),
    (lambda x: x if x > 3 else -x, "decides by the values"),
    (lambda x: np.sort(x), r"calls numpy\.sort"),
    (lambda x: np.add.reduce(x), r"calls numpy\.add in a way"),
    (lambda x: np.arctan2(x, 2), r"calls numpy\.arctan2"),
    (lambda x: x["age"].dt.hour, r"uses \.dt"),
    (lambda x: x.apply(lambda column: column.to_frame()), "makes something else than columns"),
    (lambda x: x.apply(lambda column: column.map(str)), r"uses \.map"),
    (lambda x: list(x), "loops over the values"),
    (lambda x: x[:5], "picks rows"),
    (lambda x: x["nobody"], "picks rows"),
    (lambda x: (x > 3) + (x > 4), "computes with booleans"),
    (lambda x: (x > 3) * (x > 4) + (x > 5), "computes with booleans"),
    (lambda x: np.where(x > 3, x > 4, 0), "computes with booleans"),
    (lambda x: np.log1p(x > 3), r"calls numpy\.log1p"),
    (lambda x: np.where(x > 3, x["age"], 0), "combines a column with a matrix"),
    (lambda x: np.where(x, x, 0), r"calls numpy\.where"),
    (lambda x: x["age"] + x, "combines a column with a matrix"),
    (lambda x: x * np.ones((442, 1)), "combines the rows with an array"),
    (lambda x: x.astype(str), "converts the values"),
    (lambda x: len(x), "counts the rows"),
    (lambda x: 7, "is Python code"),
    (lambda x: {}["missing"], "is Python code"),
]


@pytest.mark.parametrize(("function", "reason"), UNTRACEABLE, ids=[reason for _, reason in UNTRACEABLE])
def test_other_function_is_refused(function: Any, reason: str) -> None:
    with pytest.raises(UnsupportedStepError, match=f"its function '<lambda>' ({reason}).*Use one of numpy's"):
        score(FunctionTransformer(function).fit(FRAME), FRAME)
