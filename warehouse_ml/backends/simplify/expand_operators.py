"""Operators of ai.onnx.ml whose plain counterparts run faster."""

import numpy as np
import onnx

from warehouse_ml.backends.simplify.flow import Edit, Flow, attribute, rewritten


def expand_operators(flow: Flow) -> Flow:
    """Scaler -> Sub, Mul; ArrayFeatureExtractor with constant positions -> Gather.

    LinearClassifier, LinearRegressor and Normalizer stay. The first two are as fast as what would replace
    them. Normalizer adds a row from left to right in float32: ReduceSum rounds otherwise, and CumSum is
    slower than it.
    """
    return rewritten(flow, _step)


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    if node.domain != "ai.onnx.ml":
        return False
    if node.op_type == "Scaler":
        return _scaler(node, flow, edit)
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
