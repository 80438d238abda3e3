"""What DuckDB's casts, quotients and roundings are in Snowflake's text."""

import pytest

from tests.query.kinds import answers, in_snowflake
from tests.query.sql_catalog import StubCatalog

FORMS = [
    ("x::INTEGER", "CAST(ROUND(CAST(x AS DECIMAL(38, 16)), 0, 'HALF_TO_EVEN') AS INT)"),
    ("f::BIGINT", "CAST(ROUND(CAST(f AS DECIMAL(38, 16)), 0, 'HALF_TO_EVEN') AS BIGINT)"),
    ("n::INTEGER", "CAST(n AS INT)"),
    ("s::INTEGER", "CAST(s AS INT)"),
    (
        "x::DECIMAL(9, 2)",
        "CAST(CAST(ROUND(x * CAST(100 AS DOUBLE)) AS DECIMAL(38, 0)) * 0.01 AS DECIMAL(9, 2))",
    ),
    ("n::DECIMAL", "CAST(n AS DECIMAL(18, 3))"),
    ("b::DOUBLE", "CAST(CAST(b AS INT) AS DOUBLE)"),
    ("x // 2", "CAST(x AS DOUBLE) / 2"),
    ("i // 2", "CAST((i - MOD(i, 2)) / 2 AS BIGINT)"),
    ("round(x)", "ROUND(x)"),
    ("round(x, 2)", "(ROUND(x * CAST(100 AS DOUBLE)) / CAST(100 AS DOUBLE))"),
    ("round(x + 1, -1)", "(ROUND((x + 1) / CAST(10 AS DOUBLE)) * CAST(10 AS DOUBLE))"),
    ("round(n, 1)", "ROUND(n, 1)"),
]


@pytest.mark.parametrize(("written", "expected"), FORMS)
def test_a_number_is_duckdbs(kinds: StubCatalog, written: str, expected: str) -> None:
    assert in_snowflake(kinds, written) == expected


COMPUTED = [
    "round(x, 2)",
    "round(x, 0)",
    "round(x, -1)",
    "x::DECIMAL(9, 2)",
    "i // 3",
    "-i // 3",
    "x // 2",
    "b::DOUBLE",
]


@pytest.mark.parametrize("written", COMPUTED)
def test_a_form_that_duckdb_can_run_too_gives_its_answer(kinds: StubCatalog, written: str) -> None:
    assert answers(kinds, written, translated=True) == answers(kinds, written)
