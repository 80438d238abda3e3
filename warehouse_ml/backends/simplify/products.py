"""Matrix products with constant weights, in whichever operator they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from warehouse_ml.backends.simplify.flow import Edit, Flow, attribute

LARGEST_SHIFT = 1e-12 / float(np.finfo(np.float64).eps)
"""How large a shift may be beside values of about 1, so that twelve of their digits stay."""

_LONGEST_SUM = 64
"""Up to so many features onnxruntime's float32 products add the bias last, as a separate Add does."""


@dataclass(frozen=True, slots=True)
class Product:
    """rows @ weights + bias, where everything but the rows is constant.

    Attributes:
        node: MatMul or Gemm.
        source: The tensor of the rows, [rows, features].
        weights: Of shape [features, outputs].
        bias: Of shape [outputs], or None.
    """

    node: onnx.NodeProto
    source: str
    weights: NDArray[Any]
    bias: NDArray[Any] | None

    @classmethod
    def of(cls, node: onnx.NodeProto | None, flow: Flow, *, exact: bool = False) -> Product | None:
        """The product that a node computes, or None; also None where the last digit of its sum matters.

        Args:
            node: Any node.
            flow: Its graph.
            exact: Whether the rewrite changes no bit: float32 products qualify for those alone. A change of
                1e-7 is many times a small probability that was computed in float32 as 1 - p.
        """
        if node is None or node.domain or node.op_type not in _READERS or flow.has_waves:
            return None
        kind = flow.kind(node.input[0])
        if kind.width is None or node.input[0] in flow.constants:
            return None
        if kind.dtype != "float64" and not (exact and kind.dtype == "float32" and kind.width <= _LONGEST_SUM):
            return None
        parts = _READERS[node.op_type](node, flow)
        if parts is None or parts[0].shape[0] != kind.width:
            return None
        return cls(node, node.input[0], *parts)

    @property
    def dtype(self) -> str:
        """The type that it is computed in."""
        return str(self.weights.dtype.name)

    def fits(self, values: NDArray[Any]) -> bool:
        """Whether new weights are within the type's range, and none lost its digits near 0."""
        tiny = np.finfo(self.dtype).tiny
        return bool((np.isfinite(values) & ((np.abs(values) >= tiny) | (values == 0.0))).all())

    def is_small(self, shift: NDArray[Any]) -> bool:
        """Whether a shift leaves twelve digits to values of about 1."""
        return bool((np.abs(shift) <= LARGEST_SHIFT).all())

    def write(
        self,
        edit: Edit,
        source: str,
        weights: NDArray[Any],
        bias: NDArray[Any] | None,
        output: str | None = None,
    ) -> bool:
        """Emit it with another source, weights and bias; False, and nothing, if they do not fit its type."""
        if not self.fits(weights) or (bias is not None and not self.fits(bias)):
            return False
        given = [source, edit.constant(weights.astype(self.dtype))]
        if bias is not None:
            given.append(edit.constant(bias.astype(self.dtype)))
        edit.node("MatMul" if bias is None else "Gemm", given, output=output or self.node.output[0])
        return True


_Parts = tuple[NDArray[Any], NDArray[Any] | None]


def _mat_mul(node: onnx.NodeProto, flow: Flow) -> _Parts | None:
    weights = flow.value(node.input[1])
    return None if weights is None or weights.ndim != 2 else (weights, None)


def _gemm(node: onnx.NodeProto, flow: Flow) -> _Parts | None:
    weights = flow.value(node.input[1])
    factors = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    if weights is None or attribute(node, "transA", 0) or factors != (1.0, 1.0):
        return None
    weights = weights.T if attribute(node, "transB", 0) else weights
    if len(node.input) < 3 or not node.input[2]:
        return weights, None
    bias = row(flow.value(node.input[2]), weights.shape[1])
    return None if bias is None else (weights, bias)


_READERS: Mapping[str, Callable[[onnx.NodeProto, Flow], _Parts | None]] = {"MatMul": _mat_mul, "Gemm": _gemm}


def row(values: NDArray[Any] | None, width: int) -> NDArray[Any] | None:
    """A constant that every row of a matrix is combined with, as [width]; None if it has another shape."""
    if values is None or values.ndim > 2 or (values.ndim == 2 and values.shape[0] != 1):
        return None
    return np.broadcast_to(values.ravel(), (width,)) if values.size in (1, width) else None
