"""An ONNX graph under construction: the nodes and constants that tensors are made of.

Everything is computed in float64 unless the library itself computes in
float32, because that is what scikit-learn does: no rounding has to be explained away later.

The operators are those of ONNX opset 15 and ai.onnx.ml 3, which every onnxruntime from 1.15 on loads.
Two nodes with the same operator, inputs and attributes are one node.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import helper, numpy_helper

from warehouse_ml.graph.tensor import ONNX_TYPE, Operand, Shape, Tensor

OPSETS: Mapping[str, int] = {"": 15, "ai.onnx.ml": 3, "com.microsoft": 1}
IR_VERSION = 8


@dataclass(frozen=True, slots=True)
class _Node:
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


class Graph:
    """An ONNX graph under construction."""

    def __init__(self) -> None:
        self.inputs: dict[str, Tensor] = {}
        self._nodes: list[_Node] = []
        self._constants: dict[str, NDArray[Any]] = {}
        self._known_constants: dict[Any, Tensor] = {}
        self._known_nodes: dict[Any, tuple[Tensor, ...]] = {}

    def input(self, name: str, dtype: str, shape: Shape = (None, 1)) -> Tensor:
        """A named input; the first dimension is the number of rows."""
        tensor = Tensor(self, name, dtype, shape)
        self.inputs[name] = tensor
        return tensor

    def constant(self, value: ArrayLike, dtype: str | None = None) -> Tensor:
        """A constant; equal constants are stored once."""
        array = np.asarray(value)
        if array.dtype.kind in "OUST" or dtype == "string":
            array, dtype = np.asarray(array, dtype=object), "string"
            key = (dtype, array.shape, tuple(array.ravel().tolist()))
        else:
            array = np.ascontiguousarray(array, dtype=dtype).reshape(array.shape)
            dtype = array.dtype.name
            key = (dtype, array.shape, (array.tobytes(),))
        if key not in self._known_constants:
            name = f"constant_{len(self._constants)}"
            self._constants[name] = array
            self._known_constants[key] = Tensor(self, name, dtype, tuple(array.shape))
        return self._known_constants[key]

    @overload
    def op(
        self,
        operator: str,
        *inputs: Tensor | None,
        dtype: str,
        shape: Shape | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> Tensor: ...

    @overload
    def op(
        self,
        operator: str,
        *inputs: Tensor | None,
        dtype: list[str],
        shape: list[Shape | None] | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> tuple[Tensor, ...]: ...

    def op(
        self,
        operator: str,
        *inputs: Tensor | None,
        dtype: str | list[str],
        shape: Any = None,
        domain: str = "",
        **attributes: Any,
    ) -> Tensor | tuple[Tensor, ...]:
        """Add a node and return its output, or a tuple of them where `dtype` is a list.

        Args:
            operator: The operator's name.
            inputs: Tensors; None leaves an optional input out.
            dtype: The type of the output, or a list with one for each output.
            shape: The shape of the output, as far as it is known; a list of them likewise.
            domain: The operator's domain.
            attributes: The operator's attributes; None leaves one out.
        """
        names = tuple("" if tensor is None else tensor.name for tensor in inputs)
        given = {key: value for key, value in attributes.items() if value is not None}
        key = (operator, domain, names, _frozen(given))
        several = not isinstance(dtype, str)
        if key in self._known_nodes:
            known = self._known_nodes[key]
            return known if several else known[0]
        dtypes = [dtype] if isinstance(dtype, str) else dtype
        shapes: Sequence[Any] = (shape or [None] * len(dtypes)) if several else [shape]
        stem = f"{operator}_{len(self._nodes)}"
        outputs = tuple(
            Tensor(self, f"{stem}_{index}" if several else stem, kind, size)
            for index, (kind, size) in enumerate(zip(dtypes, shapes, strict=True))
        )
        self._nodes.append(_Node(operator, domain, names, tuple(t.name for t in outputs), given))
        self._known_nodes[key] = outputs
        return outputs if several else outputs[0]

    def concat(self, tensors: Iterable[Tensor], axis: int = 1) -> Tensor:
        """Join tensors of one type along an axis."""
        parts = list(tensors)
        if len(parts) == 1:
            return parts[0]
        shape = None
        if all(part.shape is not None for part in parts):
            sizes = [part.shape[axis] for part in parts]  # type: ignore[index]
            total = None if None in sizes else sum(sizes)  # type: ignore[arg-type]
            first = list(parts[0].shape)  # type: ignore[arg-type]
            first[axis] = total
            shape = tuple(first)
        return self.op("Concat", *parts, dtype=parts[0].dtype, shape=shape, axis=axis)

    def maximum(self, a: Tensor, b: Operand) -> Tensor:
        """Elementwise maximum; a NaN on either side is the result."""
        return a.binary("Max", b)

    def minimum(self, a: Tensor, b: Operand) -> Tensor:
        """Elementwise minimum; a NaN on either side is the result."""
        return a.binary("Min", b)

    def build(self, outputs: Mapping[str, Tensor]) -> onnx.ModelProto:
        """The model that computes the outputs; what they do not need is left out.

        Args:
            outputs: The graph's outputs by name.

        Returns:
            The model; its inputs are those that the outputs depend on. The same calls make the same bytes.
        """
        kept, needed = self._needed(outputs.values())
        final = [_Node("Identity", "", (tensor.name,), (name,), {}) for name, tensor in outputs.items()]
        nodes = [*kept, *final]
        graph = helper.make_graph(
            [
                helper.make_node(n.operator, n.inputs, n.outputs, domain=n.domain, **n.attributes)
                for n in nodes
            ],
            "warehouse_ml",
            [t.value_info() for name, t in self.inputs.items() if name in needed],
            [Tensor(self, name, tensor.dtype, tensor.shape).value_info() for name, tensor in outputs.items()],
            [
                numpy_helper.from_array(array, name)
                for name, array in self._constants.items()
                if name in needed
            ],
        )
        used = sorted({node.domain for node in nodes} | {""})
        return helper.make_model(
            graph,
            producer_name="warehouse_ml",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid(domain, OPSETS[domain]) for domain in used],
        )

    def inputs_of(self, outputs: Iterable[Tensor]) -> set[str]:
        """The names of the inputs that these tensors depend on."""
        _, needed = self._needed(outputs)
        return needed & self.inputs.keys()

    def row_size(self, outputs: Iterable[Tensor]) -> int:
        """How many elements the widest tensor that the outputs need holds for one row."""
        _, needed = self._needed(outputs)
        return max(
            (
                math.prod(size for size in tensor.shape[1:] if size is not None)
                for tensors in self._known_nodes.values()
                for tensor in tensors
                if tensor.name in needed and tensor.shape is not None and tensor.shape[:1] == (None,)
            ),
            default=1,
        )

    def _needed(self, outputs: Iterable[Tensor]) -> tuple[list[_Node], set[str]]:
        needed = {tensor.name for tensor in outputs}
        kept: list[_Node] = []
        for node in reversed(self._nodes):
            if needed.intersection(node.outputs):
                kept.append(node)
                needed.update(node.inputs)
        kept.reverse()
        return kept, needed

    def merge(self, model: onnx.ModelProto, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take over the nodes of another model.

        Args:
            model: A model without sub-graphs, for the same opsets.
            inputs: The tensor that takes the place of each of its inputs.

        Returns:
            Its outputs by their names there.
        """
        prefix = f"merged_{len(self._nodes)}_"
        names = {name: tensor.name for name, tensor in inputs.items()}
        for initializer in model.graph.initializer:
            names[initializer.name] = self.constant(numpy_helper.to_array(initializer)).name
        for node in model.graph.node:
            for output in node.output:
                names[output] = prefix + output
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            self._nodes.append(
                _Node(
                    node.op_type,
                    node.domain,
                    tuple(names[name] if name else "" for name in node.input),
                    tuple(names[name] for name in node.output),
                    attributes,
                )
            )
        by_type = {code: name for name, code in ONNX_TYPE.items()}
        return {
            output.name: Tensor(self, names[output.name], by_type[output.type.tensor_type.elem_type], None)
            for output in model.graph.output
            if output.type.HasField("tensor_type")
        }


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _frozen(item)) for key, item in value.items()))
    if isinstance(value, np.ndarray):
        return (value.dtype.name, value.shape, value.tobytes())
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], int | float | str):  # a million nodes of a forest
            return tuple(value)
        return tuple(_frozen(item) for item in value)
    if isinstance(value, onnx.TensorProto):
        return value.SerializeToString()
    return value
