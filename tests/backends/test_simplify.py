"""Every rule: where it fires, that results stay, and where it keeps out."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.backends.graphs import assert_same, graph, operators, run
from warehouse_ml.backends.simplify import FINITE_RULES, RULES, simplify
from warehouse_ml.backends.simplify.carry_biases import carry_biases
from warehouse_ml.backends.simplify.expand_operators import expand_operators
from warehouse_ml.backends.simplify.flat_columns import flat_columns
from warehouse_ml.backends.simplify.fold_constants import fold_constants
from warehouse_ml.backends.simplify.fold_scaling import fold_scaling
from warehouse_ml.backends.simplify.join_concats import join_concats
from warehouse_ml.backends.simplify.merge_products import merge_products
from warehouse_ml.backends.simplify.remove_identities import remove_identities
from warehouse_ml.backends.simplify.scale_products import scale_products
from warehouse_ml.backends.simplify.use_gemm import use_gemm

RANDOM = np.random.default_rng(5)
ROWS = RANDOM.normal(size=(50, 3)) * 3 + 1
ROWS[0, 0], ROWS[1, 1], ROWS[2, 2] = np.nan, np.inf, -np.inf
ROWS[3], ROWS[4], ROWS[5] = 1e150, -1e150, 1e-300
WEIGHTS = {
    "mean": np.array([[1.0, -2.0, 0.5]]),
    "scale": np.array([[3.0, 0.25, 7.0]]),
    "w": RANDOM.normal(size=(3, 4)),
    "b": RANDOM.normal(size=4),
    "v": RANDOM.normal(size=(4, 2)),
    "c": RANDOM.normal(size=2),
    "zero": 0.0,
    "two": 2.0,
    "third": 1 / 3,
    "far": np.array([[1e9, 0.0, 0.0]]),
}

FIRES = {
    "scaling": (
        fold_scaling,
        "m (double[n,3] x) => (double[n,4] y) { a = Sub(x, mean) b1 = Div(a, scale) y = MatMul(b1, w) }",
        ["Gemm"],
    ),
    "scaling before a bias": (
        fold_scaling,
        "m (double[n,3] x) => (double[n,4] y) { a = Mul(scale, x) b1 = Sub(mean, a) y = Gemm(b1, w, b) }",
        ["Gemm"],
    ),
    "scaling of a part": (
        fold_scaling,
        """m (double[n,3] x, double[n,1] f) => (double[n,2] y)
        { a = Add(x, mean) j = Concat <axis = 1> (f, a) y = MatMul(j, v) }""",
        ["Concat", "Gemm"],
    ),
    "a scale, not the large shift before it": (
        fold_scaling,
        "m (double[n,3] x) => (double[n,4] y) { a = Sub(x, far) b1 = Div(a, scale) y = MatMul(b1, w) }",
        ["Sub", "MatMul"],
    ),
    "a bias": (
        use_gemm,
        "m (double[n,3] x) => (double[n,4] y) { a = MatMul(x, w) y = Add(b, a) }",
        ["Gemm"],
    ),
    "a negative bias": (
        use_gemm,
        "m (double[n,3] x) => (double[n,4] y) { a = MatMul(x, w) y = Sub(a, b) }",
        ["Gemm"],
    ),
    "a second bias": (
        use_gemm,
        "m (double[n,3] x) => (double[n,4] y) { a = Gemm(x, w, b) y = Add(a, b) }",
        ["Gemm"],
    ),
    "a factor of two": (
        scale_products,
        "m (double[n,3] x) => (double[n,4] y) { a = Gemm(x, w, b) y = Mul(two, a) }",
        ["Gemm"],
    ),
    "two products": (
        merge_products,
        "m (double[n,3] x) => (double[n,2] y) { a = Gemm(x, w, b) y = Gemm(a, v, c) }",
        ["Gemm"],
    ),
    "a rectifier": (
        carry_biases,
        "m (double[n,3] x) => (double[n,2] y) { a = Gemm(x, w, b) r = Max(a, zero) y = Gemm(r, v, c) }",
        ["MatMul", "Max", "Gemm"],
    ),
    "two rectifiers": (
        carry_biases,
        """m (double[n,3] x) => (double[n,2] y) { a = Gemm(x, w, b) r = Relu(a) d = Gemm(r, v, c) s = Relu(d)
        y = Gemm <transB = 1> (s, p, b) }""",
        ["MatMul", "Max", "MatMul", "Max", "Gemm"],
    ),
    "casts there and back": (
        remove_identities,
        """m (float[n,3] x) => (float[n,3] y)
        { a = Cast <to = 11> (x) d = Cast <to = 1> (a) e = Cast <to = 1> (d) y = Neg(e) }""",
        ["Neg"],
    ),
    "all columns": (
        remove_identities,
        "m (double[n,3] x) => (double[n,3] y) { a = Gather <axis = 1> (x, all) d = Identity(a) y = Neg(d) }",
        ["Neg"],
    ),
    "shapes there and back": (
        remove_identities,
        "m (double[n,3] x) => (double[n,3] y) { a = Reshape(x, flat) d = Reshape(a, back) y = Neg(d) }",
        ["Neg"],
    ),
    "nested joins": (
        join_concats,
        """m (double[n,3] x) => (double[n,9] y)
        { a = Concat <axis = 1> (x, x) d = Neg(x) y = Concat <axis = 1> (d, a) }""",
        ["Neg", "Concat"],
    ),
    "constants": (
        fold_constants,
        """m (double[n,3] x) => (double[n,3] y)
        { a = Transpose <perm = [1, 0]> (w) d = Transpose <perm = [1, 0]> (a) e = MatMul(x, d)
        y = MatMul(e, a) }""",
        ["MatMul", "MatMul"],
    ),
    "one column": (
        flat_columns,
        """m (double[n,1] f) => (double[n,1] y) { a = Neg(f) e = Exp(a) d = Add(two, e) g = Div(third, d)
        y = Identity(g) }""",
        ["Neg", "Exp", "Reshape", "Add", "Reshape", "Reshape", "Div", "Reshape", "Identity"],
    ),
}
MORE = {
    "p": RANDOM.normal(size=(4, 2)),
    "all": np.array([0, 1, 2]),
    "flat": np.array([-1]),
    "back": np.array([-1, 3]),
    "chosen": np.array([2, 0]),
}

KEEPS_OUT = {
    "a scaled tensor that is read twice": (
        fold_scaling,
        """m (double[n,3] x) => (double[n,4] y, double[n,3] z)
        { a = Div(x, scale) z = Neg(a) y = MatMul(a, w) }""",
    ),
    "a scaled tensor that is an output": (
        fold_scaling,
        "m (double[n,3] x) => (double[n,4] y, double[n,3] a) { a = Div(x, scale) y = MatMul(a, w) }",
    ),
    "a large shift": (
        fold_scaling,
        "m (double[n,3] x) => (double[n,4] y) { a = Sub(x, far) y = MatMul(a, w) }",
    ),
    "a shift by row": (
        fold_scaling,
        "m (double[n,3] x, double[n,1] f) => (double[n,4] y) { a = Sub(x, f) y = MatMul(a, w) }",
    ),
    "a column that is spread": (
        fold_scaling,
        "m (double[n,1] f) => (double[n,4] y) { a = Sub(f, mean) y = MatMul(a, w) }",
    ),
    "a scale of nothing": (
        fold_scaling,
        "m (double[n,3] x) => (double[n,4] y) { a = Mul(x, zero) y = MatMul(a, w) }",
    ),
    "float32": (
        fold_scaling,
        "m (float[n,3] x) => (float[n,4] y) { a = Sub(x, mean32) y = MatMul(a, w32) }",
    ),
    "a sine of the product": (
        fold_scaling,
        "m (double[n,3] x) => (double[n,4] y) { a = Sub(x, mean) d = MatMul(a, w) y = Sin(d) }",
    ),
    "a product that is read twice": (
        use_gemm,
        "m (double[n,3] x) => (double[n,4] y, double[n,4] z) { a = MatMul(x, w) y = Add(a, b) z = Neg(a) }",
    ),
    "a large bias": (
        use_gemm,
        "m (double[n,3] x) => (double[n,3] y) { a = Gemm(x, square, far) y = Add(a, mean) }",
    ),
    "a bias less the product": (
        use_gemm,
        "m (double[n,3] x) => (double[n,4] y) { a = MatMul(x, w) y = Sub(b, a) }",
    ),
    "a factor that rounds": (
        scale_products,
        "m (double[n,3] x) => (double[n,4] y) { a = MatMul(x, w) y = Mul(a, third) }",
    ),
    "products that are less work apart": (
        merge_products,
        "m (double[n,3] x) => (double[n,3] y) { a = MatMul(x, narrow) y = MatMul(a, wide) }",
    ),
    "a product with a large bias": (
        merge_products,
        "m (double[n,3] x) => (double[n,4] y) { a = Gemm(x, square, far) y = MatMul(a, w) }",
    ),
    "a product that is an output": (
        merge_products,
        "m (double[n,3] x) => (double[n,4] a, double[n,2] y) { a = MatMul(x, w) y = MatMul(a, v) }",
    ),
    "a bound that is not 0": (
        carry_biases,
        "m (double[n,3] x) => (double[n,2] y) { a = Gemm(x, w, b) r = Max(a, two) y = Gemm(r, v, c) }",
    ),
    "a layer that is read twice": (
        carry_biases,
        """m (double[n,3] x) => (double[n,2] y, double[n,4] z)
        { a = Gemm(x, w, b) r = Relu(a) z = Neg(r) y = Gemm(r, v, c) }""",
    ),
    "a layer that may score exactly 0": (
        carry_biases,
        "m (double[n,3] x) => (double[n,2] y) { a = Gemm(x, w, b) r = Relu(a) y = MatMul(r, v) }",
    ),
    "a layer with a large bias": (
        carry_biases,
        """m (double[n,3] x) => (double[n,4] y) { a = Gemm(x, square, far) r = Relu(a) y = Gemm(r, w, b) }""",
    ),
    "a cast that loses digits": (
        remove_identities,
        "m (double[n,3] x) => (double[n,3] y) { a = Cast <to = 1> (x) d = Cast <to = 11> (a) y = Neg(d) }",
    ),
    "some columns": (
        remove_identities,
        "m (double[n,4] x) => (double[n,3] y) { a = Gather <axis = 1> (x, all) y = Neg(a) }",
    ),
    "a join that is an output": (
        join_concats,
        """m (double[n,3] x) => (double[n,6] a, double[n,9] y)
        { a = Concat <axis = 1> (x, x) y = Concat <axis = 1> (x, a) }""",
    ),
    "a join along the rows": (
        join_concats,
        """m (double[n,3] x) => (double[m,6] y)
        { a = Concat <axis = 0> (x, x) y = Concat <axis = 1> (a, a) }""",
    ),
    "a constant cast that rounds": (
        fold_constants,
        """m (float[n,3] x) => (float[n,3] y) { a = Cast <to = 1> (third) y = Mul(x, a) }""",
    ),
    "a column of an unknown shape": (
        flat_columns,
        "m (double[n,k] f) => (double[n,k] y) { a = Add(f, two) y = Neg(a) }",
    ),
    "a wide Scaler of doubles": (
        expand_operators,
        """m (double[n,3] x) => (float[n,3] y)
        { y = ai.onnx.ml.Scaler <offset = [1.0], scale = [2.0]> (x) }""",
    ),
    "a Normalizer": (
        expand_operators,
        """m (float[n,3] x) => (float[n,3] y) { y = ai.onnx.ml.Normalizer <norm = "L2"> (x) }""",
    ),
}
SPECIAL = {
    "mean32": WEIGHTS["mean"].astype(np.float32),
    "w32": WEIGHTS["w"].astype(np.float32),
    "square": RANDOM.normal(size=(3, 3)),
    "narrow": RANDOM.normal(size=(3, 1)),
    "wide": RANDOM.normal(size=(1, 3)),
}


def made(body: str) -> onnx.ModelProto:
    """The graph with those of the constants that it reads."""
    known = {**WEIGHTS, **MORE, **SPECIAL}
    words = body.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return graph(body, {name: values for name, values in known.items() if name in words})


def fed(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    dtype = np.float32 if model.graph.input[0].type.tensor_type.elem_type == 1 else np.float64
    with np.errstate(over="ignore"):
        return {"x": ROWS.astype(dtype), "f": ROWS[:, :1].copy()}


@pytest.mark.parametrize("name", FIRES)
def test_fires(name):
    rule, body, wanted = FIRES[name]
    model = made(body)
    simple = simplify(model, rules=(rule,))
    assert operators(simple) == wanted
    feeds = fed(model)
    if rule in FINITE_RULES:
        feeds["x"] = np.where(np.isinf(ROWS), 1.0, ROWS)
    assert_same(run(model, feeds), run(simple, feeds), 1e-12)


@pytest.mark.parametrize("name", KEEPS_OUT)
def test_keeps_out(name):
    rule, body = KEEPS_OUT[name]
    model = made(body)
    assert operators(simplify(model, rules=(rule,))) == operators(model)


def test_every_rule_is_tested():
    tested = {rule for rule, *_ in FIRES.values()} | {expand_operators}
    assert tested == {*RULES, *FINITE_RULES}


def test_an_infinite_row_keeps_products_apart_unless_told():
    body = "m (double[n,3] x) => (double[n,2] y) { a = MatMul(x, w) y = MatMul(a, v) }"
    assert operators(simplify(made(body))) == ["MatMul", "MatMul"]
    assert operators(simplify(made(body), finite=True)) == ["MatMul"]


def test_scaler_and_columns_are_plain():
    model = made(
        """m (float[n,3] x) => (float[n,2] y) { a = ai.onnx.ml.Scaler <offset = [1.0, -2.0, 0.1],
        scale = [0.3, 2.0, -1.5]> (x) y = ai.onnx.ml.ArrayFeatureExtractor (a, chosen) }"""
    )
    simple = simplify(model)
    assert operators(simple) == ["Sub", "Mul", "Gather"]
    assert_same(run(model, fed(model)), run(simple, fed(model)), 0.0)


def test_a_float32_bias_changes_no_bit():
    model = graph(
        "m (float[n,64] x) => (float[n,64] y) { a = MatMul(x, w) y = Add(a, b) }",
        {
            "w": RANDOM.normal(size=(64, 64)).astype(np.float32),
            "b": RANDOM.normal(size=64).astype(np.float32),
        },
    )
    rows = RANDOM.normal(size=(300, 64)).astype(np.float32)
    assert operators(simplify(model)) == ["Gemm"]
    assert_same(run(model, {"x": rows}), run(simplify(model), {"x": rows}), 0.0)


def test_an_input_that_nothing_reads_is_dropped():
    model = graph("m (double[n,3] x, double[n,1] f) => (double[n,3] y) { a = Exp(f) y = Neg(x) }", {})
    assert [entry.name for entry in simplify(model).graph.input] == ["x"] or operators(model) == [
        "Exp",
        "Neg",
    ]


def test_a_graph_with_a_sub_graph_stays():
    model = graph(
        """m (double[n,3] x, bool c) => (double[n,3] y)
        { y = If (c) <then_branch = t () => (double[n,3] p) { p = Neg(x) },
        else_branch = e () => (double[n,3] q) { q = Identity(x) }> }""",
        {},
    )
    assert simplify(model) == model


def test_the_metadata_stays():
    model = made(FIRES["scaling"][1])
    onnx.helper.set_model_props(model, {"kept": "yes"})
    assert simplify(model).metadata_props == model.metadata_props


NUMBERS = st.floats(0.1, 40).flatmap(lambda size: st.sampled_from([size, -size]))
STEPS = st.lists(
    st.tuples(st.sampled_from(["Add", "Sub", "Mul", "Div"]), arrays(np.float64, (3,), elements=NUMBERS)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=50, deadline=None)
@given(steps=STEPS, rows=arrays(np.float64, (7, 3), elements=st.floats(-100, 100)))
def test_any_chain_of_shifts_and_scales_keeps_its_results(steps, rows):
    names = ["x", *(f"t{place}" for place in range(len(steps)))]
    lines = [f"{names[i + 1]} = {operator}({names[i]}, k{i})" for i, (operator, _) in enumerate(steps)]
    constants = {f"k{place}": values for place, (_, values) in enumerate(steps)}
    model = graph(
        f"""m (double[n,3] x) => (double[n,4] y)
        {{ {" ".join(lines)} p = MatMul({names[-1]}, w) y = Add(p, b) }}""",
        {**constants, "w": WEIGHTS["w"], "b": WEIGHTS["b"]},
    )
    simple = simplify(model)
    wanted, got = run(model, {"x": rows})[0], run(simple, {"x": rows})[0]
    terms = scaled(rows, steps) @ np.abs(WEIGHTS["w"]) + np.abs(WEIGHTS["b"])
    assert len(operators(simple)) < len(operators(model))
    assert (np.abs(wanted - got) <= 1e-12 * (1 + terms)).all()


def scaled(rows, steps):
    """The sizes of what the products add up, none of them cancelled."""
    sizes = np.abs(rows)
    for operator, values in steps:
        change = np.abs(values)
        sizes = {"Mul": sizes * change, "Div": sizes / change}.get(operator, sizes + change)
    return sizes
