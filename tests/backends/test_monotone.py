"""The exact place where a comparison of a score with a constant changes, against the scores around it."""

import math

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse_ml.backends.monotone import direction, flip_of
from warehouse_ml.backends.program import Expression

MARGIN = Expression("input", "float64", (), "z")
SUM = Expression("linear", "float64", (MARGIN,), ((2.0,), 1.0))


def constant(value: float) -> Expression:
    return Expression("constant", "float64", (), value)


def made(operator: str, *parts: Expression, value: object = None) -> Expression:
    return Expression(operator, "float64", parts, value)


RAISED = made("exp", made("neg", SUM))
FUNCTIONS = {
    "1 / (1 + exp(-z))": made("div", constant(1.0), made("add", constant(1.0), RAISED)),
    "1 / (exp(-z) + 1)": made("div", constant(1.0), made("linear", RAISED, value=((1.0,), 1.0))),
    "1 - 1 / (1 + exp(-z))": made(
        "sub", constant(1.0), made("div", constant(1.0), made("add", constant(1.0), RAISED))
    ),
    "exp(z)": made("exp", SUM),
    "z * -3 + 0.1": made("add", made("mul", SUM, constant(-3.0)), constant(0.1)),
}


@settings(max_examples=60)
@given(
    st.sampled_from(list(FUNCTIONS)),
    st.sampled_from(["<", "<=", ">", ">="]),
    st.sampled_from([0.5, 0.8, 0.25, 0.1, 1e-9, 0.999999]) | st.floats(1e-6, 1 - 1e-6),
)
def test_a_test_of_the_sum_says_what_the_score_says(text: str, sign: str, value: float) -> None:
    with duckdb.connect() as connection:
        found = flip_of(FUNCTIONS[text], SUM, sign, value, text, "z", lambda q: connection.sql(q).fetchall())
        assert found is not None
        side, bound = found
        around = [bound]
        for _ in range(40):
            around = [np.nextafter(around[0], -np.inf), *around, np.nextafter(around[-1], np.inf)]
        around += [bound - 1, bound + 1, -50.0, 50.0]
        rows = connection.execute(
            f"SELECT ({text}) {sign} {value!r}::DOUBLE, z {side} $1 FROM (SELECT unnest($2::DOUBLE[]) AS z)",
            [bound, [float(z) for z in around]],
        ).fetchall()
    assert all(one == other for one, other in rows)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test has found is not known."""
    monkeypatch.setattr("warehouse_ml.backends.monotone._found", {})


@pytest.mark.parametrize("value", [0.0, 1.0, 2.0, -1.0])
def test_what_is_the_same_everywhere_has_no_such_place(value: float) -> None:
    text = "1 / (1 + exp(-z))"
    with duckdb.connect() as connection:
        ask = lambda query: connection.sql(query).fetchall()  # noqa: E731
        assert flip_of(FUNCTIONS[text], SUM, ">", value, text, "z", ask) is None or value in (0.0, 1.0)


def test_an_engine_that_does_not_answer_leaves_it_open() -> None:
    assert flip_of(FUNCTIONS["exp(z)"], SUM, ">", 0.5, "exp(z)", "z", lambda query: []) is None


def test_an_engine_that_disagrees_leaves_it_open() -> None:
    ask = lambda query: [(place, place % 2 == 0) for place in range(17)]  # noqa: E731
    assert flip_of(FUNCTIONS["exp(z)"], SUM, ">", 0.5, "exp(z)", "z", ask) is None


@pytest.mark.parametrize(
    "cell",
    [
        made("mul", SUM, SUM),
        made("abs", SUM),
        made("add", SUM, made("neg", SUM)),
        made("div", constant(1.0), SUM),
        made("sin", SUM),
        made("add", SUM, MARGIN),
    ],
    ids=lambda cell: cell.operator,
)
def test_what_may_grow_and_fall_has_no_direction(cell: Expression) -> None:
    assert direction(cell, SUM) is None


def test_directions() -> None:
    assert direction(made("exp", SUM), SUM) == 1
    assert direction(made("sub", constant(math.pi), made("exp", SUM)), SUM) == -1
    assert direction(made("mul", constant(-2.0), made("neg", SUM)), SUM) == 1
    assert direction(constant(1.0), SUM) == 0


def test_a_place_that_is_known_is_not_searched_again() -> None:
    asked = []

    def ask(query: str) -> list[tuple[object, ...]]:
        asked.append(query)
        with duckdb.connect() as connection:
            return connection.sql(query).fetchall()

    text = "exp(y)"
    found = [flip_of(FUNCTIONS["exp(z)"], SUM, ">", 3.25, text, "y", ask) for _ in range(3)]
    assert found[0] is not None
    assert set(found) == {found[0]}
    assert len(asked) == 1


def test_an_engine_that_does_not_answer_is_asked_again() -> None:
    text = "exp(x)"
    assert flip_of(FUNCTIONS["exp(z)"], SUM, ">", 2.25, text, "x", lambda _: []) is None
    with duckdb.connect() as connection:
        assert flip_of(FUNCTIONS["exp(z)"], SUM, ">", 2.25, text, "x", lambda q: connection.sql(q).fetchall())
