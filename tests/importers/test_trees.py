import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from warehouse_ml.errors import ImportModelError
from warehouse_ml.importers.trees import MAX_DEPTH, check_trees


def stump(**changes) -> onnx.NodeProto:
    """One branch with two leaves; an attribute is changed, or left out where it is None."""
    attributes = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
        "n_targets": 1,
        **changes,
    }
    given = {name: value for name, value in attributes.items() if value is not None}
    return helper.make_node("TreeEnsembleRegressor", ["X"], ["y"], domain="ai.onnx.ml", **given)


def chain(depth: int) -> onnx.NodeProto:
    """A branch on every level, and its leaf."""
    count = 2 * depth + 1
    branch = [place % 2 == 0 and place < count - 1 for place in range(count)]
    leaves = [place for place in range(count) if not branch[place]]
    return stump(
        nodes_treeids=[0] * count,
        nodes_nodeids=list(range(count)),
        nodes_featureids=[0] * count,
        nodes_modes=["BRANCH_LEQ" if inner else "LEAF" for inner in branch],
        nodes_values=[0.0] * count,
        nodes_truenodeids=[place + 1 if branch[place] else 0 for place in range(count)],
        nodes_falsenodeids=[place + 2 if branch[place] else 0 for place in range(count)],
        target_treeids=[0] * len(leaves),
        target_nodeids=leaves,
        target_ids=[0] * len(leaves),
        target_weights=[1.0] * len(leaves),
    )


def flat(**changes) -> onnx.NodeProto:
    """The form of ai.onnx.ml 5: a root, a branch below it, three leaves."""
    attributes = {
        "nodes_featureids": [0, 0],
        "nodes_splits": helper.make_tensor("s", TensorProto.FLOAT, [2], [0.5, 1.5]),
        "nodes_modes": helper.make_tensor("m", TensorProto.UINT8, [2], [0, 0]),
        "nodes_truenodeids": [0, 1],
        "nodes_trueleafs": [1, 1],
        "nodes_falsenodeids": [1, 2],
        "nodes_falseleafs": [0, 1],
        "tree_roots": [0],
        "leaf_targetids": [0, 0, 0],
        "leaf_weights": helper.make_tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0]),
        "n_targets": 1,
        **changes,
    }
    given = {name: value for name, value in attributes.items() if value is not None}
    return helper.make_node("TreeEnsemble", ["X"], ["y"], domain="ai.onnx.ml", **given)


def run(node: onnx.NodeProto, values: list[float]) -> list[float]:
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [
        helper.make_opsetid("", 15),
        helper.make_opsetid("ai.onnx.ml", 5 if node.op_type == "TreeEnsemble" else 3),
    ]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": np.array(values, np.float32).reshape(-1, 1)})[0].ravel().tolist()


def test_trees_that_pass_are_run_by_onnxruntime():
    for node, values, expected in (
        (stump(), [0.0, 1.0], [1.0, 2.0]),
        (flat(), [0.0, 1.0, 2.0], [1.0, 2.0, 3.0]),
        (chain(MAX_DEPTH - 1), [1.0], [1.0]),
    ):
        check_trees(node)
        assert run(node, values) == expected


def test_two_branches_may_lead_to_the_same_node():
    check_trees(
        stump(
            nodes_treeids=[0] * 4,
            nodes_nodeids=[0, 1, 2, 3],
            nodes_featureids=[0] * 4,
            nodes_modes=["BRANCH_EQ", "BRANCH_EQ", "LEAF", "LEAF"],
            nodes_values=[1.0, 2.0, 0.0, 0.0],
            nodes_truenodeids=[2, 2, 0, 0],
            nodes_falsenodeids=[1, 3, 0, 0],
            target_nodeids=[2, 3],
        )
    )


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (chain(MAX_DEPTH), "goes in a circle or is deeper than 1,000 levels"),
        (stump(nodes_truenodeids=[0, 0, 0]), "goes in a circle"),
        (stump(nodes_truenodeids=[7, 0, 0]), "a node leads to one that does not exist"),
        (stump(nodes_treeids=[0, 1, 1]), "a node leads to one that does not exist"),
        (stump(nodes_nodeids=[0, 1, 1]), "a node is given twice"),
        (stump(nodes_featureids=[-1, 0, 0]), "a node has no feature"),
        (stump(nodes_featureids=[0, 0]), "the lists of its nodes differ in length"),
        (stump(nodes_values=[0.5]), "the lists of its nodes differ in length"),
        (stump(nodes_modes=None), "a list of its nodes is missing"),
        (stump(target_ids=None), "a list of its leaves is missing"),
        (stump(target_ids=[0]), "the lists of its leaves differ in length"),
        (stump(target_ids=[0, 3]), "belongs to a result that does not exist"),
        (stump(target_nodeids=[1, 9]), "belongs to a node that does not exist"),
        (
            stump(nodes_values_as_tensor=helper.make_tensor("v", TensorProto.DOUBLE, [3], [0.0] * 3)),
            "nodes_values_as_tensor is given twice",
        ),
        (
            stump(
                nodes_values=None,
                nodes_values_as_tensor=helper.make_tensor("v", TensorProto.DOUBLE, [1], [0.0]),
            ),
            "the lists of its nodes differ in length",
        ),
        (flat(tree_roots=None), "a list of its nodes is missing"),
        (flat(tree_roots=[5]), "a tree starts at a node that does not exist"),
        (flat(nodes_truenodeids=[0, 9]), "a node leads to one that does not exist"),
        (flat(nodes_truenodeids=[0]), "the lists of its nodes differ in length"),
        (flat(nodes_falsenodeids=[0, 2]), "goes in a circle"),
    ],
)
def test_damaged_trees_are_refused(node, message):
    with pytest.raises(ImportModelError, match=message):
        check_trees(node)
