"""Matrix products with constant weights, in whichever operator they are written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from warehouse_ml.backends.simplify.flow import Edit, Flow, attribute

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
"""How much of a result a rewrite may change."""


@dataclass(frozen=True, slots=True)
class Product:
    """rows @ weights + bias, where everything but the rows is constant.

    Attributes:
        node: MatMul, Gemm, or one of the linear operators of ai.onnx.ml.
        source: The tensor of the rows, [rows, features].
        weights: In float64 of shape [features, outputs].
        bias: In float64 of shape [outputs], or None.
        dtype: The type that it is computed in.
    """

    node: onnx.NodeProto
    source: str
    weights: NDArray[np.float64]
    bias: NDArray[np.float64] | None
    dtype: str

    @classmethod
    def of(cls, node: onnx.NodeProto | None, flow: Flow) -> Product | None:
        """The product that a node computes, or None."""
        if node is None or node.op_type not in _READERS:
            return None
        kind = flow.kind(node.input[0])
        if kind.dtype not in TOLERANCE or kind.width is None or node.input[0] in flow.constants:
            return None
        parts = _READERS[node.op_type](node, flow)
        if parts is None or parts[0].shape[0] != kind.width:
            return None
        weights, bias = parts
        return cls(
            node,
            node.input[0],
            weights.astype(np.float64),
            None if bias is None else bias.astype(np.float64),
            kind.dtype,
        )

    @property
    def limit(self) -> float:
        """How large a shift may be beside values of about 1, so that they keep their digits."""
        return float(TOLERANCE[self.dtype] / np.finfo(self.dtype).eps)

    def rounded(self, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Values in the product's type; None if one leaves its range, or becomes 0 or loses digits there."""
        with np.errstate(over="ignore", under="ignore"):
            result = values.astype(self.dtype)
        tiny = np.finfo(self.dtype).tiny
        fine = np.isfinite(result) & ((np.abs(result) >= tiny) | (values == 0.0))
        return result if fine.all() else None

    def write(
        self, edit: Edit, source: str, weights: NDArray[np.float64], bias: NDArray[np.float64] | None
    ) -> bool:
        """Emit the product with another source, weights and bias; False if they do not fit its type."""
        narrow = self.rounded(weights)
        shift = None if bias is None else self.rounded(bias)
        if narrow is None or (bias is not None and shift is None):
            return False
        if self.node.domain:
            changed = onnx.NodeProto()
            changed.CopyFrom(self.node)
            _replace_floats(changed, "coefficients", narrow.T.ravel())
            if shift is not None:
                _replace_floats(changed, "intercepts", shift)
            edit.copy(changed, [source])
        elif shift is None:
            edit.node("MatMul", [source, edit.constant(narrow)], output=self.node.output[0])
        else:
            given = [source, edit.constant(narrow), edit.constant(shift)]
            edit.node("Gemm", given, output=self.node.output[0])
        return True


def _mat_mul(node: onnx.NodeProto, flow: Flow) -> tuple[NDArray[np.float64], NDArray[np.float64] | None] | None:
    weights = flow.value(node.input[1])
    return None if weights is None or weights.ndim != 2 else (weights, None)


def _gemm(node: onnx.NodeProto, flow: Flow) -> tuple[NDArray[np.float64], NDArray[np.float64] | None] | None:
    weights = flow.value(node.input[1])
    factors = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    if weights is None or attribute(node, "transA", 0) or factors != (1.0, 1.0):
        return None
    weights = weights.T if attribute(node, "transB", 0) else weights
    if len(node.input) < 3 or not node.input[2]:
        return weights, None
    bias = row(flow.value(node.input[2]), weights.shape[1])
    return None if bias is None else (weights, bias)


def _linear(node: onnx.NodeProto, flow: Flow) -> tuple[NDArray[np.float64], NDArray[np.float64] | None] | None:
    width = flow.kind(node.input[0]).width
    coefficients = np.asarray(attribute(node, "coefficients", []), dtype=np.float32)
    bias = np.asarray(attribute(node, "intercepts", []), dtype=np.float32)
    if flow.kind(node.input[0]).dtype != "float32" or not width or coefficients.size % width:
        return None
    weights = coefficients.reshape(-1, width).T
    if bias.size not in (0, weights.shape[1]):
        return None
    return weights, bias if bias.size else np.zeros(weights.shape[1])


_READERS = {"MatMul": _mat_mul, "Gemm": _gemm, "LinearClassifier": _linear, "LinearRegressor": _linear}


def row(values: "NDArray[np.float64] | None", width: int) -> "NDArray[np.float64] | None":
    """A constant that is added to, or multiplied with, every row of a matrix, as [width]; else None."""
    if values is None or values.ndim > 2 or (values.ndim == 2 and values.shape[0] != 1):
        return None
    return np.broadcast_to(values.ravel(), (width,)) if values.size in (1, width) else None


def _replace_floats(node: onnx.NodeProto, name: str, values: NDArray[np.float64]) -> None:
    kept = [entry for entry in node.attribute if entry.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute(name, [float(value) for value in values])])
