"""Fitted models with every kind of feature and of result, to be scored in more than one place."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBRegressor

from tests.conformance.data import flights, penguin_mass, penguins

Fitted = tuple[Any, pd.DataFrame]
"""A fitted estimator and rows for it, in which something may be missing."""


def prepared() -> Any:
    """Numbers filled and scaled, texts as columns of their own; an unknown text is none of them."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    is_text = ["island", "sex", "species"]
    return make_column_transformer(
        (texts, lambda frame: [name for name in frame if name in is_text]),
        (numbers, lambda frame: [name for name in frame if name not in is_text]),
    )


def species() -> Fitted:
    features, target = penguins()
    return make_pipeline(prepared(), LogisticRegression(max_iter=500)).fit(features, target), features


def is_heavy() -> Fitted:
    features, mass = penguin_mass()
    return make_pipeline(prepared(), LogisticRegression()).fit(features, mass > 4200), features


def mass() -> Fitted:
    features, target = penguin_mass()
    return make_pipeline(prepared(), Ridge()).fit(features, target), features


def kilograms() -> Fitted:
    features, target = penguin_mass()
    numbers = features.select_dtypes("number").fillna(0.0)
    return DecisionTreeClassifier(max_depth=4).fit(numbers, (target // 1000).astype(int)), numbers


def boosted() -> Fitted:
    features, target = penguin_mass()
    numbers = features.select_dtypes("number").astype(float)
    return XGBRegressor(n_estimators=30, max_depth=4).fit(numbers, target), numbers


def several() -> Fitted:
    features, target = penguins()
    numbers = features.select_dtypes("number").fillna(0.0)
    both = np.column_stack([target.astype(str), features["island"].astype(str)])
    return MultiOutputClassifier(DecisionTreeClassifier(max_depth=3)).fit(numbers, both), numbers


def sizes() -> Fitted:
    features, _ = penguins()
    numbers = features.select_dtypes("number").dropna()
    return LinearRegression().fit(numbers[["year"]], numbers.drop(columns="year")), numbers[["year"]]


def _calendar(frame: Any) -> Any:
    when = frame["departure"]
    return pd.DataFrame({"month": when.dt.month, "weekday": when.dt.day_of_week, "hour": when.dt.hour})


def in_the_air() -> Fitted:
    joined = flights()[:400]
    features = joined[["departure", "distance", "carrier"]].astype({"carrier": object})
    columns = make_column_transformer(
        (FunctionTransformer(_calendar), ["departure"]),
        (OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
        remainder="passthrough",
        sparse_threshold=0,
    )
    model = make_pipeline(columns, HistGradientBoostingRegressor(max_iter=10))
    return model.fit(features, joined["air_time"]), features


MODELS: Mapping[str, Callable[[], Fitted]] = {
    made.__name__: cache(made)
    for made in (species, is_heavy, mass, kilograms, boosted, several, sizes, in_the_air)
}


def expected(estimator: Any, rows: pd.DataFrame, method: str) -> list[Any]:
    """What the estimator says: for each row its answer, or a dict of several."""
    answers = getattr(estimator, method.removeprefix("try_"))(rows)
    blocks = answers if isinstance(answers, list) else [answers]
    # of two classes, the probability of the second is the answer
    if method == "predict_proba" and len(blocks) == 1 and blocks[0].shape[1] == 2:
        blocks = [blocks[0][:, 1]]
    flat = np.hstack([np.reshape(block, (len(rows), -1)) for block in blocks])
    return [row[0] if len(row) == 1 else dict(enumerate(row)) for row in flat.tolist()]


def leaves(value: Any) -> list[Any]:
    """The parts of a result that are no STRUCT, in order."""
    if not isinstance(value, dict):
        return [value]
    return [leaf for part in value.values() for leaf in leaves(part)]


def assert_same(value: Any, other: Any, tolerance: float = 1e-9) -> None:
    """Two results are of the same types and equal; numbers within a tolerance."""
    pairs = list(zip(leaves(value), leaves(other), strict=True))
    assert [type(one) for one, _ in pairs] == [type(another) for _, another in pairs]
    for one, another in pairs:
        assert one == (pytest.approx(another, rel=tolerance) if isinstance(another, float) else another)
