"""Every pipeline of the conformance suite is registered and equal in SQL, or refused with a reason.

What is registered on DuckDB is pushed to an emulated Snowflake, and both engines score the same rows alike.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import warehouse_ml as wml
from tests.conformance.check import check
from tests.conformance.pipelines import FAMILIES, PIPELINES
from warehouse_ml.model import ModelVersion
from warehouse_ml.testing.snowflake import Emulation, emulated_snowflake

REFUSED = frozenset({"non-negative factors"})
"""What is refused: its transform iterates until it converges."""


@dataclass
class Engines:
    duckdb: wml.Session
    snowflake: wml.Session
    emulation: Emulation

    def score_alike(self, version: ModelVersion) -> None:
        self.duckdb.push(version.reference, to=self.snowflake)
        self._same_scores("TRY_PREDICT", version.name, "all_rows")
        if version.signature.probabilities is not None:
            self._same_scores("PREDICT_PROBA", version.name, "kept_rows")
        self.snowflake.drop_model(version.name)

    def _same_scores(self, method: str, name: str, rows: str) -> None:
        table = f"{name}_{rows}"
        self.duckdb.sql(
            f"CREATE TABLE {table} AS SELECT *, row_number() OVER () AS number_of_row FROM {rows}"
        )
        self.emulation.load(table, self.duckdb.sql(f"FROM {table}").arrow())
        found = wml.compare(
            f"SELECT number_of_row, {method}('{name}', * EXCLUDE (number_of_row)) AS p FROM {table}",
            self.duckdb,
            self.snowflake,
        )
        assert not found, str(found)
        self.duckdb.sql(f"DROP TABLE {table}")


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with (
        emulated_snowflake() as emulation,
        wml.connect() as duckdb,
        wml.connect(emulation.session()) as snowflake,
    ):
        yield Engines(duckdb, snowflake, emulation)


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
def test_one_wrong_score_is_found(engines: Engines, name: str) -> None:
    outcome = check(_Liar(engines.duckdb), name, PIPELINES[name])
    assert outcome.status == "wrong"
    assert "the estimator" in outcome.reason


@pytest.mark.parametrize("name", PIPELINES)
def test_both_engines_score_as_the_estimator(engines: Engines, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # estimators warn of the extreme rows
        outcome = check(engines.duckdb, name, PIPELINES[name], engines.score_alike)
    assert (outcome.status, outcome.reason if outcome.status == "wrong" else "") == (
        "refused" if name in REFUSED else "equal",
        "",
    ), outcome.reason
