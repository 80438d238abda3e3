"""Read a program off an ONNX graph by running the graph on one row of expressions.

Constants are computed with numpy as onnxruntime would; what depends on the rows becomes expressions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from warehouse_ml.backends.program import Expression, Program
from warehouse_ml.backends.read_along import ALONG
from warehouse_ml.backends.read_cells import ROWS, Builder, Cells, NotRowwiseError, Value
from warehouse_ml.backends.read_choices import CHOICES
from warehouse_ml.backends.read_elementwise import ELEMENTWISE
from warehouse_ml.backends.read_learned import LEARNED
from warehouse_ml.backends.read_node import TYPES, Node, Operator
from warehouse_ml.backends.read_products import PRODUCTS
from warehouse_ml.backends.read_shapes import SHAPES
from warehouse_ml.backends.read_sums import sums_of_trees
from warehouse_ml.backends.read_trees import TREES

__all__ = ["NotRowwiseError", "read_program"]

_STANDARD: Mapping[str, Operator] = {**ELEMENTWISE, **SHAPES, **CHOICES, **ALONG, **PRODUCTS}

_TAKE_CONSTANTS = (ELEMENTWISE.keys() | SHAPES.keys() | {"Gather", "MatMul"}) - {"Flatten"}
"""The operators whose functions here take constants too, and the number of the rows in shapes."""

_DOMAINS: Mapping[str, Mapping[str, Operator]] = {
    "": _STANDARD,
    "ai.onnx": _STANDARD,
    "ai.onnx.ml": {**LEARNED, **TREES},
}


def read_program(model: onnx.ModelProto, *, limit: int = 60_000) -> Program:
    """Read the cells of a graph's outputs as expressions over its inputs.

    Args:
        model: The model; each input is [rows, 1] or [rows].
        limit: How many expressions there may be; what needs more is given up soon.

    Raises:
        NotRowwiseError: An operator is not known, a row depends on another one, a shape depends on values,
            or there are too many expressions.
    """
    graph = model.graph
    builder = Builder(limit)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    known: dict[str, Value] = {}
    for initializer in graph.initializer:
        known[initializer.name] = _constant(numpy_helper.to_array(initializer))
    for entry in graph.input:
        if entry.name not in known:
            known[entry.name] = _input(entry, builder)
    nodes = _needed(graph)
    for node in nodes:
        outputs = _run(node, known, builder, opsets)
        known.update(zip(node.output, outputs, strict=False))
    found: dict[str, tuple[Expression, ...]] = {}
    for output in graph.output:
        value = known.get(output.name)
        if not isinstance(value, Cells) or value.turned or value.array.ndim > 2:
            raise NotRowwiseError(f"the output {output.name!r} is not one row per row")
        found[output.name] = tuple(value.array.ravel().tolist())
    return Program(found, sums_of_trees(nodes, known, found.keys()))


def _run(
    node: onnx.NodeProto, known: Mapping[str, Value], builder: Builder, opsets: Mapping[str, int]
) -> Sequence[Value]:
    attributes = dict(_attributes(node.attribute))
    if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
        return [_constant(np.asarray(next(iter(attributes.values()))))]
    operators = _DOMAINS.get(node.domain, {})
    if node.op_type not in operators:
        raise NotRowwiseError(f"the operator {node.op_type} is not known")
    if not all(name in known for name in node.input if name):
        raise NotRowwiseError("a tensor is not made by what comes before")
    values = [known[name] if name else None for name in node.input]
    while values and values[-1] is None:
        values.pop()
    turned = any(isinstance(value, Cells) and value.turned for value in values)
    if turned and node.op_type not in _TURNING:
        raise NotRowwiseError("a step mixes rows")
    constant = not any(isinstance(value, Cells) for value in values)
    try:
        if constant and node.op_type not in _TAKE_CONSTANTS:
            return _folded(node, values, opsets)
        result = operators[node.op_type](Node(node.op_type, attributes, node.output), values, builder)
    except _UNUSUAL as error:
        raise NotRowwiseError(f"the operator {node.op_type} is used in an unusual way: {error}") from error
    results = [result] if isinstance(result, Cells | np.ndarray) else result
    if not turned or node.op_type == "Reshape":
        return results
    return [replace(value, turned=True) if isinstance(value, Cells) else value for value in results]


_UNUSUAL = (LookupError, ValueError, TypeError, ArithmeticError, RuntimeError)
"""What numpy, dicts and onnx say of a graph that is odd."""

_TURNING = frozenset({"Cast", "Identity", "Reshape"})
"""What public converters do with labels of shape [1, rows]: they are made [rows] soon."""


def _folded(
    node: onnx.NodeProto, values: Sequence[Value | None], opsets: Mapping[str, int]
) -> Sequence[Value]:
    """What an operator makes of constants."""
    from onnx.reference import ReferenceEvaluator  # takes a while to import, and is seldom needed

    feeds = {
        name: np.asarray(value) for name, value in zip(node.input, values, strict=False) if value is not None
    }
    if any(array.dtype == np.int64 and (array == ROWS).any() for array in feeds.values()):
        raise NotRowwiseError("it computes with the number of rows")
    inputs = [helper.make_empty_tensor_value_info(name) for name in feeds]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "constants", inputs, outputs)
    found = ReferenceEvaluator(graph, opsets=dict(opsets)).run(None, feeds)
    named = dict(zip((name for name in node.output if name), found, strict=True))
    return [_constant(np.asarray(named[name])) if name else np.zeros(0) for name in node.output]


def _needed(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, in order."""
    wanted = {output.name for output in graph.output}
    nodes: list[onnx.NodeProto] = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            nodes.append(node)
            wanted.update(node.input)
    return nodes[::-1]


def _attributes(entries: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for entry in entries:
        value = helper.get_attribute_value(entry)
        if isinstance(value, onnx.GraphProto):
            raise NotRowwiseError("it has a graph inside")
        yield entry.name, numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _constant(array: NDArray[Any]) -> NDArray[Any]:
    """A constant of the graph; int32 is computed in int64, texts are objects."""
    if array.dtype == np.int32:
        return array.astype(np.int64)
    if array.dtype.kind == "O":
        texts = [item.decode() if isinstance(item, bytes) else item for item in array.ravel().tolist()]
        return np.array(texts, dtype=object).reshape(array.shape)
    return array


def _input(entry: onnx.ValueInfoProto, builder: Builder) -> Cells:
    kind = entry.type.tensor_type
    shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    if kind.elem_type not in TYPES or shape not in ([None], [None, 1]):
        raise NotRowwiseError(f"the input {entry.name!r} is not one value per row")
    dtype = TYPES[kind.elem_type]
    cells = np.empty((1,) * len(shape), dtype=object)
    cells[...] = builder.make("input", dtype, value=entry.name, key=entry.name)
    return Cells(cast(Any, cells), dtype)
