"""The kernel against a plain walk in numpy: every sum must be bit-equal."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.tree_kernel import TreeKernel

Arrays = dict[str, Any]
DTYPES = ("float64", "float32", "int64", "int32", "int16", "int8", "uint8", "bool")
SPECIAL = (0.0, -0.0, np.inf, -np.inf, 5e-324, -1e-45, 1e-310, 0.1, float(np.float32(0.1)), 2.0**53 + 2, 1e300)


def compared(column: np.ndarray, missing: np.ndarray | None, kind: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        values = column.astype(np.float32).astype(np.float64) if kind == 1 else column.astype(np.float64)
    return values if missing is None else np.where(missing, np.nan, values)


def walked(arrays: Arrays, columns: list[np.ndarray], missing: list[np.ndarray | None]) -> np.ndarray:
    """The oracle: all rows go down one tree level by level, and each tree is added in its turn."""
    kinds = arrays["kinds"]
    matrix = np.stack([compared(*entry) for entry in zip(columns, missing, kinds, strict=True)])
    rows = np.arange(matrix.shape[1])
    sums = np.repeat(arrays["base"][np.newaxis], len(rows), axis=0)
    width = arrays["values"].shape[1]
    for root, output in zip(arrays["roots"], arrays["output"], strict=True):
        node = np.full(len(rows), root)
        while (active := arrays["leaf"][node] < 0).any():
            value = matrix[arrays["feature"][node], rows]
            members = arrays["category_set"][node]
            code = np.where(members >= 0, value, 0).astype(int)
            to_left = np.where(np.isnan(value), arrays["missing_left"][node], value <= arrays["threshold"][node])
            if arrays["sets"].size:
                to_left = np.where(members >= 0, arrays["sets"][members, code], to_left)
            node = np.where(active, np.where(to_left, arrays["left"][node], arrays["right"][node]), node)
        sums[:, output : output + width] += arrays["values"][arrays["leaf"][node]]
    return sums


def flagged(arrays: Arrays, columns: list[np.ndarray], missing: list[np.ndarray | None]) -> list[int]:
    found = []
    for column, gone, kind, limit in zip(columns, missing, arrays["kinds"], arrays["limits"], strict=True):
        values = compared(column, gone, 0)
        beyond = (np.abs(values) > limit).any()
        found.append(0 if kind == 2 else int(np.isnan(values).any()) | int(beyond) << 1)
    return found


class Grower:
    """Grows random trees node by node."""

    def __init__(self, random: np.random.Generator, kinds: list[int], sets: np.ndarray, **settings: Any) -> None:
        self.random, self.kinds, self.sets = random, kinds, sets
        self.thresholds = settings["thresholds"]
        self.chain = settings.get("chain", 0.0)
        self.both = settings.get("both", True)
        self.nodes: list[list[Any]] = []
        self.leaves = 0

    def grow(self, splits: int) -> None:
        """Add a tree of so many splits."""
        place = len(self.nodes)
        self.nodes.append([])
        pending = [(place, splits)]
        while pending:
            place, splits = pending.pop()
            if splits == 0:
                self.nodes[place] = [-1, 0.0, -1, -1, False, -1, self.leaves]
                self.leaves += 1
                continue
            feature = int(self.random.integers(len(self.kinds)))
            below = splits - 1
            to_left = int(self.random.integers(below + 1))
            if self.random.random() < self.chain:
                to_left = int(self.random.choice([0, below]))
            members = int(self.random.integers(len(self.sets))) if self.kinds[feature] == 2 else -1
            threshold = 0.0 if members >= 0 else float(self.random.choice(self.thresholds))
            if self.kinds[feature] == 1:
                with np.errstate(over="ignore"):
                    threshold = float(np.float32(threshold))
            children = len(self.nodes), len(self.nodes) + 1
            self.nodes += [[], []]
            goes = bool(self.random.random() < 0.5) if self.both else True
            self.nodes[place] = [feature, threshold, *children, goes, members, -1]
            pending += [(children[0], to_left), (children[1], below - to_left)]


def ensemble(random: np.random.Generator, grower: Grower, sizes: list[int], **options: Any) -> Arrays:
    """The arrays of an ensemble of trees with so many splits each."""
    roots = []
    for size in sizes:
        roots.append(len(grower.nodes))
        grower.grow(size)
    columns = list(zip(*grower.nodes, strict=True)) if grower.nodes else [()] * 7
    dtype = options.get("dtype", np.float64)
    width, outputs = options.get("width", 1), options.get("outputs", 1)
    names = ("feature", "threshold", "left", "right", "missing_left", "category_set", "leaf")
    dtypes = (np.int32, np.float64, np.int32, np.int32, bool, np.int32, np.int32)
    arrays = {n: np.array(c, dtype=d) for n, c, d in zip(names, columns, dtypes, strict=True)}
    columns_count = len(grower.kinds)
    return arrays | {
        "roots": np.array(roots, dtype=np.int64),
        "sets": grower.sets,
        "values": random.normal(size=(grower.leaves, width)).astype(dtype),
        "output": random.integers(0, outputs - width + 1, len(sizes)).astype(np.int32),
        "base": random.normal(size=outputs).astype(dtype),
        "kinds": np.array(grower.kinds, dtype=np.uint8),
        "limits": np.array(options.get("limits", [np.inf] * columns_count)),
    }


def column_of(random: np.random.Generator, dtype: str, pool: np.ndarray, rows: int, strided: bool) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        values = random.choice(np.append(pool, np.nan), rows)
        if dtype[0] != "f":
            values = random.integers(-4, 5, rows) if dtype != "int64" else random.choice(
                np.array([0, 1, -1, 2**53 + 1, 2**62 + 1, -(2**63)]), rows
            )
        column = values.astype(dtype)
    return np.repeat(column, 3)[::3] if strided else column


def agrees(arrays: Arrays, columns: list[np.ndarray], missing: list[np.ndarray | None]) -> None:
    sums, flags = TreeKernel(arrays).score(columns, missing)
    expected = walked(arrays, columns, missing)
    assert sums.dtype == expected.dtype
    np.testing.assert_array_equal(sums, expected)
    assert flags.tolist() == flagged(arrays, columns, missing)


@given(
    seed=st.integers(0, 2**32 - 1),
    dtypes=st.lists(st.sampled_from((*DTYPES, "category")), min_size=1, max_size=7),
    sizes=st.lists(st.sampled_from([0, 1, 2, 3, 5, 7, 30, 63, 200, 300, 700]), max_size=6),
    rows=st.sampled_from([0, 1, 2, 44, 64, 255, 256, 257, 700, 2047, 2049]),
    dtype=st.sampled_from([np.float32, np.float64]),
    width=st.integers(1, 3),
    more=st.integers(0, 2),
    chain=st.sampled_from([0.0, 0.7, 1.0]),
    both=st.booleans(),
    masks=st.booleans(),
    strided=st.booleans(),
)
@settings(max_examples=60)
def test_any_ensemble_and_any_columns(
    seed, dtypes, sizes, rows, dtype, width, more, chain, both, masks, strided
):
    random = np.random.default_rng(seed)
    kinds = [2 if entry == "category" else int(random.integers(2)) for entry in dtypes]
    pool = np.append(np.array(SPECIAL), random.integers(-40, 40, 40) / 10)
    sets = random.random((5, 11)) < 0.5
    grower = Grower(random, kinds, sets, thresholds=pool, chain=chain, both=both)
    limits = random.choice([np.inf, 3.0, 2.0**53], len(dtypes))
    arrays = ensemble(random, grower, sizes, dtype=dtype, width=width, outputs=width + more, limits=limits)
    columns = [
        random.integers(0, 11, rows).astype(np.int32)
        if entry == "category"
        else column_of(random, entry, pool, rows, strided)
        for entry in dtypes
    ]
    missing = [
        random.random(rows) < 0.1 if masks and kind != 2 and random.random() < 0.7 else None for kind in kinds
    ]
    agrees(arrays, columns, missing)
