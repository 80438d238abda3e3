"""Arithmetic on one column [rows, 1] with a constant -> on a vector [rows]."""

from collections.abc import Set

import numpy as np
import onnx

from warehouse_ml.backends.simplify.flow import ELEMENTWISE, Edit, Flow, Kind, rewritten


def flat_columns(flow: Flow) -> Flow:
    """Reshape to [rows], compute, reshape back; what meets in the middle cancels out.

    onnxruntime broadcasts a constant against [rows, 1] row by row, seven times slower than against [rows].
    """
    done: set[str] = set()  # what this pass made flat: a chain takes one pass, not one per node

    def step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
        flat = _flattened(node, flow, edit, done)
        if flat:
            done.add(node.output[0])
        return flat

    return rewritten(flow, step)


def _flattened(node: onnx.NodeProto, flow: Flow, edit: Edit, done: Set[str]) -> bool:
    if node.domain or node.op_type not in ELEMENTWISE or not flow.kind(node.output[0]).is_column:
        return False
    if len(node.output) != 1 or node.output[0] in flow.outputs:
        return False
    constants = {name: flow.value(name) for name in node.input}
    columns = [name for name, values in constants.items() if values is None]
    if any(values is not None and values.size != 1 for values in constants.values()):
        return False
    if not all(flow.kind(name).is_column for name in columns):
        return False
    # without a constant nothing is slow, unless the neighbours are flat already
    if len(columns) == len(node.input) and not all(name in done or _is_flat(name, flow) for name in columns):
        return False
    flat: dict[str, str] = {}
    for name, values in constants.items():
        if values is not None:
            flat[name] = name if values.ndim == 0 else edit.constant(values.reshape(()))
        else:
            kind = Kind(flow.kind(name).dtype, (None,))
            flat[name] = edit.node("Reshape", [name, edit.constant(np.array([-1]))], kind=kind)
    kind = Kind(flow.kind(node.output[0]).dtype, (None,))
    result = edit.like(node, [flat[name] for name in node.input], kind)
    edit.node("Reshape", [result, edit.constant(np.array([-1, 1]))], output=node.output[0])
    return True


def _is_flat(name: str, flow: Flow) -> bool:
    maker = flow.maker(name, "Reshape")
    return maker is not None and flow.kind(maker.input[0]).shape == (None,)
