"""Cut graphs compute what the whole one computes."""

import numpy as np
import onnx
import onnx.parser
import pytest

from tests.backends.tree_oracle import session
from warehouse_ml.backends.cut import Seam, after_graph, before_graph, free_name, from_matrices, with_outputs

TEXT = """
<ir_version: 8, opset_import: ["" : 15], metadata_props: ["key": "value"]>
graph (double[N,1] a, double[N,1] b, string[N,1] unused) => (double[N,2] y, double[N] z, bool[N,1] refused)
<double[1,2] shift = {1.0, 2.0}, int64[1] one = {1}, double[1,1] nothing = {0.0}, int64[1] flat = {-1}>
{
    matrix = Concat<axis = 1> (a, b)
    sums = Add (matrix, shift)
    second = Gather<axis = 1> (sums, one)
    single = Reshape (second, flat)
    y = Mul (sums, a)
    z = Neg (single)
    refused = Less (b, nothing)
}
"""


def model() -> onnx.ModelProto:
    return onnx.parser.parse_model(TEXT)


def run(graph: onnx.ModelProto, **feeds: np.ndarray) -> dict[str, np.ndarray]:
    loaded = session(graph.SerializeToString())
    names = [entry.name for entry in loaded.get_outputs()]
    given = {entry.name: feeds[entry.name] for entry in loaded.get_inputs()}
    return dict(zip(names, loaded.run(names, given), strict=True))


A, B = np.array([[1.0], [2.0]]), np.array([[3.0], [-4.0]])
SUMS = np.hstack([A + 1.0, B + 2.0])
WANTED = {"y": SUMS * A, "z": -SUMS[:, 1]}


def names(entries) -> list[str]:
    return [entry.name for entry in entries]


@pytest.mark.parametrize(
    ("seams", "columns", "feeds"),
    [
        ([Seam("s", "float64", 2)], {"sums": [(0, 0), (0, 1)]}, {"s": SUMS}),
        ([Seam("s", "float64", 2)], {"sums": [(0, 1), (0, 0)]}, {"s": SUMS[:, ::-1]}),
        (
            [Seam("s", "float64", 1), Seam("t", "float64", 1)],
            {"sums": [(0, 0), (1, 0)]},
            {"s": SUMS[:, :1], "t": SUMS[:, 1:]},
        ),
        ([Seam("s", "float64", 2)], {"sums": [(0, 0), (0, 1)], "single": [(0, 1)]}, {"s": SUMS}),
    ],
    ids=["as it is", "in another order", "of two kernels", "and a vector"],
)
def test_after_graph_computes_the_same(seams, columns, feeds):
    cut = after_graph(model(), seams, columns, without=["refused"])
    assert names(cut.graph.input) == ["a", *feeds]
    for name, found in run(
        cut, a=A, **{key: np.ascontiguousarray(part) for key, part in feeds.items()}
    ).items():
        np.testing.assert_array_equal(found, WANTED[name])


def test_after_graph_of_an_output_itself():
    cut = after_graph(model(), [Seam("s", "float64", 2)], {"y": [(0, 0), (0, 1)]}, without=["refused"])
    assert names(cut.graph.output) == ["y", "z"]
    np.testing.assert_array_equal(run(cut, a=A, b=B, s=SUMS)["y"], SUMS)


def test_after_graph_keeps_inputs_for_refusals_and_metadata():
    cut = after_graph(model(), [Seam("s", "float64", 2)], {"sums": [(0, 0), (0, 1)]})
    assert names(cut.graph.input) == ["a", "b", "s"]
    assert (cut.ir_version, cut.opset_import[0].version, cut.metadata_props[0].value) == (8, 15, "value")
    assert names(cut.graph.initializer) == ["one", "nothing", "flat"]


def test_before_graph_computes_some_columns():
    cut = before_graph(model(), {"matrix": ("float64", 1), "sums": ("float64", 2)}, "float32", [0, 2])
    (found,) = run(cut, a=A, b=B).values()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.hstack([A, SUMS[:, 1:]]))


def test_from_matrices_reads_columns():
    whole = with_outputs(model(), ["sums"])
    cut = from_matrices(whole, {"matrix": ("float64", 2)}, free_name(whole, "matrix"))
    assert names(cut.graph.input) == ["matrix__0", "matrix__1"]
    np.testing.assert_array_equal(run(cut, matrix__0=A, matrix__1=B)["sums"], SUMS)


def test_after_graph_keeps_what_a_branch_takes_from_outside():
    text = """
    <ir_version: 8, opset_import: ["" : 15]>
    graph (double[N,1] a, bool chosen) => (double[N,1] y) <double[1,1] one = {1.0}>
    {
        sums = Add (a, one)
        y = If (chosen) <
            then_branch = g1 () => (double[N,1] t) { t = Neg (sums) },
            else_branch = g2 () => (double[N,1] e) { e = Mul (sums, a) }
        >
    }
    """
    cut = after_graph(onnx.parser.parse_model(text), [Seam("s", "float64", 1)], {"sums": [(0, 0)]})
    assert names(cut.graph.input) == ["a", "chosen", "s"]
    np.testing.assert_array_equal(run(cut, a=A, s=A + 1, chosen=np.array(False))["y"], (A + 1) * A)
