"""Random ensembles against a walk in plain Python that follows the docstring of TreeEnsemble."""

import math
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.exporters import tree_graph
from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.trees import CategorySet, LinearLeaf, Tree, TreeEnsemble
from warehouse_ml.graph.tensor import Tensor

CATEGORICAL = 0  # this feature has codes
SPECIAL = np.array(
    [
        0.0,
        -0.0,
        5e-324,
        -1e-310,
        1e-40,
        -1e-40,
        1e-35,
        0.1,
        0.5,
        1.1,
        -2.7,
        2.0**24 + 1,
        1.7e9 + 1,
        3.4e38,
        1e300,
    ]
)


def run(ensemble: TreeEnsemble, rows: np.ndarray, write: Any = tree_graph.tree_outputs) -> np.ndarray:
    exporter = Exporter()
    columns = Columns.of(exporter.graph.input("x", "float64", (None, ensemble.features)))
    model = exporter.graph.build({"y": write(ensemble, columns, exporter)})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return np.asarray(session.run(None, {"x": rows})[0])


def find_leaf(ensemble: TreeEnsemble, row: np.ndarray, tree: int) -> int:
    node = int(ensemble.roots[tree])
    while ensemble.feature[node] >= 0:
        value = row[ensemble.feature[node]]
        if math.isnan(value):
            left = ensemble.missing_left[node]
        elif ensemble.category_set[node] >= 0:
            chosen = ensemble.category_sets[ensemble.category_set[node]]
            listed = 0 <= value < len(chosen.left)
            left = chosen.left[int(value)] if listed else chosen.others_left
        elif ensemble.comparison == "<":
            left = float(value) < ensemble.threshold[node]
        else:
            left = float(value) <= ensemble.threshold[node]
        node = int(ensemble.left[node] if left else ensemble.right[node])
    return int(ensemble.leaf[node])


def seen_by(ensemble: TreeEnsemble, row: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        seen = row.astype(ensemble.precision)
    if ensemble.missing_marker is not None:
        seen[seen == seen.dtype.type(ensemble.missing_marker)] = np.nan
    if ensemble.missing_zero is not None:
        seen[np.abs(row) <= ensemble.missing_zero] = np.nan  # a sparse matrix is made before the rounding
    return seen


def walk(ensemble: TreeEnsemble, row: np.ndarray) -> np.ndarray:
    seen = seen_by(ensemble, row)
    sums = ensemble.base.copy()
    for tree in range(ensemble.trees):
        leaf = find_leaf(ensemble, seen, tree)
        added = ensemble.values[leaf].copy()
        model = ensemble.linear[leaf] if ensemble.linear else None
        if model is not None and not any(math.isnan(seen[feature]) for feature in model.features):
            total = model.constant
            for feature, coefficient in zip(model.features, model.coefficients, strict=True):
                total += coefficient * float(seen[feature])
            added[0] = total
        output = ensemble.output[tree]
        sums[output : output + ensemble.width] += added
    return sums / ensemble.divisor


def grow(random: np.random.Generator, features: int, width: int, depth: int, linear: bool) -> list[Any]:
    nodes: list[Any] = []

    def node(level: int) -> int:
        place = len(nodes)
        nodes.append(None)
        if level == 0 or random.random() < 0.2:
            model = None
            if linear and random.random() < 0.7:
                chosen = tuple(
                    int(f) for f in random.permutation(features)[: random.integers(0, features + 1)]
                )
                model = LinearLeaf(
                    float(random.normal()), chosen, tuple(random.normal(size=len(chosen)).tolist())
                )
            nodes[place] = (-1, 0.0, -1, -1, False, random.normal(size=width), None, model)
            return place
        feature = int(random.integers(features))
        chosen_set = None
        if feature == CATEGORICAL:
            bits = tuple(bool(bit) for bit in random.integers(0, 2, size=random.integers(1, 6)))
            chosen_set = CategorySet(bits, bool(random.integers(2)))
        threshold = float(random.choice([*SPECIAL, *-SPECIAL, np.inf, -np.inf, random.normal()]))
        left, right = node(level - 1), node(level - 1)
        missing = bool(random.integers(2))
        nodes[place] = (feature, threshold, left, right, missing, np.zeros(width), chosen_set, None)
        return place

    node(depth)
    return nodes


def random_ensemble(seed: int) -> TreeEnsemble:
    random = np.random.default_rng(seed)
    features, outputs = int(random.integers(1, 4)), int(random.integers(1, 4))
    precision = str(random.choice(["float32", "float64"]))
    linear = precision == "float64" and random.random() < 0.3
    wide = not linear and random.random() < 0.4
    trees = []
    for _ in range(int(random.integers(0, 7))):
        nodes = grow(random, features, outputs if wide else 1, int(random.integers(0, 5)), linear)
        feature, threshold, left, right, missing, values, sets, models = zip(*nodes, strict=True)
        output = 0 if wide else int(random.integers(outputs))
        arrays = (np.array(part) for part in (feature, threshold, left, right, missing))
        trees.append(Tree(*arrays, np.array(values), output, sets, models if linear else ()))
    return TreeEnsemble.of(
        trees,
        features=features,
        base=random.normal(size=outputs).astype(
            random.choice(["float64"] if linear else ["float32", "float64"])
        ),
        comparison="<" if random.random() < 0.5 else "<=",
        precision="float32" if precision == "float32" else "float64",
        divisor=float(random.choice([1, 3])),
        missing_zero=np.array([-1.0, 0.0, 1e-35])[:features]
        if random.random() < 0.3 and not linear
        else None,
        missing_marker=0.5 if random.random() < 0.3 and not linear else None,
    )


def hard_rows(ensemble: TreeEnsemble, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    limits = ensemble.threshold[np.isfinite(ensemble.threshold)]
    pool = np.concatenate([SPECIAL, -SPECIAL, [np.nan, np.inf, -np.inf, 0.5]])
    if len(limits):
        pool = np.concatenate([pool, limits, np.nextafter(limits, np.inf), np.nextafter(limits, -np.inf)])
    rows = random.choice(pool, size=(25, ensemble.features))
    if ensemble.linear:
        rows[np.isinf(rows) | (np.abs(rows) > 1e37)] = 3.0
    rows[:, CATEGORICAL] = random.choice([0, 1, 2, 3, 4, 5, 7, -1, 1e9, np.nan], size=25)
    return rows


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_graph_adds_as_a_walk_does(seed: int) -> None:
    ensemble = random_ensemble(seed)
    rows = hard_rows(ensemble, seed)
    expected = np.array([walk(ensemble, row) for row in rows])
    got = run(ensemble, rows)
    assert got.dtype == ensemble.values.dtype
    np.testing.assert_array_equal(got, expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_parts_of_a_large_ensemble_add_as_the_whole(seed: int) -> None:
    ensemble = random_ensemble(seed)
    rows = hard_rows(ensemble, seed)
    expected = run(ensemble, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_graph, "_MAX_CELLS", 1)
        np.testing.assert_array_equal(run(ensemble, rows), expected)
        patch.setattr(tree_graph, "_MAX_CELLS", 10**6)
        patch.setattr(tree_graph, "_MAX_LEAVES", 5)
        np.testing.assert_array_equal(run(ensemble, rows), expected)


@pytest.mark.parametrize("seed", [seed for seed in range(40) if random_ensemble(seed).trees][:15])
def test_leaf_numbers_count_within_each_tree(seed: int) -> None:
    ensemble = random_ensemble(seed)
    rows = hard_rows(ensemble, seed)
    firsts = [ensemble.leaf[root:][ensemble.leaf[root:] >= 0][0] for root in ensemble.roots]
    expected = [
        [find_leaf(ensemble, seen_by(ensemble, row), tree) - firsts[tree] for tree in range(ensemble.trees)]
        for row in rows
    ]
    assert run(ensemble, rows, tree_graph.leaf_numbers).tolist() == expected


def constant_ensemble(link: Any, base: np.ndarray, scale: float = 1.0) -> TreeEnsemble:
    return TreeEnsemble.of(
        (), features=1, base=base, comparison="<=", precision="float64", link=link, scale=scale
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("link", "formula"),
    [
        ("identity", lambda x: x),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("softmax", lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum()),
        ("exp", np.exp),
        ("log1p_exp", lambda x: np.logaddexp(0, x)),
        ("signed_square", lambda x: np.sign(x) * x * x),
        ("positive", lambda x: (x > 0).astype(x.dtype)),
    ],
)
def test_link_is_applied_to_scaled_sums(link: Any, formula: Any, dtype: str) -> None:
    base = np.array([-8.0, -1.5, 0.0, 0.25, 20.0], dtype)
    expected = formula(base.astype(np.float64) * 2.0)
    got = run(constant_ensemble(link, base, scale=2.0), np.zeros((2, 1)))
    assert got.dtype == dtype
    np.testing.assert_allclose(got[1], expected, rtol=2e-7 if dtype == "float32" else 1e-14)


def test_sigmoid_in_float32_does_not_overflow() -> None:
    got = run(constant_ensemble("sigmoid", np.array([-1000.0, 1000.0], np.float32)), np.zeros((1, 1)))
    assert 0.0 < got[0, 0] < 1e-37
    assert got[0, 1] == 1.0


def test_start_takes_the_place_of_the_base() -> None:
    ensemble = random_ensemble(3)
    assert ensemble.trees
    start = np.arange(1.0, ensemble.outputs + 1.0).astype(ensemble.base.dtype)
    rows = hard_rows(ensemble, 3)

    def write(trees: TreeEnsemble, columns: Columns, exporter: Exporter) -> Tensor:
        first = exporter.numbers(columns).full_like_rows(start)
        return tree_graph.tree_sums(trees, columns, exporter, first)

    with_base = TreeEnsemble(**{**fields_of(ensemble), "base": start})
    np.testing.assert_array_equal(run(ensemble, rows, write), run(with_base, rows))


def fields_of(ensemble: TreeEnsemble) -> dict[str, Any]:
    return {name: getattr(ensemble, name) for name in TreeEnsemble.__dataclass_fields__}


def chain(depth: int) -> Tree:
    """A tree of which every left child is a leaf."""
    split = np.append(np.tile([True, False], depth), False)
    place = np.arange(len(split))
    return Tree(
        np.where(split, 0, -1),
        place.astype(float),
        np.where(split, place + 1, -1),
        np.where(split, place + 2, -1),
        np.zeros(len(split), bool),
        place.reshape(-1, 1).astype(float),
    )


def test_deep_tree_is_walked() -> None:
    ensemble = TreeEnsemble.of(
        [chain(900)], features=1, base=np.zeros(1), comparison="<=", precision="float64"
    )
    assert ensemble.depth == 900
    assert run(ensemble, np.array([[-1.0], [900.5], [1e9]])).ravel().tolist() == [1.0, 903.0, 1800.0]


def test_tree_too_deep_for_the_runtime_is_refused() -> None:
    ensemble = TreeEnsemble.of(
        [chain(1001)], features=1, base=np.zeros(1), comparison="<=", precision="float64"
    )
    with pytest.raises(UnsupportedStepError, match="1,001 levels deep"):
        run(ensemble, np.zeros((1, 1)))


@given(st.floats(allow_nan=False))
@example(-3.402823364973241e38)
def test_round_down_keeps_every_comparison_of_float32(value: float) -> None:
    down = tree_graph.round_down(np.array([value]))[0]
    with np.errstate(all="ignore"):
        near = np.float32(value)
        above = np.nextafter(near, np.float32(np.inf))
        below = np.nextafter(near, np.float32(-np.inf))
    for x in (below, near, above):
        assert (x <= down) == (float(x) <= value)
