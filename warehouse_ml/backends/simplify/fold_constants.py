"""Nodes that read constants only, computed once: those that do no arithmetic."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from warehouse_ml.backends.simplify.flow import Edit, Flow, attribute, rewritten


def fold_constants(flow: Flow) -> Flow:
    """Constant, Identity, Transpose, Reshape and exact Cast of constants -> constants.

    onnxruntime does this too, but later: the other rules look for weights that are constants.
    """
    return rewritten(flow, _step)


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    if node.op_type not in _FOLDED or node.domain or node.output[0] in flow.outputs:
        return False
    if any(name not in flow.constants or flow.kind(name).dtype == "str" for name in node.input):
        return False
    given = [numpy_helper.to_array(flow.constants[name]) for name in node.input]
    values = _FOLDED[node.op_type](node, *given)
    if values is None or values.dtype.kind not in "fiub":
        return False
    edit.constant(values, node.output[0])
    return True


def _constant(node: onnx.NodeProto) -> NDArray[Any] | None:
    tensor = attribute(node, "value")
    return None if tensor is None else numpy_helper.to_array(tensor)


def _cast(node: onnx.NodeProto, values: NDArray[Any]) -> NDArray[Any] | None:
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(attribute(node, "to")))
    if dtype.kind not in "fiub" or values.dtype.kind not in "fiub":
        return None
    with np.errstate(all="ignore"):
        cast = values.astype(dtype)
        exact = np.array_equal(cast.astype(values.dtype), values, equal_nan=values.dtype.kind == "f")
    return cast if exact else None


def _reshape(node: onnx.NodeProto, values: NDArray[Any], sizes: NDArray[np.int64]) -> NDArray[Any] | None:
    return None if (sizes == 0).any() else values.reshape(sizes)


_FOLDED: Mapping[str, Callable[..., NDArray[Any] | None]] = {
    "Cast": _cast,
    "Constant": _constant,
    "Identity": lambda node, values: values,
    "Reshape": _reshape,
    "Transpose": lambda node, values: values.transpose(attribute(node, "perm")),
}
