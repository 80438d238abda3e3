import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from warehouse_ml.errors import SampleError
from warehouse_ml.sample import Sample

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3, 1, 2]})


def fitted() -> LinearRegression:
    return LinearRegression().fit(FRAME, [1, 2, 3])


@pytest.mark.parametrize("convert", [lambda f: f, pl.from_pandas, pa.Table.from_pandas])
def test_any_table_is_a_sample(convert) -> None:
    sample = Sample.of(fitted(), convert(FRAME))
    assert [f.name for f in sample.features] == ["a", "b"]
    assert sample.frame.to_numpy().tolist() == FRAME.to_numpy().tolist()


def test_columns_are_put_into_the_estimators_order() -> None:
    assert list(Sample.of(fitted(), FRAME[["b", "a"]]).frame.columns) == ["a", "b"]


def test_a_missing_column_names_the_nearest() -> None:
    with pytest.raises(SampleError, match="feature 'b', which the sample lacks. Did you mean its 'bb'"):
        Sample.of(fitted(), FRAME.rename(columns={"b": "bb"}))


def test_an_extra_column_is_refused() -> None:
    with pytest.raises(SampleError, match="has the column 'id', which LinearRegression was not fitted on"):
        Sample.of(fitted(), FRAME.assign(id=1))


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(SampleError, match="sample is empty"):
        Sample.of(fitted(), FRAME[:0])


def test_a_matrix_of_another_width_is_refused() -> None:
    with pytest.raises(SampleError, match="fitted on 2 features; the sample has 3 columns"):
        Sample.of(LinearRegression().fit(FRAME.to_numpy(), [1, 2, 3]), np.ones((2, 3)))


def test_a_matrix_gets_names() -> None:
    sample = Sample.of(LinearRegression().fit(FRAME.to_numpy(), [1, 2, 3]), FRAME.to_numpy())
    assert [f.name for f in sample.features] == ["x0", "x1"]
    assert sample.feeding == "matrix"


@pytest.mark.parametrize("texts", [["a b", "c"], pd.Series(["a b", "c"]), pd.DataFrame({"t": ["a b", "c"]})])
def test_texts_are_fed_as_a_list(texts) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["aa bb", "cc"], [0, 1])
    sample = Sample.of(model, texts)
    assert sample.feeding == "texts"
    assert list(sample.fed(sample.frame)) == ["a b", "c"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, None], "DOUBLE"),
        ([1, 2], "DOUBLE"),
        ([1, 2**53 + 1], "BIGINT"),
        ([True, False], "BOOLEAN"),
        (pd.array([True, None], dtype="boolean"), "BOOLEAN"),
        (pd.Series([True, None], dtype=object), "BOOLEAN"),
        (["a", None], "VARCHAR"),
        (pd.Series(["a", np.nan], dtype=object), "VARCHAR"),
        (pd.Categorical(["a", "b"]), "VARCHAR"),
        (pd.Categorical([3, 4]), "DOUBLE"),
        (pd.array([1, None], dtype="Int64"), "DOUBLE"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), "TIMESTAMP"),
    ],
)
def test_types_of_columns(values, kind: str) -> None:
    frame = pd.DataFrame({"v": values})
    assert Sample.of(object(), frame).features[0].type == kind


def test_a_column_of_anything_else_is_refused() -> None:
    with pytest.raises(SampleError, match="'v' holds date values"):
        Sample.of(object(), pd.DataFrame({"v": [dt.date(2026, 1, 1)]}))


def test_times_with_a_zone_are_refused_with_what_to_do() -> None:
    times = pd.to_datetime(pd.Series(["2026-01-01"])).dt.tz_localize("UTC")
    with pytest.raises(
        SampleError, match="'v' holds times with a time zone. Fit the estimator on times without"
    ):
        Sample.of(object(), pd.DataFrame({"v": times}))


def test_two_columns_of_one_name_are_refused() -> None:
    twice = pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])
    with pytest.raises(SampleError, match="two columns called 'a'"):
        Sample.of(object(), twice)
