"""The columns of a kernel whose trees read what a part of the graph makes of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from warehouse_ml.backends.cut import MATRIX, before_graph, captured, from_matrices
from warehouse_ml.backends.program import Program
from warehouse_ml.backends.read import NotRowwiseError, read_program
from warehouse_ml.backends.tree_columns import Source, fold_group
from warehouse_ml.backends.tree_sums import Group, Tables, grouped
from warehouse_ml.signature import Feature


def from_matrix(
    model: onnx.ModelProto, group: Group, program: Program, tensors: Sequence[str]
) -> tuple[dict[str, NDArray[Any]], bytes] | None:
    """The arrays of a kernel whose columns are those of a matrix, and the graph that makes it.

    Args:
        model: The whole graph.
        group: The sums.
        program: The graph as expressions.
        tensors: The tensors that hold the sums.

    Returns:
        The arrays and an ONNX file; None where the trees cannot be told from the rest.
    """
    matrices = _matrices(model, tensors)
    facts = _facts(model, matrices)
    if facts is None:
        return None
    outputs = [output.name for output in model.graph.output if output.name in program.outputs]
    try:
        derived = read_program(from_matrices(model, facts, outputs))
    except NotRowwiseError:
        return None
    if any(name not in derived.tensors for name in tensors):
        return None
    wanted = {id(column) for column in group.columns}
    tables = Tables()
    columns = [
        new
        for name in tensors
        for old, new in zip(program.tensors[name], derived.tensors[name], strict=True)
        if id(old) in wanted
    ]
    sums = [tables.sum(column) for column in columns]
    whole = [entry for entry in sums if entry is not None]
    again = grouped(columns, whole) if len(whole) == len(sums) else []
    if len(again) != 1 or len(again[0].columns) != len(group.columns):
        return None
    total = sum(width for _, width in facts.values())
    sources = {
        f"{MATRIX}_{place}": Source(place, Feature(f"{MATRIX}_{place}", "DOUBLE")) for place in range(total)
    }
    made = fold_group(again[0], sources, {})
    if made is None:
        return None
    arrays, used = made
    dtype = "float32" if all(kind == "float32" for kind, _ in facts.values()) else "float64"
    arrays["kinds"][:] = dtype == "float32"
    before = before_graph(model, list(facts), dtype, used)
    return arrays, before.SerializeToString(deterministic=True)


def _matrices(model: onnx.ModelProto, tensors: Sequence[str]) -> list[str]:
    """What the tree operators above some tensors read."""
    producers = {name: node for node in model.graph.node for name in node.output if name}
    found: dict[str, None] = {}
    seen: set[str] = set()
    stack = list(reversed(tensors))
    while stack:
        name = stack.pop()
        if name in seen or name not in producers:
            continue
        seen.add(name)
        node = producers[name]
        if node.op_type.startswith("TreeEnsemble"):
            found[node.input[0]] = None
        else:
            stack.extend(reversed([*node.input, *captured(node)]))
    return list(found)


def _facts(model: onnx.ModelProto, names: Sequence[str]) -> Mapping[str, tuple[str, int]] | None:
    """The type and the number of columns of matrices, as a run of one row shows them."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        probe.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feeds = {}
    for entry in model.graph.input:
        kind = entry.type.tensor_type
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        shape = (1,) * len(kind.shape.dim)
        text = kind.elem_type == TensorProto.STRING
        feeds[entry.name] = np.full(shape, "", object) if text else np.zeros(shape, dtype)
    results = session.run(list(names), feeds)
    if any(result.ndim != 2 or result.dtype.name not in ("float32", "float64") for result in results):
        return None
    return {name: (result.dtype.name, result.shape[1]) for name, result in zip(names, results, strict=True)}
