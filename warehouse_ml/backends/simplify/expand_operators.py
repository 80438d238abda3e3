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
    if len(offset) != len(scale) or len(scale) not in (1, kind.width):
        return False
    centred = edit.node("Sub", [node.input[0], edit.constant(offset)], kind=kind)
    edit.node("Mul", [centred, edit.constant(scale)], output=node.output[0])
    return True


def _normalizer(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    """Values over their row's norm; a row whose norm is 0 stays.

    The norm L2 as onnxruntime computes it: the sign of x times sqrt(x^2 / sum), which is NaN where the square
    overflows.
    """
    source = node.input[0]
    kind = flow.kind(source)
    norm = attribute(node, "norm", b"MAX")
    if kind.dtype != "float32" or kind.width is None or kind.width < _WIDE or norm not in (b"L1", b"L2"):
        return False
    column, mask = Kind("float32", (None, 1)), Kind("bool", kind.shape)
    zero, one = edit.constant(np.float32(0)), edit.constant(np.float32(1))
    squares = norm == b"L2"
    sizes = (
        edit.node("Mul", [source, source], kind=kind) if squares else edit.node("Abs", [source], kind=kind)
    )
    total = edit.node("ReduceSum", [sizes, edit.constant(np.array([1]))], kind=column, keepdims=1)
    nothing = edit.node("Equal", [total, zero], kind=Kind("bool", (None, 1)))
    divisor = edit.node("Where", [nothing, one, total], kind=column)
    if not squares:
        edit.node("Div", [source, divisor], output=node.output[0])
        return True
    shares = edit.node("Sqrt", [edit.node("Div", [sizes, divisor], kind=kind)], kind=kind)
    negative = edit.node("Less", [source, zero], kind=mask)
    signed = edit.node("Where", [negative, edit.node("Neg", [shares], kind=kind), shares], kind=kind)
    edit.node("Where", [nothing, source, signed], output=node.output[0])
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
