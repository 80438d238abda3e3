"""Many inputs that are one number per row -> one matrix."""

from __future__ import annotations

from collections.abc import Iterable, Set
from itertools import chain

import numpy as np
import onnx
from onnx import helper

from warehouse_ml.backends.simplify.flow import Edit, Flow, Kind, attribute, rewritten
from warehouse_ml.backends.simplify.hoist_casts import hoist_casts
from warehouse_ml.backends.simplify.join_concats import join_concats
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
        names: Inputs that may be packed. Those are that are float64 of shape [rows, 1] and joined with
            others of them; a row on its own is fed as fast as it is taken out of a matrix.

    Returns:
        A model with the input `PACKED`, float64 of shape [features, rows], and the inputs that are its rows,
        in their order. The model itself and nothing, where fewer than two inputs can be packed.
    """
    flow = Flow.of(model)
    if flow is None or PACKED in {entry.name for entry in model.graph.input}:
        return model, ()
    allowed = set(names)
    known = [entry.name for entry in model.graph.input if entry.name in allowed]
    flow = join_concats(hoist_casts(flow))
    order = _order(flow, {n for n in known if flow.kind(n).is_column and flow.kind(n).dtype == "float64"})
    return (_fed(flow, order).build(), order) if order else (model, ())


def _order(flow: Flow, columns: Set[str]) -> tuple[str, ...]:
    """The inputs that a Concat joins, such that the longest Concat of them is one piece."""
    joined = [
        list(dict.fromkeys(name for name in node.input if name in columns))
        for node in flow.nodes
        if node.op_type == "Concat" and attribute(node, "axis") in (1, -1)
    ]
    joined = sorted((names for names in joined if len(names) > 1), key=len, reverse=True)
    return tuple(dict.fromkeys(chain.from_iterable(joined)))


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
