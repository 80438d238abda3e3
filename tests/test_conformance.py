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


@pytest.mark.parametrize("name", PIPELINES)
def test_sql_equals_the_estimator(session: Any, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # estimators warn of the extreme rows
        outcome = check(session, name, PIPELINES[name])
    assert (outcome.status, outcome.reason if outcome.status == "wrong" else "") == (
        "refused" if name in REFUSED else "equal",
        "",
    ), outcome.reason
