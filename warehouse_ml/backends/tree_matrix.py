"""The columns of a kernel whose trees read what a part of the graph makes of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray

from warehouse_ml.backends.cut import ELEMENT, MATRIX, before_graph, free_name, from_matrices, with_outputs
from warehouse_ml.backends.tree_columns import Source, fold_group
from warehouse_ml.backends.tree_region import Cells, cells_of, types_of
from warehouse_ml.backends.tree_sums import Group, Tables, grouped
from warehouse_ml.signature import Feature


def from_matrix(
    model: onnx.ModelProto, matrices: Sequence[str], group: Group, cells: Cells
) -> tuple[dict[str, NDArray[Any]], bytes] | None:
    """The arrays of a kernel whose columns are those of matrices, and the graph that makes them.

    Args:
        model: The whole graph.
        matrices: What its trees read.
        group: The sums.
        cells: The tensors that hold them.

    Returns:
        The arrays and an ONNX file; None where the trees read something else.
    """
    facts = matrix_facts(model, matrices)
    derived = None if facts is None else cells_of_columns(model, facts, list(cells))
    if derived is None or facts is None:
        return None
    new = {
        id(old): column
        for name, columns in cells.items()
        for old, column in zip(columns, derived[name], strict=True)
    }
    tables = Tables()
    columns = [new[id(column)] for column in group.columns]
    sums = [tables.sum(column) for column in columns]
    whole = [entry for entry in sums if entry is not None]
    again = grouped(columns, whole) if len(whole) == len(sums) else []
    if len(again) != 1 or len(again[0].columns) != len(group.columns):
        return None
    stem = free_name(model, MATRIX)
    total = sum(width for _, width in facts.values())
    sources = {
        f"{stem}_{place}": Source(place, Feature(f"{stem}_{place}", "DOUBLE")) for place in range(total)
    }
    made = fold_group(again[0], sources, {})
    if made is None:
        return None
    arrays, used = made
    dtype = "float32" if all(kind == "float32" for kind, _ in facts.values()) else "float64"
    arrays["kinds"][:] = dtype == "float32"
    before = before_graph(model, facts, dtype, used)
    return arrays, before.SerializeToString(deterministic=True)


def cells_of_columns(
    model: onnx.ModelProto, facts: Mapping[str, tuple[str, int]], names: Sequence[str]
) -> Cells | None:
    """The columns of some tensors as expressions of those of matrices; None where they cannot be read."""
    return cells_of(from_matrices(with_outputs(model, names), facts, free_name(model, MATRIX)), names)


def matrix_facts(model: onnx.ModelProto, names: Sequence[str]) -> Mapping[str, tuple[str, int]] | None:
    """The type of matrices that trees read, and how many columns they look at, or None."""
    types = types_of(model)
    facts: dict[str, tuple[str, int]] = {}
    for name in names:
        dtype = next(
            (key for key, code in ELEMENT.items() if name in types and types[name].elem_type == code), None
        )
        if dtype is None:
            return None
        facts[name] = (dtype, max(_width(node) for node in model.graph.node if name in node.input))
    return facts


def _width(node: onnx.NodeProto) -> int:
    features = [entry.ints for entry in node.attribute if entry.name == "nodes_featureids"]
    return max((max(entry, default=0) for entry in features), default=0) + 1
