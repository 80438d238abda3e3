"""Operators of ai.onnx.ml whose plain counterparts run faster."""

import numpy as np
import onnx

from warehouse_ml.backends.simplify.flow import Edit, Flow, Kind, attribute, rewritten

_WIDE = 8
"""From how many columns on the plain form of Normalizer is faster."""


def expand_operators(flow: Flow) -> Flow:
    """Scaler -> Sub, Mul; wide Normalizer -> its formula; ArrayFeatureExtractor of a row -> Gather.

    LinearClassifier and LinearRegressor stay: they are as fast as what they would be replaced by.
    """
    return rewritten(flow, _step)


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    if node.domain != "ai.onnx.ml":
        return False
    if node.op_type == "Scaler":
        return _scaler(node, flow, edit)
    if node.op_type == "Normalizer":
        return _normalizer(node, flow, edit)
    if node.op_type == "ArrayFeatureExtractor":
        return _extractor(node, flow, edit)
    return False


def _scaler(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    """(x - offset) * scale, as onnxruntime computes it, in float32."""
    kind = flow.kind(node.input[0])
    if kind.dtype != "float32" or kind.shape is None or len(kind.shape) != 2:
        return False
    offset = np.asarray(attribute(node, "offset", []), dtype=np.float32)
    scale = np.asarray(attribute(node, "scale", []), dtype=np.float32)
    if any(len(values) not in (1, kind.width) for values in (offset, scale)):
        return False
    centred = edit.node("Sub", [node.input[0], edit.constant(offset)], kind=kind)
    edit.node("Mul", [centred, edit.constant(scale)], output=node.output[0])
    return True


def _normalizer(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    """Values over their row's norm; a row whose norm is 0 stays."""
    kind = flow.kind(node.input[0])
    norm = attribute(node, "norm", b"MAX")
    if kind.dtype != "float32" or kind.width is None or kind.width < _WIDE or norm not in (b"L1", b"L2"):
        return False
    column = Kind("float32", (None, 1))
    source = node.input[0]
    size = (
        edit.node("Abs", [source], kind=kind)
        if norm == b"L1"
        else edit.node("Mul", [source, source], kind=kind)
    )
    total = edit.node("ReduceSum", [size, edit.constant(np.array([1]))], kind=column, keepdims=1)
    if norm == b"L2":
        total = edit.node("Sqrt", [total], kind=column)
    nothing = edit.node("Equal", [total, edit.constant(np.float32(0))], kind=Kind("bool", (None, 1)))
    divisor = edit.node("Where", [nothing, edit.constant(np.float32(1)), total], kind=column)
    edit.node("Div", [source, divisor], output=node.output[0])
    return True


def _extractor(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    """Columns by constant positions, of numbers [rows, k]."""
    places = flow.value(node.input[1])
    width = flow.kind(node.input[0]).width
    if places is None or width is None or node.input[0] in flow.constants:
        return False
    if ((places < 0) | (places >= width)).any():
        return False
    chosen = edit.constant(places.reshape(-1).astype(np.int64))
    edit.node("Gather", [node.input[0], chosen], output=node.output[0], axis=1)
    return True
