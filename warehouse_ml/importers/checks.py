"""Refuse what a foreign ONNX file must not hold, before onnxruntime sees it."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from warehouse_ml.errors import ImportModelError
from warehouse_ml.importers.trees import TREE_OPERATORS, check_trees

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

MAX_BYTES = 1 << 30
MAX_NODES = 100_000
MAX_NESTING = 4
OLDEST_OPSET = 7
"""What onnxruntime promises to run; older operators have other attributes."""

STANDARD_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
MICROSOFT_OPERATORS = frozenset({"Tokenizer", "CDist", "MurmurHash3"})
"""What skl2onnx itself writes: text vectorizers, distances of neighbours, feature hashing. All three are
pure functions of their input; the tokenizer's patterns are RE2, which takes linear time."""

REFUSED_OPERATORS = {
    **dict.fromkeys(
        (
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
            "Multinomial",
            "Bernoulli",
        ),
        "draws random numbers, so that no score could be proved",
    ),
    "Loop": "may never end; export the model without loops",
    "ImageDecoder": "reads picture files",
}

_BITS: dict[int, tuple[int, str]] = {
    onnx.TensorProto.FLOAT: (32, "float_data"),
    onnx.TensorProto.DOUBLE: (64, "double_data"),
    onnx.TensorProto.FLOAT16: (16, "int32_data"),
    onnx.TensorProto.BFLOAT16: (16, "int32_data"),
    onnx.TensorProto.INT8: (8, "int32_data"),
    onnx.TensorProto.INT16: (16, "int32_data"),
    onnx.TensorProto.INT32: (32, "int32_data"),
    onnx.TensorProto.INT64: (64, "int64_data"),
    onnx.TensorProto.UINT8: (8, "int32_data"),
    onnx.TensorProto.UINT16: (16, "int32_data"),
    onnx.TensorProto.UINT32: (32, "uint64_data"),
    onnx.TensorProto.UINT64: (64, "uint64_data"),
    onnx.TensorProto.BOOL: (8, "int32_data"),
}


def read_model(content: bytes) -> "ModelProto":
    """Parse an ONNX file and check that it is safe to load.

    Args:
        content: The file's bytes.

    Raises:
        ImportModelError: It is no ONNX file, or holds something that is refused.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        raise ImportModelError(
            "This is not an ONNX file, or it is cut off: its bytes cannot be parsed."
        ) from None
    if content[4:8] == b"ORTM":
        raise ImportModelError("This is an .ort file; export the model as .onnx.")
    _check_names(model)
    check_model(model)
    return model


def read_content(source: bytes | str | Path) -> bytes:
    """The bytes of a file, unless they are too many.

    Args:
        source: The file's bytes, or its path.

    Raises:
        ImportModelError: There is no such file, or it is empty or too long.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise ImportModelError(f"There is no file {str(path)!r}.")
        _check_length(path.stat().st_size)
        source = path.read_bytes()
    _check_length(len(source))
    return source


def _check_length(length: int) -> None:
    if length == 0:
        raise ImportModelError("The ONNX file is empty.")
    if length > MAX_BYTES:
        raise ImportModelError(f"The ONNX file has {length:,} bytes; at most {MAX_BYTES:,} are read.")


def check_model(model: "ModelProto") -> None:
    """Check everything that can be checked without running the model.

    Raises:
        ImportModelError: Something is refused; the message names it.
    """
    opsets = _opsets(model)
    if model.ir_version > onnx.IR_VERSION:
        raise ImportModelError(
            f"The file has IR version {model.ir_version}; at most {onnx.IR_VERSION} can be read. "
            "Upgrade onnx and onnxruntime, or export for an older target."
        )
    if model.functions:
        raise ImportModelError(
            f"The file holds local functions ({model.functions[0].name!r}); replace them first with "
            "onnx.inliner.inline_local_functions."
        )
    if not model.graph.node:
        raise ImportModelError("The file holds no computation: it is no ONNX model, or it is cut off.")
    nodes = 0
    for graph, depth in _graphs(model.graph):
        nodes += len(graph.node)
        if nodes > MAX_NODES:
            raise ImportModelError(f"The graph has more than {MAX_NODES:,} nodes.")
        if depth > MAX_NESTING:
            raise ImportModelError(f"The graph's sub-graphs are nested more than {MAX_NESTING} deep.")
        _check_graph(graph, opsets)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ImportModelError(f"The ONNX file is not valid: {str(error).splitlines()[0]}") from None


def _opsets(model: "ModelProto") -> dict[str, int]:
    newest = {"": onnx.defs.onnx_opset_version(), "ai.onnx.ml": onnx.defs.onnx_ml_opset_version()}
    opsets: dict[str, int] = {}
    for entry in model.opset_import:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        opsets[domain] = max(entry.version, opsets.get(domain, 0))
        if entry.version > newest.get(domain, entry.version):
            raise ImportModelError(
                f"The file needs opset {entry.version} of {domain or 'ai.onnx'}; at most {newest[domain]} "
                "can be read. Upgrade onnx and onnxruntime, or export for an older target."
            )
    if not opsets:
        raise ImportModelError("The file names no opset: it is no ONNX model, or it is cut off.")
    if opsets.get("", OLDEST_OPSET) < OLDEST_OPSET:
        raise ImportModelError(
            f"The file needs opset {opsets['']}; {OLDEST_OPSET} is the oldest that onnxruntime runs. "
            "Convert it with onnx.version_converter."
        )
    return opsets


def _graphs(graph: "GraphProto", depth: int = 0) -> "Iterator[tuple[GraphProto, int]]":
    yield graph, depth
    for node in graph.node:
        for attribute in node.attribute:
            for inner in _inner_graphs(attribute):
                yield from _graphs(inner, depth + 1)


def _inner_graphs(attribute: "AttributeProto") -> "Iterator[GraphProto]":
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _check_graph(graph: "GraphProto", opsets: dict[str, int]) -> None:
    if graph.sparse_initializer:
        raise ImportModelError("The graph holds sparse tensors, which are refused; export dense ones.")
    for tensor in graph.initializer:
        _check_tensor(tensor)
    for node in graph.node:
        _check_operator(node, opsets)
        _check_attributes(node)


def _check_operator(node: "NodeProto", opsets: dict[str, int]) -> None:
    operator = node.op_type
    domain = "" if node.domain == "ai.onnx" else node.domain
    if operator in REFUSED_OPERATORS:
        raise ImportModelError(f"The operator {operator!r} is refused: it {REFUSED_OPERATORS[operator]}.")
    if domain == "com.microsoft" and operator in MICROSOFT_OPERATORS:
        return
    if domain not in STANDARD_DOMAINS:
        raise ImportModelError(
            f"The operator {operator!r} of the domain {domain!r} is not one of ONNX's own, so it is refused."
        )
    if domain not in opsets or not onnx.defs.has(operator, opsets[domain], domain):
        version = opsets.get(domain, 0)
        raise ImportModelError(
            f"There is no operator {operator!r} in opset {version} of {domain or 'ai.onnx'}."
        )
    if operator == "Dropout" and len(node.input) > 2 and node.input[2]:
        raise ImportModelError("A 'Dropout' is in training mode; export the model for inference.")
    if operator in TREE_OPERATORS:
        check_trees(node)


def _check_attributes(node: "NodeProto") -> None:
    for attribute in node.attribute:
        if attribute.name == "training_mode" and attribute.i:
            raise ImportModelError(f"A {node.op_type!r} is in training mode; export the model for inference.")
        if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
            raise ImportModelError("The graph holds sparse tensors, which are refused; export dense ones.")
        if attribute.ref_attr_name:
            raise ImportModelError(f"A {node.op_type!r} refers to the attribute of a function it is not in.")
        if attribute.HasField("t"):
            _check_tensor(attribute.t)
        for tensor in attribute.tensors:
            _check_tensor(tensor)
        _check_text((attribute.s, *attribute.strings))


def _check_tensor(tensor: "TensorProto") -> None:
    name = tensor.name
    if tensor.external_data or tensor.data_location != onnx.TensorProto.DEFAULT:
        raise ImportModelError(
            f"The tensor {name!r} lies in an external file, which is refused; save the model in one piece: "
            "onnx.save_model(model, path, save_as_external_data=False)"
        )
    if tensor.HasField("segment"):
        raise ImportModelError(f"The tensor {name!r} is stored in segments, which is refused.")
    if any(dim < 0 for dim in tensor.dims):
        raise ImportModelError(f"The tensor {name!r} has a negative dimension.")
    count = math.prod(tensor.dims)
    if tensor.data_type == onnx.TensorProto.STRING:
        stored = len(tensor.string_data)
        _check_text(tensor.string_data)
    elif tensor.data_type in _BITS:
        bits, field = _BITS[tensor.data_type]
        if tensor.HasField("raw_data"):
            stored, rest = divmod(len(tensor.raw_data) * 8, bits)
            stored = -1 if rest else stored
        else:
            stored = len(getattr(tensor, field))
    else:
        raise ImportModelError(f"The tensor {name!r} has a type that is not supported ({tensor.data_type}).")
    if stored != count:
        raise ImportModelError(
            f"The tensor {name!r} declares the shape {list(tensor.dims)}, which its data do not fill: "
            "the file is damaged."
        )


def _check_names(message: Message) -> None:
    """Refuse names that are not UTF-8, anywhere: protobuf hands them over as bytes."""
    for field, value in message.ListFields():
        several = (value,) if isinstance(value, str | bytes | Message) else value
        if field.type == FieldDescriptor.TYPE_STRING:
            for text in several:
                if isinstance(text, bytes):
                    raise ImportModelError(f"The file holds a name that is not UTF-8 ({text[:20]!r}).")
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in several:
                _check_names(inner)


def _check_text(values: Iterable[bytes]) -> None:
    for value in values:
        try:
            value.decode()
        except UnicodeDecodeError:
            raise ImportModelError(f"The file holds text that is not UTF-8 ({value[:20]!r}).") from None
