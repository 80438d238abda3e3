"""Look at a registered graph for faster ways to the same scores; what is found still has to be proved."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray

from warehouse_ml.backends.inline import InlineForm, inline_form
from warehouse_ml.backends.program import Program, walk
from warehouse_ml.backends.read import NotRowwiseError, read_program
from warehouse_ml.backends.signed_zeros import tells_zeros_apart
from warehouse_ml.backends.simplify import packed, simplify
from warehouse_ml.backends.tensor_trees import NoTensorFormError, is_tree_operator, tensor_graph
from warehouse_ml.backends.trees import tree_plan
from warehouse_ml.signature import Signature

if TYPE_CHECKING:
    from warehouse_ml.backends.trees import TreePlan

MOST_DEVICE_OPERATORS = 2_000
"""A session of more takes seconds to make, wherever it runs, and a run of it 20 ms to launch."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Ways to score a version, none of them proved yet.

    Attributes:
        plans: For `trees` and `graph`, where there is such a way, what a handler loads.
        reasons: For each of them what it does, in words; for the others why there is none.
        inline: The version as SQL expressions, or None.
        idle: The positions of the features without influence.
        exact_trees: Makes a plan for `trees` in which nothing is folded that libraries round differently.
        tensors: The file that a GPU runs for a graph with trees: they are tensor operators there. Empty where
            there are none, or where they have no such form.
        operators: How many operators a GPU would run, by the way that it would take; see `PlanFacts`.
        signed_zeros: Whether a score may depend on the sign of a zero.
    """

    plans: Mapping[str, bytes]
    reasons: Mapping[str, str]
    inline: InlineForm | None
    idle: tuple[int, ...]
    exact_trees: Callable[[], bytes | None]
    tensors: bytes = b""
    operators: Mapping[str, int] = field(default_factory=dict)
    signed_zeros: bool = True


def candidates(model: bytes, signature: Signature) -> Candidates:
    """The ways to score a version.

    Args:
        model: The ONNX file.
        signature: Features and results.
    """
    graph = onnx.load_model_from_string(model)
    plans: dict[str, bytes] = {}
    reasons: dict[str, str] = {}
    names = [entry.name for entry in signature.inputs if not entry.transform]
    simpler, order = packed(simplify(graph), names)
    if simpler != graph:
        plans["graph"] = _file({"facts": _facts(packed=order), "after": simpler.SerializeToString()})
        before, after = len(graph.graph.node), len(simpler.graph.node)
        reasons["graph"] = f"onnxruntime on a faster graph, {after} operators for {before}"
    program: Program | None = None
    inline: InlineForm | None = None
    read = {entry.name for entry in graph.graph.input}
    try:
        program = read_program(graph)
    except NotRowwiseError as error:
        reasons["inline"] = f"the graph is no expression over a row: {error}"
    else:
        read = _inputs_of(program)
        inline = inline_form(program, signature)
        if inline is None:
            reasons["inline"] = "too large for an expression, or without exact SQL"
    trees = tree_plan(graph, program, signature)
    if trees is not None:
        plans["trees"] = _tree_entries(trees)
        reasons["trees"] = f"a kernel for {trees.nodes:,} nodes of trees"

    def exact_trees() -> bytes | None:
        exact = tree_plan(graph, program, signature, exact=True)
        return None if exact is None else _tree_entries(exact)

    tensors, operators = b"", {"onnxruntime": len(graph.graph.node)}
    if any(is_tree_operator(node) for node in graph.graph.node):
        tensors, operators = _tensors(model, reasons)
    elif "graph" in plans:
        operators["graph"] = len(simpler.graph.node)
    signed_zeros = tells_zeros_apart(graph)
    idle = _idle(signature, read)
    return Candidates(plans, reasons, inline, idle, exact_trees, tensors, operators, signed_zeros)


def with_tensors(plan: bytes, tensors: bytes) -> bytes:
    """A plan that also holds what a GPU runs.

    Args:
        plan: A plan, or nothing where the graph is run as it was registered.
        tensors: The file with tensor operators for trees.
    """
    entries: dict[str, NDArray[Any] | bytes | str] = {}
    if plan:
        with np.load(io.BytesIO(plan), allow_pickle=False) as stored:
            entries |= dict(stored)
    return _file({**entries, "tensors": tensors})


def _tensors(model: bytes, reasons: dict[str, str]) -> tuple[bytes, dict[str, int]]:
    """The file with tensor operators for trees, and how many these are; none where they are not worth it."""
    try:
        found = tensor_graph(model)
    except NoTensorFormError as error:
        reasons["tensors"] = error.reason
        return b"", {}
    count = len(onnx.load_model_from_string(found).graph.node)
    if count > MOST_DEVICE_OPERATORS:
        reasons["tensors"] = f"the trees would take {count:,} operators, more than {MOST_DEVICE_OPERATORS:,}"
        return b"", {}
    return found, {"tensors": count}


def _inputs_of(program: Program) -> set[str]:
    """The inputs of a graph that its outputs depend on."""
    roots = [cell for cells in program.outputs.values() for cell in cells]
    return {expression.value for expression in walk(*roots) if expression.operator == "input"}


def _idle(signature: Signature, read: set[str]) -> tuple[int, ...]:
    used = {entry.feature for entry in signature.inputs if entry.name in read}
    return tuple(place for place in range(len(signature.features)) if place not in used)


def _facts(**facts: Any) -> str:
    return json.dumps({"sums": [], "categories": {}, "refusals": [], "packed": [], **facts})


def _tree_entries(plan: TreePlan) -> bytes:
    after = simplify(onnx.load_model_from_string(plan.after))
    entries: dict[str, Any] = {"after": after.SerializeToString()}
    sums = []
    for place, part in enumerate(plan.sums):
        stem = f"trees_{place}"
        entries |= {f"{stem}.{name}": array for name, array in part.arrays.items()}
        if part.before is not None:
            entries[f"{stem}_before"] = part.before
        sums.append({"input": part.input, "features": list(part.features), "before": part.before is not None})
    tables = plan.refusals or ()
    for place, (_, table) in enumerate(tables):
        entries[f"refusal_{place}"] = table
    entries["facts"] = _facts(
        sums=sums,
        categories={place: list(texts) for place, texts in plan.categories.items()},
        refusals=[feature for feature, _ in tables],
    )
    return _file(entries)


def _file(entries: Mapping[str, NDArray[Any] | bytes | str]) -> bytes:
    """Arrays, bytes and texts as one file, for `udfs/planned_udf.read_plan`. Nothing is pickled."""
    arrays = {}
    for name, entry in entries.items():
        data = entry.encode() if isinstance(entry, str) else entry
        arrays[name] = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
