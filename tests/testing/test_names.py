"""Names of tables and columns are Snowflake's: small letters in quotes are other names than capitals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snowflake.snowpark.exceptions import SnowparkSQLException

from warehouse_ml.testing.snowflake.column_names import named
from warehouse_ml.testing.snowflake.identifiers import kept, shown


@pytest.fixture(scope="module")
def named_table(account):
    account.sql('CREATE TABLE "cases" ("a" INT, B INT)')
    account.sql('INSERT INTO "cases" VALUES (1, 2)')
    return account


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\u2063\0"), min_size=1, max_size=8)


@given(NAMES, NAMES)
def test_kept_names_are_equal_in_any_case_where_they_are_equal(one, other):
    assert (kept(one).lower() == kept(other).lower()) == (one == other) or not (one + other).isascii()


@given(NAMES)
def test_kept_names_are_shown_as_they_were(name):
    assert shown(kept(name)) == name


@pytest.mark.parametrize(
    ("statement", "message"),
    {
        "SELECT B FROM cases": "002003.*'CASES' does not exist",
        'SELECT "b" FROM "cases"': "000904.*invalid identifier 'b'",
        'SELECT a FROM "cases"': "000904.*invalid identifier 'A'",
        'SELECT x FROM (SELECT 1 AS "x")': "000904.*invalid identifier 'X'",
        'WITH "c" AS (SELECT 1 AS x) SELECT x FROM c': "002003.*'C' does not exist",
        'SELECT B FROM "public"."cases"': "002003.*'public' does not exist",
        'CREATE SCHEMA "low"': "9999.*names have small letters",
        'CREATE TABLE "cases" (a INT)': "002002.*'cases' already exists",
        "CREATE VIEW counts AS SELECT COUNT(*) FROM VALUES (1)": "002022.*Missing column specification",
    }.items(),
)
def test_a_name_in_another_case_is_another_name(named_table, statement, message):
    with pytest.raises(SnowparkSQLException, match=f"(?s){message}"):
        named_table.sql(statement)


def test_tables_and_columns_may_differ_in_case_only(named_table):
    named_table.sql('CREATE TABLE cases (a INT, "a" INT)')
    named_table.sql("INSERT INTO cases VALUES (3, 4)")
    (row,) = named_table.sql('SELECT a, "a" FROM cases')
    assert row.as_dict() == {"A": 3, "a": 4}


def test_what_there_is_has_its_own_names(named_table):
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'cases'"
    shown_names = {row["name"] for row in named_table.sql("SHOW TABLES LIKE 'cases'")}
    described = [row["name"] for row in named_table.sql('DESCRIBE TABLE "cases"')]
    assert sorted(named_table.column(columns)) == ["B", "a"]
    assert described == ["a", "B"]
    assert "cases" in shown_names


def test_a_row_as_an_object_has_the_names_of_its_columns(named_table):
    assert named_table.value('SELECT OBJECT_CONSTRUCT(*):a::INT FROM "cases"') == 1


def test_functions_that_differ_in_case_only_are_refused(account):
    account.sql('CREATE FUNCTION "small"("x" FLOAT, X FLOAT) RETURNS FLOAT AS $$ "x" - x $$')
    assert account.value('SELECT "small"(3, 1)') == 2
    with pytest.raises(SnowparkSQLException, match="9999.*differ in case only"):
        account.sql("CREATE FUNCTION small(x FLOAT) RETURNS FLOAT AS $$ x $$")


@pytest.mark.parametrize(
    ("query", "name"),
    {
        "SELECT count(*) FROM VALUES (1)": "COUNT(*)",
        "SELECT 1 + 1": "1 + 1",
        "SELECT upper('x') u": "U",
        "SELECT * FROM (SELECT sum(column1) FROM VALUES (1))": "SUM(COLUMN1)",
        "SELECT listagg(column1) WITHIN GROUP (ORDER BY 1) FROM VALUES ('a')": (
            "LISTAGG(COLUMN1) WITHIN GROUP (ORDER BY 1)"
        ),
    }.items(),
)
def test_a_column_without_a_name_is_called_by_its_text(account, query, name):
    assert account.session.sql(query).collect()[0].as_dict().keys() == {name}


def test_columns_with_names_keep_them():
    query = 'SELECT a, b AS "c", t.*, d e, f.g::INT AS h FROM (SELECT DISTINCT x FROM t) ORDER BY 1'
    assert named(query) == query


@pytest.mark.parametrize(
    ("query", "rows"),
    {
        "SELECT 1 AS a UNION ALL SELECT 1": [1, 1],
        "SELECT 1 AS a UNION SELECT 1": [1],
        "(SELECT 1 AS a) EXCEPT SELECT 2": [1],
        "SELECT 1 AS a INTERSECT SELECT 2": [],
        "SELECT column1 AS a FROM VALUES (2), (1) MINUS SELECT 3 ORDER BY a": [1, 2],
    }.items(),
)
def test_sets_of_rows_at_the_top_of_a_query(account, query, rows):
    found = account.session.sql(query)
    assert (found.schema.names, [row[0] for row in found.collect()]) == (["A"], rows)
