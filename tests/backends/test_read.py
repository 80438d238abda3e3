import re
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.backends.onnx_oracle import random_feeds, scored
from tests.conformance.pipelines import PIPELINES
from warehouse_ml.backends.evaluate import evaluate
from warehouse_ml.backends.program import Program, walk
from warehouse_ml.backends.read import NotRowwiseError, read_program
from warehouse_ml.export import export
from warehouse_ml.import_onnx import read_onnx
from warehouse_ml.sample import Sample

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4)).astype(np.float32)
THREE = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)
TWO = (X[:, 0] * X[:, 1] > 0).astype(int)
NUMBER = X[:, 0] * 2 + X[:, 1] ** 2


def exported(name: str) -> onnx.ModelProto:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of them do not converge
        case = PIPELINES[name]()
        return export(case.estimator, Sample.of(case.estimator, case.sample)).graph


def values_of(program: Program, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    results = {**program.outputs, **program.tensors}
    return {name: np.stack(evaluate(cells, feeds), axis=1) for name, cells in results.items()}


def check(model: onnx.ModelProto, *, relative: float, absolute: float) -> Program:
    """Compare what is read with onnxruntime, sums of trees bit for bit, and return it."""
    program = read_program(model)
    feeds = random_feeds(model)
    wanted = scored(model, feeds, *program.tensors)
    for name, found in values_of(program, feeds).items():
        expected = wanted[name].reshape(len(found), -1)
        if expected.dtype.kind == "f" and name not in program.tensors:
            np.testing.assert_allclose(found, expected, rtol=relative, atol=absolute)
        else:
            np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    return program


def small(text: str, opset: int = 15) -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}, "ai.onnx.ml": 3]>' + text)


# --- the project's own graphs ---

EXPORTED = (
    *("logistic, two classes", "logistic, three classes", "ridge classifier", "least squares, three outputs"),
    *("support vectors, rbf", "support vectors, one against one", "neighbours, three outputs"),
    *("naive bayes, multinomial", "naive bayes, bernoulli", "linear discriminant", "network, three outputs"),
    *("poisson", "tweedie, identity", "one-class support vectors", "nearest centroid", "k-means"),
    *("mean, with indicators", "median", "constant", "iterative", "indicators beside values", "min-max"),
    *("rows of length one", "yeo-johnson", "quantiles, normal", "splines", "polynomials", "bins, numbered"),
    *("bins, one column each", "flights, days since", "penguins, one-hot", "penguins, mass"),
    *("penguins, unknown categories refused", "target encoding, numbers", "principal components", "factors"),
    *("calibrated, isotonic", "output codes", "several labels, ridge"),
    *("LightGBM, linear trees", "labels, -1 and 1", "target, quantiles", "dummy, prior"),
)
TREES = (
    *("tree, three classes", "tree with missing values", "tree, three outputs", "forest, three classes"),
    *("forest, ten classes", "forest, regression with missing values", "gradient boosting, three classes"),
    *("histogram boosting, categories", "adaboost of trees", "adaboost, regression", "bagging of trees"),
    *("isolation forest", "XGBoost, two classes, missing values", "XGBoost, three classes"),
    *("XGBoost, categories", "XGBoost, dropped trees", "XGBoost, three outputs", "LightGBM, three classes"),
    *("LightGBM, categories", "LightGBM, zero as missing", "LightGBM, tweedie"),
    *("flights, XGBoost after sparse columns", "penguins, numbered categories", "calibrated forest"),
    *("stacked under a forest", "output codes of trees", "several outputs, forest", "voting regressors"),
    "labels, emoji and the empty text",
)


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_pipeline_is_read(name: str) -> None:
    assert check(exported(name), relative=1e-12, absolute=1e-13).tensors == {}


@pytest.mark.parametrize("name", TREES)
def test_exported_trees_are_read_with_their_sums(name: str) -> None:
    assert check(exported(name), relative=1e-12, absolute=1e-13).tensors


def test_trees_of_one_operator_share_a_forest() -> None:
    program = read_program(exported("forest, three classes"))
    (tensor,) = program.tensors.values()
    leaves = [part for part in walk(*tensor) if part.operator == "leaf"]
    assert len({id(leaf.value[0]) for leaf in leaves}) == 1
    assert [leaf.value[1] for leaf in leaves] == list(range(len(leaves)))


def test_sum_that_only_makes_a_longer_one_is_no_tensor() -> None:
    program = read_program(exported("XGBoost, regression"))
    assert [len(cells) for cells in program.tensors.values()] == [1]


# --- graphs of the public converters ---


def converted(estimator: Any, target: Any) -> onnx.ModelProto:
    from skl2onnx import to_onnx

    opset = {"": 15, "ai.onnx.ml": 3}
    content = to_onnx(estimator.fit(X, target), X[:1], target_opset=opset).SerializeToString()
    return onnx.load_from_string(read_onnx(content).onnx)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (LogisticRegression(), TWO),
        (LogisticRegression(), np.array(["a", "b", "c"])[THREE]),
        (make_pipeline(SimpleImputer(), MinMaxScaler(), LogisticRegression()), THREE),
        (make_pipeline(Normalizer(), StandardScaler(), Ridge()), NUMBER),
        (GaussianNB(), THREE),
        (LinearSVC(), THREE),
        (MLPClassifier((4,), max_iter=20), THREE),
        (DecisionTreeClassifier(max_depth=4), THREE),
        (RandomForestClassifier(9, max_depth=4), TWO),
        (RandomForestRegressor(9, max_depth=4), NUMBER),
        (GradientBoostingClassifier(n_estimators=9), TWO),
        (GradientBoostingClassifier(n_estimators=9), THREE),
        (GradientBoostingRegressor(n_estimators=9), NUMBER),
        (ExtraTreesClassifier(9, max_depth=4), THREE),
        (IsolationForest(n_estimators=9), None),
    ],
    ids=lambda given: re.sub(r"\W+", " ", repr(given))[:60] if hasattr(given, "fit") else "",
)
@pytest.mark.filterwarnings("ignore")
def test_converted_estimator_is_read(estimator: Any, target: Any) -> None:
    check(converted(estimator, target), relative=1e-4, absolute=1e-5)


@pytest.mark.parametrize("target", [TWO, THREE, NUMBER], ids=["two", "three", "number"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
@pytest.mark.filterwarnings("ignore")
def test_converted_booster_is_read(library: str, target: Any) -> None:
    import lightgbm
    import xgboost
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    kinds = [("input", FloatTensorType([None, 4]))]
    regression = target is NUMBER
    if library == "xgboost":
        kind = xgboost.XGBRegressor if regression else xgboost.XGBClassifier
        model = convert_xgboost(kind(n_estimators=5).fit(X, target), initial_types=kinds, target_opset=15)
    else:
        booster = lightgbm.LGBMRegressor if regression else lightgbm.LGBMClassifier
        fitted = booster(n_estimators=5, verbose=-1).fit(X, target)
        model = convert_lightgbm(fitted, initial_types=kinds, target_opset=15)
    imported = read_onnx(model.SerializeToString())
    check(onnx.load_from_string(imported.onnx), relative=1e-5, absolute=1e-6)


# --- operators one by one ---

UNARY = ("Abs", "Neg", "Ceil", "Floor", "Round", "Sign", "Sqrt", "Exp", "Log", "Tanh", "Relu", "Reciprocal")


@pytest.mark.parametrize("operator", UNARY)
def test_unary_operator(operator: str) -> None:
    text = f"g (double[N, 1] a) => (double[N, 1] y) {{ y = {operator}(a) }}"
    check(small(text), relative=1e-14, absolute=0.0)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Min", "Max", "Pow"])
def test_binary_operator(operator: str) -> None:
    text = f"g (double[N, 1] a, double[N, 1] b) => (double[N, 1] y) {{ y = {operator}(a, b) }}"
    check(small(text), relative=1e-14, absolute=0.0)


STEPS = (
    "y = ReduceSum(X, one)",
    "y = ReduceMean<axes = [1]>(X)",
    "y = ReduceL2<axes = [1]>(X)",
    "y = ReduceLogSumExp<axes = [1], keepdims = 0>(X)",
    "y = Softmax<axis = 1>(X)",
    "y = LogSoftmax<axis = 1>(X)",
    "y = CumSum(X, zero_d)",
    "y = MatMul(X, w)",
    "y = Gemm<alpha = 2.0, beta = 0.5>(X, w, bias)",
    "y = Clip(X, low, high)",
    "u = Unsqueeze(X, one) y = Squeeze(u, one)",
    "u = Unsqueeze(X, one) t = Transpose<perm = [0, 2, 1]>(u) m = MatMul(t, u) y = Flatten(m)",
    "p, q = Split<axis = 1>(X, sizes) y = Concat<axis = 1>(q, p)",
    "y = Slice(X, one, three, one)",
    "r = Reshape(X, turn) y = ReduceMax<axes = [2], keepdims = 0>(r)",
    "s = Shape(X) y = Expand(bias, s)",
    "i = IsInf(X) n = Not(i) o = Or(i, n) x = Xor(i, o) y = Where(x, X, bias)",
    "t, p = TopK<axis = 1, largest = 0>(X, two) y = Identity(t)",
    "t, p = TopK<axis = 1>(X, two) y = GatherElements<axis = 1>(X, p)",
    "p = ArgMin<axis = 1, keepdims = 0>(X) y = Gather(w, p)",
    "p = ArgMax<axis = 1, keepdims = 0>(X) h = OneHot(p, three, ends) y = Cast<to = 11>(h)",
    "y = LpNormalization<axis = 1>(X)",
    "m = ReduceMean<axes = [1]>(bias) s = Softmax(bias) t = Add(m, s) y = Mul(X, t)",
)
HEAD = """g (double[N, 1] a, double[N, 1] b, double[N, 1] c) => (double[N, M] y) <
    int64[1] one = {1}, int64[1] two = {2}, int64[1] three = {3}, int64 zero_d = {1}, int64[2] sizes = {1, 2},
    int64[3] turn = {-1, 3, 1}, double low = {-1.0}, double high = {2.0}, double[1, 3] bias = {1.0, 2.0, 3.0},
    float[2] ends = {-1.0, 7.0}, double[3, 3] w = {1.0, 2.0, 0.5, 0.0, -1.0, 3.0, 2.0, 0.25, 1.0}>
"""


def finite(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.nan_to_num(values, posinf=5.0, neginf=-5.0) for name, values in feeds.items()}


@pytest.mark.parametrize("steps", STEPS)
def test_operators_along_axes(steps: str) -> None:
    model = small(HEAD + "{ X = Concat<axis = 1>(a, b, c) " + steps + " }")
    feeds = {name: values.clip(-50, 50) for name, values in finite(random_feeds(model)).items()}
    found = values_of(read_program(model), feeds)["y"]
    expected = scored(model, feeds)["y"]
    np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
def test_place_of_the_extreme_beside_nan(operator: str) -> None:
    text = "g (double[N, 1] a, double[N, 1] b, double[N, 1] c) => (int64[N, 1] y)"
    model = small(text + f"{{ X = Concat<axis = 1>(a, b, c) y = {operator}<axis = 1>(X) }}")
    assert check(model, relative=0.0, absolute=0.0).outputs["y"]


def test_texts_are_looked_up_and_compared() -> None:
    text = """g (string[N, 1] a) => (int64[N, 1] y, bool[N, 1] z) <string[1] k = {"x"}> {
        y = ai.onnx.ml.LabelEncoder<keys_strings = ["x", "y"], values_int64s = [4, 5], default_int64 = -7>(a)
        z = Equal(a, k)
    }"""
    check(small(text, opset=19), relative=0.0, absolute=0.0)


def test_equal_expressions_are_one() -> None:
    head = "g (double[N, 1] a) => (double[N, 1] y, double[N, 1] z)"
    program = read_program(small(head + "{ b = Exp(a) c = Exp(a) y = Neg(b) z = Neg(c) }"))
    assert program.outputs["y"][0] is program.outputs["z"][0]


# --- what is no program ---

NOT_ROWWISE = {
    "s = ReduceSum(X, zero) y = Sub(X, s)": "mixes rows",
    "t = Transpose(X) y = MatMul(X, t)": "mixes rows",
    "r = Reshape(X, flat) y = Identity(r)": "mixes rows",
    "r = Reshape(X, row) y = Identity(r)": "mixes rows",
    "y = Concat<axis = 0>(X, X)": "mixes rows",
    "y = Slice(X, zero, two, zero)": "mixes rows",
    "y = Add(X, column)": "mixes rows",
    "n = Shape(X) f = Cast<to = 11>(n) g = Mul(f, f) y = Add(X, g)": "number of rows",
    "y = HardSwish(X)": "HardSwish is not known",
    "s = Cast<to = 7>(X) y = Expand(X, s)": "rows' values",
    "s = Cast<to = 8>(X) y = Cast<to = 11>(s)": "texts",
    "y = Gather<axis = 1>(X, far)": "unusual way",
}
PLAIN = """g (double[N, 1] X) => (double[N, M] y) <
    int64[1] zero = {0}, int64[1] two = {2}, int64[1] far = {9}, int64[2] flat = {-1, 2},
    int64[2] row = {1, -1}, double[2, 1] column = {1.0, 2.0}>
"""


@pytest.mark.parametrize("steps", NOT_ROWWISE)
def test_graph_that_is_not_rowwise_is_refused(steps: str) -> None:
    with pytest.raises(NotRowwiseError, match=NOT_ROWWISE[steps]):
        read_program(small(PLAIN + "{" + steps + "}"))


@pytest.mark.parametrize("name", ["words counted", "neighbours, uniform"])
def test_pipeline_without_a_program_is_refused(name: str) -> None:
    with pytest.raises(NotRowwiseError):
        read_program(exported(name))


@pytest.mark.filterwarnings("ignore")
def test_foreign_operator_is_refused() -> None:
    with pytest.raises(NotRowwiseError, match="SVMClassifier"):
        read_program(converted(SVC(), TWO))


def test_limit_of_expressions() -> None:
    model = exported("forest, three classes")
    with pytest.raises(NotRowwiseError, match="more than 50 expressions"):
        read_program(model, limit=50)


def with_splits(model: onnx.ModelProto, mode: bytes) -> onnx.ModelProto:
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_modes":
                attribute.strings[:] = [b"LEAF" if old == b"LEAF" else mode for old in attribute.strings]
    return model


def test_splits_by_equality_are_refused() -> None:
    model = with_splits(exported("tree, three classes"), b"BRANCH_EQ")
    with pytest.raises(NotRowwiseError, match="BRANCH_EQ"):
        read_program(model)


@pytest.mark.parametrize("mode", [b"BRANCH_LT", b"BRANCH_GT", b"BRANCH_GTE"])
def test_splits_may_ask_in_other_ways(mode: bytes) -> None:
    model = with_splits(exported("tree with missing values"), mode)
    check(model, relative=1e-12, absolute=1e-13)
