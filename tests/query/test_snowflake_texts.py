"""What texts that DuckDB makes, joins and cuts are in Snowflake's text."""

import pytest

from tests.query.kinds import answers, in_snowflake
from tests.query.sql_catalog import StubCatalog

FORMS = [
    ("d::VARCHAR", "TO_CHAR(d, 'YYYY-MM-DD')"),
    ("i::CHAR", "CAST(i AS VARCHAR)"),
    ("concat(s, i)", "CONCAT(COALESCE(s, ''), COALESCE(CAST(i AS VARCHAR), ''))"),
    ("s || d", "s || TO_CHAR(d, 'YYYY-MM-DD')"),
    ("substring(s, 2, 3)", "SUBSTRING(s, 2, 3)"),
    ("left(s, -1)", "LEFT(s, GREATEST(LENGTH(s) - 1, 0))"),
    ("right(s, 2)", "RIGHT(s, 2)"),
    ("s[2]", "SUBSTR(s, 2, 1)"),
    (
        "string_agg(s ORDER BY i DESC)",
        "CASE WHEN COUNT(s) > 0 THEN LISTAGG(s, ',') WITHIN GROUP (ORDER BY i DESC NULLS LAST) END",
    ),
    ("s LIKE 'a\\%' ESCAPE '\\'", "s LIKE 'a\\\\%' ESCAPE '\\\\'"),
]


@pytest.mark.parametrize(("written", "expected"), FORMS)
def test_a_text_is_duckdbs(kinds: StubCatalog, written: str, expected: str) -> None:
    assert in_snowflake(kinds, written) == expected


COMPUTED = ["left(s, -1)", "right(s, -2)", "trim(' ' || s)", "s[2]", "concat(s, i, b)"]


@pytest.mark.parametrize("written", COMPUTED)
def test_a_form_that_duckdb_can_run_too_gives_its_answer(kinds: StubCatalog, written: str) -> None:
    assert answers(kinds, written, translated=True) == answers(kinds, written)
