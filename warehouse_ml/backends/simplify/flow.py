"""A graph as the rules see it, and how they change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

Shape = tuple[int | None, ...]

ELEMENTWISE = frozenset(
    """Abs Add And Cast Div Equal Exp Floor Greater GreaterOrEqual IsNaN Less LessOrEqual Log Max Min Mul Neg
    Not Or Pow Sign Sqrt Sub Tanh Where""".split()  # noqa: SIM905
)
"""Operators whose result at a place depends on their operands there, broadcast as numpy does it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a tensor.

    Attributes:
        dtype: numpy's name of it: `float64`, or `str`.
        shape: The known sizes, None for others; or None where the rank is not known.
    """

    dtype: str
    shape: Shape | None = None

    @property
    def is_column(self) -> bool:
        """Whether it is one number per row, as a matrix: [rows, 1]."""
        return self.shape is not None and len(self.shape) == 2 and self.shape == (None, 1)

    @property
    def width(self) -> int | None:
        """The columns of a matrix [rows, width], where they are known."""
        return self.shape[1] if self.shape is not None and len(self.shape) == 2 else None


@dataclass(frozen=True)
class Flow:
    """A graph without sub-graphs.

    Attributes:
        model: The model that it came from: its opsets, its metadata, its inputs and outputs.
        nodes: The nodes, each after those that it reads.
        constants: The initializers by name.
        kinds: What is known of the tensors' types.
    """

    model: onnx.ModelProto
    nodes: tuple[onnx.NodeProto, ...]
    constants: Mapping[str, onnx.TensorProto]
    kinds: Mapping[str, Kind]

    @classmethod
    def of(cls, model: onnx.ModelProto) -> Flow | None:
        """The graph of a model, or None where it has parts that the rules do not understand."""
        graph = model.graph
        named = {entry.name for entry in graph.input}
        nested = any(a.type in _NESTED for node in graph.node for a in node.attribute)
        defaults = any(entry.name in named for entry in graph.initializer)
        if nested or defaults or model.functions or graph.sparse_initializer:
            return None
        constants = {entry.name: entry for entry in graph.initializer}
        return cls(model, tuple(graph.node), constants, _inferred(model))

    def inferred(self) -> Flow:
        """The same, with what can now be known of the types."""
        known = {name: kind for name, kind in self.kinds.items() if kind.dtype}
        return replace(self, kinds={**known, **_inferred(self.build())})

    @cached_property
    def makers(self) -> Mapping[str, onnx.NodeProto]:
        """The node that computes a tensor."""
        return {name: node for node in self.nodes for name in node.output}

    @cached_property
    def readers(self) -> Counter[str]:
        """How often a tensor is read; an output of the graph is read once by whoever runs it."""
        names = Counter(name for node in self.nodes for name in node.input)
        names.update(entry.name for entry in self.model.graph.output)
        return names

    @cached_property
    def has_waves(self) -> bool:
        """Whether a function is periodic: of a large argument's last digit it makes any number."""
        return any(node.op_type in ("Cos", "Mod", "Sin", "Tan") for node in self.nodes)

    @property
    def outputs(self) -> frozenset[str]:
        """The names of the graph's outputs."""
        return frozenset(entry.name for entry in self.model.graph.output)

    def kind(self, name: str) -> Kind:
        """The type of a tensor, as far as it is known."""
        if name in self.constants:
            entry = self.constants[name]
            return Kind(_dtype(entry.data_type), tuple(entry.dims))
        return self.kinds.get(name, Kind(""))

    def maker(self, name: str, *operators: str, sole: bool = False) -> onnx.NodeProto | None:
        """The node that computes a tensor, if its operator is one of these.

        Args:
            name: The tensor.
            operators: The operators that will do.
            sole: Whether None is wanted where something else reads the tensor too.
        """
        node = self.makers.get(name)
        if node is None or node.op_type not in operators or (sole and self.readers[name] != 1):
            return None
        return node

    def value(self, name: str) -> NDArray[Any] | None:
        """A constant's values, or None where the tensor is not a constant."""
        entry = self.constants.get(name)
        return None if entry is None else numpy_helper.to_array(entry)

    def build(self) -> onnx.ModelProto:
        """The model; inputs that nothing reads are left out."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        graph = model.graph
        for part in ("node", "initializer", "value_info", "input"):
            graph.ClearField(part)
        graph.node.extend(self.nodes)
        graph.initializer.extend(self.constants.values())
        graph.input.extend(entry for entry in self.model.graph.input if self.readers[entry.name])
        return model


Step = Callable[[onnx.NodeProto, Flow, "Edit"], bool]
"""Looks at one node; emits what takes its place and returns True, or leaves it and returns False."""


def rewritten(flow: Flow, step: Step) -> Flow:
    """Offer every node to a step; what nobody reads any more is dropped.

    Returns:
        The flow itself if the step left all nodes as they are.
    """
    edit = Edit(flow)
    for node in flow.nodes:
        if step(node, flow, edit):
            edit.changed = True
        else:
            edit.nodes.append(node)
    return edit.done() if edit.changed else flow


class Edit:
    """The graph that a rule writes."""

    def __init__(self, flow: Flow, nodes: Sequence[onnx.NodeProto] = ()) -> None:
        """Start with these nodes; the constants are the flow's."""
        self.changed = False
        self.nodes = list(nodes)
        self._flow = flow
        self._constants = dict(flow.constants)
        self._kinds = dict(flow.kinds)
        self._count = 0

    def constant(self, values: Any, name: str | None = None) -> str:
        """A new constant, or one that takes the place of a tensor of the old graph; its name."""
        name = self._name("constant") if name is None else name
        array = np.asarray(values, order="C")
        self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        *,
        kind: Kind | None = None,
        output: str | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """A new node; the name of what it computes.

        Args:
            operator: Its operator.
            inputs: What it reads.
            kind: The type of a new tensor.
            output: The tensor of the old graph that it computes, instead of a new one.
            domain: The operator's domain.
            attributes: Its attributes.
        """
        name = self._name(operator.lower()) if output is None else output
        if kind is not None:
            self._kinds[name] = kind
        self.nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name

    def copy(self, node: onnx.NodeProto, inputs: Sequence[str]) -> None:
        """A node as it was, with other inputs."""
        changed = onnx.NodeProto()
        changed.CopyFrom(node)
        del changed.input[:]
        changed.input.extend(inputs)
        self.nodes.append(changed)

    def like(self, node: onnx.NodeProto, inputs: Sequence[str], kind: Kind) -> str:
        """A node as it was, with other inputs and a new output; the output's name."""
        self.copy(node, inputs)
        name = self._name(node.op_type.lower())
        self._kinds[name] = kind
        self.nodes[-1].output[0] = name
        return name

    def done(self) -> Flow:
        """The flow without the nodes and constants that the outputs do not need."""
        needed = set(self._flow.outputs)
        kept = []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        constants = {name: entry for name, entry in self._constants.items() if name in needed}
        return replace(self._flow, nodes=tuple(reversed(kept)), constants=constants, kinds=self._kinds)

    def _name(self, stem: str) -> str:
        while True:
            name = f"{stem}_s{self._count}"
            self._count += 1
            if name not in self._kinds and name not in self._constants and name not in self._flow.makers:
                self._kinds[name] = Kind("")
                return name


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """The value of a node's attribute."""
    for entry in node.attribute:
        if entry.name == name:
            return helper.get_attribute_value(entry)
    return default


_NESTED = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)


def _inferred(model: onnx.ModelProto) -> dict[str, Kind]:
    graph = shape_inference.infer_shapes(model).graph
    entries = (*graph.value_info, *graph.output, *graph.input)
    return {entry.name: _kind(entry) for entry in entries if entry.type.HasField("tensor_type")}


def _kind(entry: onnx.ValueInfoProto) -> Kind:
    kind = entry.type.tensor_type
    if not kind.HasField("shape"):
        return Kind(_dtype(kind.elem_type))
    return Kind(
        _dtype(kind.elem_type),
        tuple(size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim),
    )


def _dtype(code: int) -> str:
    if code in (onnx.TensorProto.UNDEFINED, onnx.TensorProto.STRING):
        return "str" if code else ""
    return str(np.dtype(helper.tensor_dtype_to_np_dtype(code)).name)
