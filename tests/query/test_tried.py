"""TRY_PREDICT over VARIANTs of Snowflake, against DuckDB, which knows the type of each value."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from snowflake.connector.errors import ProgrammingError

from tests.query.snowflake_catalog import SnowflakeCatalog, snowflake_catalog
from tests.query.sql_catalog import StubCatalog

AGES = [(40, 40), (20.5, 20.5), (None, None)]
PLANS = [("pro", "pro"), ("40", "40"), (None, None)]
OTHER_AGES, OTHER_PLANS = ["40", True, {}, [1], "inf"], [5, 1.5, False, {}, ["pro"]]

FITTING = [{"age": age, "plan": plan} for age, _ in AGES for plan, _ in PLANS]
UNFIT = [{"age": age, "plan": "pro"} for age in OTHER_AGES] + [
    {"age": 40, "plan": plan} for plan in OTHER_PLANS
]
ROWS: list[dict[str, Any]] = [*FITTING, *UNFIT, {"age": "40", "plan": None}, {"age": "x", "plan": 5}]

SOURCE = "SELECT id, o, v, GET(v, 'age') AS age, GET(v, 'plan') AS plan FROM rows_of_json"

CALLS = [
    *("TRY_PREDICT('churn', o)", "TRY_PREDICT('churn', v)", "TRY_PREDICT('churn', *)"),
    *("TRY_PREDICT('churn', age, plan)", "TRY_PREDICT('churn', plan => plan, age => age)"),
    "CASE WHEN id >= 0 THEN COALESCE(churn!TRY_PREDICT(age, plan):output_feature_0, NULL) END",
]


@pytest.fixture(scope="module")
def opened() -> Iterator[SnowflakeCatalog]:
    with snowflake_catalog() as catalog:
        catalog.execute("CREATE TABLE rows_of_json (id INTEGER, o OBJECT, v VARIANT)")
        given = " UNION ALL ".join(
            f"SELECT {place} AS id, PARSE_JSON('{json.dumps(row)}') AS v" for place, row in enumerate(ROWS)
        )
        catalog.execute(f"INSERT INTO rows_of_json SELECT id, v::OBJECT, v FROM ({given})")
        catalog.execute("INSERT INTO rows_of_json VALUES (-1, NULL, NULL)")
        yield catalog


@pytest.fixture(scope="module")
def known() -> list[tuple[int, str | None]]:
    """What DuckDB gives for the rows whose values are of their types, and none for the others."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (age DOUBLE, plan VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [list(row.values()) for row in FITTING])
        text = StubCatalog(connection).sql("SELECT TRY_PREDICT('churn', *) FROM t")
        scores = [score for (score,) in connection.execute(text).fetchall()]
    return list(enumerate([*scores, *[None] * (len(ROWS) - len(FITTING))]))


@pytest.mark.parametrize("call", CALLS)
def test_a_value_of_another_type_has_no_score(
    opened: SnowflakeCatalog, known: list[tuple[int, str | None]], call: str
) -> None:
    text = f"SELECT id, {call} AS p FROM ({SOURCE}) WHERE id >= 0 ORDER BY id"
    assert opened.run(text) == known


def test_a_table_is_scored(opened: SnowflakeCatalog, known: list[tuple[int, str | None]]) -> None:
    text = (
        f"SELECT id, prediction, probability FROM TRY_PREDICT('churn', ({SOURCE})) WHERE id >= 0 ORDER BY 1"
    )
    found = opened.run(text)
    assert [row[:2] for row in found] == known
    assert [probability is None for *_, probability in found] == [label is None for _, label in known]


def test_no_object_is_null(opened: SnowflakeCatalog) -> None:
    assert opened.run("SELECT TRY_PREDICT('churn', o) AS p FROM rows_of_json WHERE id < 0") == [(None,)]


@pytest.mark.parametrize("call", [call.replace("TRY_", "") for call in CALLS])
def test_predict_raises(opened: SnowflakeCatalog, call: str) -> None:
    text = f"SELECT {call} AS p FROM ({SOURCE}) WHERE id = {{}}"
    with pytest.raises(
        ProgrammingError, match="Feature 'age' is DOUBLE; its VARIANT holds a value of another"
    ):
        opened.run(text.format(len(FITTING)))
    with pytest.raises(ProgrammingError, match="Feature 'plan' is VARCHAR; its VARIANT holds"):
        opened.run(text.format(len(FITTING) + len(OTHER_AGES)))


@pytest.mark.parametrize(
    "call", ["PREDICT('m', PREDICT('one', 1), age)", "PREDICT('one', PREDICT('m', 1, age))"]
)
def test_a_call_within_a_call_reads_a_variant_as_strictly(opened: SnowflakeCatalog, call: str) -> None:
    text = f"SELECT {call} AS p FROM ({SOURCE}) WHERE id = {{}}"
    assert opened.run(text.format(0)) == [(2 + 400.0,) if "'m', PREDICT" in call else (2 * (1 + 400.0),)]
    with pytest.raises(ProgrammingError, match="Feature 'b' is DOUBLE; its VARIANT holds a value of another"):
        opened.run(text.format(len(FITTING)))
