"""Values and errors of expressions are Snowflake's where DuckDB has others, and else are refused."""

from decimal import Decimal

import pytest
from snowflake.connector.errors import IntegrityError
from snowflake.snowpark.exceptions import SnowparkSQLException

VALUES = {
    "1 / 3": 0.333333,
    "1::NUMBER(10, 2) / 3": 0.33333333,
    "1 / 3::FLOAT": 1 / 3,
    "(SELECT AVG(column1) FROM VALUES (1), (1), (2))": 1.333333,
    "(SELECT AVG(DISTINCT column1) FROM VALUES (1), (1), (2))": 1.5,
    "(SELECT AVG(column1 / 3) FROM VALUES (1), (2))": 0.5,
    "(SELECT MAX(a) FROM (SELECT AVG(column1) OVER () AS a FROM VALUES (1), (1), (2)))": 1.333333,
    "(SELECT SUM(column1) FROM VALUES (9007199254740993), (1))": 9007199254740994,
    "2.5::FLOAT::INT": 3,
    "(0 - 2.5)::FLOAT::INT": -3,
    "'abcdef'::VARCHAR(3)": "abc",
    "1::FLOAT::VARCHAR": "1",
    "1.10::NUMBER(5, 2) || 'x'": "1.10x",
    "'2024-01-01'::TIMESTAMP_NTZ::VARCHAR": "2024-01-01 00:00:00.000",
    "(SELECT column1::TIMESTAMP_NTZ::VARCHAR FROM VALUES ('2024-01-01 00:00:00.123000000'))": (
        "2024-01-01 00:00:00.123"
    ),
    "LTRIM('xxa', 'x')": "a",
    "RTRIM(' a ')": " a",
    """PARSE_JSON('{"a": "x"}'):a || 'y'""": "xy",
    """PARSE_JSON('{"a": "x"}'):a = 'x'""": True,
    "TO_VARIANT('1')::VARCHAR || TYPEOF(TO_VARIANT('1'))": "1VARCHAR",
}
KINDS = {
    "TYPEOF(o:d)": "DATE",
    "TYPEOF(o:t)": "TIMESTAMP_NTZ",
    "TYPEOF(o:s)": "VARCHAR",
    "TYPEOF(o:n)": "INTEGER",
    "TYPEOF(GET(ARRAY_CONSTRUCT(o:d, 1), 0))": "DATE",
    "IS_DATE(o:d) AND NOT IS_VARCHAR(o:d) AND NOT IS_DATE(o:s)": True,
    "IS_TIMESTAMP_NTZ(GET(o, 't')) AND NOT IS_DATE(GET(o, 't'))": True,
    "o:d::VARCHAR": "2024-01-02",
    "o:t::TIMESTAMP_NTZ::VARCHAR": "2024-01-02 03:04:05.000",
    "YEAR(o:d::DATE)": 2024,
    "o": '{"d":"2024-01-02","t":"2024-01-02 03:04:05.000","s":"2024-01-02","n":1}',
}
OBJECT = """
SELECT {} FROM (
    SELECT OBJECT_CONSTRUCT(
        'd', '2024-01-02'::DATE, 't', '2024-01-02 03:04:05'::TIMESTAMP_NTZ, 's', '2024-01-02', 'n', 1
    ) AS o
)
"""
REFUSED = {
    "SELECT 1 / 0": "100051.*Division by zero",
    "SELECT 1::FLOAT / 0": "100051.*Division by zero",
    "SELECT SQRT(-1)": "100039",
    "SELECT SUM(column1) FROM VALUES ('abc')": "9999.*SUM of VARCHAR",
    "SELECT SUM(column1 > 1) FROM VALUES (1)": r"001044.*function 'SUM': \(BOOLEAN\)",
    "SELECT SUM(column1) OVER () FROM VALUES (TRUE)": r"001044.*function 'SUM': \(BOOLEAN\)",
    "SELECT AVG(DISTINCT column1) FROM VALUES (TRUE)": r"001044.*function 'AVG': \(BOOLEAN\)",
    "SELECT SUM(a), AVG(b) FROM flags": r"001044.*function 'AVG': \(BOOLEAN\)",
    "SELECT 1 AS n UNION ALL SELECT a FROM short": "9999.*UNION of numbers and texts",
    "WITH s AS (SELECT a FROM short) SELECT 1 AS n FROM (SELECT b FROM flags UNION SELECT TRUE) "
    "INTERSECT (SELECT a FROM s)": "9999.*INTERSECT of numbers and texts",
    "SELECT * FROM (SELECT a FROM flags UNION SELECT b FROM flags)": "9999.*UNION of numbers and truth",
    "UPDATE flags SET a = ? FROM (SELECT ? AS k UNION ALL SELECT 1) s WHERE s.k = flags.a + ?": (
        "9999.*joined several times"
    ),
    "SELECT '2024-01-01 00:00:00.1234567'::TIMESTAMP_NTZ": "9999.*nanoseconds",
    "SELECT column1::TIMESTAMP_NTZ FROM VALUES ('2024-01-01 00:00:00.12345' || '67')": "9999.*nanoseconds",
    "SELECT TIMESTAMP_NTZ_FROM_PARTS(2024, 1, 1, 1, 1, 1, 123456789)": "9999.*nanoseconds",
    "SELECT DATEADD(ns, 1500, '2024-01-01'::TIMESTAMP_NTZ)": "9999.*nanoseconds",
    "SELECT STDDEV(column1) FROM VALUES ('abc')": "Could not convert string 'abc'",
    "SELECT TYPEOF(PARSE_JSON('1.5'))": "9999.*TYPEOF",
    "SELECT HASH(1)": "9999.*HASH",
    "SELECT printf('%d', 1)": "002140.*Unknown function PRINTF",
    "SELECT '2024-01-01'::TIMESTAMP_TZ": "9999.*TIMESTAMP_TZ",
    "SELECT 1 AS a EXCEPT ALL SELECT 2": "001003.*EXCEPT ALL",
    "SELECT value FROM TABLE(FLATTEN(input => PARSE_JSON('[]'), outer => TRUE))": "9999.*OUTER of FLATTEN",
    "SELECT 1; SELECT 2": "000008",
    "INSERT INTO short VALUES ('abcd')": "100078",
    "INSERT INTO short VALUES (NULL)": "100072",
}


@pytest.mark.parametrize("expression", VALUES)
def test_the_value_of_an_expression(account, expression):
    found = account.value(f"SELECT {expression} AS found")
    assert (float(found) if isinstance(found, Decimal) else found) == VALUES[expression]


@pytest.mark.parametrize("expression", KINDS)
def test_dates_in_a_variant_stay_dates(account, expression):
    assert account.value(OBJECT.format(f"{expression} AS found")) == KINDS[expression]


def test_a_row_as_an_object_keeps_the_types_of_its_columns(account):
    row = "SELECT '2024-01-02'::DATE AS d, NULL AS n"
    found = account.sql(
        f"SELECT TYPEOF(o:D), o FROM (SELECT OBJECT_CONSTRUCT_KEEP_NULL(*) AS o FROM ({row}))"
    )
    assert tuple(found[0]) == ("DATE", '{"D":"2024-01-02","N":null}')


@pytest.fixture(scope="module")
def short(account):
    account.sql("CREATE TABLE short (a VARCHAR(3) NOT NULL)")
    account.sql("CREATE TABLE flags (a INT, b BOOLEAN)")
    account.sql("INSERT INTO flags VALUES (1, TRUE)")
    return account


@pytest.mark.parametrize("statement", REFUSED)
def test_what_fails_on_snowflake_fails(short, statement):
    with pytest.raises((SnowparkSQLException, IntegrityError), match=f"(?s){REFUSED[statement]}"):
        short.sql(statement, *[1, 1, 0][: statement.count("?")])


def test_an_update_from_rows_that_match_once(account):
    account.sql("CREATE TABLE raised AS SELECT column1 AS k, column2 AS v FROM VALUES (1, 10), (2, 20)")
    source = "(SELECT ? AS k, 5 AS v) s JOIN raised ON TRUE"
    update = f"UPDATE raised AS r SET v = s.v + ? FROM {source} WHERE r.k = s.k"
    (counts,) = account.sql(f"{update} AND raised.k = 2", 1, 1)
    rows = [tuple(row) for row in account.sql("SELECT k, v FROM raised ORDER BY k")]
    assert ([*map(int, counts)], rows) == ([1, 0], [(1, 6), (2, 20)])


def test_a_union_within_a_row_leaves_a_transaction_open(account):
    account.sql("CREATE TABLE opened (a INT)")
    account.sql("BEGIN")
    account.sql("INSERT INTO opened VALUES (1)")
    account.sql("SELECT a FROM opened o WHERE a IN (SELECT o.a UNION SELECT 2)")
    account.sql("ROLLBACK")
    assert account.value("SELECT COUNT(*) FROM opened") == 0


MERGE = """
MERGE INTO merged AS m USING (SELECT column1 AS "k", column2 AS v FROM VALUES {}) s ON m.k = s."k"
WHEN MATCHED AND s.v < 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET m.v = m.v + s.v
WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s."k", s.v * 2)
"""


def test_a_merge(account):
    account.sql("CREATE TABLE merged AS SELECT column1 AS k, column2 AS v FROM VALUES (1, 10), (2, 20)")
    (counts,) = account.sql(MERGE.format("(1, 1), (2, -1), (3, 5)"))
    rows = [tuple(row) for row in account.sql("SELECT k, v FROM merged ORDER BY k")]
    assert ([*map(int, counts)], rows) == ([1, 1, 1], [(1, 11), (3, 10)])
    with pytest.raises(SnowparkSQLException, match="100090.*Duplicate row"):
        account.sql(MERGE.format("(1, 1), (1, 2)"))
