import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import warehouse_ml as wml
from warehouse_ml.markers import fitted_markers
from warehouse_ml.sample import Sample

TARGET = [0, 1, 1, 0, 1, 0]


def rows(marker: object) -> pd.DataFrame:
    return pd.DataFrame({"plan": pd.Series(["a", "b", marker, "a", marker, "b"], dtype=object)})


def fitted(marker: object) -> object:
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["plan"]))
    return make_pipeline(encoder, LogisticRegression()).fit(rows(marker), TARGET)


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.mark.parametrize("marker", [None, np.nan])
def test_an_encoder_tells_what_it_was_fitted_on(marker: object) -> None:
    assert fitted_markers(fitted(marker))["plan"] is marker or marker is np.nan


def test_an_imputer_of_none_tells_so() -> None:
    imputer = SimpleImputer(missing_values=None, strategy="constant", fill_value="?").fit(rows(None))
    assert fitted_markers(imputer) == {"plan": None}


def test_an_encoder_after_an_imputer_tells_for_the_columns_of_the_frame() -> None:
    encoder = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    assert fitted_markers(encoder.fit(rows(None))) == {"plan": None}


@pytest.mark.parametrize("convert", [arrow, pl.from_pandas, lambda frame: frame[frame["plan"].notna()]])
def test_none_comes_back_where_the_estimator_knows_it(convert) -> None:
    sample = Sample.of(fitted(None), convert(rows(None)))
    assert sample.markers == {"plan": None}
    assert not any(isinstance(value, float) for value in sample.frame["plan"])


def test_a_column_that_shows_nothing_follows_the_others() -> None:
    frame = rows(None).assign(city=pd.Series(list("xyxyxx"), dtype=object))
    assert Sample.of(object(), frame).markers == {"plan": None, "city": None}


def test_nan_that_the_sample_shows_stays() -> None:
    sample = Sample.of(fitted(None), rows(np.nan))
    assert sample.frame["plan"].isna().sum() == 2
    assert sample.markers["plan"] is np.nan


@pytest.mark.parametrize("marker", [None, np.nan])
@pytest.mark.parametrize("convert", [arrow, pl.from_pandas, lambda frame: "SELECT * FROM kept"])
def test_a_null_scores_as_in_training(convert, marker: object) -> None:
    estimator = fitted(marker)
    with wml.connect() as session:
        session.connection.execute("CREATE TABLE kept (plan VARCHAR); INSERT INTO kept VALUES (NULL), ('a')")
        session.register("m", estimator, convert(rows(marker)))
        scores = session.sql("SELECT PREDICT_PROBA('m', plan) FROM kept").fetchall()
    wanted = estimator.predict_proba(pd.DataFrame({"plan": pd.Series([marker, "a"], dtype=object)}))
    assert [score for (score,) in scores] == pytest.approx(wanted[:, 1])
