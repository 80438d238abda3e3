"""Tensor operators against the tree operator: the same leaves, and the same sums bit for bit."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from tests.backends.graphs import graph, run
from tests.exporters.test_trees import chain, hard_rows, random_ensemble
from tests.toy_models import twice
from warehouse_ml.backends import tensor_forest, tensor_trees, tensor_walk
from warehouse_ml.backends.tensor_kernels import placement
from warehouse_ml.backends.tensor_trees import NoTensorFormError, facts_of, tensor_graph
from warehouse_ml.exporters import tree_graph
from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.trees import Tree, TreeEnsemble

WAYS = ("products", "levels", "pointers")


def written(ensemble: TreeEnsemble) -> bytes:
    """The ensemble's results and the numbers of its leaves."""
    exporter = Exporter()
    columns = Columns.of(exporter.graph.input("x", "float64", (None, ensemble.features)))
    tensors = {"y": tree_graph.tree_outputs(ensemble, columns, exporter)}
    if ensemble.trees:
        tensors["leaf"] = tree_graph.leaf_numbers(ensemble, columns, exporter)
    return bytes(exporter.graph.build(tensors).SerializeToString())


def results(model: bytes, rows: np.ndarray) -> list[np.ndarray]:
    return run(onnx.load_model_from_string(model), {"x": rows})


def trees_of(model: bytes) -> list[str]:
    nodes = onnx.load_model_from_string(model).graph.node
    return [node.op_type for node in nodes if node.domain == "ai.onnx.ml"]


def assert_equal(model: bytes, features: np.ndarray, **limits: int) -> bytes:
    made = tensor_graph(model, **limits)
    onnx.checker.check_model(onnx.load_model_from_string(made))
    assert trees_of(made) == []
    for wanted, got in zip(results(model, features), results(made, features), strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)
    return made


def force(patch: pytest.MonkeyPatch, way: str) -> None:
    patch.setattr(tensor_walk, "MOST_SPLITS", 7 if way == "products" else -1)
    patch.setattr(tensor_walk, "MOST_FILLED", 2**40 if way == "levels" else 0)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(WAYS), st.sampled_from([1, 30, 200, 2**20]))
def test_random_trees_give_the_same_bits(seed: int, way: str, per_row: int) -> None:
    ensemble = random_ensemble(seed)
    rows = hard_rows(ensemble, seed)
    with pytest.MonkeyPatch.context() as patch:
        force(patch, way)
        assert_equal(written(ensemble), rows, rows=len(rows), cells=per_row * len(rows))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 7, 64, 500]))
def test_no_tensor_is_larger_than_allowed(seed: int, per_row: int) -> None:
    ensemble = random_ensemble(seed)
    made = tensor_graph(written(ensemble), rows=25, cells=25 * per_row)
    facts = facts_of(metadata(made))
    if facts is not None:
        rows = hard_rows(ensemble, seed)[: facts.rows]
        sizes = tensors(made, rows, new_since=written(ensemble))
        assert max(sizes.values()) <= facts.row_size * len(rows)
        assert facts.rows == 1 or max(sizes.values()) <= 25 * per_row


def metadata(model: bytes) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load_model_from_string(model).metadata_props}


def tensors(made: bytes, rows: np.ndarray, *, new_since: bytes = b"") -> dict[str, int]:
    """How many numbers the tensors hold, by name; those that another file had are left out."""
    model = onnx.load_model_from_string(made)
    before = onnx.load_model_from_string(new_since).graph.node
    known = {(node.op_type, name) for node in before for name in node.output}
    names = [name for node in model.graph.node for name in node.output if (node.op_type, name) not in known]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    return {name: value.size for name, value in zip(names, run(model, {"x": rows}), strict=True)}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(WAYS))
def test_sums_over_several_operators_go_on_where_the_last_one_ended(seed: int, way: str) -> None:
    ensemble = random_ensemble(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_graph, "_MAX_CELLS", 2 * ensemble.outputs)
        force(patch, way)
        assert_equal(sums_of(ensemble), hard_rows(ensemble, seed))


def test_no_sum_is_left_that_cuda_adds_up_anew_for_each_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble = forest(trees=40, depth=3, outputs=2)
    monkeypatch.setattr(tree_graph, "_MAX_CELLS", 20)
    model = sums_of(ensemble)
    assert trees_of(model) == ["TreeEnsembleRegressor"] * 2
    made = assert_equal(model, np.random.default_rng(0).normal(size=(50, 3)))
    assert "CumSum" not in [node.op_type for node in onnx.load_model_from_string(made).graph.node]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["BRANCH_LT", "BRANCH_LEQ"])
def test_a_threshold_that_is_nan_holds_for_missing_values_alone(
    mode: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, way)
    tree = {"nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [0, 0, 0]}
    tree |= {"nodes_modes": [mode, "LEAF", "LEAF"], "nodes_values": [math.nan, 0.0, 0.0]}
    tree |= {"nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0]}
    leaves = {"target_treeids": [0, 0], "target_nodeids": [1, 2], "target_ids": [0, 0]}
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, target_weights=[0.0, 1.0],
        nodes_missing_value_tracks_true=[1, 0, 0], **tree, **leaves,
    )  # fmt: skip
    model = graph("g (float[N, 1] x) => (float[N, 1] y) { y = Identity(x) }", {})
    model.graph.node[0].CopyFrom(node)
    values = np.array([[0.0], [np.inf], [-np.inf], [np.nan]], np.float32)
    made = assert_equal(model.SerializeToString(), values)
    assert results(made, values)[0].ravel().tolist() == [1.0, 1.0, 1.0, 0.0]


def test_chunks_of_many_trees_hold_the_limit() -> None:
    ensemble = forest(trees=100, depth=4, outputs=2)
    made = tensor_graph(written(ensemble), rows=1000, cells=24_000)
    facts = facts_of(metadata(made))
    assert facts is not None
    # the numbers of the leaves are one tensor of 100 columns: fewer rows are allowed then
    assert (facts.rows, facts.row_size) == (240, 100)
    rows = np.zeros((facts.rows, ensemble.features))
    sizes = tensors(made, rows, new_since=written(ensemble))
    assert max(sizes.values()) == 24_000


@pytest.mark.parametrize("depth", [2, 3])
def test_chunks_are_as_large_as_the_limit_allows(depth: int) -> None:
    made = tensor_graph(sums_of(forest(trees=100, depth=depth)), rows=1000, cells=60_000)
    facts = facts_of(metadata(made))
    assert (facts.rows, facts.row_size) == (1000, 60)


def test_a_chunk_is_added_up_before_the_next_is_walked(tmp_path: Path) -> None:
    ensemble = forest(trees=60, depth=4)
    model = sums_of(ensemble)
    whole, parts = (tensor_graph(model, rows=100, cells=100 * size) for size in (60, 10))
    rows = np.zeros((100, ensemble.features))
    most = peak(parts, rows, tmp_path / "parts")
    assert most < peak(whole, rows, tmp_path / "whole") / 4
    assert most < 10 * 1000  # places, columns, thresholds, values: some tensors at once


def sums_of(ensemble: TreeEnsemble) -> bytes:
    exporter = Exporter()
    columns = Columns.of(exporter.graph.input("x", "float64", (None, ensemble.features)))
    model = exporter.graph.build({"y": tree_graph.tree_outputs(ensemble, columns, exporter)})
    return bytes(model.SerializeToString())


def peak(made: bytes, rows: np.ndarray, profile: Path) -> int:
    """How many numbers are alive at once, in the order in which onnxruntime runs the nodes."""
    model = onnx.load_model_from_string(made)
    for place, node in enumerate(model.graph.node):
        node.name = f"node_{place}_"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling, options.profile_file_prefix = True, str(profile)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    session.run(None, {"x": rows})
    events = json.loads(Path(session.end_profiling()).read_text())
    ran = [event["name"].split("_")[1] for event in events if event["name"].endswith("_kernel_time")]
    order = [model.graph.node[int(place)] for place in ran]
    sizes = tensors(made, rows)
    left = Counter(name for node in order for name in node.input if name in sizes)
    alive, most = 0, 0
    for node in order:
        alive += sum(sizes[name] for name in node.output)
        most = max(most, alive)
        for name in set(node.input) & sizes.keys():
            left[name] -= node.input[:].count(name)
            alive -= sizes[name] if left[name] == 0 else 0
    return most


def forest(trees: int, depth: int, outputs: int = 1, **settings: Any) -> TreeEnsemble:
    """Perfect trees with random splits; every tree adds to the next output."""
    random = np.random.default_rng(0)
    inner = 2**depth - 1
    count = 2 * inner + 1

    def tree(number: int) -> Tree:
        place = np.arange(count)
        split = place < inner
        return Tree(
            feature=np.where(split, random.integers(0, 3, count), -1),
            threshold=random.normal(size=count).round(1),
            left=np.where(split, 2 * place + 1, -1),
            right=np.where(split, 2 * place + 2, -1),
            missing_left=random.random(count) < 0.5,
            values=random.normal(size=(count, 1)),
            output=number % outputs,
        )

    chosen = {"comparison": "<=", "precision": "float64", "base": np.zeros(outputs)} | settings
    return TreeEnsemble.of([tree(number) for number in range(trees)], features=3, **chosen)


@pytest.mark.parametrize(
    ("depth", "way"), [(0, "products"), (1, "products"), (2, "products"), (3, "levels"), (8, "levels")]
)
def test_the_way_follows_the_shape(depth: int, way: str) -> None:
    made = tensor_graph(written(forest(trees=6, depth=depth)))
    assert facts_of(metadata(made)).ways == {way: 12}


def test_long_chains_are_followed_by_pointers() -> None:
    ensemble = TreeEnsemble.of(
        [chain(10)] * 2, features=1, base=np.zeros(1), comparison="<", precision="float64"
    )
    made = assert_equal(written(ensemble), np.array([[-1.0], [0.0], [1.0], [np.nan]]))
    assert facts_of(metadata(made)).ways == {"pointers": 4}


def test_too_deep_trees_are_refused() -> None:
    ensemble = TreeEnsemble.of(
        [chain(900)] * 40, features=1, base=np.zeros(1), comparison="<", precision="float64"
    )
    with pytest.raises(NoTensorFormError, match=r"would take \d+,\d+ operators; limit their depth"):
        tensor_graph(written(ensemble), rows=1000, cells=1000)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("comparison", ["<", "<="])
@pytest.mark.parametrize("way", WAYS)
def test_nan_and_infinities_meet_extreme_thresholds(
    precision: str, comparison: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, way)
    extremes = [-np.inf, np.inf, 0.0, -0.0, 5e-324, 1e-45, 3.5e38, 0.1]
    stumps = [stump(threshold, left) for threshold in extremes for left in (False, True)]
    ensemble = TreeEnsemble.of(
        stumps, features=1, base=np.zeros(1), comparison=comparison, precision=precision
    )
    values = [*extremes, np.nan, *np.nextafter(extremes, 1), *np.nextafter(extremes, -1)]
    values += np.float32(0.1).tolist(), np.nextafter(np.float32(0.1), np.float32(0)).tolist()
    assert_equal(written(ensemble), np.array(values).reshape(-1, 1))


def stump(threshold: float, missing_left: bool) -> Tree:
    return Tree(
        feature=np.array([0, -1, -1]),
        threshold=np.array([threshold, 0.0, 0.0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        missing_left=np.array([missing_left, False, False]),
        values=np.array([[0.0], [1.0], [2.0]]),
    )


@pytest.mark.parametrize("way", WAYS)
def test_every_operator_of_the_trees_is_one_of_cuda(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, way)
    made = tensor_graph(written(forest(trees=5, depth=3, comparison="<", precision="float32")))
    place = placement(made)
    assert (place.cpu, place.copied) == ((), ())
    assert place.cuda == len(onnx.load_model_from_string(made).graph.node)


def test_a_tree_operator_is_copied_for() -> None:
    place = placement(written(forest(trees=2, depth=1)))
    assert Counter(entry.operator for entry in place.cpu) == {"ai.onnx.ml.TreeEnsembleRegressor": 2}
    assert len(place.copied) == 3  # the features that both read, and the leaves of each


def test_a_model_without_trees_stays_as_it_is() -> None:
    model, _ = twice()
    assert tensor_graph(model) is model
    assert facts_of(metadata(model)) is None


def test_metadata_inputs_and_outputs_are_kept() -> None:
    model = onnx.load_model_from_string(written(forest(trees=2, depth=1)))
    helper.set_model_props(model, {"warehouse_ml.signature": "{}", "other": "text"})
    made = tensor_graph(model.SerializeToString())
    told = metadata(made)
    assert set(told) == {"warehouse_ml.signature", "other", tensor_trees.METADATA_KEY}
    assert (told["warehouse_ml.signature"], told["other"]) == ("{}", "text")
    after = onnx.load_model_from_string(made)
    assert list(after.graph.input) == list(model.graph.input)
    assert list(after.graph.output) == list(model.graph.output)
    assert after.opset_import == model.opset_import


def test_the_same_model_gives_the_same_bytes() -> None:
    model = written(forest(trees=3, depth=2))
    assert tensor_graph(model) == tensor_graph(model)


ONE_TREE = """nodes_treeids = [0, 0, 0], nodes_nodeids = [0, 1, 2], nodes_featureids = [0, 0, 0],
    nodes_modes = ["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values = [0.5, 0.0, 0.0],
    nodes_truenodeids = [1, 0, 0], nodes_falsenodeids = [2, 0, 0]"""


def foreign(operator: str, attributes: str) -> bytes:
    model = graph(
        f"""g (float[N, 1] x) => (float[N, 1] y) {{
            y = ai.onnx.ml.{operator}<{ONE_TREE}, {attributes}>(x)
        }}""",
        {},
    )
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("weights", "reason"),
    [("[1.5, 2.5]", "adds up its leaves itself"), ("[1.0, 2.0]", None), ("[-1.0, 2.0]", "adds up")],
)
def test_an_operator_that_adds_is_refused(weights: str, reason: str | None) -> None:
    leaves = "target_treeids = [0, 0], target_nodeids = [1, 2], target_ids = [0, 0]"
    model = foreign("TreeEnsembleRegressor", f"n_targets = 1, {leaves}, target_weights = {weights}")
    if reason is None:
        assert_equal(model, np.array([[0.0], [1.0]], np.float32))
    else:
        with pytest.raises(NoTensorFormError, match=reason):
            tensor_graph(model)


def test_another_tree_operator_is_refused() -> None:
    leaves = "class_treeids = [0, 0], class_nodeids = [1, 2], class_ids = [0, 0]"
    more = f"{leaves}, class_weights = [0.0, 1.0], classlabels_int64s = [0, 1]"
    model = graph(
        f"""g (float[N, 1] x) => (int64[N] label, float[N, 2] y) {{
            label, y = ai.onnx.ml.TreeEnsembleClassifier<{ONE_TREE}, {more}>(x)
        }}""",
        {},
    )
    with pytest.raises(NoTensorFormError, match="TreeEnsembleClassifier is not one that the exporters"):
        tensor_graph(model.SerializeToString())


def test_chunks_are_whole_rounds() -> None:
    splits = tensor_forest.Splits.of(
        tensor_forest._without_splits(np.arange(12), "float64")  # twelve trees that are leaves
    )
    parts = [(chunk.first, chunk.last) for chunk in tensor_forest.chunks_of(splits, 3, 7)]
    assert parts == [(0, 6), (6, 12)]
    assert len(tensor_forest.chunks_of(splits, 3, 1)) == 4
