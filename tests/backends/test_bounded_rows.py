"""The guard that asks for features alone, held to the handler where values are at its bound and beyond."""

from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from tests.backends.inline_check import Inlined, hard_table
from tests.backends.test_inline_random import LIMITS, POLICIES, TYPES, VALUES, WEIGHTS, logistic, rows_of
from warehouse_ml.backends import bounded_rows

NAMES = [f"f{place}" for place in range(9)]
GUARD = "WHEN greatest("


def training_rows():
    random = np.random.default_rng(3)
    frame = pd.DataFrame(random.normal(size=(40, len(NAMES))), columns=NAMES)
    return frame, frame["f0"] - frame["f3"] + 0.3 * random.normal(size=40)


def text_of(found, method, kinds):
    return found.sql(method, list(zip(NAMES, kinds, strict=True)), otherwise="f")


ESTIMATORS = [
    (make_pipeline(StandardScaler(), LogisticRegression()), "predict_proba"),
    (make_pipeline(StandardScaler(), Ridge()), "predict"),
    (make_pipeline(SimpleImputer(), StandardScaler(), Ridge()), "predict"),
    (make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()), "predict_proba"),
    (make_pipeline(PolynomialFeatures(2), Ridge()), "predict"),
]


@pytest.mark.parametrize(("estimator", "method"), ESTIMATORS, ids=lambda found: str(found)[:40])
@pytest.mark.parametrize(("limit", "kind"), [(None, "DOUBLE"), (100.0, "DOUBLE"), (3.4e38, "FLOAT")])
def test_hard_values_are_scored_as_by_the_function(estimator, method, limit, kind):
    frame, target = training_rows()
    model = estimator.fit(frame, target > 0 if method == "predict_proba" else target)
    missing = "model" if hasattr(model[0], "strategy") and limit != 100 else "null"
    found = Inlined.of(model, frame, limit=limit, missing=missing)
    found.alone = False
    assert GUARD in text_of(found, method, [kind] * 9)
    assert found.differences(hard_table(frame.head(2)), dict.fromkeys(NAMES, kind)) == []


def test_columns_of_several_types_are_compared_among_their_own():
    frame, target = training_rows()
    found = Inlined.of(make_pipeline(StandardScaler(), Ridge()).fit(frame, target), frame)
    kinds = ["DOUBLE"] * 3 + ["FLOAT"] * 3 + ["INTEGER", "SMALLINT", "DECIMAL(9,2)"]
    assert text_of(found, "predict", kinds).count("greatest(") == 2
    assert found.differences(hard_table(frame.head(3)), dict(zip(NAMES, kinds, strict=True))) == []


def test_rows_that_lack_every_optional_feature_are_still_sql():
    frame, target = training_rows()
    model = make_pipeline(SimpleImputer(), StandardScaler(), Ridge()).fit(frame, target)
    text = text_of(Inlined.of(model, frame, missing="model"), "predict", ["DOUBLE"] * 9)
    assert text.count("CAST(0 AS DOUBLE)") == 2


@pytest.mark.parametrize("why", ["few", "label", "policy", "weight"])
def test_features_alone_do_not_show_enough(why):
    frame, target = training_rows()
    if why == "few":
        frame = frame[NAMES[:4]]
    estimator = LogisticRegression() if why == "label" else LinearRegression()
    model = estimator.fit(frame, target > 0 if why == "label" else target)
    if why == "weight":
        model.coef_[2] = 1e90
    found = Inlined.of(model, frame, missing="error" if why == "policy" else "null")
    columns = [(name, "DOUBLE") for name in frame.columns]
    text = found.sql("predict", columns, otherwise="f")
    assert text is not None
    assert GUARD not in text


@settings(max_examples=25)
@given(
    st.lists(WEIGHTS, min_size=9, max_size=9),
    st.tuples(WEIGHTS, WEIGHTS),
    st.tuples(*[st.floats(1e-3, 1e3)] * 2),
    POLICIES,
    LIMITS,
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8),
    TYPES,
)
def test_random_linear_models(weights, means, scales, missing, limit, values, kind):
    model, frame = logistic(weights, means, scales, 2)
    types = {} if kind is None else {"a": kind, "b": kind}
    with patch.object(bounded_rows, "FEWEST", 1):
        found = Inlined.of(model, frame, missing=missing, limit=limit)
        assert found.differences(rows_of(values), types) == []


def test_a_value_at_the_bound_is_sql_and_one_beyond_is_not():
    frame, target = training_rows()
    found = Inlined.of(Ridge().fit(frame, target), frame, limit=100.0)
    rows = pa.table({name: [100.0, np.nextafter(100, 101), -100.0, None] for name in NAMES})
    assert found.differences(rows) == []
