"""What the handler returns: its types, and its values against the estimator's and DuckDB's."""

import sys
from datetime import datetime

import numpy as np
import onnx.parser
import pandas as pd
import pytest

import warehouse_ml as wml
from tests.toy_models import every_type
from tests.udfs.deployed import by_place, call, handed_over, plain, snowflake_udf, write_imports
from tests.udfs.deployed_models import MODELS, assert_same, expected
from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.signature import Feature, GraphInput, Output, Signature

METHODS = [
    (name, method)
    for name in MODELS
    for method in ("predict", "predict_proba", "try_predict")
    if method != "predict_proba" or name in ("species", "is_heavy", "kilograms", "several")
]


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """By its name, a model's imports (with and without its plan), its signature, rows, and a session."""
    with wml.connect() as session:
        made = {}
        for name, make in MODELS.items():
            estimator, rows = make()
            version = session.register(name, estimator, sample=rows[:120])
            parts = {part: session._registry.load(version, part) for part in ("onnx", "plan")}
            folder = tmp_path_factory.mktemp(name)
            write_imports(folder / "graph", parts["onnx"], version.signature)
            write_imports(folder / "plan", parts["onnx"], version.signature, plan=parts["plan"])
            made[name] = (folder, version.signature, rows, session)
        yield made


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_scores_are_the_estimators(registered, name, method) -> None:
    folder, signature, rows, _ = registered[name]
    whole = rows.dropna()
    scored = plain(call(folder / "graph", handed_over(whole, signature), method))
    assert len(whole) > 30
    for value, wanted in zip(scored, expected(MODELS[name]()[0], whole, method), strict=True):
        assert_same(value, wanted, 1e-6)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_scores_are_duckdbs(registered, name, method) -> None:
    folder, signature, rows, session = registered[name]
    rows = with_gaps(rows)
    answers = session.sql(f"SELECT {method.upper()}('{name}', *) FROM rows").fetchall()
    scored = plain(call(folder / "graph", handed_over(rows, signature), method))
    assert len(scored) == len(answers)
    for value, (answer,) in zip(scored, answers, strict=True):
        assert_same(value, answer)


def with_gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, and again with one value of ten missing."""
    holes = np.random.default_rng(0).random(rows.shape) < 0.1
    broken = {name: column.mask(holes[:, place]) for place, (name, column) in enumerate(rows.items())}
    return pd.concat([rows.astype(pd.DataFrame(broken).dtypes), pd.DataFrame(broken)], ignore_index=True)


# --- the plan -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_a_plan_scores_as_the_graph(registered, name, method, monkeypatch) -> None:
    folder, signature, rows, _ = registered[name]
    beside(monkeypatch)
    frame = handed_over(rows, signature)
    planned, whole = (plain(call(folder / way, frame, method)) for way in ("plan", "graph"))
    for value, wanted in zip(planned, whole, strict=True):
        assert_same(value, wanted)


def beside(monkeypatch, **others) -> None:
    """Puts the files that a plan needs beside the handler."""
    for name in ("planned_udf", "tree_kernel"):
        monkeypatch.setitem(sys.modules, name, load_handler(name))
    for name, module in others.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(snowflake_udf, "_deployments", {})


def loaded(folder):
    return type(snowflake_udf.Deployment(folder)._scorer).__name__


def test_a_plan_is_used_where_it_can_be(registered, monkeypatch) -> None:
    folder = registered["boosted"][0]
    beside(monkeypatch)
    assert (loaded(folder / "plan"), loaded(folder / "graph")) == ("PlannedScorer", "Scorer")


@pytest.mark.parametrize("absent", ["planned_udf", "tree_kernel"])
def test_without_its_libraries_the_graph_scores(registered, monkeypatch, absent) -> None:
    beside(monkeypatch, **{absent: None})
    assert loaded(registered["boosted"][0] / "plan") == "Scorer"


def test_a_plan_of_another_version_is_refused(registered, monkeypatch, tmp_path) -> None:
    folder, signature, _, _ = registered["boosted"]
    write_imports(tmp_path, (folder / "plan" / "model.onnx").read_bytes(), signature, plan=b"its own")
    (tmp_path / "plan.npz").write_bytes((folder / "plan" / "plan.npz").read_bytes())
    beside(monkeypatch)
    with pytest.raises(snowflake_udf.DeploymentError, match="plan.npz is not the file that was pushed"):
        loaded(tmp_path)


# --- types ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "method", "dtype"),
    [
        ("mass", "predict", "float64"),
        ("is_heavy", "predict_proba", "float64"),
        ("kilograms", "predict", "Int64"),
        ("is_heavy", "try_predict", "boolean"),
        ("species", "predict", "object"),
        ("species", "predict_proba", "object"),
        ("several", "predict", "object"),
    ],
)
@pytest.mark.parametrize("rows", [0, 1, 50])
def test_a_result_has_its_type_in_every_batch(registered, name, method, dtype, rows) -> None:
    folder, signature, frame, _ = registered[name]
    column = call(folder / "graph", handed_over(frame[:rows], signature), method)
    assert (str(column.dtype), len(column)) == (dtype, rows)


def test_fields_are_named_as_in_the_struct_of_duckdb(registered) -> None:
    folder, signature, rows, session = registered["several"]
    (row,) = session.sql("SELECT PREDICT_PROBA('several', *) FROM rows LIMIT 1").fetchall()
    (scored,) = call(folder / "graph", handed_over(rows[:1], signature), "predict_proba")
    assert {name: list(part) for name, part in scored.items()} == {
        name: list(part) for name, part in row[0].items()
    }
    assert list(scored["y0"]) == ["Adelie", "Chinstrap", "Gentoo"]


def test_classes_that_are_no_texts_are_named_as_texts(registered) -> None:
    folder, signature, rows, _ = registered["kilograms"]
    (scored,) = call(folder / "graph", handed_over(rows[:1], signature), "predict_proba")
    assert list(scored) == ["2", "3", "4", "5", "6"]
    assert {type(value) for value in scored.values()} == {float}


def test_a_struct_is_null_where_all_its_parts_are(tmp_path) -> None:
    frame = by_place([1.0, np.nan], [1, 2], [True, True], ["a", "b"], [datetime(2026, 1, 1)] * 2)
    assert call(write_imports(tmp_path, *every_type()), frame).tolist() == [
        {"d": 1.0, "i": 1, 'in "ner': {"b": True, "naïve s": "a"}, "t": 1767225600000000.0},
        None,
    ]


def test_a_part_of_a_struct_may_be_null_alone(tmp_path) -> None:
    graph = """
        <ir_version: 8, opset_import: ["" : 15]>
        g (double[N,1] x) => (double[N,1] x2, double[N,1] root) {
            x2 = Identity(x)
            root = Sqrt(x)
        }"""
    parts = (Output("x", "DOUBLE", "x2", 0), Output("root", "DOUBLE", "root", 0))
    folder = write_imports(tmp_path, *of_one_feature(graph, Output("prediction", "STRUCT", fields=parts)))
    assert call(folder, by_place([4.0, -1.0, np.nan])).tolist() == [
        {"x": 4.0, "root": 2.0},
        {"x": -1.0, "root": None},
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "tensor", "scored"),
    [("VARCHAR", "string", ["a", None]), ("BIGINT", "int64", [1, None]), ("BOOLEAN", "bool", [True, None])],
)
def test_a_label_is_null_where_its_row_has_no_score(tmp_path, kind, tensor, scored) -> None:
    label = {"string": '"a"', "int64": "1", "bool": "1"}[tensor]
    graph = f"""
        <ir_version: 8, opset_import: ["" : 15]>
        g (double[N,1] x) => ({tensor}[N,1] y)
        <{tensor}[1,1] label = {{{label}}}>
        {{
            size = Shape(x)
            y = Expand(label, size)
        }}"""
    folder = write_imports(tmp_path, *of_one_feature(graph, Output("prediction", kind, "y", 0)))
    assert plain(call(folder, by_place([1.0, np.nan]))) == scored


def of_one_feature(graph: str, output: Output) -> tuple[bytes, Signature]:
    signature = Signature("classification", (Feature("x", "DOUBLE"),), (GraphInput("x", 0),), output)
    return onnx.parser.parse_model(graph).SerializeToString(), signature


TIMES = [datetime(2026, 1, 1, 12, 30, 0, 123456), None, datetime(1969, 12, 31)]


@pytest.mark.parametrize("last", [None, datetime(9999, 12, 31)])
def test_times_come_back_as_times(tmp_path, last) -> None:
    times = np.array([*TIMES, last], dtype="datetime64[us]")
    folder = write_imports(tmp_path, *echo_of_times(struct=False))
    column = call(folder, by_place(times))
    assert column.dtype == ("datetime64[ns]" if last is None else object)
    assert plain(column) == [*TIMES, last]


def test_times_in_a_struct_are_texts(tmp_path) -> None:
    times = np.array(TIMES, dtype="datetime64[us]")
    column = call(write_imports(tmp_path, *echo_of_times(struct=True)), by_place(times))
    assert column.tolist() == [{"t": "2026-01-01T12:30:00.123456"}, None, {"t": "1969-12-31T00:00:00.000000"}]


def echo_of_times(*, struct: bool) -> tuple[bytes, Signature]:
    """Gives back a time as the same microseconds; no exporter makes such a model yet."""
    graph = """
        <ir_version: 8, opset_import: ["" : 15]>
        g (double[N,1] t) => (int64[N,1] y) { y = Cast<to = 7>(t) }"""
    output = Output("t", "TIMESTAMP", "y", 0)
    if struct:
        output = Output("prediction", "STRUCT", fields=(output,))
    features = (Feature("t", "TIMESTAMP", unit="us"),)
    signature = Signature("transformation", features, (GraphInput("t", 0),), output)
    return onnx.parser.parse_model(graph).SerializeToString(), signature
