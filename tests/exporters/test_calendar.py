from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import warehouse_ml as wml
from tests.agreement import assert_agrees
from warehouse_ml.exporters.calendar import PARTS

SECONDS = np.random.default_rng(0).integers(-4_000_000_000, 4_000_000_000, 300)
EDGES = ["1970-01-01", "2000-02-29 23:59:59", "1900-02-28", "1900-03-01", "2023-12-31 23:59:59", "1969-12-31"]
TIMES = pd.Series([*pd.to_datetime(SECONDS, unit="s"), *map(pd.Timestamp, EDGES), pd.NaT])
DEPRECATED = ("dayofweek", "dayofyear", "weekday")


def frame(unit: str) -> pd.DataFrame:
    times = TIMES.astype(f"datetime64[{unit}]")
    return pd.DataFrame({"start": times, "end": times[::-1].reset_index(drop=True)})


def agrees(function: Any, unit: str = "us") -> None:
    rows = frame(unit)
    assert_agrees(FunctionTransformer(function).fit(rows), rows)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("part", [name for name in PARTS if name not in DEPRECATED])
def test_parts_of_times_agree(part: str, unit: str) -> None:
    agrees(lambda x: x.apply(lambda column: getattr(column.dt, part)), unit)


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_differences_of_times_agree(unit: str) -> None:
    agrees(lambda x: (x["end"] - x["start"]).dt.days.to_frame(), unit)
    agrees(lambda x: (pd.Timestamp("2024-01-01 03:30") - x["start"]).dt.total_seconds().to_frame(), unit)
    agrees(lambda x: ((x["end"] - x["start"]) / np.timedelta64(1, "D")).to_frame(), unit)


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_ticks_of_times_agree(unit: str) -> None:
    agrees(lambda x: x.astype("int64"), unit)


def test_times_as_sql_has_them_agree() -> None:
    rows = frame("ns").dropna()
    parts = FunctionTransformer(lambda x: x.assign(month=x["start"].dt.month)[["month"]])
    model = make_pipeline(make_column_transformer((parts, ["start"])), Ridge())
    model.fit(rows, rows["start"].dt.month % 5)
    with wml.connect() as session:
        session.register("m", model, rows)
        session.connection.register("times", rows)
        scores = session.sql("SELECT PREDICT('m', *) FROM times").fetchall()
    assert [score for (score,) in scores] == pytest.approx(model.predict(rows))
