"""Inputs that are packed into one matrix."""

import numpy as np
import pytest

from tests.backends.graphs import assert_same, graph, operators, run
from warehouse_ml.backends.simplify import PACKED, packed

RANDOM = np.random.default_rng(6)
VALUES = RANDOM.normal(size=(5, 40))
VALUES[0, 0], VALUES[1, 1], VALUES[2, 2] = np.nan, np.inf, 1e300
CONSTANTS = {
    "w": RANDOM.normal(size=(3, 2)),
    "u": RANDOM.normal(size=(2, 2)),
    "b": RANDOM.normal(size=2),
    "fill": np.array([[1.0, 2.0, 3.0]]),
    "row": np.array([4.0, 5.0, 6.0]),
    "one": 1.0,
    "sum": np.array([1]),
}

GRAPHS = {
    "a product": (
        "y = MatMul(j, w)",
        ["Gemm"],
    ),
    "a product with a bias": (
        "y = Gemm(j, w, b)",
        ["Gemm"],
    ),
    "filled, shifted and scaled": (
        "m = IsNaN(j) f = Where(m, fill, j) s = Sub(f, row) e = Max(s, one) y = Gemm(e, w, b)",
        ["IsNaN", "Where", "Sub", "Max", "Gemm"],
    ),
    "rounded to float32": (
        "f = Cast <to = 1> (j) g = Cast <to = 11> (f) y = MatMul(g, w)",
        ["Cast", "Cast", "Gemm"],
    ),
    "a sum by row": (
        "y = ReduceSum(j, sum)",
        ["Transpose", "ReduceSum"],
    ),
    "a column that is also alone": (
        "e = Exp(f1) y = Concat <axis = 1> (j, e)",
        ["Gather", "Reshape", "Exp", "Transpose", "Concat"],
    ),
}


def joined(rest: str, inputs: int = 3):
    names = [f"f{place}" for place in range(inputs)]
    words = rest.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return graph(
        f"""m ({", ".join(f"double[n,1] {name}" for name in names)}) => (double[n,k] y)
        {{ j = Concat <axis = 1> (f0, f1, f2) {rest} }}""",
        {name: values for name, values in CONSTANTS.items() if name in words},
    )


def feeds(order: tuple[str, ...]) -> dict[str, np.ndarray]:
    columns = {f"f{place}": values.reshape(-1, 1) for place, values in enumerate(VALUES)}
    return {**columns, PACKED: np.stack([columns[name][:, 0] for name in order])}


@pytest.mark.parametrize("name", GRAPHS)
def test_packed_is_the_same(name):
    rest, wanted = GRAPHS[name]
    model = joined(rest)
    made, order = packed(model, ["f0", "f1", "f2"])
    assert (operators(made), order) == (wanted, ("f0", "f1", "f2"))
    assert [entry.name for entry in made.graph.input] == [PACKED]
    assert_same(run(model, feeds(order)), run(made, feeds(order)), 1e-14)


def test_columns_that_are_cast_one_by_one_are_packed_before():
    model = graph(
        """m (double[n,1] f0, double[n,1] f1) => (float[n,2] y)
        { a = Cast <to = 1> (f0) b = Cast <to = 1> (f1) j = Concat <axis = 1> (a, b) y = Neg(j) }""",
        {},
    )
    made, order = packed(model, ["f0", "f1"])
    assert operators(made) == ["Cast", "Transpose", "Neg"]
    assert_same(run(model, feeds(order)), run(made, feeds(order)), 0.0)


def test_only_those_that_may_be_are_packed():
    model = joined("k = Concat <axis = 1> (f3, f4) e = MatMul(k, u) d = MatMul(j, w) y = Add(d, e)", 5)
    made, order = packed(model, ["f0", "f2", "f3", "f4"])
    assert order == ("f0", "f2", "f3", "f4")
    assert {entry.name for entry in made.graph.input} == {PACKED, "f1"}
    assert_same(run(model, feeds(order)), run(made, feeds(order)), 1e-14)


@pytest.mark.parametrize("names", [[], ["f1"], ["unknown"]])
def test_too_few_inputs_are_not_packed(names):
    model = joined("y = MatMul(j, w)")
    assert packed(model, names) == (model, ())


def test_inputs_of_other_types_are_not_packed():
    model = graph(
        """m (int64[n,1] f0, int64[n,1] f1) => (int64[n,2] y)
        { j = Concat <axis = 1> (f0, f1) y = Neg(j) }""",
        {},
    )
    assert packed(model, ["f0", "f1"]) == (model, ())
