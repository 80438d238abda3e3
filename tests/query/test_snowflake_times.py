"""What DuckDB's dates and times are in Snowflake's text."""

import pytest

from tests.query.kinds import in_snowflake
from tests.query.sql_catalog import StubCatalog

FORMS = [
    ("date_trunc('month', d)", "DATE_TRUNC('MONTH', CAST(d AS TIMESTAMPNTZ))"),
    ("date_trunc('week', ts)", "DATEADD(DAY, 1 - DAYOFWEEKISO(ts), DATE_TRUNC('DAY', ts))"),
    ("dayofweek(d)", "MOD(DAYOFWEEKISO(d), 7)"),
    ("extract(week FROM d)", "WEEKISO(d)"),
    ("date_diff('month', d, ts)", "DATEDIFF(MONTH, d, ts)"),
    ("d + INTERVAL 1 MONTH", "DATEADD(MONTH, 1, CAST(d AS TIMESTAMPNTZ))"),
    ("ts - INTERVAL 2 DAYS", "DATEADD(DAY, -2, ts)"),
    ("d - d", "d - d"),
    ("strftime(ts, '%Y-%m-%d %H:%M')", "TO_CHAR(ts, 'yyyy-mm-DD hh24:mi')"),
]


@pytest.mark.parametrize(("written", "expected"), FORMS)
def test_a_time_is_duckdbs(kinds: StubCatalog, written: str, expected: str) -> None:
    assert in_snowflake(kinds, written) == expected
