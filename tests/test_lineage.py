import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from warehouse_ml.lineage import fingerprint, libraries

FRAME = pd.DataFrame(
    {
        "n": [1.0, None, 3.0],
        "i": pd.Series([1, None, 3], dtype="Int64"),
        "t": ["a", None, "ü"],
        "k": pd.Series(["a", "b", None], dtype="category"),
        "b": pd.Series([True, None, False], dtype="boolean"),
        "d": [Decimal("1.5"), None, Decimal("2")],
        "day": [datetime.date(2024, 1, 1), None, datetime.date(2025, 1, 1)],
        "at": pd.to_datetime(["2024-01-01", None, "2025-01-01"]),
        "l": [[1, 2], None, [3]],
    }
)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(3)), st.permutations([*FRAME.columns]))
def test_fingerprint_is_the_same_in_any_order(rows, columns):
    assert fingerprint(FRAME.iloc[rows][columns]) == fingerprint(FRAME)


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(n=[1.0, None, 3.5]),
        lambda frame: frame.assign(n=[3.0, None, 1.0]),
        lambda frame: frame.assign(t=["a", "", "ü"]),
        lambda frame: frame.assign(l=[[1, 2], None, [4]]),
        lambda frame: frame.rename(columns={"n": "m"}),
        lambda frame: frame.head(2),
        lambda frame: pd.concat([frame, frame.head(1)]),
        lambda frame: frame.drop(columns="d"),
    ],
)
def test_fingerprint_is_another_for_other_data(change):
    assert fingerprint(change(FRAME)) != fingerprint(FRAME)


def test_fingerprint_of_two_sorted_queries_is_the_same():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]})
    assert fingerprint(frame) == fingerprint(
        pd.DataFrame({"y": ["b", "a"], "x": [2, 1]}).astype({"x": float})
    )


def test_fingerprint_of_no_columns_counts_the_rows():
    assert fingerprint(pd.DataFrame(index=range(2))) != fingerprint(pd.DataFrame(index=range(3)))


def test_libraries_are_those_that_had_a_part():
    import lightgbm

    assert "lightgbm" not in libraries(LinearRegression())
    assert libraries(lightgbm.LGBMRegressor())["lightgbm"] == lightgbm.__version__
    assert libraries(LinearRegression())["numpy"] == np.__version__
