import hashlib
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, parser
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from tests.handlers import Scorer
from warehouse_ml.errors import FormatVersionError, ImportModelError, MissingDependencyError
from warehouse_ml.export import export
from warehouse_ml.import_onnx import Imported, read_onnx
from warehouse_ml.importers import probe
from warehouse_ml.sample import Sample
from warehouse_ml.signature import METADATA_KEY, TYPES, Output

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
OPSET = {"": 15, "ai.onnx.ml": 3}


def run(content: bytes, feeds: dict) -> dict:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def score(imported: Imported, columns) -> dict:
    """Feed the columns as the handler does, one per feature, and return what every result holds."""
    features = imported.signature.features
    feeds = {}
    for entry in imported.signature.inputs:
        dtype = {"double": np.float64, "int64": np.int64, "string": object}[
            TYPES[features[entry.feature].type].onnx
        ]
        feeds[entry.name] = np.asarray(columns[entry.feature], dtype=object).astype(dtype).reshape(-1, 1)
    tensors = run(imported.onnx, feeds)

    def column(leaf: Output):
        values = tensors[leaf.tensor]
        return values if leaf.column is None else values[:, leaf.column]

    signature = imported.signature
    results = {leaf.name: column(leaf) for leaf in signature.prediction.leaves()}
    if signature.probabilities is not None:
        results["probabilities"] = np.column_stack(
            [column(leaf) for leaf in signature.probabilities.leaves()]
        )
    return results


def text_model(text: str, *, opset: int = 15) -> bytes:
    header = f'<ir_version: 8, opset_import: ["": {opset}, "ai.onnx.ml": 3]>'
    return parser.parse_model(header + text).SerializeToString()


def changed(change, content: bytes | None = None) -> bytes:
    """A small valid model after `change` was done to it."""
    model = onnx.ModelProto.FromString(content or text_model(LINEAR))
    change(model)
    return model.SerializeToString()


def converted(estimator, target, **options) -> bytes:
    from skl2onnx import to_onnx

    model = to_onnx(estimator.fit(X, target), X[:1], target_opset=OPSET, **options)
    return model.SerializeToString()


LINEAR = """
agraph (float[N, 2] X) => (float[N, 1] y) <float[2, 1] w = {2.0, -1.0}> { y = MatMul(X, w) }
"""


# --- conventions of other exporters, with onnxruntime on the original file as the oracle --------


@pytest.mark.parametrize(
    ("estimator", "target", "zipmap"),
    [
        (LogisticRegression(), NAMES, True),
        (LogisticRegression(), NAMES, False),
        (LogisticRegression(), Y * 10, True),
        (LogisticRegression(), Y == 1, True),
        (GaussianNB(), Y * 10, False),
        (KNeighborsClassifier(), NAMES, False),
        (RandomForestClassifier(5, random_state=0), NAMES, True),
        (RandomForestClassifier(5, random_state=0), Y * 10, "columns"),
    ],
)
def test_classifier_scores_as_the_original_file(estimator, target, zipmap):
    content = converted(estimator, target, options={id(estimator): {"zipmap": zipmap}})
    imported = read_onnx(content)
    results = score(imported, X.T)
    original = list(run(content, {"X": X}).values())
    label = next(iter(results.values())) if zipmap == "columns" else results["prediction"]
    assert label.tolist() == original[0].tolist()
    if zipmap == "columns":
        return
    expected = original[1]
    if zipmap:
        expected = [[row[name] for name in imported.signature.classes] for row in expected]
    np.testing.assert_allclose(results["probabilities"], expected, rtol=1e-6)
    assert imported.signature.task == "classification"
    assert imported.signature.classes == tuple(np.unique(target).astype(label.dtype).tolist())


def test_classes_come_in_the_order_of_the_probabilities():
    imported = read_onnx(converted(LogisticRegression(), NAMES))
    assert [field.name for field in imported.signature.probabilities.fields] == sorted(set(NAMES))


@pytest.mark.filterwarnings("ignore:Attribute .prob:FutureWarning")
def test_decision_values_are_no_probabilities():
    imported = read_onnx(converted(SVC(), Y))
    assert imported.signature.probabilities is None
    assert imported.signature.classes == (0, 1, 2)


@pytest.mark.parametrize(
    ("estimator", "target", "task"),
    [
        (KMeans(3, random_state=0), Y, "clustering"),
        (IsolationForest(n_estimators=5, random_state=0), Y, "outlier detection"),
    ],
)
def test_label_of_no_classifier_keeps_its_task(estimator, target, task):
    content = converted(estimator, target)
    imported = read_onnx(content)
    assert imported.signature.task == task
    label = next(iter(run(content, {"X": X}).values()))
    assert score(imported, X.T)["prediction"].tolist() == label.ravel().tolist()


def test_regressor_of_one_target_is_a_double():
    content = converted(LinearRegression(), Y.astype(float))
    imported = read_onnx(content)
    np.testing.assert_array_equal(
        score(imported, X.T)["prediction"], run(content, {"X": X})["variable"][:, 0]
    )
    assert (imported.signature.task, imported.signature.prediction.type) == ("regression", "DOUBLE")


def test_regressor_of_two_targets_is_a_struct():
    content = converted(LinearRegression(), np.column_stack([Y, -Y]).astype(float))
    results = score(read_onnx(content, outputs={"variable": ["up", "down"]}), X.T)
    np.testing.assert_array_equal(
        np.column_stack([results["up"], results["down"]]), run(content, {"X": X})["variable"]
    )
    assert list(score(read_onnx(content), X.T)) == ["variable_0", "variable_1"]


@pytest.mark.filterwarnings("ignore:Option zipmap is ignored:UserWarning")
def test_labels_of_several_outputs_are_a_struct():
    content = converted(MultiOutputClassifier(LogisticRegression()), np.column_stack([Y, Y == 1]))
    results = score(read_onnx(content), X.T)
    np.testing.assert_array_equal(np.column_stack(list(results.values())), run(content, {"X": X})["label"])


def test_xgboost_of_onnxmltools_scores_as_the_original_file():
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    estimator = xgboost.XGBClassifier(n_estimators=3).fit(X, Y)
    content = convert_xgboost(
        estimator, initial_types=[("input", FloatTensorType([None, 4]))]
    ).SerializeToString()
    results = score(read_onnx(content, features=["a", "b", "c", "d"]), X.T)
    assert results["prediction"].tolist() == estimator.predict(X).tolist()
    np.testing.assert_allclose(results["probabilities"], estimator.predict_proba(X), rtol=1e-5)


def mixed_pipeline():
    """A frame of a float, an integer and a text column, and a converted pipeline over it."""
    import pandas as pd
    from skl2onnx import to_onnx

    frame = pd.DataFrame({"length": X[:, 0], "count": np.arange(len(X)), "kind": NAMES})
    encode = make_column_transformer(
        (StandardScaler(), ["length", "count"]), (OneHotEncoder(handle_unknown="ignore"), ["kind"])
    )
    pipeline = make_pipeline(encode, LogisticRegression()).fit(frame, NAMES)
    return frame, to_onnx(pipeline, frame[:1], target_opset=OPSET).SerializeToString()


def test_mixed_columns_become_features_of_their_own_type():
    frame, content = mixed_pipeline()
    imported = read_onnx(content)
    assert [(f.name, f.type) for f in imported.signature.features] == [
        ("length", "DOUBLE"),
        ("count", "BIGINT"),
        ("kind", "VARCHAR"),
    ]
    rows = frame.sample(20, random_state=0)
    rows.loc[rows.index[0], "kind"] = "never seen"
    feeds = {name: rows[[name]].to_numpy() for name in rows}
    expected = run(content, feeds)
    assert (
        score(imported, [rows[name].to_numpy() for name in rows])["prediction"].tolist()
        == expected["output_label"].tolist()
    )


def test_handler_scores_an_import_and_null_stays_null():
    frame, content = mixed_pipeline()
    imported = read_onnx(content)
    missing = np.arange(len(frame)) % 3 == 0
    columns = [
        (frame["length"].to_numpy(np.float64), missing),
        (frame["count"].to_numpy(np.int64), None),
        (frame["kind"].to_numpy(object), None),
    ]
    scorer = Scorer(imported.onnx, json.loads(imported.signature.to_json()))
    ((labels, null),) = scorer.score(columns)
    expected = run(content, {name: frame[[name]].to_numpy() for name in frame})["output_label"]
    assert null.tolist() == missing.tolist()
    assert labels[~missing].tolist() == expected[~missing].tolist()


# --- graphs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "feature", "values"),
    [
        ("float", "DOUBLE", [0.1, -3e9, 7.0]),
        ("double", "DOUBLE", [0.1, -3e9, 7.0]),
        ("float16", "DOUBLE", [0.1, -3.0, 7.0]),
        ("int64", "BIGINT", [2**53 + 1, -5, 0]),
        ("int32", "BIGINT", [2**24 + 1, -5, 0]),
        ("uint8", "BIGINT", [255, 5, 0]),
        ("bool", "BOOLEAN", [True, False, True]),
        ("string", "VARCHAR", ["a", "", "ü"]),
    ],
)
def test_one_column_of_any_type_comes_out_as_it_went_in(element, feature, values):
    imported = read_onnx(
        text_model(
            f"agraph ({element}[N, 1] a) => ({element}[N] b) "
            "<int64[1] flat = {-1}> { b = Reshape(a, flat) }"
        )
    )
    signature = imported.signature
    assert [(f.name, f.type) for f in signature.features] == [("a", feature)]
    assert signature.prediction.type == feature
    expected = np.array(values, "float32" if element == "float" else "object")
    tolerance = 1e-3 if element == "float16" else 0
    for found, value in zip(score(imported, [values])["prediction"].tolist(), expected.tolist(), strict=True):
        assert found == (pytest.approx(value, rel=tolerance) if tolerance else value)


@pytest.mark.parametrize("shape", ["N", "N, 1", "1, 1", "1"])
@pytest.mark.parametrize("element", ["double", "float", "string"])
def test_one_column_of_any_shape_comes_out_as_it_went_in(element, shape):
    graph = f"agraph ({element}[{shape}] a) => ({element}[{shape}] b) {{ b = Identity(a) }}"
    values = ["a", "", "ü"] if element == "string" else [1.0, -2.0, 0.0]
    assert score(read_onnx(text_model(graph)), [values])["prediction"].tolist() == values


def test_columns_of_a_matrix_are_named_by_position():
    imported = read_onnx(text_model(LINEAR))
    assert imported.signature.feature_names == ("f0", "f1")
    assert score(imported, [[3.0, 1.0], [1.0, 5.0]])["prediction"].tolist() == [5.0, -3.0]


def test_columns_of_several_matrices_are_named_by_input():
    imported = read_onnx(
        text_model(
            "agraph (double[N, 2] x, double[N] z) => (double[N, 3] y) "
            "<int64[2] s = {-1, 1}> { w = Reshape(z, s)  y = Concat <axis = 1> (x, w) }"
        )
    )
    assert imported.signature.feature_names == ("x_0", "x_1", "z")
    assert list(score(imported, [[1.0], [2.0], [3.0]])) == ["y_0", "y_1", "y_2"]


@pytest.mark.parametrize("names", [["age", "income"], {"X": ["age", "income"]}])
def test_features_are_named_by_the_caller(names):
    assert read_onnx(text_model(LINEAR), features=names).signature.feature_names == ("age", "income")


def test_an_open_width_is_given_by_the_names():
    model = text_model(
        "agraph (double[N, K] X) => (double[N, 1] y) "
        "<int64[1] one = {1}> { y = ReduceSum <keepdims = 1> (X, one) }"
    )
    imported = read_onnx(model, features=["a", "b", "c"])
    assert score(imported, [[1.0], [2.0], [4.0]])["prediction"].tolist() == [7.0]
    with pytest.raises(ImportModelError, match="does not say how many columns it has"):
        read_onnx(model)


def test_initializers_that_are_inputs_are_no_features():
    def declare(model):
        model.ir_version = 3
        model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [2, 1]))

    imported = read_onnx(changed(declare))
    assert imported.signature.feature_names == ("f0", "f1")
    assert score(imported, [[3.0], [1.0]])["prediction"].tolist() == [5.0]


def test_names_of_the_graph_are_not_taken_twice():
    imported = read_onnx(
        text_model("agraph (float[N, 2] X) => (float[N, 2] feature_0) { feature_0 = Identity(X) }")
    )
    assert list(score(imported, [[1.0], [2.0]]).values()) == [[1.0], [2.0]]


def test_classes_may_be_given():
    softmax = text_model("agraph (double[N, 3] X) => (double[N, 3] p) { p = Softmax <axis = 1> (X) }")
    imported = read_onnx(softmax, classes=["no", "maybe", "yes"])
    results = score(imported, [[0.0, 9.0], [0.0, 1.0], [5.0, 2.0]])
    assert results["prediction"].tolist() == ["yes", "no"]
    assert results["probabilities"].sum(axis=1) == pytest.approx([1.0, 1.0])
    assert read_onnx(softmax).signature.task == "regression"


def test_given_classes_that_do_not_fit_are_refused():
    with pytest.raises(ImportModelError, match="no output that fits the 2 classes"):
        read_onnx(converted(LogisticRegression(), NAMES), classes=["a", "b"])
    with pytest.raises(ImportModelError, match="its 2 classes must be as many"):
        read_onnx(
            text_model("agraph (double[N, 3] X) => (double[N, 3] p) { p = Softmax <axis = 1> (X) }"),
            classes=["a", "b"],
        )


def test_given_classes_are_in_the_order_of_the_graph():
    names = converted(LogisticRegression(), NAMES)
    with pytest.raises(ImportModelError, match=r"says \['setosa', 'versicolor', 'virginica'\]\.$"):
        read_onnx(names, classes=["virginica", "setosa", "versicolor"])
    assert read_onnx(names, classes=np.unique(NAMES)).signature.classes == tuple(np.unique(NAMES).tolist())


def test_false_is_not_the_class_0():
    with pytest.raises(ImportModelError, match=r"The graph itself says \[0, 1\]\.$"):
        read_onnx(converted(LogisticRegression(), (Y > 0).astype(int)), classes=[False, True])


def test_positions_are_labels_of_an_argmax():
    imported = read_onnx(
        text_model(
            "agraph (double[N, 2] X) => (int64[N] label, double[N, 2] p) "
            "{ p = Softmax <axis = 1> (X)  label = ArgMax <axis = 1, keepdims = 0> (p) }"
        )
    )
    assert imported.signature.classes == (0, 1)
    assert score(imported, [[1.0, 0.0], [0.0, 1.0]])["prediction"].tolist() == [0, 1]


def test_boolean_labels_stay_booleans():
    imported = read_onnx(
        text_model("agraph (double[N, 1] a) => (bool[N, 1] b) <double zero = {0.0}> { b = Greater(a, zero) }")
    )
    assert imported.signature.prediction.type == "BOOLEAN"
    assert score(imported, [[1.0, -1.0]])["prediction"].tolist() == [True, False]


def test_outputs_are_chosen_by_name():
    content = converted(KMeans(3, random_state=0), Y)
    imported = read_onnx(content, outputs=["scores"])
    results = np.column_stack(list(score(imported, X.T).values()))
    np.testing.assert_array_equal(results, run(content, {"X": X})["scores"])
    with pytest.raises(ImportModelError, match="no output named 'score'. Did you mean 'scores'"):
        read_onnx(content, outputs=["score"])


def test_missing_policies_are_set_for_all_or_by_name():
    content = text_model(LINEAR)
    assert {f.missing for f in read_onnx(content).signature.features} == {"null"}
    assert {f.missing for f in read_onnx(content, missing="model").signature.features} == {"model"}
    by_name = read_onnx(content, missing={"f1": "error"}).signature.features
    assert [f.missing for f in by_name] == ["null", "error"]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ({"f3": "null"}, "has no feature 'f3'."),
        ("drop", "'drop' is no policy"),
        ({"f0": "drop"}, "'drop' is no policy"),
    ],
)
def test_missing_policy_that_is_none_is_refused(missing, message):
    with pytest.raises(ImportModelError, match=message):
        read_onnx(text_model(LINEAR), missing=missing)


def test_text_has_no_missing_value_in_a_graph():
    content = text_model("agraph (string[N, 1] a) => (string[N, 1] b) { b = Identity(a) }")
    assert read_onnx(content, missing="model").signature.features[0].missing == "null"
    with pytest.raises(ImportModelError, match="'a' is VARCHAR, for which a graph has no missing value"):
        read_onnx(content, missing={"a": "model"})


def test_the_same_file_gives_the_same_bytes_from_a_path_too(tmp_path):
    content = converted(LogisticRegression(), NAMES)
    (tmp_path / "model.onnx").write_bytes(content)
    assert read_onnx(content) == read_onnx(tmp_path / "model.onnx") == read_onnx(str(tmp_path / "model.onnx"))


def test_row_size_is_the_widest_tensor_inside():
    wide = (
        "agraph (double[N, 1] a) => (double[N, 1] b) <int64[2] s = {1, 50}, int64[1] one = {1}> "
        "{ w = Tile (a, s)  v = Relu (w)  b = ReduceSum (v, one) }"
    )
    assert read_onnx(text_model(wide)).signature.row_size == 50


# --- files of our own ---------------------------------------------------------------------------


def test_the_digest_is_that_of_the_file_as_it_was_given(tmp_path):
    content = text_model(LINEAR)
    file = tmp_path / "m.onnx"
    file.write_bytes(content)
    imported = read_onnx(file)
    assert imported.source_sha256 == hashlib.sha256(content).hexdigest()
    assert read_onnx(imported.onnx).source_sha256 == hashlib.sha256(imported.onnx).hexdigest()


def test_own_file_comes_back_as_it_was():
    first = read_onnx(converted(LogisticRegression(), NAMES), features=["a", "b", "c", "d"], missing="error")
    assert read_onnx(first.onnx) == first


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), KNeighborsClassifier(), KMeans(3, random_state=0)]
)
def test_exported_file_comes_back_as_it_was(estimator):
    exported = export(estimator.fit(X, NAMES), Sample.of(estimator, X))
    content = exported.serialize()
    assert read_onnx(content) == Imported(content, exported.signature)


def test_exported_text_model_comes_back_as_it_was():
    texts = ["red car", "blue car", "red boat"]
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 1, 0])
    exported = export(estimator, Sample.of(estimator, texts))
    assert read_onnx(exported.serialize()).signature == exported.signature


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[1, 1]", "[0, 1]"),
        ("[1, 1]", "7"),
        (r"\"word\"", r"\"line\""),
        (r"\"pattern\"", r"\"sample\""),
        (r"(?u)", r"(?u"),
    ],
)
def test_own_text_settings_that_the_handler_cannot_follow_are_refused(old, new):
    texts = ["red car", "blue car", "red boat"]
    estimator = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [0, 1, 0])
    model = onnx.load_from_string(export(estimator, Sample.of(estimator, texts)).serialize())
    entry = model.metadata_props[0]
    assert old in entry.value
    entry.value = entry.value.replace(old, new)
    with pytest.raises(ImportModelError, match="signature is damaged"):
        read_onnx(model.SerializeToString())


def test_own_file_cannot_be_given_another_signature():
    with pytest.raises(ImportModelError, match="carries the signature that it was exported with"):
        read_onnx(read_onnx(text_model(LINEAR)).onnx, features=["a", "b"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"DOUBLE"', '"MONEY"', "unknown type 'MONEY'"),
        ('"feature":1', '"feature":7', "is not described as it should be"),
        ('"missing":"null"', '"missing":"maybe"', "is not described as it should be"),
        ('"name":"feature_0"', '"name":"feature_9"', "the graph has other inputs"),
        ('"tensor":"y_double"', '"tensor":"z"', "the graph has no output 'z'"),
        ('"column":0', '"column":4', "has another shape"),
        ('"transform":[]', '"transform":["upper"]', "is not described as it should be"),
        ('"refusals":[]', '"refusals":[{"feature":0,"reason":"r"}]', "the output 'refused' is not there"),
        ('"refusals":[]', '"refusals":[{"feature":9,"reason":"r"}]', "a refusal names a feature"),
        ('"features":', '"feathers":', "it cannot be read"),
        ("{", "", "it cannot be read"),
        ('"row_size":2', '"row_size":0', "no positive number"),
        ('"transform":[]', '"transform":["terms:[]"]', "is not described as it should be"),
        ('"transform":[]', '"transform":["counts:{}"]', "has another type or shape"),
        ('"name":"f0","type":"DOUBLE"', '"name":"f0","type":"BIGINT"', "has another type or shape"),
        ('"limit":null', '"limit":"high"', "a limit, a unit or a default"),
        ('"unit":null', '"unit":"h"', "a limit, a unit or a default"),
        ('"missing":"null"', '"missing":"default"', "a limit, a unit or a default"),
    ],
)
def test_own_signature_that_does_not_fit_is_refused(old, new, message):
    def spoil(model):
        entry = model.metadata_props[0]
        assert old in entry.value
        entry.value = entry.value.replace(old, new, 1)

    with pytest.raises(ImportModelError, match=message):
        read_onnx(changed(spoil, read_onnx(text_model(LINEAR)).onnx))


def test_own_signature_of_another_result_type_is_refused():
    def spoil(model):
        entry = model.metadata_props[0]
        entry.value = entry.value.replace(
            '"tensor":"y_double","type":"DOUBLE"', '"tensor":"y_double","type":"VARCHAR"'
        )

    with pytest.raises(ImportModelError, match="the output 'y_double' is float64, not VARCHAR"):
        read_onnx(changed(spoil, read_onnx(text_model(LINEAR)).onnx))


def test_file_of_a_newer_release_is_refused():
    def upgrade(model):
        entry = model.metadata_props[0]
        entry.value = entry.value.replace('"format_version":1', '"format_version":99')

    with pytest.raises(FormatVersionError, match="format version 99"):
        read_onnx(changed(upgrade, read_onnx(text_model(LINEAR)).onnx))


def test_foreign_metadata_are_dropped():
    imported = read_onnx(changed(lambda model: helper.set_model_props(model, {"ort_config": "{}"})))
    assert [entry.key for entry in onnx.ModelProto.FromString(imported.onnx).metadata_props] == [METADATA_KEY]


def test_missing_onnx_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match=r"needs 'onnx'.*warehouse-ml\[train\]"):
        read_onnx(b"")


# --- files that are refused ---------------------------------------------------------------------


def _external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def _external_attribute(model):
    tensor = TensorProto(name="c", data_type=1, dims=[2, 1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret")
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(tensor)
    model.graph.node.insert(0, node)


def _external_in_branch(model):
    branch = helper.make_graph(
        [helper.make_node("Identity", ["k"], ["b"])],
        "branch",
        [],
        [helper.make_tensor_value_info("b", 1, [1])],
    )
    tensor = branch.initializer.add(name="k", data_type=1, dims=[1])
    tensor.external_data.add(key="location", value="weights.bin")
    model.graph.node.append(helper.make_node("If", ["flag"], ["z"], then_branch=branch, else_branch=branch))


def _nested(model):
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(6):
        graph = helper.make_graph(
            [helper.make_node("If", ["c"], ["d"], then_branch=graph, else_branch=graph)], "outer", [], []
        )
    model.graph.node.append(graph.node[0])


def _sparse(model):
    model.graph.sparse_initializer.add(dims=[10**9, 10**9])


def _sparse_constant(model):
    node = helper.make_node("Constant", [], ["s"])
    node.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor.dims.append(
        9
    )
    model.graph.node.append(node)


def _function(model):
    model.functions.add(name="evil", domain="local")


def _operator(name, domain="", **attributes):
    def add(model):
        model.graph.node.append(helper.make_node(name, ["X"], ["extra"], domain=domain, **attributes))

    return add


def _huge(model):
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([2**40, 2**40])


def _set(path, value):
    def change(model):
        *owners, name = path.split(".")
        for owner in owners:
            model = getattr(model, owner)
        setattr(model, name, value)

    return change


def _segment(model):
    model.graph.initializer[0].segment.begin = 1


def _negative(model):
    model.graph.initializer[0].dims[0] = -2


def _odd_bytes(model):
    model.graph.initializer[0].ClearField("float_data")
    model.graph.initializer[0].raw_data = b"12345"


def _dropout(model):
    model.graph.node.append(helper.make_node("Dropout", ["X", "", "flag"], ["extra"]))


def _reference(model):
    node = helper.make_node("Relu", ["X"], ["extra"])
    node.attribute.add(name="alpha", ref_attr_name="beta", type=onnx.AttributeProto.FLOAT)
    model.graph.node.append(node)


def _opset(domain, version):
    def change(model):
        next(entry for entry in model.opset_import if entry.domain == domain).version = version

    return change


def _batch(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 7


def _append(model):
    model.graph.initializer[0].ClearField("raw_data")
    model.graph.initializer[0].float_data.append(1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_external, "'w' lies in an external file"),
        (_external_attribute, "'c' lies in an external file"),
        (_external_in_branch, "'k' lies in an external file"),
        (_nested, "nested more than 4 deep"),
        (_sparse, "sparse tensors"),
        (_sparse_constant, "sparse tensors"),
        (_function, r"local functions \('evil'\)"),
        (_operator("Launch", "evil.com"), "'Launch' of the domain 'evil.com' is not one of ONNX's own"),
        (_operator("EPContext", "com.microsoft"), "'EPContext' of the domain 'com.microsoft'"),
        (_operator("Adam", "ai.onnx.preview.training"), "'Adam' of the domain"),
        (_operator("Relux"), "no operator 'Relux' in opset 15 of ai.onnx"),
        (_operator("Mish"), "no operator 'Mish' in opset 15 of ai.onnx"),
        (_operator("Loop"), "'Loop' is refused: it may never end"),
        (_operator("RandomNormalLike"), "draws random numbers"),
        (_operator("BatchNormalization", training_mode=1), "'BatchNormalization' is in training mode"),
        (_operator("Relu", nonsense=1), "not valid: Unrecognized attribute: nonsense"),
        (_huge, "declares the shape"),
        (_segment, "stored in segments"),
        (_negative, "a negative dimension"),
        (_odd_bytes, "declares the shape"),
        (_dropout, "'Dropout' is in training mode"),
        (_reference, "refers to the attribute of a function"),
        (_append, "declares the shape"),
        (_set("ir_version", 99), "IR version 99"),
        (_opset("", 999), "needs opset 999 of ai.onnx; at most"),
        (_opset("ai.onnx.ml", 99), "needs opset 99 of ai.onnx.ml"),
        (_opset("", 1), "needs opset 1; 7 is the oldest"),
        (lambda model: model.ClearField("opset_import"), "names no opset"),
        (lambda model: model.ClearField("graph"), "holds no computation"),
        (_batch, "fixed to 7 rows"),
        (lambda model: model.graph.ClearField("input"), "not valid"),
    ],
)
def test_unsafe_or_damaged_graph_is_refused_unseen(change, message, monkeypatch):
    monkeypatch.setattr(probe, "probe", lambda content: pytest.fail("onnxruntime saw it"))
    with pytest.raises(ImportModelError, match=message):
        read_onnx(changed(change))


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ("(float[N, 2, 2] X) => (float[N, 2, 2] y) { y = Relu(X) }", "'X' has 3 dimensions"),
        ("(float X) => (float y) { y = Relu(X) }", "'X' has 0 dimensions"),
        ("(seq(float[N]) X) => (float[M] y) { y = ConcatFromSequence <axis = 0> (X) }", "'X' is no tensor"),
        (
            "(complex64[N, 1] X) => (complex64[N, 1] y) { y = Identity(X) }",
            "an element type that no column has",
        ),
        ("(float[N, 20000] X) => (float[N, 20000] y) { y = Relu(X) }", "20,000 columns; at most 10,000"),
        ("() => (float[2] y) { y = Constant <value_floats = [1.0, 2.0]> () }", "has no inputs"),
        ("(float[N, 1] X) => (float y) { y = ReduceSum <keepdims = 0> (X) }", "no output of one row per row"),
        (
            "(float[N, 1] X) => (float[N, 1] y) { y = Softmax <axis = 0> (X) }",
            "no row may depend on the rows",
        ),
        (
            "(float[N, 1] X) => (seq(float[N, 1]) y) { y = SequenceConstruct(X) }",
            "no output of one row per row",
        ),
        (
            "(float[1, 2] X) => (float[2, 1] y) <int64[2] s = {2, 1}> { y = Reshape(X, s) }",
            "cannot load or run",
        ),
        ("(float[N, 1] X) => (float[N, 1] y, float[N, 1] Y) { Y = Relu(X) y = Tanh(X) }", "the same name"),
    ],
)
def test_graph_over_no_columns_is_refused(graph, message):
    with pytest.raises(ImportModelError, match=message):
        read_onnx(text_model("agraph " + graph))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (["a"], "has 2 features; 1 names were given"),
        (["a", "b", "c"], "has 2 features; 3 names were given"),
        (["a", "a"], "Two features have the same name"),
        (["a", ""], "'' is no name of a feature"),
        ({"x": ["a", "b"]}, "no input named 'x'. Did you mean 'X'"),
        ({"X": ["a"]}, "has 2 columns; 1 names were given"),
        ("a", "has 2 features; 1 names were given"),
    ],
)
def test_feature_names_that_do_not_fit_are_refused(features, message):
    with pytest.raises(ImportModelError, match=message):
        read_onnx(text_model(LINEAR), features=features)


def test_output_names_that_do_not_fit_are_refused():
    with pytest.raises(ImportModelError, match="'y' has 1 columns; 2 names"):
        read_onnx(text_model(LINEAR), outputs={"y": ["a", "b"]})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 this is a zip", "not an ONNX file, or it is cut off"),
        (b"<html>Not found</html>", "not an ONNX file, or it is cut off"),
        ("/nowhere/model.onnx", "There is no file '/nowhere/model.onnx'"),
    ],
)
def test_source_that_is_no_onnx_file_is_refused(source, message):
    with pytest.raises(ImportModelError, match=message):
        read_onnx(source)


def test_ort_file_is_refused_though_it_can_be_parsed():
    with pytest.raises(ImportModelError, match="an .ort file"):
        read_onnx(b"\x12\x06abORTM" + text_model(LINEAR))


@pytest.mark.parametrize("old", [b"agraph", b"MatMul", b"X"])
def test_names_that_are_not_utf8_are_refused(old):
    with pytest.raises(ImportModelError, match="a name that is not UTF-8"):
        read_onnx(text_model(LINEAR).replace(old, b"\xff" * len(old)))


def test_labels_that_are_not_utf8_are_refused():
    content = converted(LogisticRegression(), NAMES)
    with pytest.raises(ImportModelError, match="text that is not UTF-8"):
        read_onnx(content.replace(b"setosa", b"\xff" * 6))


def test_file_that_is_too_long_is_refused(tmp_path, monkeypatch):
    from warehouse_ml.importers import checks

    monkeypatch.setattr(checks, "MAX_BYTES", 10)
    (tmp_path / "model.onnx").write_bytes(text_model(LINEAR))
    with pytest.raises(ImportModelError, match="at most 10 are read"):
        read_onnx(tmp_path / "model.onnx")


def test_graph_of_too_many_nodes_is_refused(monkeypatch):
    from warehouse_ml.importers import checks

    monkeypatch.setattr(checks, "MAX_NODES", 0)
    with pytest.raises(ImportModelError, match="more than 0 nodes"):
        read_onnx(text_model(LINEAR))


def test_absurd_tensor_at_run_time_is_refused():
    huge = (
        "agraph (float[N, 1] X) => (float[N, 1] y) <int64[1] n = {99999999999999}> "
        "{ z = ConstantOfShape(n)  s = ReduceMax <keepdims = 0> (z)  y = Add(X, s) }"
    )
    with pytest.raises(ImportModelError, match="onnxruntime cannot load or run the model"):
        read_onnx(text_model(huge))


def test_model_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(probe, "TIMEOUT", 0.001)
    with pytest.raises(ImportModelError, match="was stopped"):
        read_onnx(text_model(LINEAR))


def test_crash_of_onnxruntime_is_an_error_of_the_import(tmp_path, monkeypatch):
    crash = tmp_path / "crash.py"
    crash.write_text("import os, sys; sys.stdin.buffer.read(); os.abort()")
    monkeypatch.setattr(probe, "_CHILD", crash)
    with pytest.raises(ImportModelError, match=r"onnxruntime died .*exit code -6"):
        read_onnx(text_model(LINEAR))
