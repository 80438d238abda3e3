"""Write a `TreeEnsemble` as an ONNX graph that adds exactly as its library adds.

The operator TreeEnsembleRegressor would add leaf values itself, in float32 and in an order of its own. So
it is only asked to find the leaves: each tree has an output of its own, and a leaf's weight is the number of
its value, which float32 holds exactly up to 2^24. The values are then gathered and added one after another
in the library's precision. Where a label hangs on a tie, the result is still the library's.

Measured with 100 trees of depth 6 and onnxruntime 1.31: 0.32 million rows a second, against 0.37 when the
operator adds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.trees import TreeEnsemble
from warehouse_ml.graph.tensor import Tensor

MAX_DEPTH = 1000
"""onnxruntime follows a tree by recursion: a chain of 20,000 nodes overflows its stack."""

_MAX_LEAVES = 2**24
_MAX_CELLS = 2**12
"""Values per row that are gathered at once: a batch of 2,048 rows then takes 64 MB."""


def tree_outputs(ensemble: TreeEnsemble, columns: Columns, exporter: Exporter) -> Tensor:
    """The ensemble's result after its link, [rows, outputs] in the type of its leaf values.

    Args:
        ensemble: The trees.
        columns: The features as numbers; NaN is missing, a categorical feature has its code. Those that no
            tree asks for are not read.
        exporter: Asked to refuse text, and what onnxruntime could not walk.
    """
    return apply_link(ensemble, tree_sums(ensemble, columns, exporter))


def tree_sums(
    ensemble: TreeEnsemble, columns: Columns, exporter: Exporter, start: Tensor | None = None
) -> Tensor:
    """What the trees and the base add up to, divided, before the link.

    Args:
        ensemble: The trees.
        columns: As for `tree_outputs`.
        exporter: As for `tree_outputs`.
        start: What the sums start with instead of the base, [rows, outputs].
    """
    rows = _Rows.of(ensemble, columns, exporter)
    ensemble = rows.ensemble
    each = range(ensemble.outputs)
    groups = [np.flatnonzero(ensemble.output == output) for output in each]
    if ensemble.width > 1:
        sums = _running(rows, np.arange(ensemble.trees), ensemble.base, start)
    elif len({len(group) for group in groups}) == 1:
        sums = _running(rows, np.stack(groups, axis=1).ravel(), ensemble.base, start)
    else:
        starts = [None if start is None else start.columns([output]) for output in each]
        parts = [_running(rows, groups[k], ensemble.base[[k]], starts[k]) for k in each]
        sums = exporter.graph.concat(parts)
    return sums if ensemble.divisor == 1.0 else sums / ensemble.divisor


def leaf_numbers(ensemble: TreeEnsemble, columns: Columns, exporter: Exporter) -> Tensor:
    """For every tree the number of the row's leaf among that tree's leaves, int64 of shape [rows, trees]."""
    rows = _Rows.of(ensemble, columns, exporter)
    counts = _leaf_counts(ensemble)
    parts = []
    for chunk in _chunks(ensemble, np.arange(ensemble.trees), 1):
        parts.append(rows.find(chunk, np.concatenate([np.arange(counts[tree]) for tree in chunk])))
    return exporter.graph.concat(parts)


def apply_link(ensemble: TreeEnsemble, sums: Tensor) -> Tensor:
    """What the ensemble's link makes of the sums.

    Where the library computes in float32, so does this; only the exponential itself is rounded from
    float64, which is closer to the C library's than onnxruntime's own.
    """
    if ensemble.scale != 1.0:
        sums = sums * ensemble.scale
    if ensemble.link == "sigmoid":
        if sums.dtype == "float32":  # XGBoost keeps exp from overflowing: common/math.h
            return 1.0 / (1.0 + exp((-sums).clip(high=88.7)))
        return sums.sigmoid()
    if ensemble.link == "softmax":
        shifted = exp(sums - sums.max(1))
        if sums.dtype == "float32":
            total = shifted.cast("float64").sequential_sum().cast("float32")
        else:
            total = shifted.sequential_sum()
        return shifted / total
    if ensemble.link == "exp":
        return exp(sums)
    if ensemble.link == "log1p_exp":
        return _log1p(sums.exp())
    if ensemble.link == "signed_square":
        return sums * abs(sums)
    if ensemble.link == "positive":
        return (sums > 0.0).cast(sums.dtype)
    return sums


def exp(tensor: Tensor) -> Tensor:
    """The exponential in the tensor's own type, rounded correctly."""
    return tensor.cast("float64").exp().cast(tensor.dtype)


def _log1p(tensor: Tensor) -> Tensor:
    """log(1 + x) without the loss that adding 1 to a small x brings (Kahan)."""
    plus = 1.0 + tensor
    rounded = plus - 1.0
    exact = plus.log() * tensor / (rounded + rounded.equal(0.0).cast(tensor.dtype))
    return rounded.equal(0.0).where(tensor, exact)


def round_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above: for a float32 x, x <= it is the same as x <= the value."""
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float32)
        return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows that are scored, ready for the operator.

    Attributes:
        ensemble: The trees, on the features that they use.
        values: Features in the ensemble's precision, missing ones as NaN, [rows, features].
        matrix: The same with the indicators of category splits, [rows, features + indicators].
        column: For each node the column of `matrix` that it compares; int64 of shape [nodes].
        threshold: What it is compared with, in the type of `matrix`; shape [nodes].
    """

    ensemble: TreeEnsemble
    values: Tensor
    matrix: Tensor
    column: NDArray[np.int64]
    threshold: NDArray[np.float32] | NDArray[np.float64]

    @classmethod
    def of(cls, ensemble: TreeEnsemble, columns: Columns, exporter: Exporter) -> _Rows:
        if ensemble.depth > MAX_DEPTH:
            exporter.unsupported(
                f"one of its trees is {ensemble.depth:,} levels deep", f"Limit the depth to {MAX_DEPTH:,}."
            )
        ensemble, used = ensemble.narrowed()
        values = exporter.numbers(columns.select(used), ensemble.precision)
        if ensemble.missing_marker is not None:
            values = values.equal(ensemble.missing_marker).where(np.nan, values)
        if ensemble.missing_zero is not None and (ensemble.missing_zero >= 0).any():
            # a sparse matrix holds what is no zero before it is rounded
            doubles = exporter.numbers(columns.select(used))
            values = (abs(doubles) <= ensemble.missing_zero.reshape(1, -1)).where(np.nan, values)
        threshold: NDArray[np.float32] | NDArray[np.float64] = ensemble.threshold
        if ensemble.precision == "float32" and ensemble.comparison == "<=":
            threshold = round_down(ensemble.threshold)
        elif ensemble.precision == "float32":
            threshold = -round_down(-ensemble.threshold)
        indicators, column = _indicators(ensemble, values)
        joined = values if indicators is None else exporter.graph.concat([values, indicators])
        threshold = np.where(ensemble.category_set >= 0, threshold.dtype.type(0.5), threshold)
        return cls(ensemble, values, joined, column, threshold)

    def find(self, trees: NDArray[np.int64], numbers: NDArray[np.int64]) -> Tensor:
        """Where the rows end in some trees.

        Args:
            trees: The trees.
            numbers: What to call each of their leaves, in the order of `_leaves_of`; below 2^24.

        Returns:
            The numbers, int64 of shape [rows, trees].
        """
        ensemble = self.ensemble
        ends = np.append(ensemble.roots, len(ensemble.feature))
        nodes = np.concatenate([np.arange(ends[tree], ends[tree + 1]) for tree in trees])
        tree_of = np.repeat(np.arange(len(trees)), [ends[tree + 1] - ends[tree] for tree in trees])
        local = nodes - ensemble.roots[trees][tree_of]
        is_leaf = ensemble.feature[nodes] < 0
        double = self.matrix.dtype == "float64"
        thresholds = np.where(is_leaf, 0, self.threshold[nodes])
        missing = ensemble.missing_left[nodes] & ~is_leaf
        branch = {"<": "BRANCH_LT", "<=": "BRANCH_LEQ"}[ensemble.comparison]
        found = self.matrix.graph.op(
            "TreeEnsembleRegressor",
            self.matrix,
            dtype="float32",
            shape=(None, len(trees)),
            domain="ai.onnx.ml",
            n_targets=len(trees),
            nodes_treeids=tree_of.tolist(),
            nodes_nodeids=local.tolist(),
            nodes_featureids=np.where(is_leaf, 0, self.column[nodes]).tolist(),
            nodes_modes=np.where(is_leaf, "LEAF", branch).tolist(),
            nodes_values=None if double else thresholds.tolist(),
            nodes_values_as_tensor=_double(thresholds) if double else None,
            nodes_truenodeids=np.where(is_leaf, 0, ensemble.left[nodes] - nodes + local).tolist(),
            nodes_falsenodeids=np.where(is_leaf, 0, ensemble.right[nodes] - nodes + local).tolist(),
            nodes_missing_value_tracks_true=missing.astype(np.int64).tolist() if missing.any() else None,
            target_treeids=tree_of[is_leaf].tolist(),
            target_nodeids=local[is_leaf].tolist(),
            target_ids=tree_of[is_leaf].tolist(),
            target_weights=None if double else numbers.astype(float).tolist(),
            target_weights_as_tensor=_double(numbers.astype(float)) if double else None,
        )
        return found.cast("int64")


def _running(
    rows: _Rows, trees: NDArray[np.int64], base: NDArray[np.generic], start: Tensor | None
) -> Tensor:
    """Add up trees that come in rounds: every round adds once to each of the sums.

    Returns:
        The sums, of shape [rows, sums].
    """
    ensemble = rows.ensemble
    per_round = 1 if ensemble.width > 1 else len(base)
    if start is None and (ensemble.linear or len(trees) == 0):
        start = rows.matrix.full_like_rows(base)
    sums = start
    for chunk in _chunks(ensemble, trees, per_round):
        leaves = _leaves_of(ensemble, chunk)
        if ensemble.linear:
            added = _linear(rows, rows.find(chunk, np.arange(len(leaves))), leaves)
        else:
            values = ensemble.values[leaves]
            if sums is None:  # the base and the first value make what the running sum would
                ends = np.cumsum(_leaf_counts(ensemble)[chunk[:per_round]])
                for place, part in enumerate(np.split(values[: ends[-1]], ends[:-1])):
                    part += base[place : place + ensemble.width]
            table, numbers = _distinct(values)
            constant = rows.matrix.graph.constant(table if ensemble.width > 1 else table[:, 0])
            added = constant.take(rows.find(chunk, numbers))
        steps = len(chunk) // per_round
        added = added.reshape(None, steps, len(base))
        if sums is not None:
            added = rows.matrix.graph.concat([sums.expand_dims(1), added], axis=1)
            steps += 1
        sums = added if steps == 1 else added.cumsum(1).take([steps - 1], axis=1)
        sums = sums.reshape(None, len(base))
    if sums is None:
        raise TypeError("no trees and no start")  # excluded above
    return sums


def _linear(rows: _Rows, numbers: Tensor, leaves: NDArray[np.int64]) -> Tensor:
    """What leaves with linear models add, [rows, trees]."""
    ensemble = rows.ensemble
    graph = rows.matrix.graph
    models = [ensemble.linear[leaf] for leaf in leaves]
    terms = max([1, *(len(model.features) for model in models if model is not None)])
    # the column after the last feature is zero: leaves with fewer terms multiply it by zero
    features = np.full((len(leaves), terms), ensemble.features, np.int64)
    coefficients = np.zeros((len(leaves), terms + 1))
    plain = ensemble.values[leaves, 0]
    coefficients[:, 0] = plain
    for place, model in enumerate(models):
        if model is not None:
            coefficients[place, 0] = model.constant
            features[place, : len(model.features)] = model.features
            coefficients[place, 1 : len(model.features) + 1] = model.coefficients
    trees = numbers.width
    extended = graph.concat([rows.values.cast("float64"), rows.values.full_like_rows([0.0])])
    where = graph.constant(features).take(numbers).reshape(None, trees * terms)
    given = graph.op(
        "GatherElements", extended, where, dtype="float64", shape=(None, trees * terms), axis=1
    ).reshape(None, trees, terms)
    factors = graph.constant(coefficients).take(numbers)
    products = given * factors.take(np.arange(1, terms + 1), axis=2)
    constant = factors.take([0], axis=2)
    total = graph.concat([constant, products], axis=2).cumsum(2).take(terms, axis=2)
    missing = given.isnan().cast("int32").max(2, keepdims=False).cast("bool")
    return missing.where(graph.constant(plain).take(numbers), total)


def _indicators(ensemble: TreeEnsemble, values: Tensor) -> tuple[Tensor | None, NDArray[np.int64]]:
    """A column for each distinct category set of a feature: 0 where it goes left, 1 where right, or NaN.

    Returns:
        The columns or None, and for each node the column that it compares.
    """
    column = np.where(ensemble.feature < 0, 0, ensemble.feature)
    nodes = np.flatnonzero(ensemble.category_set >= 0)
    if len(nodes) == 0:
        return None, column
    pairs, place = np.unique(
        np.stack([ensemble.feature[nodes], ensemble.category_set[nodes]]), axis=1, return_inverse=True
    )
    column[nodes] = ensemble.features + place.ravel()
    graph = values.graph
    parts = []
    for feature in np.unique(pairs[0]):
        sets = [ensemble.category_sets[chosen] for chosen in pairs[1][pairs[0] == feature]]
        known = max(len(chosen.left) for chosen in sets)
        table = np.empty((known + 2, len(sets)), ensemble.precision)
        for index, chosen in enumerate(sets):
            table[: known + 1, index] = not chosen.others_left
            table[: len(chosen.left), index] = ~np.array(chosen.left, bool)
        table[known + 1] = np.nan
        code = values.columns([int(feature)])
        valid = (code >= 0.0) & (code < float(known))
        number = valid.where(code, float(known))
        number = code.isnan().where(float(known + 1), number).cast("int64").reshape(None)
        parts.append(graph.constant(table).take(number))
    return graph.concat(parts), column


def _chunks(ensemble: TreeEnsemble, trees: NDArray[np.int64], per_round: int) -> Iterator[NDArray[np.int64]]:
    """Whole rounds of trees that do not exceed the limits of leaves and memory."""
    if len(trees) == 0:
        return
    counts = _leaf_counts(ensemble)[trees].reshape(-1, per_round).sum(axis=1)
    terms = 2 + 2 * max((len(model.features) for model in ensemble.linear if model is not None), default=0)
    cells = per_round * ensemble.width * (terms if ensemble.linear else 1)
    rounds_at_once = max(1, _MAX_CELLS // cells)
    start, leaves = 0, 0
    for index, count in enumerate(counts):
        if index > start and (index - start >= rounds_at_once or leaves + count > _MAX_LEAVES):
            yield trees[start * per_round : index * per_round]
            start, leaves = index, 0
        leaves += count
    yield trees[start * per_round :]


def _leaf_counts(ensemble: TreeEnsemble) -> NDArray[np.int64]:
    is_leaf = (ensemble.feature < 0).astype(np.int64)
    return np.add.reduceat(is_leaf, ensemble.roots)


def _leaves_of(ensemble: TreeEnsemble, trees: NDArray[np.int64]) -> NDArray[np.int64]:
    """The leaves of some trees, tree after tree."""
    ends = np.cumsum(_leaf_counts(ensemble))
    starts = np.append(0, ends)
    return np.concatenate([np.arange(starts[tree], ends[tree]) for tree in trees])


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different rows bit for bit, and the position among them of each row: many leaves are alike."""
    cells = np.ascontiguousarray(values)
    packed = cells.view(np.dtype((np.void, cells.dtype.itemsize * cells.shape[1]))).ravel()
    _, first, numbers = np.unique(packed, return_index=True, return_inverse=True)
    return cells[first], numbers


def _double(values: NDArray[np.float64]) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values, np.float64), "values")
