import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx.parser
import pandas as pd
import pytest

from tests.toy_models import every_type, twice
from tests.udfs.deployed import by_place, call, objects, plain, snowflake_udf, write_imports
from warehouse_ml.engines.handler_files import handler_file, load_handler
from warehouse_ml.signature import METADATA_KEY, Feature, GraphInput, Output, Refusal, Signature

ScoringError = load_handler("onnx_udf").ScoringError
DeploymentError = snowflake_udf.DeploymentError
FRAME = pd.DataFrame({0: [1.0, np.nan, 3.0]})

REFUSING = """
<ir_version: 8, opset_import: ["" : 15]>
g (double[n, 1] x) => (double[n] prediction, bool[n, 1] refused) {
  s = Constant<value_ints=[-1]>()
  zero = Constant<value = double[1] {0.0}>()
  refused = Less(x, zero)
  prediction = Reshape(x, s)
}
"""


@pytest.fixture
def imports(tmp_path: Path) -> Path:
    return write_imports(tmp_path / "twice", *twice())


# --- what Snowflake sees of it --------------------------------------------------------------------


@pytest.mark.parametrize("method", ["predict", "predict_proba", "try_predict"])
def test_handlers_are_vectorized_by_their_attributes(method) -> None:
    assert getattr(snowflake_udf, method)._sf_vectorized_input is pd.DataFrame
    assert getattr(snowflake_udf, method)._sf_max_batch_size == snowflake_udf.MOST_ROWS


def test_it_runs_from_its_folder_with_nothing_of_the_package(imports: Path) -> None:
    for name in ("onnx_udf", "text_analysis", "snowflake_udf"):
        (imports / f"{name}.py").write_bytes(handler_file(name).read_bytes())
    code = """
import sys, pandas
sys.path.insert(0, sys._xoptions["snowflake_import_directory"])
import snowflake_udf
print(snowflake_udf.predict(pandas.DataFrame({0: [1.0, None]})).tolist(), "warehouse_ml" in sys.modules)
"""
    # Snowflake's own folder ends in a slash
    option = f"snowflake_import_directory={imports}/"
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-X", option, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[2.0, nan] False\n", "")


# --- loading --------------------------------------------------------------------------------------


def test_the_model_is_loaded_once_by_many_threads(imports: Path, monkeypatch) -> None:
    made, barrier = [], threading.Barrier(8)
    monkeypatch.setattr(snowflake_udf, "Scorer", lambda *given: made.append(given) or slow_scorer(*given))
    monkeypatch.setitem(sys._xoptions, "snowflake_import_directory", str(imports))
    answers: list[list[float | None]] = []

    def ask() -> None:
        barrier.wait()
        answers.append(plain(snowflake_udf.predict(FRAME)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[2.0, None, 6.0]] * 8
    assert len(made) == 1


def slow_scorer(*given):
    """A scorer whose loading takes long enough for the other threads to come by."""
    threading.Event().wait(0.05)
    return load_handler("onnx_udf").Scorer(*given)


def test_each_folder_has_its_own_model(tmp_path: Path) -> None:
    folders = [write_imports(tmp_path / str(factor), *twice(factor)) for factor in (2.0, 3.0, 2.0)]
    assert [plain(call(folder, FRAME))[2] for folder in folders] == [6.0, 9.0, 6.0]


def test_a_failed_load_is_raised_at_each_call_until_it_is_mended(imports: Path) -> None:
    model = (imports / "model.onnx").read_bytes()
    (imports / "model.onnx").unlink()
    for _ in range(2):
        with pytest.raises(DeploymentError, match="model.onnx is not among the imports"):
            call(imports, FRAME)
    (imports / "model.onnx").write_bytes(model)
    assert plain(call(imports, FRAME)) == [2.0, None, 6.0]


def test_other_bytes_are_refused_before_they_are_read(imports: Path, monkeypatch) -> None:
    monkeypatch.setattr(snowflake_udf, "Scorer", None)
    (imports / "model.onnx").write_bytes(twice(3.0)[0])
    with pytest.raises(DeploymentError, match="not the file that was pushed: its SHA-256") as caught:
        call(imports, FRAME)
    assert re.sub(r"[0-9a-f]{16}…", "", str(caught.value)).isascii()


def test_another_signature_than_the_models_own_is_refused(tmp_path: Path) -> None:
    content, signature = twice()
    model = onnx.load_from_string(content)
    model.metadata_props.add(key=METADATA_KEY, value=twice(missing="error")[1].to_json())
    folder = write_imports(tmp_path / "other", model.SerializeToString(), signature)
    with pytest.raises(DeploymentError, match="signature in deployment.json is not that of model.onnx"):
        call(folder, FRAME)


def test_a_process_without_imports_says_so(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys._xoptions, "snowflake_import_directory", raising=False)
    with pytest.raises(DeploymentError, match="deployment.json is not among the imports"):
        snowflake_udf.predict(FRAME)


# --- batches --------------------------------------------------------------------------------------


def test_columns_are_taken_by_their_place(tmp_path: Path) -> None:
    folder = write_imports(tmp_path / "pair", *difference())
    swapped = pd.DataFrame({1: [5.0], 0: [3.0]})
    assert plain(call(folder, swapped)) == [2.0]
    assert plain(call(folder, swapped.set_axis(["b", "a"], axis=1))) == [2.0]
    assert plain(call(folder, swapped.set_axis(["x", "x"], axis=1))) == [2.0]


@pytest.mark.parametrize("columns", [0, 1, 3])
def test_a_call_with_other_columns_is_refused(tmp_path: Path, columns: int) -> None:
    folder = write_imports(tmp_path / "pair", *difference())
    with pytest.raises(DeploymentError, match=f"called with {columns} columns, and the model takes 2"):
        call(folder, pd.DataFrame(np.ones((2, columns))))


def test_a_batch_is_not_changed(imports: Path) -> None:
    frame = by_place(objects(1.0, None, 3))
    call(imports, frame)
    assert frame[0].tolist() == [1.0, None, 3]


@pytest.mark.parametrize("sizes", [(0,), (1,), (1, 0, 6), (3, 4), (7,)])
def test_parts_of_a_batch_score_as_the_whole(tmp_path: Path, sizes) -> None:
    folder = write_imports(tmp_path / "echo", *every_type())
    times = np.array(["2026-01-01", "NaT"] * 3 + ["1969-12-31T23:59:59.999999"], dtype="datetime64[ns]")
    frame = by_place(
        np.array([1.5, np.nan, -0.0, np.inf, 1e300, 5.0, 6.0]),
        pd.array([1, None, 2**62 + 1, -5, 0, 7, 8], dtype="Int64"),
        pd.array([True, None, False, True, None, False, True], dtype="boolean"),
        pd.array(["a", None, "", "é", "x" * 300, "b", "c"], dtype="string"),
        times,
    )
    whole, start = plain(call(folder, frame)), 0
    for size in sizes:
        part = call(folder, frame.iloc[start : start + size])
        assert plain(part) == whole[start : start + size]
        assert len(part) == size
        start += size


# --- errors ---------------------------------------------------------------------------------------


def refusing(tmp_path: Path, feature: Feature) -> Path:
    signature = Signature(
        "regression",
        (feature,),
        (GraphInput("x", 0),),
        Output("prediction", "DOUBLE", "prediction"),
        refusals=(Refusal(0, "negative"),),
    )
    return write_imports(
        tmp_path / "refusing", onnx.parser.parse_model(REFUSING).SerializeToString(), signature
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-2.0, "The model refuses -2.0 for the feature 'x': negative."),
        (1e9, "The model refuses 1000000000.0 for the feature 'x': its magnitude is beyond 1e+06."),
        (None, "The feature 'x' is NULL, and the model's policy for it is 'error'."),
    ],
)
def test_a_refused_row_raises_the_sentence_of_duckdb(tmp_path: Path, value, sentence: str) -> None:
    folder = refusing(tmp_path, Feature("x", "DOUBLE", "error", limit=1e6))
    frame = pd.DataFrame({0: np.array([1.0, value], dtype=np.float64)})
    with pytest.raises(ScoringError, match=f"^{re.escape(sentence)}$"):
        call(folder, frame)
    assert plain(call(folder, frame, "try_predict")) == [1.0, None]


def test_the_signature_of_the_fixture_is_what_a_push_writes(imports: Path) -> None:
    facts = json.loads((imports / "deployment.json").read_text())
    assert Signature.from_json(json.dumps(facts["signature"])) == twice()[1]


def difference() -> tuple[bytes, Signature]:
    """The first of two features less the second."""
    graph = """
        <ir_version: 8, opset_import: ["" : 15]>
        g (double[N,1] a, double[N,1] b) => (double[N,1] y) { y = Sub(a, b) }"""
    features = (Feature("a", "DOUBLE"), Feature("b", "DOUBLE"))
    inputs = (GraphInput("a", 0), GraphInput("b", 1))
    signature = Signature("regression", features, inputs, Output("prediction", "DOUBLE", "y", 0))
    return onnx.parser.parse_model(graph).SerializeToString(), signature
