"""The functions of variants on DuckDB, against the versions' own functions."""

import dataclasses
from collections.abc import Iterator

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

import warehouse_ml as wml
from warehouse_ml.errors import ScoringError
from warehouse_ml.variant import Member, Variant

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
IRIS.columns = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def session() -> Iterator[wml.Session]:
    with wml.connect() as opened:
        opened.sql("CREATE TABLE iris AS FROM IRIS")
        opened.register("species", LogisticRegression(max_iter=500).fit(IRIS, SPECIES), IRIS, missing="error")
        opened.register("line", LinearRegression().fit(IRIS[["b", "a"]], IRIS["d"]), IRIS[["b", "a"]])
        yield opened


def made(session: wml.Session, *members: tuple[str, str, tuple[int, ...]], **facts: bool) -> Variant:
    listed = tuple(Member(session.describe(name), method, where) for name, method, where in members)
    variant = Variant(listed, ("DOUBLE",) * 4, **facts)
    session._functions.offer_variant(variant)
    return variant


def call(variant: Variant, arguments: str = "a, b, c, d") -> str:
    return f"{variant.name}({arguments})"


def plain(session: wml.Session, selection: str) -> list[tuple[object, ...]]:
    return session.connection.sql(f"SELECT {selection} FROM iris ORDER BY ALL").fetchall()


ALL = (0, 1, 2, 3)


def test_a_variant_of_one_member_gives_its_result(session: wml.Session) -> None:
    variant = made(session, ("species", "predict", ALL))
    function = session.describe("species").function
    assert plain(session, call(variant)) == plain(session, f"{function}(a, b, c, d)")


def test_a_variant_of_several_members_gives_a_struct(session: wml.Session) -> None:
    variant = made(session, ("species", "predict_proba", ALL), ("line", "predict", (1, 0)))
    species, line = session.describe("species"), session.describe("line")
    pair = f"{{'m0': {species.function_of('predict_proba')}(a, b, c, d), 'm1': {line.function}(b, a)}}"
    assert plain(session, call(variant)) == plain(session, pair)


@pytest.mark.parametrize("volatile", [False, True])
def test_a_refusal_is_handed_on(session: wml.Session, volatile: bool) -> None:
    variant = made(session, ("species", "predict", ALL), deferred=True, volatile=volatile)
    arguments = "CASE WHEN c > 6 THEN NULL ELSE a END, b, c, d"
    query = f"SELECT c > 6, s.score, s.refusal FROM (SELECT c, {call(variant, arguments)} AS s FROM iris)"
    rows = session.connection.sql(query).fetchall()
    sentence = "wml_refusal: ScoringError: The feature 'a' is NULL, and the model's policy for it is 'error'."
    assert {row[2] for row in rows if row[0]} == {sentence}
    assert {row[1] for row in rows if row[0]} == {None}
    assert {row[2] for row in rows if not row[0]} == {None}
    assert {row[1] for row in rows if not row[0]} == {0, 1, 2}


def test_a_refusal_that_is_raised_in_the_end_is_an_error_of_ours(session: wml.Session) -> None:
    with pytest.raises(ScoringError, match="^The feature 'a' is NULL"):
        session.sql(
            "SELECT error('wml_refusal: ScoringError: The feature ''a'' is NULL.'), * FROM iris WHERE a > 0"
        ).fetchall()


def test_a_variant_refuses_as_the_version_does(session: wml.Session) -> None:
    variant = made(session, ("species", "predict", ALL))
    with pytest.raises(ScoringError, match="The feature 'b' is NULL"):
        session.sql(f"SELECT {call(variant, 'a, NULL, c, d')} FROM iris").fetchall()


def test_an_equal_variant_is_made_once(session: wml.Session) -> None:
    variant = made(session, ("line", "predict", (1, 0)))
    assert made(session, ("line", "predict", (1, 0))).name == variant.name
    assert made(session, ("line", "predict", (0, 1))).name != variant.name
    assert dataclasses.replace(variant, volatile=True).name != variant.name
