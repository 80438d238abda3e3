"""Models as SQL of Snowflake, run on the emulation, against the handler."""

import math

import pandas as pd
import pyarrow as pa
import pytest
import sqlglot
from sklearn.linear_model import Ridge
from sklearn.preprocessing import PowerTransformer

from tests.backends.inline_check import Inlined, hard_table
from tests.backends.snowflake_check import differences, snowflake_sql
from tests.backends.test_inline import (
    AMOUNT,
    FLOAT,
    FRAME,
    NUMBERS,
    PIPELINES,
    POLICIES,
    changed,
    inlined,
    make_pipeline,
)
from tests.toy_models import every_type, twice
from warehouse_ml.backends.spelling import SNOWFLAKE_SPELLING
from warehouse_ml.backends.sql_snowflake import SnowflakeColumn
from warehouse_ml.signature import Feature
from warehouse_ml.testing.snowflake import emulated_snowflake

TOO_LONG = ("three classes", "bayes")
"""Nothing can be given a name in Snowflake, so the probabilities of several classes repeat all margins."""

COLUMNS = [("A", "FLOAT"), ("B C", "FLOAT")]


@pytest.fixture(scope="module")
def run():
    with emulated_snowflake() as emulation:
        yield emulation.session().connection.cursor()


@pytest.mark.parametrize("name", [name for name in PIPELINES if name not in ("xgboost", *TOO_LONG)])
def test_sql_as_the_handler(run, name):
    policy = list(POLICIES)[list(PIPELINES).index(name) % len(POLICIES)]
    model, frame = inlined(name, **POLICIES[policy])
    assert differences(run, model, hard_table(frame.head(3))) == []


@pytest.mark.parametrize("name", TOO_LONG)
def test_what_is_too_long_is_left_to_the_function(run, name):
    model, frame = inlined(name, **POLICIES["null"])
    found = differences(run, model, hard_table(frame.head(4)))
    assert found in ([], ["predict_proba: no expression"])


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["logistic", "ignored"])
def test_sql_under_each_policy(run, name, policy):
    model, frame = inlined(name, **POLICIES[policy])
    assert differences(run, model, hard_table(frame.head(1))) == []


@pytest.mark.parametrize("kind", ["NUMBER(38,0)", "NUMBER(9,3)", "NUMBER(5,0)", "INTEGER"])
@pytest.mark.parametrize("name", ["imputed", "tree"])
def test_sql_of_column_types(run, name, kind):
    model, _ = inlined(name, missing="model", limit=FLOAT)
    rows = pa.table({"a": [1.0, None, -3.0, 0.0, 7.0], "b c": [300.0, 310.0, None, 290.0, 0.0]})
    assert differences(run, model, rows, {"a": kind, "b c": kind}) == []


@pytest.mark.parametrize("kind", ["null", "model", "error", "default"])
def test_sql_of_a_toy_model(run, kind):
    onnx_bytes, signature = twice(missing=kind)
    model = Inlined(onnx_bytes, changed(signature, default=7.5 if kind == "default" else None))
    assert differences(run, model, hard_table(pd.DataFrame({"a": [1.0, 2.0]}))) == []


def test_times_are_left_to_the_function():
    model = Inlined(*every_type())
    types = [
        ("D", "FLOAT"),
        ("I", "NUMBER(18,0)"),
        ("B", "BOOLEAN"),
        ("S", "VARCHAR"),
        ("T", "TIMESTAMP_NTZ"),
    ]
    assert snowflake_sql(model, "predict", types) is None


@pytest.mark.parametrize("estimator", [PIPELINES["xgboost"][0]])
def test_float32_is_left_to_the_function(estimator):
    model, _ = inlined("xgboost", missing="model", limit=FLOAT)
    assert snowflake_sql(model, "predict", COLUMNS) is None


def test_powers_are_left_to_the_function():
    pipeline = make_pipeline(PowerTransformer(), Ridge()).fit(FRAME[NUMBERS], AMOUNT)
    model = Inlined.of(pipeline, FRAME[NUMBERS])
    assert model.form is None or snowflake_sql(model, "predict", COLUMNS) is None


@pytest.mark.parametrize("name", ["logistic", "imputed", "refused", "tree", "boosting"])
def test_the_text_is_snowflakes(name):
    model, frame = inlined(name, missing="null", limit=FLOAT)
    types = [(column.upper(), "VARCHAR" if column == "t" else "FLOAT") for column in frame.columns]
    text = snowflake_sql(model, "predict", types)
    tree = sqlglot.parse_one(f"SELECT {text} AS s FROM t", read="snowflake")
    functions = {node.name.upper() for node in tree.find_all(sqlglot.exp.Anonymous)}
    assert functions == set()


def test_an_error_names_the_feature_and_depends_on_the_row():
    model, _ = inlined("logistic", missing="error", limit=1e6)
    text = snowflake_sql(model, "predict", COLUMNS)
    assert "TO_DOUBLE('wml_refusal: ScoringError: The model refuses ' || " in text
    assert text.count("LEFT(COALESCE(t.\"A\"::VARCHAR, ''), 0)") == text.count("TO_DOUBLE(")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "'0.1'::FLOAT"),
        (3.0, "3::FLOAT"),
        (-3.0, "'-3.0'::FLOAT"),
        (-0.0, "'-0.0'::FLOAT"),
        (1e22, "'1e+22'::FLOAT"),
        (2.0**53, "9007199254740992::FLOAT"),
        (math.nan, "'NaN'::FLOAT"),
        (-math.inf, "'-inf'::FLOAT"),
    ],
)
def test_doubles_are_read_from_texts(value, text):
    assert SNOWFLAKE_SPELLING.double(value) == text


@pytest.mark.parametrize(
    ("kind", "sql_type"),
    [
        ("DOUBLE", "VARCHAR"),
        ("BIGINT", "NUMBER(38,0)"),
        ("BIGINT", "NUMBER(9,2)"),
        ("VARCHAR", "VARCHAR(10) COLLATE 'en-ci'"),
        ("TIMESTAMP", "TIMESTAMP_NTZ(9)"),
        ("DOUBLE", None),
        ("DOUBLE", "VARIANT"),
    ],
)
def test_columns_that_are_left_to_the_function(kind, sql_type):
    assert SnowflakeColumn.of(Feature("f", kind), "f", sql_type, True) is None
