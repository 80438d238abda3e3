"""Rewrite a foreign graph so that every feature is an input of its own, of shape [rows, 1]."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onnx import TensorProto, helper

from warehouse_ml.errors import ImportModelError, near_miss
from warehouse_ml.signature import TYPES, Feature, GraphInput

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

MAX_FEATURES = 10_000

Names = Sequence[str] | Mapping[str, str | Sequence[str]]

_FEATURE_TYPES: dict[int, str] = {
    **dict.fromkeys(
        (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16), "DOUBLE"
    ),
    **dict.fromkeys(
        (
            TensorProto.INT64,
            TensorProto.INT32,
            TensorProto.INT16,
            TensorProto.INT8,
            TensorProto.UINT64,
            TensorProto.UINT32,
            TensorProto.UINT16,
            TensorProto.UINT8,
        ),
        "BIGINT",
    ),
    TensorProto.BOOL: "BOOLEAN",
    TensorProto.STRING: "VARCHAR",
}
ELEMENTS = {"double": TensorProto.DOUBLE, "int64": TensorProto.INT64, "string": TensorProto.STRING}
"""The element types that are fed, by their name in `signature.TYPES`."""


@dataclass(frozen=True, slots=True)
class _Source:
    """An input as the file has it: [rows] (flat) or [rows, width]; a width of 0 is not known yet."""

    name: str
    element: int
    width: int
    flat: bool

    @property
    def type(self) -> str:
        return _FEATURE_TYPES[self.element]


def split_inputs(
    model: "ModelProto", names: Names | None
) -> tuple[tuple[Feature, ...], tuple[GraphInput, ...]]:
    """Rewrite the inputs in place.

    Args:
        model: A checked model.
        names: The features' names in the order of the graph, or by input. By default an input of one
            column gives its own name, the columns of a single wider one are `f0`, `f1` and so on, and
            of several `<input>_0`, `<input>_1`.

    Returns:
        The features, and the inputs that they are fed to.

    Raises:
        ImportModelError: An input is no column or matrix, its rows are a fixed number other than 1, or
            the names do not fit.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    # Up to IR version 3 every initializer had to be an input too; since then that means a default.
    model.ir_version = max(model.ir_version, 4)
    sources = [_source(entry) for entry in graph.input if entry.name not in constants]
    if not sources:
        raise ImportModelError("The graph has no inputs, so it has no features.")
    named = _named(sources, names)
    taken = set(value_names(graph))
    features: list[Feature] = []
    inputs: list[GraphInput] = []
    entries: list[ValueInfoProto] = []
    nodes: list[NodeProto] = []
    for source, feature_names in zip(sources, named, strict=True):
        element = ELEMENTS[TYPES[source.type].onnx]
        as_is = element == source.element and len(feature_names) == 1 and not source.flat
        parts = []
        for name in feature_names:
            part = source.name if as_is else unused(f"feature_{len(features)}", taken)
            parts.append(part)
            inputs.append(GraphInput(part, len(features)))
            entries.append(helper.make_tensor_value_info(part, element, [None, 1]))
            features.append(Feature(name, source.type))
        if not as_is:
            nodes.extend(_joined(source, parts, element, taken))
    body = list(graph.node)
    del graph.input[:], graph.node[:]
    graph.input.extend(entries)
    graph.node.extend([*nodes, *body])
    # Shapes of values inside may state the fixed number of rows that was just given up.
    del graph.value_info[:]
    if len({feature.name for feature in features}) < len(features):
        raise ImportModelError("Two features have the same name; give other names with features=[…].")
    return tuple(features), tuple(inputs)


def _source(entry: "ValueInfoProto") -> _Source:
    name = entry.name
    if not entry.type.HasField("tensor_type"):
        raise ImportModelError(
            f"The input {name!r} is no tensor (a sequence, map or optional), so it is no feature."
        )
    tensor = entry.type.tensor_type
    if tensor.elem_type not in _FEATURE_TYPES:
        raise ImportModelError(
            f"The input {name!r} has an element type that no column has ({tensor.elem_type})."
        )
    if not tensor.HasField("shape"):
        raise ImportModelError(f"The input {name!r} has no declared shape; features must be [rows, columns].")
    dims = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in tensor.shape.dim]
    if len(dims) not in (1, 2):
        raise ImportModelError(
            f"The input {name!r} has {len(dims)} dimensions; features must be [rows, columns]."
        )
    if dims[0] not in (0, 1):
        raise ImportModelError(
            f"The input {name!r} is fixed to {dims[0]} rows; export the model with a dynamic first dimension."
        )
    width = 1 if len(dims) == 1 else dims[1]
    if not 0 <= width <= MAX_FEATURES:
        raise ImportModelError(
            f"The input {name!r} has {width:,} columns; at most {MAX_FEATURES:,} are read."
        )
    return _Source(name, tensor.elem_type, width, flat=len(dims) == 1)


def _named(sources: Sequence[_Source], names: Names | None) -> list[list[str]]:
    if isinstance(names, Mapping):
        known = [source.name for source in sources]
        for name in names:
            if name not in known:
                raise ImportModelError(f"The graph has no input named {name!r}.{near_miss(name, known)}")
        result = []
        for source in sources:
            given = names.get(source.name)
            listed = [given] if isinstance(given, str) else given
            result.append(_default_names(source, sources) if listed is None else list(listed))
    elif names is not None:
        if isinstance(names, str):
            names = [names]
        result = _dealt(sources, list(names))
    else:
        result = [_default_names(source, sources) for source in sources]
    for source, listed in zip(sources, result, strict=True):
        if len(listed) != source.width and not (source.width == 0 and listed):
            raise ImportModelError(
                f"The input {source.name!r} has {source.width} columns; {len(listed)} names were given."
            )
        for name in listed:
            if not isinstance(name, str) or not name or "\0" in name:
                raise ImportModelError(f"{name!r} is no name of a feature.")
    return result


def _dealt(sources: Sequence[_Source], names: list[str]) -> list[list[str]]:
    unknown = sum(source.width == 0 for source in sources)
    spare = len(names) - sum(source.width for source in sources)
    if unknown > 1 or spare < unknown or (spare and not unknown):
        raise ImportModelError(f"The graph has {len(names) - spare} features; {len(names)} names were given.")
    result = []
    for source in sources:
        width = source.width or spare
        result.append(names[:width])
        names = names[width:]
    return result


def _default_names(source: _Source, sources: Sequence[_Source]) -> list[str]:
    if source.width == 0:
        raise ImportModelError(
            f"The input {source.name!r} does not say how many columns it has; name them with features=[…]."
        )
    if source.width == 1:
        return [source.name]
    prefix = "f" if len(sources) == 1 else f"{source.name}_"
    return [f"{prefix}{index}" for index in range(source.width)]


def _joined(source: _Source, parts: list[str], element: int, taken: set[str]) -> "Iterator[NodeProto]":
    """The nodes that make the input, as the file has it, from the new ones."""
    value = parts[0]
    steps: list[tuple[str, list[str], dict[str, Any]]] = []
    if len(parts) > 1:
        steps.append(("Concat", parts, {"axis": 1}))
    if element != source.element:
        steps.append(("Cast", [], {"to": source.element}))
    if source.flat:
        shape = unused("flat_shape", taken)
        yield helper.make_node(
            "Constant", [], [shape], value=helper.make_tensor("", TensorProto.INT64, [1], [-1])
        )
        steps.append(("Reshape", ["", shape], {}))
    for place, (operator, given, attributes) in enumerate(steps):
        last = place == len(steps) - 1
        result = source.name if last else unused(f"{operator.lower()}_{source.name}", taken)
        feeds = given if operator == "Concat" else [value, *given[1:]]
        yield helper.make_node(operator, feeds, [result], **attributes)
        value = result


def value_names(graph: "GraphProto") -> Iterator[str]:
    """Every name of a value in the graph and its sub-graphs."""
    yield from (entry.name for entry in (*graph.input, *graph.initializer, *graph.output))
    for node in graph.node:
        yield from (*node.input, *node.output)
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from value_names(inner)


def unused(wish: str, taken: set[str]) -> str:
    """A name that no value has, which is taken from now on."""
    name, count = wish, 0
    while name in taken:
        count += 1
        name = f"{wish}_{count}"
    taken.add(name)
    return name
