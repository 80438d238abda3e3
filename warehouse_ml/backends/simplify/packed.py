"""Many inputs that are one number per row -> one matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from onnx import helper

from warehouse_ml.backends.simplify.flow import Edit, Flow, Kind, attribute, rewritten
from warehouse_ml.backends.simplify.remove_identities import remove_identities
from warehouse_ml.backends.simplify.sink_transposes import sink_transposes

PACKED = "packed"
"""The name of the one input."""


def packed(model: onnx.ModelProto, names: Iterable[str]) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """Feed many numbers at once.

    The matrix holds a feature per row, not per column: a warehouse hands over columns, and copying them one
    after another is five times faster than interleaving them; matrix products take it as it is.

    Args:
        model: What `simplify` returned; it is not changed.
        names: Inputs that may be packed; of them those that are float64 of shape [rows, 1] are.

    Returns:
        A model with the input `PACKED`, float64 of shape [features, rows], and the inputs that are its rows,
        in their order. The model itself and nothing, where fewer than two inputs can be packed.
    """
    flow = Flow.of(model)
    if flow is None or PACKED in {entry.name for entry in model.graph.input}:
        return model, ()
    allowed = set(names)
    known = [entry.name for entry in model.graph.input if entry.name in allowed]
    columns = [n for n in known if flow.kind(n).is_column and flow.kind(n).dtype == "float64"]
    if len(columns) < 2:
        return model, ()
    order = _order(flow, columns)
    return _fed(flow, order).build(), order


def _order(flow: Flow, columns: Sequence[str]) -> tuple[str, ...]:
    """The inputs such that the longest Concat of them is one piece."""
    joined = [
        [name for name in dict.fromkeys(node.input) if name in columns]
        for node in flow.nodes
        if node.op_type == "Concat"
    ]
    longest = max(joined, key=len, default=[])
    return tuple(dict.fromkeys([*longest, *columns]))


def _fed(flow: Flow, order: tuple[str, ...]) -> Flow:
    places = {name: place for place, name in enumerate(order)}
    flow = _with_input(flow, order)
    single: dict[str, str] = {}

    def step(node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
        if not any(name in places for name in node.input):
            return False
        inputs = []
        for run in _runs(node, places):
            if isinstance(run, str):
                inputs.append(run)
            elif len(run) > 1:
                inputs.append(_block(run, len(order), edit))
            else:
                name = order[run.start]
                if name not in single:
                    single[name] = _column(run.start, edit)
                inputs.append(single[name])
        if node.op_type == "Concat" and len(inputs) == 1:
            edit.node("Identity", inputs, output=node.output[0])
        else:
            edit.copy(node, inputs)
        return True

    changed = rewritten(flow, step)
    while True:
        before = changed
        changed = sink_transposes(remove_identities(changed))
        if changed is before:
            return changed


def _runs(node: onnx.NodeProto, places: dict[str, int]) -> list[str | range]:
    """The inputs of a node; features as positions, which a Concat takes in runs."""
    runs: list[str | range] = []
    joins = node.op_type == "Concat" and attribute(node, "axis") in (1, -1)
    for name in node.input:
        place = places.get(name)
        last = runs[-1] if runs else None
        if place is None:
            runs.append(name)
        elif joins and isinstance(last, range) and last.stop == place:
            runs[-1] = range(last.start, place + 1)
        else:
            runs.append(range(place, place + 1))
    return runs


def _block(run: range, count: int, edit: Edit) -> str:
    source = PACKED
    if len(run) < count:
        ends = [edit.constant(np.array([number])) for number in (run.start, run.stop, 0)]
        source = edit.node("Slice", [PACKED, *ends], kind=Kind("float64", (len(run), None)))
    return edit.node("Transpose", [source], kind=Kind("float64", (None, len(run))), perm=[1, 0])


def _column(place: int, edit: Edit) -> str:
    row = edit.node(
        "Gather", [PACKED, edit.constant(np.array([place]))], kind=Kind("float64", (1, None)), axis=0
    )
    return edit.node("Reshape", [row, edit.constant(np.array([-1, 1]))], kind=Kind("float64", (None, 1)))


def _with_input(flow: Flow, order: tuple[str, ...]) -> Flow:
    model = onnx.ModelProto()
    model.CopyFrom(flow.model)
    kept = [entry for entry in flow.model.graph.input if entry.name not in order]
    del model.graph.input[:]
    shape: list[str | int | None] = [len(order), "rows"]
    model.graph.input.append(helper.make_tensor_value_info(PACKED, onnx.TensorProto.DOUBLE, shape))
    model.graph.input.extend(kept)
    kinds = {**flow.kinds, PACKED: Kind("float64", (len(order), None))}
    return Flow(model, flow.nodes, flow.constants, kinds)
