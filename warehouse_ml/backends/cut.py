"""Cut an ONNX graph where a kernel takes over: what comes before, and what comes after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ELEMENT: Mapping[str, int] = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}
MATRIX = "matrix"
"""What the output of a graph that comes before is called, unless the model has a tensor of that name."""


@dataclass(frozen=True, slots=True)
class Seam:
    """A matrix that the kernel computes, and that the graph is fed with.

    Attributes:
        name: What the new input is called.
        dtype: `float32` or `float64`.
        width: How many columns it has.
    """

    name: str
    dtype: str
    width: int


def free_name(model: onnx.ModelProto, name: str) -> str:
    """A name that no tensor of the graph has or begins with."""
    taken = [entry.name for entry in (*model.graph.input, *model.graph.initializer)]
    taken += [output for node in model.graph.node for output in node.output]
    while any(entry.startswith(name) for entry in taken):
        name += "_"
    return name


def after_graph(
    model: onnx.ModelProto,
    seams: Sequence[Seam],
    columns: Mapping[str, Sequence[tuple[int, int]]],
    without: Collection[str] = (),
) -> onnx.ModelProto:
    """The graph whose tensors are taken from new inputs.

    Args:
        model: The whole graph.
        seams: The new inputs, of shape [rows, width].
        columns: For each tensor that is replaced, and for each of its columns, the seam and the column there.
        without: Outputs that are not needed.
    """
    ranks = _ranks(model, columns)
    nodes: list[onnx.NodeProto] = []
    constants: list[TensorProto] = []
    for place, (name, taken) in enumerate(columns.items()):
        parts = []
        for number, (seam, chosen) in enumerate(_runs(taken)):
            part = f"{seams[0].name}_part_{place}_{number}"
            if chosen == list(range(seams[seam].width)) and ranks[name] == 2:
                nodes.append(helper.make_node("Identity", [seams[seam].name], [part]))
            else:
                where = f"{seams[0].name}_columns_{place}_{number}"
                wanted = np.array(chosen if ranks[name] == 2 else chosen[0], np.int64)
                constants.append(numpy_helper.from_array(wanted, where))
                nodes.append(helper.make_node("Gather", [seams[seam].name, where], [part], axis=1))
            parts.append(part)
        if len(parts) == 1:
            nodes[-1].output[0] = name
        else:
            nodes.append(helper.make_node("Concat", parts, [name], axis=1))
    inputs = [
        helper.make_tensor_value_info(seam.name, ELEMENT[seam.dtype], ["rows", seam.width]) for seam in seams
    ]
    outputs = [entry for entry in model.graph.output if entry.name not in without]
    return _rebuilt(model, nodes, constants, inputs, outputs, set(columns))


def before_graph(
    model: onnx.ModelProto,
    matrices: Mapping[str, tuple[str, int]],
    dtype: str,
    columns: Sequence[int],
) -> onnx.ModelProto:
    """The graph that computes some columns of some of its tensors, as its one output.

    Args:
        model: The whole graph.
        matrices: By name the type of tensors of shape [rows, columns], and how many columns are counted.
        dtype: The type of the output.
        columns: The columns, counted over all tensors; ascending.
    """
    stem = free_name(model, MATRIX)
    nodes: list[onnx.NodeProto] = []
    constants: list[TensorProto] = []
    parts: list[str] = []
    first = 0
    for name, (_, width) in matrices.items():
        chosen = [column - first for column in columns if first <= column < first + width]
        first += width
        if not chosen:
            continue
        where, taken, part = (f"{stem}_{kind}_{len(parts)}" for kind in ("columns", "taken", "part"))
        constants.append(numpy_helper.from_array(np.array(chosen, np.int64), where))
        nodes.append(helper.make_node("Gather", [name, where], [taken], axis=1))
        nodes.append(helper.make_node("Cast", [taken], [part], to=ELEMENT[dtype]))
        parts.append(part)
    nodes.append(helper.make_node("Concat", parts, [stem], axis=1))
    output = helper.make_tensor_value_info(stem, ELEMENT[dtype], ["rows", len(columns)])
    return _rebuilt(model, nodes, constants, [], [output], set(), last=True)


def with_outputs(model: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """The graph that computes some of its tensors."""
    return _rebuilt(model, [], [], [], [onnx.ValueInfoProto(name=name) for name in outputs], ())


def from_matrices(
    model: onnx.ModelProto, matrices: Mapping[str, tuple[str, int]], stem: str
) -> onnx.ModelProto:
    """The graph with each column of some tensors as an input of its own.

    Args:
        model: The whole graph.
        matrices: By name the type and the number of columns of each tensor.
        stem: The inputs are called so, with `_0`, `_1` and so on behind it over all tensors.
    """
    nodes: list[onnx.NodeProto] = []
    inputs: list[onnx.ValueInfoProto] = []
    for name, (dtype, width) in matrices.items():
        parts = [f"{stem}_{len(inputs) + place}" for place in range(width)]
        inputs += [helper.make_tensor_value_info(part, ELEMENT[dtype], ["rows", 1]) for part in parts]
        nodes.append(helper.make_node("Concat", parts, [name], axis=1))
    return _rebuilt(model, nodes, [], inputs, model.graph.output, set(matrices))


def captured(node: onnx.NodeProto) -> Iterator[str]:
    """The names that the sub-graphs of a node may take from outside."""
    for attribute in node.attribute:
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from (entry.name for entry in inner.output)
            for child in inner.node:
                yield from child.input
                yield from captured(child)


def _rebuilt(
    model: onnx.ModelProto,
    added: Sequence[onnx.NodeProto],
    constants: Sequence[TensorProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    replaced: Collection[str],
    last: bool = False,
) -> onnx.ModelProto:
    """The model with some nodes before or behind its own, and only with what its outputs need."""
    old = model.graph
    own = list(old.node)
    every = [*own, *added] if last else [*added, *own]
    new = set(map(id, added))
    needed = {entry.name for entry in outputs}
    kept = []
    for node in reversed(every):
        made = set(node.output) if id(node) in new else set(node.output) - set(replaced)
        if needed & made:
            kept.append(node)
            needed.update(name for name in node.input if name)
            needed.update(captured(node))
    kept.reverse()
    made_names = {name for node in kept for name in node.output}
    graph = helper.make_graph(
        [],
        old.name,
        [entry for entry in (*old.input, *inputs) if entry.name in needed and entry.name not in made_names],
        outputs,
        [entry for entry in (*old.initializer, *constants) if entry.name in needed],
    )
    for node in kept:
        copied = graph.node.add()
        copied.CopyFrom(node)
        if id(node) not in new:
            for place, name in enumerate(node.output):
                if name in replaced:  # the node is kept for another of its outputs
                    copied.output[place] = f"{name}_unused"
    result = onnx.ModelProto()
    result.CopyFrom(model)
    result.graph.CopyFrom(graph)
    return result


def _runs(taken: Sequence[tuple[int, int]]) -> list[tuple[int, list[int]]]:
    """Neighbouring columns of one seam together."""
    runs: list[tuple[int, list[int]]] = []
    for seam, column in taken:
        if runs and runs[-1][0] == seam:
            runs[-1][1].append(column)
        else:
            runs.append((seam, [column]))
    return runs


def _ranks(model: onnx.ModelProto, names: Mapping[str, Sequence[tuple[int, int]]]) -> dict[str, int]:
    """Whether tensors have the shape [rows] or [rows, columns], as far as that can be inferred; else 2."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    ranks = dict.fromkeys(names, 2)
    for entry in (*graph.value_info, *graph.output):
        if entry.name in ranks and entry.type.tensor_type.HasField("shape"):
            ranks[entry.name] = len(entry.type.tensor_type.shape.dim)
    return ranks
