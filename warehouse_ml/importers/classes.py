"""Find the classes of a foreign classifier: in its ZipMap, its operator, or what its label is taken from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from onnx import NodeProto, TensorProto, ValueInfoProto, numpy_helper

if TYPE_CHECKING:
    from onnx import GraphProto

Classes = tuple[str | int, ...]

_PASSED_THROUGH = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "ArrayFeatureExtractor")
_CLASS_LISTS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
_INTEGERS = (TensorProto.INT64, TensorProto.INT32)


def remove_zipmaps(graph: "GraphProto") -> dict[str, Classes]:
    """Replace each ZipMap that is an output by the tensor that it is fed with.

    Returns:
        By the name of such a tensor, which is an output now, its classes.
    """
    producers = _producers(graph)
    found: dict[str, Classes] = {}
    for place, entry in enumerate(graph.output):
        node = producers.get(entry.name)
        while node is not None and node.op_type == "Identity":
            node = producers.get(node.input[0])
        if node is None or node.op_type != "ZipMap":
            continue
        found[node.input[0]] = listed_classes(node)
        graph.output[place].CopyFrom(ValueInfoProto(name=node.input[0]))
    _drop_maps(graph)
    return found


def _drop_maps(graph: "GraphProto") -> None:
    """Drop the ZipMaps that nobody reads, and the outputs that come twice by now."""
    outputs = list({entry.name: entry for entry in graph.output}.values())
    del graph.output[:]
    graph.output.extend(outputs)
    wanted = {entry.name for entry in outputs}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if node.op_type in ("ZipMap", "Identity") and not wanted.intersection(node.output):
            continue
        kept.append(node)
        wanted.update(node.input)
        wanted.update(_captured(node))
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _captured(node: NodeProto) -> set[str]:
    names: set[str] = set()
    for attribute in node.attribute:
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            names.update(entry.name for entry in inner.output)
            for child in inner.node:
                names.update(child.input)
                names.update(_captured(child))
    return names


def listed_classes(node: NodeProto) -> Classes:
    """The classes that an operator lists in its attributes; empty where it lists none."""
    for attribute in node.attribute:
        if attribute.name in _CLASS_LISTS and (attribute.ints or attribute.strings):
            if attribute.ints:
                return tuple(attribute.ints)
            return tuple(text.decode() for text in attribute.strings)
    return ()


def label_classes(graph: "GraphProto", label: str, columns: int) -> Classes:
    """The classes that a label is taken from, in the order of the probabilities.

    Args:
        graph: The graph.
        label: The output that holds the label.
        columns: How many probabilities there are, for labels that are positions.

    Returns:
        The classes; empty where the graph does not show them.
    """
    producers = _producers(graph)
    constants = _constants(graph)
    node, value = producers.get(label), label
    while node is not None:
        if node.op_type in ("ArrayFeatureExtractor", "Gather") and node.input[0] in constants:
            return _tensor_classes(constants[node.input[0]])
        if node.op_type == "ArgMax":
            return tuple(range(columns))
        if node.op_type.endswith("Classifier"):
            return listed_classes(node) if value == node.output[0] else ()
        if node.op_type not in _PASSED_THROUGH:
            return ()
        value = node.input[0]
        node = producers.get(value)
    return ()


def is_nearest(graph: "GraphProto", label: str) -> bool:
    """Whether a label is the position of a smallest value: the nearest centre of a clustering."""
    producers = _producers(graph)
    node = producers.get(label)
    while node is not None and node.op_type in _PASSED_THROUGH:
        node = producers.get(node.input[0])
    return node is not None and node.op_type == "ArgMin"


def _tensor_classes(tensor: TensorProto) -> Classes:
    if tensor.data_type == TensorProto.STRING:
        return tuple(text.decode() for text in tensor.string_data)
    if tensor.data_type in _INTEGERS:
        return tuple(int(number) for number in numpy_helper.to_array(tensor).ravel())
    return ()


def _producers(graph: "GraphProto") -> Mapping[str, NodeProto]:
    return {name: node for node in graph.node for name in node.output if name}


def _constants(graph: "GraphProto") -> Mapping[str, TensorProto]:
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    constants[node.output[0]] = attribute.t
    return constants
