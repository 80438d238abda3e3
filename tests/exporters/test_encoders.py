import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from palmerpenguins import load_penguins
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from tests.agreement import assert_agrees, name_of, score
from tests.handlers import ScoringError

PENGUINS = load_penguins()[["island", "sex", "year", "flipper_length_mm"]]
PENGUINS = PENGUINS.assign(heavy=load_penguins()["body_mass_g"] > 4200)
UNSEEN = pd.DataFrame(
    {
        "island": ["Atlantis", "", "Dream", None, "dream"],
        "sex": ["female", "?", None, "male", "Ünknown ☃"],
        "year": [2007, 1999, 2008, 2009, -1],
        "flipper_length_mm": [181.0, 181.5, np.nan, 195.0, 1e300],
        "heavy": [True, False, True, True, False],
    }
)
TEXT = ["island", "sex"]


def with_none(frame: pd.DataFrame) -> pd.DataFrame:
    """The same frame with None where text is missing."""
    return frame.astype(dict.fromkeys(TEXT, object)).assign(
        **{name: frame[name].astype(object).where(frame[name].notna(), None) for name in TEXT}
    )


def quiet(estimator: Any, frame: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Agreement of an encoder that warns of unknown categories."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found unknown categories")
        assert_agrees(estimator, frame, rows)


ONE_HOT = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.int8),
    OneHotEncoder(handle_unknown="ignore", drop="first"),
    OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
    OneHotEncoder(handle_unknown="ignore", drop=["Dream", "male", 2008, 181.0, True]),
    OneHotEncoder(handle_unknown="ignore", min_frequency=60),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=60),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=0.2, drop="first"),
    OneHotEncoder(handle_unknown="warn", max_categories=3),
    OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=2, drop="if_binary"),
]


@pytest.mark.parametrize("spelling", [lambda frame: frame, with_none], ids=["nan", "none"])
@pytest.mark.parametrize("encoder", ONE_HOT, ids=name_of)
def test_one_hot_encoder_agrees(encoder: Any, spelling: Any) -> None:
    frame = spelling(PENGUINS)
    quiet(encoder.fit(frame), frame, pd.concat([frame.iloc[::5], spelling(UNSEEN)]))


ORDINAL = [
    OrdinalEncoder(),
    OrdinalEncoder(encoded_missing_value=-2),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-7),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=70),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=99, max_categories=2),
]


@pytest.mark.parametrize("spelling", [lambda frame: frame, with_none], ids=["nan", "none"])
@pytest.mark.parametrize("encoder", ORDINAL, ids=name_of)
def test_ordinal_encoder_agrees(encoder: Any, spelling: Any) -> None:
    frame = spelling(PENGUINS)
    lenient = encoder.handle_unknown != "error"
    assert_agrees(encoder.fit(frame), frame, pd.concat([frame, spelling(UNSEEN)]) if lenient else frame)


@pytest.mark.parametrize(
    "encoder", [OneHotEncoder(), OrdinalEncoder(), OneHotEncoder(min_frequency=60)], ids=repr
)
@pytest.mark.parametrize(
    ("feature", "value"), [("island", "Atlantis"), ("island", None), ("year", 1999), ("year", None)]
)
def test_unknown_category_is_refused(encoder: Any, feature: str, value: Any) -> None:
    encoder.fit(PENGUINS)
    shown = "NULL" if value is None else repr(value)
    with pytest.raises(ScoringError, match=f"{shown}(.0)? for the feature '{feature}': unknown category"):
        score(encoder, PENGUINS, PENGUINS.assign(**{feature: value}))


TARGETS = {
    "binary": PENGUINS["heavy"].astype(str),
    "multiclass": load_penguins()["species"],
    "continuous": load_penguins()["body_mass_g"].fillna(0),
}


@pytest.mark.parametrize("spelling", [lambda frame: frame, with_none], ids=["nan", "none"])
@pytest.mark.parametrize("smooth", ["auto", 10.0])
@pytest.mark.parametrize("target", TARGETS)
def test_target_encoder_agrees(target: str, smooth: Any, spelling: Any) -> None:
    frame = spelling(PENGUINS.drop(columns="heavy"))
    encoder = TargetEncoder(smooth=smooth).fit(frame, TARGETS[target])
    assert_agrees(encoder, frame, pd.concat([frame, spelling(UNSEEN).drop(columns="heavy")]))


DTYPES = {
    "category": pd.Series(["b", "a", None, "b"], dtype="category"),
    "category of numbers": pd.Series([3, 1, None, 3], dtype="category"),
    "times": pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02", "1969-12-31", "2026-01-01"])),
    "nanoseconds": pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"] * 2)).astype("datetime64[ns]"),
    "days": pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"] * 2)).astype("datetime64[s]"),
    "boolean objects": pd.Series([True, None, False, True], dtype=object),
    "nullable boolean": pd.Series([True, None, False, True], dtype="boolean"),
    "nullable integer": pd.Series([7, None, -3, 7], dtype="Int64"),
    "number objects": pd.Series([1, None, 2.5, 1], dtype=object),
    "large integers": pd.Series([2**60, 2**60 + 1, 5, -(2**62)]),
    "float32": pd.Series([0.1, np.nan, 0.3, 0.1], dtype="float32"),
    "texts like numbers": pd.Series(["1", "2", "1.0", "nan"]),
    "awkward texts": pd.Series(["", " ", "None", 'O\'Brien "x" ☃']),
    "both missing values": pd.Series(["a", None, np.nan, "b"], dtype=object),
    "only missing": pd.Series([np.nan] * 4),
}


@pytest.mark.parametrize("kind", DTYPES)
def test_encoders_agree_for_every_dtype(kind: str) -> None:
    frame = pd.DataFrame({"x": DTYPES[kind]})
    rows = frame.iloc[[0, 2, 3, 0] if kind != "both missing values" else [0, 1, 3]]
    assert_agrees(OneHotEncoder(handle_unknown="ignore").fit(frame.iloc[:3]), frame, rows)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    assert_agrees(ordinal.fit(frame.iloc[:3]), frame, rows)


def test_encoders_of_a_text_matrix_agree() -> None:
    matrix = PENGUINS[TEXT].fillna("nan").to_numpy(dtype=str)
    assert_agrees(OneHotEncoder().fit(matrix), matrix)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(max_size=3) | st.none(), min_size=1, max_size=12),
    st.lists(st.text(max_size=3) | st.none(), min_size=1, max_size=12),
)
def test_one_hot_encoder_agrees_for_any_text(known: list[str | None], rows: list[str | None]) -> None:
    frame = pd.DataFrame({"x": pd.Series(known, dtype=object)})
    sample = pd.concat([frame, pd.DataFrame({"x": pd.Series([None, "z"], dtype=object)})])
    encoder = OneHotEncoder(handle_unknown="ignore").fit(frame)
    assert_agrees(encoder, sample, pd.DataFrame({"x": pd.Series(rows, dtype=object)}))


def test_linear_model_of_many_categories_agrees() -> None:
    numbers = np.random.default_rng(0).integers(0, 300, (500, 2))
    frame = pd.DataFrame(numbers, columns=["a", "b"]).astype(str).assign(c=np.arange(500.0))
    columns = ColumnTransformer(
        [("hot", OneHotEncoder(handle_unknown="ignore"), ["a", "b"]), ("rest", StandardScaler(), ["c"])]
    )
    model = make_pipeline(columns, Ridge()).fit(frame[:400], numbers[:400, 0])
    assert_agrees(model, frame, pd.concat([frame, frame.assign(a="unseen"), frame.assign(b=None)]))


def test_encoded_classifier_agrees() -> None:
    columns = ColumnTransformer(
        [
            ("hot", OneHotEncoder(drop="first", handle_unknown="ignore"), TEXT),
            ("rest", StandardScaler(), ["year"]),
        ]
    )
    frame = PENGUINS[[*TEXT, "year"]]
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(frame, TARGETS["multiclass"])
    quiet(model, frame, pd.concat([frame, UNSEEN[[*TEXT, "year"]]]))


def test_text_where_numbers_were_known_is_unknown() -> None:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit([[1], [2]])
    assert_agrees(encoder, np.array([["a"], ["1"]], dtype=object))
