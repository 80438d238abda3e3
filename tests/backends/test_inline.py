from dataclasses import replace

import duckdb
import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.backends.inline_check import Inlined, hard_table
from tests.toy_models import every_type, twice
from warehouse_ml.backends.inline import inline_form
from warehouse_ml.backends.no_sql import NoSqlError
from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.read import read_program
from warehouse_ml.backends.shared_values import with_names
from warehouse_ml.backends.sql_expression import Writer

LARGEST = 1.7976931348623157e308
FLOAT = 3.4028234663852886e38


def sample(rows: int = 80) -> pd.DataFrame:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(random.normal(size=(rows, 2)), columns=["a", "b c"])
    frame["b c"] = frame["b c"] * 20 + 300
    frame["t"] = random.choice(["x", "it's", ""], rows).astype(object)
    return frame


NUMBERS = ["a", "b c"]
FRAME = sample()
TWO = (FRAME["a"] * 10 + FRAME["b c"] + 5 * (FRAME["t"] == "x") > 300).astype(int)
THREE = pd.Series(np.array(["low", "mid", "hi"])[pd.qcut(FRAME["a"] * 20 + FRAME["b c"], 3, labels=False)])
AMOUNT = FRAME["a"] * 20 + FRAME["b c"]


def mixed(*steps, model):
    return make_pipeline(make_column_transformer(*steps), model)


def one_hot(**settings):
    return OneHotEncoder(**settings), ["t"]


PIPELINES = {
    "logistic": (make_pipeline(StandardScaler(), LogisticRegression()), NUMBERS, TWO),
    "three classes": (make_pipeline(StandardScaler(), LogisticRegression()), NUMBERS, THREE),
    "true and false": (LogisticRegression(), NUMBERS, TWO == 1),
    "sparse": (make_pipeline(StandardScaler(), LogisticRegression(l1_ratio=1.0, solver="saga", C=0.03)),
               NUMBERS, TWO),
    "imputed": (make_pipeline(SimpleImputer(), MinMaxScaler(), Ridge()), NUMBERS, AMOUNT),
    "with indicators": (make_pipeline(SimpleImputer(add_indicator=True), Ridge()), NUMBERS, AMOUNT),
    "two outputs": (LinearRegression(), NUMBERS, np.c_[AMOUNT, TWO]),
    "poisson": (make_pipeline(StandardScaler(), PoissonRegressor()), NUMBERS, TWO),
    "polynomial": (make_pipeline(PolynomialFeatures(2), LinearRegression()), NUMBERS, AMOUNT),
    "bins": (make_pipeline(KBinsDiscretizer(3), LogisticRegression()), NUMBERS, TWO),
    "refused": (mixed(one_hot(), (StandardScaler(), NUMBERS), model=LogisticRegression()), None, TWO),
    "ignored": (mixed(one_hot(handle_unknown="ignore"), (StandardScaler(), NUMBERS), model=Ridge()),
                None, AMOUNT),
    "text alone": (mixed(one_hot(drop="first"), model=Ridge()), None, AMOUNT),
    "numbered": (mixed((OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["t"]),
                       ("passthrough", NUMBERS), model=Ridge()), None, AMOUNT),
    "target": (mixed((TargetEncoder(cv=3), ["t"]), ("passthrough", NUMBERS), model=LogisticRegression()),
               None, TWO),
    "tree over texts": (mixed(one_hot(), ("passthrough", NUMBERS), model=DecisionTreeClassifier(max_depth=3)),
                        None, TWO),
    "bayes": (GaussianNB(), NUMBERS, THREE),
    "tree": (DecisionTreeClassifier(max_depth=4), NUMBERS, THREE),
    "tree of numbers": (DecisionTreeRegressor(max_depth=4), NUMBERS, AMOUNT),
    "forest": (RandomForestRegressor(n_estimators=3, max_depth=3), NUMBERS, AMOUNT),
    "boosting": (GradientBoostingClassifier(n_estimators=3, max_depth=2), NUMBERS, TWO),
    "xgboost": (xgboost.XGBClassifier(n_estimators=3, max_depth=2), NUMBERS, TWO),
    "calibrated": (CalibratedClassifierCV(LogisticRegression(), cv=2), NUMBERS, TWO),
}  # fmt: skip

POLICIES = {
    "null": {"missing": "null", "limit": LARGEST},
    "model": {"missing": "model", "limit": FLOAT},
    "error": {"missing": "error", "limit": 1e6},
    "unlimited": {"missing": "null", "limit": None},
}


def inlined(name, **facts):
    estimator, columns, target = PIPELINES[name]
    frame = FRAME if columns is None else FRAME[columns]
    return Inlined.of(estimator.fit(frame, target), frame, **facts), frame


@pytest.mark.parametrize("name", PIPELINES)
def test_sql_as_the_handler(name):
    policy = list(POLICIES)[list(PIPELINES).index(name) % len(POLICIES)]
    model, frame = inlined(name, **POLICIES[policy])
    assert model.differences(hard_table(frame.head(12))) == []


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["logistic", "refused", "tree"])
def test_sql_under_each_policy(name, policy):
    model, frame = inlined(name, **POLICIES[policy])
    assert model.differences(hard_table(frame.head(3))) == []


@pytest.mark.parametrize("name", ["logistic", "imputed", "tree", "xgboost"])
@pytest.mark.parametrize("kind", ["FLOAT", "INTEGER", "DECIMAL(9, 3)", "HUGEINT"])
def test_sql_of_column_types(name, kind):
    model, frame = inlined(name, missing="model" if name != "logistic" else "null", limit=FLOAT)
    rows = pa.table({"a": [1.0, None, -3.0, 0.0, 7.25], "b c": [300.0, 310.0, None, 290.5, 0.0]})
    if kind == "FLOAT":
        rows = hard_table(frame.head(3))
    assert model.differences(rows, dict.fromkeys(["a", "b c"], kind)) == []


@pytest.mark.parametrize("kind", ["null", "model", "error", "default"])
def test_sql_of_a_toy_model(kind):
    onnx_bytes, signature = twice(missing=kind)
    model = Inlined(onnx_bytes, changed(signature, default=7.5 if kind == "default" else None))
    assert model.differences(hard_table(pd.DataFrame({"a": [1.0, 2.0]}))) == []


def test_sql_of_every_type():
    rows = pa.table({
        "d": [1.5, None, None, float("nan")],
        "i": pa.array([2**53 + 1, None, None, -5], pa.int64()),
        "b": pa.array([True, None, False, None], pa.bool_()),
        "s": ["it's", None, "", "x"],
        "t": pa.array([1, None, None, -1], pa.timestamp("us")),
    })  # fmt: skip
    assert Inlined(*every_type()).differences(rows) == []


@pytest.mark.parametrize("unit", ["us", "ms", "s", "D", "ns"])
def test_sql_of_times_before_1970(unit):
    moments = [0, 1, -1, 86_400_000_000, -86_400_000_001, 1_600_000_000_123_456, None]
    onnx_bytes, signature = twice()
    signature = changed(signature, type="TIMESTAMP", unit=unit)
    rows = pa.table({"a": pa.array(moments, pa.timestamp("us"))})
    assert Inlined(onnx_bytes, signature).differences(rows) == []


def changed(signature, **facts):
    return replace(signature, features=(replace(signature.features[0], **facts),))


def test_sql_of_unused_features_where_null_counts():
    frame = FRAME[NUMBERS].assign(unused=1.0)
    tree = DecisionTreeClassifier(max_depth=1).fit(frame, TWO)
    assert Inlined.of(tree, frame, missing="null").differences(hard_table(frame.head(3))) == []


def test_sql_far_from_zero_keeps_its_digits():
    frame = FRAME[NUMBERS].assign(a=FRAME["a"] + 1e9)
    model = Inlined.of(make_pipeline(StandardScaler(), Ridge()).fit(frame, AMOUNT), frame)
    assert " - " in model.sql("predict", [("a", "DOUBLE"), ("b c", "DOUBLE")])
    assert model.differences(pa.Table.from_pandas(frame, preserve_index=False)) == []


def test_sql_fuses_scaler_and_weights():
    model, _ = inlined("logistic", missing="null", limit=LARGEST)
    text = model.sql("predict_proba", [("a", "FLOAT"), ("b c", "FLOAT")])
    assert text.partition(" THEN ")[0].count("*") == 2


def test_sql_has_one_case_for_a_column_of_categories():
    model, _ = inlined("ignored", missing="model", limit=LARGEST)
    text = model.sql("predict", [("a", "DOUBLE"), ("b c", "DOUBLE"), ("t", "VARCHAR")])
    assert text.partition(" THEN ")[0].count('CASE t."t"') <= 1


def test_inline_form_of_a_large_forest():
    forest = RandomForestRegressor(n_estimators=60, max_depth=6).fit(FRAME[NUMBERS], AMOUNT)
    assert Inlined.of(forest, FRAME[NUMBERS]).form is None


def test_sql_of_an_unknown_dialect():
    onnx_bytes, signature = twice()
    form = inline_form(read_program(onnx.load_from_string(onnx_bytes)), signature)
    assert form.sql("predict", ["a"], ["DOUBLE"], "oracle") is None


def test_sql_of_a_method_that_is_missing():
    assert Inlined(*twice()).form.sql("predict_proba", ["a"], ["DOUBLE"]) is None


def test_cost_grows_with_the_model():
    small, _ = inlined("logistic")
    large, _ = inlined("boosting")
    assert 0 < small.form.cost("predict") < large.form.cost("predict")


def test_sql_with_a_function_for_other_rows_is_short():
    model, _ = inlined("logistic", missing="null", limit=LARGEST)
    text = model.form.sql("predict_proba", ["a", "b"], ["DOUBLE"] * 2, otherwise="scored(a, b)")
    assert text.endswith("ELSE scored(a, b) END")
    assert "error(" not in text


def test_names_are_not_nested_deep():
    levels = [[Expression("constant", "float64", (), float(level))] for level in range(16)]
    writer = Writer({}, {}, fast=True, bound={})
    assert with_names(writer, levels[:4], "f", lambda: "1e0").count("list_transform") == 4
    with pytest.raises(NoSqlError, match="nested"):
        with_names(writer, levels, "f", lambda: "1e0")


@pytest.mark.parametrize("kind", ["VARCHAR", "DATE", "DOUBLE[]", None, '"NULL"'])
def test_sql_of_types_that_do_not_fit(kind):
    model, _ = inlined("logistic")
    assert model.form.sql("predict", ["a", "b"], ["DOUBLE", kind]) is None


def test_sql_of_singles_needs_no_rounding():
    narrow = FRAME[NUMBERS].astype("float32")
    model = Inlined.of(make_pipeline(StandardScaler(), LogisticRegression()).fit(narrow, TWO), narrow)
    columns = [(name, "FLOAT") for name in NUMBERS]
    assert "CAST" not in model.sql("predict_proba", columns, otherwise="f")
    assert model.differences(hard_table(narrow.head(3).astype("float64"))) == []


def test_sql_is_kept():
    model, _ = inlined("logistic")
    texts = [model.sql("predict", [("a", "DOUBLE"), ("b c", "DOUBLE")], otherwise="f") for _ in range(2)]
    assert texts[0] is texts[1]


def test_sql_of_infinite_times():
    onnx_bytes, signature = twice(missing="model")
    signature = changed(signature, type="TIMESTAMP", unit="us")
    form = Inlined(onnx_bytes, signature).form
    text = form.sql("predict", ["x"], ["DATE"], otherwise="-7e0")
    assert duckdb.sql(f"SELECT {text} FROM (SELECT DATE 'infinity' AS x)").fetchall() == [(-7.0,)]


def test_a_long_chain_of_sums_has_no_form() -> None:
    # 500 boosted trees are added one after the other, and a writer would call itself for each
    steps = "\n".join(f"s{n + 1} = Add(s{n}, x)" for n in range(500))
    graph = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: ["" : 15]> g (double[n, 1] x) => (double[n, 1] s500) {{
        s0 = Identity(x)\n{steps}\n}}"""
    )
    program = read_program(graph)
    signature = twice()[1]
    output = replace(signature.prediction, tensor="s500", column=0)
    assert inline_form(program, replace(signature, prediction=output)) is None
