from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse_ml.backends.evaluate import evaluate, find_leaves
from warehouse_ml.backends.program import Expression, Forest, Lookup

A = Expression("input", "float64", (), "a")
B = Expression("input", "float64", (), "b")
FLOATS = st.lists(st.floats(width=64), min_size=1, max_size=20)


def constant(value: Any, dtype: Any = "float64") -> Expression:
    return Expression("constant", dtype, (), value)


def value(expression: Expression, **inputs: Any) -> np.ndarray:
    (found,) = evaluate([expression], {name: np.asarray(given) for name, given in inputs.items()})
    return found


@pytest.mark.parametrize(
    ("operator", "function"),
    [("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("div", np.divide), ("max", np.maximum)],
)
@given(values=FLOATS)
def test_arithmetic_is_that_of_numpy(operator: str, function: Any, values: list[float]) -> None:
    left, right = np.array(values), np.array(values[::-1])
    with np.errstate(all="ignore"):
        expected = function(left, right)
    np.testing.assert_array_equal(value(Expression(operator, "float64", (A, B)), a=left, b=right), expected)


def test_float32_stays_float32() -> None:
    single = Expression("cast", "float32", (A,))
    third = Expression("div", "float32", (single, constant(np.float32(3), "float32")))
    found = value(third, a=[1.0, 2.0])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([1, 2], np.float32) / np.float32(3))


def test_dot_multiplies_zeros_too() -> None:
    dot = Expression("dot", "float64", (A, B), np.array([2.0, 0.0]))
    np.testing.assert_array_equal(value(dot, a=[1.0, 1.0], b=[3.0, np.inf]), [2.0, np.nan])


def test_lookup_of_texts_and_of_missing_ones() -> None:
    text = Expression("input", "string", (), "t")
    lookup = Expression("lookup", "int64", (text,), Lookup({"x": 4}, -1))
    found = value(lookup, t=np.array(["x", "y", ""], object))
    assert found.tolist() == [4, -1, -1]


def test_take_of_texts() -> None:
    place = Expression("cast", "int64", (A,))
    take = Expression("take", "string", (place,), np.array(["no", "yes"], object))
    assert value(take, a=[1.0, 0.0]).tolist() == ["yes", "no"]


def test_where_and_isnan() -> None:
    filled = Expression("where", "float64", (Expression("isnan", "bool", (A,)), constant(7.0), A))
    assert value(filled, a=[np.nan, 2.0]).tolist() == [7.0, 2.0]


def test_constant_has_the_rows_of_the_inputs() -> None:
    assert evaluate([constant(5.0), A], {"a": np.zeros(3)})[0].tolist() == [5.0, 5.0, 5.0]


def test_expression_used_twice_is_kept() -> None:
    square = Expression("mul", "float64", (A, A))
    found = evaluate([square, Expression("add", "float64", (square, A)), square], {"a": np.array([3.0])})
    assert [each.tolist() for each in found] == [[9.0], [12.0], [9.0]]


def test_long_chain_takes_no_recursion() -> None:
    total = A
    for _ in range(5000):
        total = Expression("add", "float64", (total, A))
    assert value(total, a=[1.0]).tolist() == [5001.0]


# --- forests, against a walk of one row after the other ---


@st.composite
def forests(draw: Any) -> Forest:
    nodes: list[tuple[int, float, int, int, bool]] = []
    roots = []

    def grow(depth: int) -> int:
        place = len(nodes)
        nodes.append((-1, 0.0, 0, 0, False))
        if depth and draw(st.booleans()):
            feature, threshold = draw(st.integers(0, 1)), draw(st.integers(-2, 2))
            missing = draw(st.booleans())
            left, right = grow(depth - 1), grow(depth - 1)
            nodes[place] = (feature, threshold, left, right, missing)
        return place

    for _ in range(draw(st.integers(1, 3))):
        roots.append(grow(4))
    feature, threshold, left, right, missing = (np.array(each) for each in zip(*nodes, strict=True))
    return Forest(
        np.array(roots),
        feature,
        threshold.astype(np.float64),
        left,
        right,
        missing,
        np.where(feature < 0, np.arange(len(nodes)) * 3, -1),
        draw(st.sampled_from(["<", "<="])),
        draw(st.sampled_from(["float32", "float64"])),
    )


def walked(forest: Forest, tree: int, row: np.ndarray) -> int:
    node = forest.roots[tree]
    while forest.feature[node] >= 0:
        number, limit = row[forest.feature[node]], forest.threshold[node]
        holds = number < limit if forest.comparison == "<" else number <= limit
        goes_left = forest.missing_left[node] if np.isnan(number) else holds
        node = forest.left[node] if goes_left else forest.right[node]
    return int(forest.leaf[node])


@settings(max_examples=60)
@given(forest=forests(), seed=st.integers(0, 1000))
def test_leaves_are_those_of_a_plain_walk(forest: Forest, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, np.nan, np.inf, -np.inf, 0.5])
    matrix = random.choice(values, (30, 2)).astype(forest.precision)
    for tree in range(len(forest.roots)):
        expected = [walked(forest, tree, row) for row in matrix]
        assert find_leaves(forest, tree, matrix).tolist() == expected
        leaf = Expression("leaf", "int64", (A, B), (forest, tree))
        assert value(leaf, a=matrix[:, 0], b=matrix[:, 1]).tolist() == expected
