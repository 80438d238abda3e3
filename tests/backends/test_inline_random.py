import math

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.backends.inline_check import Inlined
from warehouse_ml.backends.sql_literal import double_at_most, float_at_most

WEIGHTS = st.floats(-1e3, 1e3, allow_subnormal=False) | st.just(0.0)
POLICIES = st.sampled_from(["null", "model", "error"])
LIMITS = st.sampled_from([None, 100.0, 3.4028234663852886e38, 1.7976931348623157e308])
VALUES = st.none() | st.floats(width=32) | st.floats(-10, 10)
TYPES = st.sampled_from([None, "FLOAT", "INTEGER"])


def logistic(weights, means, scales, classes):
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(12, 2)), columns=["a", "b"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, np.arange(12) % classes)
    model[0].mean_, model[0].scale_ = np.array(means), np.array(scales)
    rows = 1 if classes == 2 else classes
    model[1].coef_ = np.array(weights[: 2 * rows]).reshape(rows, 2)
    model[1].intercept_ = np.array(weights[-rows:])
    return model, frame


def rows_of(values):
    columns = list(zip(*values, strict=True))
    return pa.table(
        {name: pa.array(column, pa.float64()) for name, column in zip("ab", columns, strict=True)}
    )


@settings(max_examples=15)
@given(
    st.lists(WEIGHTS, min_size=9, max_size=9),
    st.tuples(WEIGHTS, WEIGHTS),
    st.tuples(*[st.floats(1e-3, 1e3)] * 2),
    st.sampled_from([2, 3]),
    POLICIES,
    LIMITS,
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8),
    TYPES,
)
def test_sql_of_random_linear_models(weights, means, scales, classes, missing, limit, values, kind):
    model, frame = logistic(weights, means, scales, classes)
    found = Inlined.of(model, frame, missing=missing, limit=limit)
    types = {} if kind is None else {"a": kind, "b": kind}
    assert found.differences(rows_of(values), types) == []


@settings(max_examples=15)
@given(st.lists(st.floats(-5, 5, width=32), min_size=6, max_size=20), POLICIES, TYPES, st.booleans())
def test_sql_of_random_trees_at_their_thresholds(values, missing, kind, gaps):
    frame = pd.DataFrame({"a": values, "b": values[::-1]})
    fed = frame.mask(frame < -4) if gaps else frame
    tree = DecisionTreeClassifier(random_state=0).fit(fed, np.arange(len(values)) % 3)
    edges = [t for t in tree.tree_.threshold for t in (t, math.nextafter(t, 9), math.nextafter(t, -9))]
    table = rows_of([(v, w) for v in [*edges[:12], None, float("nan")] for w in (edges[0], 0.0, None)])
    found = Inlined.of(tree, frame, missing=missing)
    types = {} if kind is None else {"a": kind, "b": kind}
    assert found.form is None or found.differences(table, types) == []


@given(st.floats(width=32), st.sampled_from(["<", "<="]), st.floats())
@example(3.4028234663852886e38, "<=", 3.4028235677973366e38)
@example(3.4028234663852886e38, "<=", 3.4028235677973362e38)
@example(-float("inf"), "<=", -3.4028235677973366e38)
@example(-float("inf"), "<", -3.4028235677973366e38)
@example(0.0, "<", -7e-46)
@example(1.0, "<=", 1.0 + 2.0**-24)
def test_double_at_most_is_the_comparison_of_floats(threshold, comparison, value):
    with np.errstate(over="ignore"):
        left, right = np.float32(value), np.float32(threshold)
    assume(value != -math.inf or right != -math.inf)
    holds = left < right if comparison == "<" else left <= right
    assert (value <= double_at_most(threshold, comparison, "float32")) == holds


@given(st.floats(allow_nan=False), st.floats(width=32, allow_nan=False))
def test_float_at_most_is_the_comparison_of_doubles(threshold, value):
    assert (np.float32(value) <= np.float32(float_at_most(threshold))) == (value <= threshold)
