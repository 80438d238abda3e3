"""Shifts and scales of columns before a matrix product -> its weights and bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from warehouse_ml.backends.simplify.flow import Edit, Flow, Kind, attribute, rewritten
from warehouse_ml.backends.simplify.products import LARGEST_SHIFT, Product, row


def fold_scaling(flow: Flow) -> Flow:
    """(x - mean) / scale @ weights + bias -> x @ (weights / scale) + (bias - mean / scale @ weights).

    Also where the scaled columns were joined with others first. A shift moves only where it is small
    beside the scale: x @ weights is as large as the shift, and the difference has that much less digits.
    A scaled tensor that something else reads too stays, as it is computed in any case.
    """
    return rewritten(flow, _step)


@dataclass(frozen=True, slots=True)
class _Scaled:
    """values = source * scale + shift, by column."""

    source: str
    scale: NDArray[np.longdouble]
    shift: NDArray[np.longdouble]


def _step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
    product = Product.of(node, flow)
    if product is None:
        return False
    joined = flow.maker(product.source, "Concat", sole=True)
    if joined is not None and attribute(joined, "axis") not in (1, -1):
        joined = None
    names = [product.source] if joined is None else list(joined.input)
    parts = [_unscaled(name, flow) for name in names]
    if all(part.source == name for part, name in zip(parts, names, strict=True)):
        return False
    scale = np.concatenate([part.scale for part in parts])
    shift = np.concatenate([part.shift for part in parts])
    if len(scale) != len(product.weights):
        return False
    wide = product.weights.astype(np.longdouble)
    weights = (scale[:, None] * wide).astype(np.float64)
    bias = product.bias
    if shift.any():
        # not "@", which is slow for this type
        carried = (shift[:, None] * wide).sum(axis=0)
        bias = (carried if bias is None else carried + bias).astype(np.float64)
    if not product.fits(weights) or (bias is not None and not product.fits(bias)):
        return False
    source = parts[0].source
    if joined is not None:
        kind = Kind(product.dtype, (None, len(scale)))
        source = edit.node("Concat", [part.source for part in parts], kind=kind, axis=1)
    return product.write(edit, source, weights, bias)


def _unscaled(name: str, flow: Flow) -> _Scaled:
    """What a tensor was before it was shifted and scaled, as far back as its digits allow."""
    width = flow.kind(name).width or 0
    best = found = _Scaled(name, np.ones(width, np.longdouble), np.zeros(width, np.longdouble))
    while (node := flow.maker(found.source, "Sub", "Add", "Mul", "Div", sole=True)) is not None:
        earlier = _undone(node, found, flow)
        if earlier is None:
            break
        found = earlier
        if (np.abs(found.shift) <= LARGEST_SHIFT).all():
            best = found
    return best


def _undone(node: onnx.NodeProto, later: _Scaled, flow: Flow) -> _Scaled | None:
    width = len(later.scale)
    first, second = node.input
    constant = row(flow.value(second), width)
    source = first
    if constant is None and node.op_type != "Div":
        constant, source = row(flow.value(first), width), second
    if constant is None or flow.kind(source).width != width or source in flow.constants:
        return None
    values = constant.astype(np.longdouble)
    if not np.isfinite(values).all():
        return None
    if node.op_type in ("Mul", "Div"):
        if (values == 0.0).any():
            return None
        factor = values if node.op_type == "Mul" else 1 / values
        return _Scaled(source, later.scale * factor, later.shift)
    if node.op_type == "Add":
        return _Scaled(source, later.scale, later.shift + later.scale * values)
    if source == first:
        return _Scaled(source, later.scale, later.shift - later.scale * values)
    return _Scaled(source, -later.scale, later.shift + later.scale * values)
