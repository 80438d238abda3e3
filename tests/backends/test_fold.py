"""Splits on expressions of one feature, against the expressions themselves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse_ml.backends.evaluate import evaluate
from warehouse_ml.backends.fold import (
    NULL_TEXT,
    Splits,
    category_tests,
    named_texts,
    number_tests,
    only_rounded,
)
from warehouse_ml.backends.known_functions import RISING
from warehouse_ml.backends.number_line import Line
from warehouse_ml.backends.pieces import Analysis
from warehouse_ml.backends.program import Expression, Lookup
from warehouse_ml.backends.read import read_program
from warehouse_ml.graph.graph import Graph

X = Expression("input", "float64", (), "x")
TEXT = Expression("input", "string", (), "x")


def constant(value, dtype="float64"):
    return Expression("constant", dtype, (), np.dtype(dtype).type(value))


def of(operator, *arguments, dtype="float64", value=None):
    parts = tuple(part if isinstance(part, Expression) else constant(part) for part in arguments)
    return Expression(operator, dtype, parts, value)


def single(part):
    return of("cast", part, dtype="float32")


def splits(thresholds, comparison="<=", precision="float64"):
    thresholds = np.array(thresholds, np.float64)
    missing = np.arange(len(thresholds)) % 2 == 0
    return Splits(thresholds, missing, comparison, precision)


def left_by_tests(tests, values):
    """What the tests say of some numbers, [values, tests]."""
    result = np.empty((len(values), len(tests.first)), bool)
    for test in range(result.shape[1]):
        cuts = tests.cuts[tests.starts[test] : tests.starts[test + 1]]
        changes = (values[:, None] > cuts[None, :]).sum(axis=1)
        result[:, test] = np.where(
            np.isnan(values), tests.missing[test], tests.first[test] ^ (changes % 2 == 1)
        )
    return result


def assert_folds(expression, asked, *, kind="float64", more=()):
    """The tests agree with the splits on numbers, and on the numbers around each cut."""
    tests = number_tests(expression, Analysis(Line("x", kind)), asked)
    assert tests is not None
    random = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        near = np.concatenate([np.nextafter(tests.cuts, side) for side in (-np.inf, np.inf)])
    odd = [np.nan, 0.0, -0.0, np.inf, -np.inf, 5e-324, -5e-324, 1.7976931348623157e308, 1e-45, 3.4028235e38]
    values = np.concatenate([odd, more, random.normal(size=200) * 3, tests.cuts, near])
    if kind == "float32":
        with np.errstate(over="ignore"):
            values = values.astype(np.float32).astype(np.float64)
    (computed,) = evaluate([expression], {"x": values})
    wanted = asked.outcomes(computed[:, None], slice(None))
    assert (left_by_tests(tests, values) == wanted).all()
    return tests


numbers = st.floats(-1e6, 1e6).filter(lambda number: number == 0 or abs(number) > 1e-6)
factors = st.floats(-1e3, 1e3).filter(lambda number: abs(number) > 1e-3)

steps = st.one_of(
    st.builds(lambda c: lambda e: of("add", e, c), numbers),
    st.builds(lambda c: lambda e: of("sub", c, e), numbers),
    st.builds(lambda c: lambda e: of("mul", e, c), factors),
    st.builds(lambda c: lambda e: of("div", e, c), factors),
    st.builds(lambda c: lambda e: of("min", e, c), numbers),
    st.builds(lambda c: lambda e: of("max", e, c), numbers),
    st.builds(lambda c: lambda e: of("where", of("isnan", e, dtype="bool"), c, e), numbers),
    st.builds(lambda c: lambda e: of("where", of("lt", e, c, dtype="bool"), c, e), numbers),
    st.just(lambda e: of("cast", single(e))),
    st.just(lambda e: of("neg", e)),
    st.just(lambda e: of("abs", e)),
    st.just(lambda e: of("mul", e, e)),
    st.just(lambda e: of("sqrt", e)),
    st.just(lambda e: of("floor", e)),
    st.just(lambda e: of("sign", e)),
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(steps, max_size=6),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=5),
    st.sampled_from(["<", "<="]),
    st.sampled_from(["float32", "float64"]),
)
def test_number_tests_of_chains_agree(chain, thresholds, comparison, precision):
    expression = X
    for step in chain:
        expression = step(expression)
    if precision == "float32":
        expression = single(expression)
        with np.errstate(over="ignore"):
            thresholds = np.array(thresholds).astype(np.float32)
    asked = splits(thresholds, comparison, precision)
    if number_tests(expression, Analysis(Line("x", "float64")), asked) is not None:
        assert_folds(expression, asked)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8), st.sampled_from(["<", "<="]))
def test_number_tests_of_rounded_numbers_agree(thresholds, comparison):
    asked = splits(thresholds, comparison, "float32")
    assert_folds(single(X), asked)
    assert_folds(single(X), asked, kind="float32", more=np.array(thresholds))


def test_number_tests_turn_falling_chains_around():
    tests = assert_folds(of("mul", X, -2.0), splits([3.0]))
    assert (tests.first.tolist(), tests.cuts.tolist()) == ([False], [np.nextafter(-1.5, -np.inf)])


def test_number_tests_of_equality_cut_twice():
    hot = of("cast", of("eq", X, 4.0, dtype="bool"))
    tests = assert_folds(hot, splits([0.5]))
    assert tests.cuts.tolist() == [np.nextafter(4.0, 0), 4.0]


def test_number_tests_never_and_always():
    tests = assert_folds(of("max", X, 1.0), splits([0.0, 5.0, np.inf, -np.inf]))
    assert np.diff(tests.starts).tolist() == [0, 1, 0, 0]


def test_number_tests_of_tables():
    place = of("cast", of("ge", X, 1.0, dtype="bool"), dtype="int64")
    place = of("add", place, of("cast", of("ge", X, 2.0, dtype="bool"), dtype="int64"), dtype="int64")
    table = of("take", place, value=np.array([5.0, -1.0, 5.0]))
    assert assert_folds(table, splits([0.0])).cuts.tolist() == [np.nextafter(1.0, 0), np.nextafter(2.0, 0)]


def test_number_tests_of_truncated_numbers():
    known = of("where", of("isnan", X, dtype="bool"), 1.0, X)
    place = of("cast", of("min", of("max", known, 0.0), 3.0), dtype="int64")
    assert_folds(of("take", place, value=np.arange(4.0) % 2), splits([0.5]))


def test_number_tests_of_places_outside_of_a_table_are_none():
    place = of("cast", of("max", X, 0.0), dtype="int64")
    taken = of("take", place, value=np.arange(4.0))
    assert number_tests(taken, Analysis(Line("x", "float64")), splits([0.5])) is None


def test_number_tests_of_a_lookup():
    found = Expression("lookup", "int64", (X,), Lookup({1.0: 7, 2.5: 3}, -1))
    assert_folds(of("cast", found), splits([0.0, 5.0]), more=np.array([1.0, 2.5]))


def test_number_tests_of_powers_and_reciprocals():
    assert_folds(of("pow", X, 3.0), splits([2.0, -2.0]))
    assert_folds(of("pow", X, 2.0), splits([2.0, -2.0]))
    assert_folds(of("div", 1.0, of("max", X, 0.5)), splits([0.7]))
    assert_folds(of("dot", X, of("neg", X), value=np.array([1.0, -2.0])), splits([0.7]))


def test_number_tests_of_logarithms_send_what_is_undefined_as_missing():
    asked = splits([0.5, 0.5])
    tests = number_tests(of("log", X), Analysis(Line("x", "float64")), asked)
    assert tests.first.tolist() == [True, False]
    assert np.diff(tests.starts).tolist() == [1, 2]


@pytest.mark.parametrize("name", RISING)
def test_number_tests_of_known_functions(name):
    graph = Graph()
    built = graph.build({"y": RISING[name].function(graph.input("x", "float64") * 2.0)})
    (expression,) = read_program(built).outputs["y"]
    asked = splits([-0.3, 0.2, 0.2, 4.0])
    tests = number_tests(expression, Analysis(Line("x", "float64")), asked)
    values = np.random.default_rng(0).normal(size=500) * 2
    (computed,) = evaluate([expression], {"x": values})
    assert (left_by_tests(tests, values) == asked.outcomes(computed[:, None], slice(None))).all()


@pytest.mark.parametrize(
    "expression",
    [
        of("sub", of("exp", X), of("mul", X, 3.0)),
        of("mod", X, 3.0),
        of("sin", X),
        of("sub", X, X),
        of("mul", X, 0.0),
        of("pow", -2.0, X),
        of("add", X, Expression("input", "float64", (), "y")),
    ],
    ids=lambda expression: expression.operator,
)
def test_number_tests_of_what_is_not_monotone_are_none(expression):
    tests = number_tests(expression, Analysis(Line("x", "float64")), splits([0.5]))
    assert tests is None or expression.operator == "mul"


def test_number_tests_of_whole_numbers():
    whole = Expression("input", "int64", (), "x")
    line = Line("x", "int64")
    tests = number_tests(of("cast", whole), Analysis(line), splits([2.5, -7.0]))
    assert tests.cuts.tolist() == [2.0, -7.0]
    beyond = number_tests(of("cast", whole), Analysis(line), splits([2.0**60]))
    assert beyond.cuts.tolist() == [2.0**60]
    exact = of(
        "cast", of("le", whole, Expression("constant", "int64", (), np.int64(2**60 + 3)), dtype="bool")
    )
    assert number_tests(exact, Analysis(line), splits([0.5])) is None


@given(st.floats(allow_nan=False), st.sampled_from(["float32", "float64"]))
def test_lines_count_numbers_in_order(number, kind):
    line = Line("x", kind)
    low, high = line.ends
    keys = np.random.default_rng(abs(hash(number)) % 2**32).integers(low, high, 50)
    values = line.numbers(np.sort(keys))
    assert (np.diff(values) >= 0).all()
    ends = line.numbers(np.array([low, high, 0, 1]))
    assert ends[:2].tolist() == [-math.inf, math.inf]
    assert (ends[2], ends[3]) == (0.0, np.nextafter(np.dtype(kind).type(0), np.dtype(kind).type(1)))


def test_category_tests_try_every_text():
    code = Expression("lookup", "int64", (TEXT,), Lookup({"b": 0, "a": 1, NULL_TEXT: -2}, -1))
    value = of("where", of("eq", code, constant(-2, "int64"), dtype="bool"), np.nan, of("cast", code))
    assert named_texts([value]) == {"a", "b"}
    left = category_tests(value, "x", ["a", "b"], splits([0.5, 0.5]))
    assert left.tolist() == [[False, True, True, True], [False, True, True, False]]


def test_category_tests_of_filled_texts():
    is_null = of(
        "eq",
        of("lookup", TEXT, dtype="int64", value=Lookup({NULL_TEXT: 1}, 0)),
        constant(1, "int64"),
        dtype="bool",
    )
    filled = Expression("where", "string", (is_null, Expression("constant", "string", (), "z"), TEXT))
    hot = of("cast", Expression("eq", "bool", (filled, Expression("constant", "string", (), "z"))))
    assert category_tests(hot, "x", ["z"], splits([0.5])).tolist() == [[False, True, False]]


def test_named_texts_of_what_more_is_done_with_are_none():
    assert named_texts([Expression("cast", "float64", (TEXT,))]) is None


def test_only_rounded():
    assert only_rounded([single(X), of("isnan", X, dtype="bool")])
    assert not only_rounded([X])
    assert not only_rounded([single(of("add", X, 1.0))])
