"""Every pipeline of the conformance suite is registered and equal in SQL, or refused with a reason."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import warehouse_ml as wml
from tests.conformance.check import check
from tests.conformance.pipelines import FAMILIES, PIPELINES

REFUSED = frozenset({"non-negative factors"})
"""What is refused: its transform iterates until it converges."""


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with wml.connect() as session:
        yield session


def test_names_are_unique_and_refusals_are_few() -> None:
    assert len(PIPELINES) == sum(len(pipelines) for pipelines in FAMILIES.values())
    assert PIPELINES.keys() >= REFUSED
    assert len(REFUSED) <= 0.05 * len(PIPELINES)


class _Liar:
    """A session whose last score of every query is another row's."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def sql(self, text: str) -> "_Liar":
        self._rows = self._session.sql(text).fetchall()
        return self

    def fetchall(self) -> list[Any]:
        other = next(row for row in self._rows if row != self._rows[-1])
        return [*self._rows[:-1], other]


@pytest.mark.parametrize("name", ["ridge", "tree, three classes", "several labels, trees", "median"])
def test_one_wrong_score_is_found(session: Any, name: str) -> None:
    outcome = check(_Liar(session), name, PIPELINES[name])
    assert outcome.status == "wrong"
    assert "the estimator" in outcome.reason


@pytest.mark.parametrize("name", PIPELINES)
def test_sql_equals_the_estimator(session: Any, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # estimators warn of the extreme rows
        outcome = check(session, name, PIPELINES[name])
    assert (outcome.status, outcome.reason if outcome.status == "wrong" else "") == (
        "refused" if name in REFUSED else "equal",
        "",
    ), outcome.reason
