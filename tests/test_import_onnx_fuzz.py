import onnx
import onnxruntime as ort
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, parser

from warehouse_ml.errors import FormatVersionError, ImportModelError
from warehouse_ml.import_onnx import read_onnx


def tree_model() -> bytes:
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["X"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 0, 0, 0, 0],
        nodes_nodeids=[0, 1, 2, 3, 4],
        nodes_featureids=[0, 1, 0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
        nodes_values=[0.5, 1.5, 0.0, 0.0, 0.0],
        nodes_truenodeids=[1, 2, 0, 0, 0],
        nodes_falsenodeids=[4, 3, 0, 0, 0],
        nodes_missing_value_tracks_true=[0] * 5,
        nodes_hitrates=[1.0] * 5,
        class_treeids=[0, 0, 0],
        class_nodeids=[2, 3, 4],
        class_ids=[0, 1, 1],
        class_weights=[1.0, 1.0, 1.0],
        classlabels_strings=["no", "yes"],
        post_transform="NONE",
    )
    zipmap = helper.make_node(
        "ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["no", "yes"]
    )
    maps = helper.make_value_info(
        "maps",
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(onnx.TensorProto.STRING, helper.make_tensor_type_proto(1, []))
        ),
    )
    graph = helper.make_graph(
        [node, zipmap],
        "trees",
        [helper.make_tensor_value_info("X", 1, [None, 2])],
        [helper.make_tensor_value_info("label", onnx.TensorProto.STRING, [None]), maps],
    )
    opsets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def mixed_model() -> bytes:
    return parser.parse_model(
        """
        <ir_version: 8, opset_import: ["": 15, "ai.onnx.ml": 3]>
        agraph (float[N, 2] X, string[N, 1] kind, bool[N, 1] flag) => (float[N, 1] y)
        <float[2, 1] w = {2.0, -1.0}, int64[1] one = {1}>
        {
            a = MatMul(X, w)
            b = ai.onnx.ml.OneHotEncoder <cats_strings = ["red", "green"], zeros = 1> (kind)
            c = ReduceMax <axes = [1], keepdims = 0> (b)
            d = ReduceSum (c, one)
            e = Cast <to = 1> (flag)
            f = Mul (d, e)
            y = Add (a, f)
        }
        """
    ).SerializeToString()


FILES = (tree_model(), mixed_model())
FILES += tuple(read_onnx(content).onnx for content in FILES)


def check(content: bytes) -> None:
    """A file is read, and then loads; or it is refused as it should be."""
    message = ""
    try:
        imported = read_onnx(content)
    except (ImportModelError, FormatVersionError) as error:
        message = str(error)
    if message:
        assert "\n" not in message
        return
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(imported.onnx, options, providers=["CPUExecutionProvider"])
    fed = {entry.name for entry in imported.signature.inputs}
    assert fed == {entry.name for entry in session.get_inputs()}
    read = {leaf.tensor for leaf in imported.signature.prediction.leaves()}
    assert read <= {entry.name for entry in session.get_outputs()}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 10**6))
def test_truncated_file_is_refused_or_loads(content, length):
    check(content[: length % len(content)])


def test_every_truncation_of_a_small_file_is_refused_or_loads():
    content = FILES[0]
    for length in range(len(content)):
        check(content[:length])


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_mutated_file_is_refused_or_loads(content, changes):
    mutated = bytearray(content)
    for place, byte in changes:
        mutated[place % len(content)] = byte
    check(bytes(mutated))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_trees_with_changed_numbers_are_refused_or_load(data):
    model = onnx.ModelProto.FromString(FILES[0])
    lists = [entry.ints for entry in model.graph.node[0].attribute if entry.ints]
    for _ in range(data.draw(st.integers(1, 3))):
        numbers = data.draw(st.sampled_from(lists))
        place = data.draw(st.integers(0, len(numbers) - 1))
        numbers[place] = data.draw(st.sampled_from([-1, 0, 1, 2, 3, 4, 5, 2**31, -(2**63)]))
    check(model.SerializeToString())


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_load(content):
    check(content)
