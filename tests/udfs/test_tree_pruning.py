"""Pruned trees against the whole ones, on batches that keep to the bounds and on others."""

import importlib.util
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse_ml.engines.handler_files import load_handler

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="the kernel needs numba, which is not installed"
)

COLUMNS = 4
"""Two of doubles, one of floats, one of categories with five codes."""

CODES = 5
GRID = np.array([-2.0, -1.0, -0.5, 0.0, 0.1, 0.5, 1.0, 3.0])


def forest(random: np.random.Generator, trees: int, depth: int) -> dict[str, Any]:
    """Random trees, full to their depth but for some early leaves."""
    nodes: list[list[Any]] = []
    roots = []
    leaves = 0

    def grow(level: int) -> int:
        nonlocal leaves
        here = len(nodes)
        nodes.append([-1, 0.0, -1, -1, False, -1, -1])
        if level == 0 or random.random() < 0.1:
            nodes[here][6] = leaves
            leaves += 1
            return here
        column = int(random.integers(COLUMNS))
        nodes[here][0] = column
        nodes[here][1] = float(np.float32(random.choice(GRID)))
        nodes[here][4] = bool(random.integers(2))
        nodes[here][5] = int(random.integers(3)) if column == 3 else -1
        nodes[here][2] = grow(level - 1)
        nodes[here][3] = grow(level - 1)
        return here

    for _ in range(trees):
        roots.append(grow(depth))
    columns = list(zip(*nodes, strict=True))
    kinds = [np.int32, np.float64, np.int32, np.int32, bool, np.int32, np.int32]
    names = ["feature", "threshold", "left", "right", "missing_left", "category_set", "leaf"]
    arrays = {name: np.array(c, dtype=k) for name, c, k in zip(names, columns, kinds, strict=True)}
    return arrays | {
        "roots": np.array(roots, np.int64),
        "sets": random.integers(0, 2, (3, CODES)).astype(bool),
        "values": random.normal(size=(leaves, 1)),
        "output": np.zeros(trees, np.int32),
        "base": np.zeros(1),
        "kinds": np.array([0, 0, 1, 2], np.uint8),
        "limits": np.array([2.5, np.inf, np.inf, np.inf]),
    }


def batch(random: np.random.Generator, rows: int) -> tuple[list[Any], list[Any]]:
    columns: list[Any] = [random.choice(np.append(GRID, [np.nan, np.inf, -5.0]), rows) for _ in range(3)]
    masks: list[Any] = [random.random(rows) < 0.2, None, random.random(rows) < 0.1, None]
    return [*columns, random.integers(0, CODES, rows).astype(np.int32)], masks


def kept(columns: list[Any], masks: list[Any], bounds: list[Any], possible: Any) -> Any:
    """The rows that keep to the bounds."""
    keep = np.ones(len(columns[0]), dtype=bool)
    for values, mask, (low, high, missing) in zip(columns, masks, bounds, strict=False):
        gone = np.isnan(values) | (False if mask is None else mask)
        keep &= np.where(gone, missing, (values >= low) & (values <= high))
    return keep if possible is None else keep & possible[columns[3]]


BOUNDS = st.tuples(
    st.sampled_from([-np.inf, -1.0, 0.0, 0.1, 0.5]),
    st.sampled_from([np.inf, 1.0, 0.5, 0.1, 3.0]),
    st.booleans(),
)


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.integers(0, 6),
    st.lists(BOUNDS, min_size=3, max_size=3),
    st.none() | st.lists(st.booleans(), min_size=CODES, max_size=CODES),
)
def test_sums_and_flags_are_the_same_to_the_bit(
    seed: int, trees: int, depth: int, bounds: list[Any], codes: list[bool] | None
) -> None:
    random = np.random.default_rng(seed)
    pruning, kernel = load_handler("tree_pruning"), load_handler("tree_kernel").TreeKernel
    arrays = forest(random, trees, depth)
    possible = None if codes is None else np.array(codes)
    rest = pruning.pruned(arrays, [*bounds, pruning.ANY], [None, None, None, possible])
    columns, masks = batch(random, 300)
    keep = kept(columns, masks, bounds, possible)
    columns = [column[keep] for column in columns]
    masks = [None if mask is None else mask[keep] for mask in masks]
    found, expected = kernel(rest).score(columns, masks), kernel(arrays).score(columns, masks)
    assert len(rest["feature"]) <= len(arrays["feature"])
    assert found[0].tobytes() == expected[0].tobytes()
    assert (found[1] == expected[1]).all()


@pytest.mark.parametrize("low", [-5.0, 0.5])
def test_a_batch_beyond_the_bounds_is_scored_by_the_whole_trees(low: float) -> None:
    random = np.random.default_rng(1)
    pruning, kernel = load_handler("tree_pruning"), load_handler("tree_kernel").TreeKernel
    arrays = forest(random, 60, 8)
    bounds = [(0.5, np.inf, False), pruning.ANY, (-np.inf, -0.5, True), pruning.ANY]
    bounded = pruning.BoundedKernel(arrays, bounds, [None] * 4, kernel)
    assert bounded._pruned is not None
    columns, masks = batch(random, 500)
    columns[0] = random.uniform(low, 2.0, 500)
    columns[2] = random.uniform(-3.0, -0.5, 500)
    masks[0] = None
    found, expected = bounded.score(columns, masks), kernel(arrays).score(columns, masks)
    assert bounded._keep(columns, masks) == (low == 0.5)
    assert found[0].tobytes() == expected[0].tobytes()


def test_a_small_ensemble_is_not_pruned() -> None:
    pruning, kernel = load_handler("tree_pruning"), load_handler("tree_kernel").TreeKernel
    arrays = forest(np.random.default_rng(2), 3, 4)
    bounds = [(0.5, np.inf, False), pruning.ANY, pruning.ANY, pruning.ANY]
    assert pruning.BoundedKernel(arrays, bounds, [None] * 4, kernel)._pruned is None


@pytest.mark.parametrize(("low", "keeps"), [(0.1, True), (float(np.float32(0.1)) + 1e-10, False)])
def test_bounds_are_not_rounded_to_the_type_of_a_column(low: float, keeps: bool) -> None:
    pruning, kernel = load_handler("tree_pruning"), load_handler("tree_kernel").TreeKernel
    arrays = forest(np.random.default_rng(1), 60, 8)
    bounds = [(low, np.inf, False), pruning.ANY, (-np.inf, -0.5, True), pruning.ANY]
    bounded = pruning.BoundedKernel(arrays, bounds, [None] * 4, kernel)
    columns, masks = batch(np.random.default_rng(3), 8)
    columns[0], columns[2], masks[0] = np.full(8, 0.1, np.float32), np.full(8, -1.0), None
    assert np.float32(low) == np.float32(0.1)
    assert bounded._pruned is not None
    assert bounded._keep(columns, masks) == keeps
