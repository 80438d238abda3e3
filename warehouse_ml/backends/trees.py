"""Plan how a model's trees are scored by the kernel: the trees, its columns, and the graph around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from warehouse_ml.backends.cut import Seam, after_graph, free_name
from warehouse_ml.backends.fold import at_categories, inputs_of, named_texts
from warehouse_ml.backends.program import Expression, Program
from warehouse_ml.backends.tree_choice import groups_of, sums_to_cut
from warehouse_ml.backends.tree_columns import Source, fold_group, texts_of
from warehouse_ml.backends.tree_matrix import cells_of_columns, from_matrix, matrix_facts
from warehouse_ml.backends.tree_region import cells_of, region
from warehouse_ml.backends.tree_sums import Group
from warehouse_ml.signature import Signature

REFUSED = "refused"
"""The output that says which rows the estimator would refuse."""


@dataclass(frozen=True, slots=True, eq=False)
class TreeSums:
    """One kernel and what it is fed with.

    Attributes:
        input: The input of the graph `after` that its sums are, [rows, outputs].
        arrays: What `TreeKernel` takes.
        features: The features that its columns are, where it reads them as they are; else empty.
        before: The ONNX file whose one output has its columns, or None.
    """

    input: str
    arrays: Mapping[str, NDArray[Any]]
    features: tuple[int, ...]
    before: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TreePlan:
    """How a model with trees is scored.

    Attributes:
        sums: The kernels.
        categories: For each text feature that is wanted as codes its texts, in the order of the codes. A text
            that is none of them has the next code, NULL the one after.
        refusals: For each of the signature's refusals the feature it depends on and whether it refuses each
            of its codes, bool of shape [codes]; None where the graph computes them.
        after: The ONNX file that makes the outputs of the sums, and of features where it still needs them.
        values: The features whose values have an influence.
        only_null: Those of which it only matters whether they are NULL, by their policy.
        nodes: How many nodes the trees have.
        leaves: How many leaves they have.
    """

    sums: tuple[TreeSums, ...]
    categories: Mapping[int, tuple[str, ...]]
    refusals: tuple[tuple[int, NDArray[np.bool_]], ...] | None
    after: bytes
    values: tuple[int, ...]
    only_null: tuple[int, ...]
    nodes: int
    leaves: int


def tree_plan(
    model: onnx.ModelProto, program: Program | None, signature: Signature, *, exact: bool = False
) -> TreePlan | None:
    """Plan to score the trees of a model with the kernel.

    Args:
        model: The model's graph.
        program: The same as expressions, where it can be read.
        signature: What it takes and returns.
        exact: Whether logarithms and their like stay in the graph. Otherwise they are folded into
            thresholds, and a value whose image lies within an ulp of one may go to the other side.

    Returns:
        The plan, or None where the graph has no sums of trees to cut out.
    """
    candidates, matrices = region(model)
    if not candidates:
        return None
    read = cells_of(model, candidates)
    if read is None:  # what comes before the trees cannot be read
        facts = matrix_facts(model, matrices)
        if facts is not None:
            read = cells_of_columns(model, facts, candidates)
    chosen = {} if read is None else sums_to_cut(model, read)
    if read is None or not chosen:
        return None
    cells = {name: read[name] for name in chosen}
    groups = groups_of(cells, chosen)
    sources = {
        entry.name: Source(entry.feature, signature.features[entry.feature])
        for entry in signature.inputs
        if not entry.transform
    }
    outputs = (
        program.outputs if program is not None else cells_of(model, [REFUSED] if signature.refusals else [])
    )
    refused = _refusing((outputs or {}).get(REFUSED, ()), signature, sources)
    categories = _categories(groups, refused or (), sources)
    planned: list[TreeSums] = []
    seams: list[Seam] = []
    places: dict[int, tuple[int, int]] = {}
    stem = free_name(model, "sums")
    for number, group in enumerate(groups):
        name = f"{stem}_{number}"
        made = fold_group(group, sources, categories, exact=exact)
        if made is not None:
            planned.append(TreeSums(name, made[0], made[1]))
        else:
            computed = from_matrix(model, matrices, group, cells)
            if computed is None:
                return None
            planned.append(TreeSums(name, computed[0], (), computed[1]))
        seams.append(Seam(name, group.dtype, len(group.sums)))
        places.update((id(column), (number, place)) for place, column in enumerate(group.columns))
    taken = {name: [places[id(column)] for column in cells[name]] for name in cells}
    after = after_graph(model, seams, taken, without=() if refused is None else (REFUSED,))
    tables = None
    if refused is not None:
        tables = tuple(
            (source.feature, at_categories(column, name, categories[source.feature]).astype(bool))
            for column, name, source in refused
        )
    kept = {entry.feature for part in planned for entry in _read_by(part.before, signature)}
    kept |= {entry.feature for entry in _read_by(after, signature)}
    kept |= {feature for part in planned for feature in part.features}
    kept |= {feature for feature, _ in tables or ()}
    coded = {feature for part in planned for feature in part.features} | {f for f, _ in tables or ()}
    return TreePlan(
        sums=tuple(planned),
        categories={feature: texts for feature, texts in categories.items() if feature in coded},
        refusals=tables,
        after=after.SerializeToString(deterministic=True),
        values=tuple(sorted(kept)),
        only_null=tuple(
            place
            for place, feature in enumerate(signature.features)
            if place not in kept and feature.missing in ("null", "error")
        ),
        nodes=sum(len(part.arrays["feature"]) for part in planned),
        leaves=sum(int((part.arrays["feature"] < 0).sum()) for part in planned),
    )


_Refusing = Sequence[tuple[Expression, str, Source]]


def _refusing(
    columns: Sequence[Expression], signature: Signature, sources: Mapping[str, Source]
) -> _Refusing | None:
    """The columns of the refusals with the text input that each depends on; None where one is not such."""
    found = []
    for column in columns:
        inputs = inputs_of(column)
        if len(inputs) != 1 or inputs[0].dtype != "string" or inputs[0].value not in sources:
            return None
        if named_texts([column]) is None:
            return None
        found.append((column, str(inputs[0].value), sources[inputs[0].value]))
    return found if found and len(found) == len(signature.refusals) else None


def _categories(
    groups: Sequence[Group], refused: _Refusing, sources: Mapping[str, Source]
) -> dict[int, tuple[str, ...]]:
    """All texts that trees and refusals compare a feature with, by feature."""
    texts: dict[int, set[str]] = {}
    for feature, named in texts_of(groups, sources):
        texts.setdefault(feature, set()).update(named)
    for column, _, source in refused:
        texts.setdefault(source.feature, set()).update(named_texts([column]) or ())
    return {feature: tuple(sorted(named)) for feature, named in texts.items()}


def _read_by(graph: onnx.ModelProto | bytes | None, signature: Signature) -> list[Any]:
    """The signature's inputs that a graph reads."""
    if graph is None:
        return []
    loaded = onnx.load_from_string(graph) if isinstance(graph, bytes) else graph
    names = {entry.name for entry in loaded.graph.input}
    return [entry for entry in signature.inputs if entry.name in names]
