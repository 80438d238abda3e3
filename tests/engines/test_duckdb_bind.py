"""What the binder tells of a query's columns is what a DESCRIBE tells, and nothing runs."""

import duckdb
import pytest

from warehouse_ml.engines.duckdb_bind import binder, bound_columns, small_rows

QUERIES = [
    "FROM t",
    "SELECT * FROM t",
    'SELECT t.*, 1 AS a, "b c"."x y" FROM t',
    "SELECT m, d, u, mp, ar, tz, nl FROM t",
    "SELECT NULL, [], {'a': NULL}, [1], 1.5, 'x'",
    "SELECT nextval('numbers') AS n, 1 AS n",
    "SELECT * FROM numbered",
    "SELECT t FROM t",
    "WITH q AS (SELECT 1 AS z) SELECT * FROM q, t",
    "SELECT sum(a) OVER (), rowid FROM t",
    "SELECT * FROM frame",
]


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute(
            "CREATE TYPE mood AS ENUM ('a', 'it''s'); CREATE SEQUENCE numbers; "
            "CREATE VIEW numbered AS SELECT nextval('numbers') AS n; "
            'CREATE TABLE t (a INTEGER, "b c" STRUCT("x y" INTEGER, z VARCHAR[]), m mood, d DECIMAL(10, 2), '
            "u UNION(n INTEGER, s VARCHAR), mp MAP(VARCHAR, INTEGER), ar INTEGER[3], tz TIMESTAMPTZ, "
            "nl VARCHAR COLLATE NOCASE)"
        )
        yield opened


@pytest.mark.parametrize("query", QUERIES)
def test_the_columns_are_those_of_describe(connection, query):
    frame = connection.sql("SELECT 1 AS i").to_arrow_table()
    assert frame.num_rows == 1
    described = [(row[0], row[1]) for row in connection.sql(f"DESCRIBE {query}").fetchall()]
    bind = binder(connection, query)
    assert bind is not None
    found = bound_columns(bind())
    assert found is None or found == described
    assert found is not None or "numbers" in query or "numbered" in query
    assert connection.execute("SELECT nextval('numbers')").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "query", ["SELECT ? FROM t", "PIVOT t ON m USING sum(a)", "SELECT * FROM (PIVOT t ON m USING sum(a))"]
)
def test_the_rest_is_left_to_describe(connection, query):
    bind = binder(connection, query)
    assert bind is None or bound_columns(bind()) is None


@pytest.mark.parametrize("query", ["SELECT nope FROM t", "SELECT * FROM nope", "SELECT nope(1)"])
def test_a_refusal_leaves_a_transaction_as_it_is(connection, query):
    connection.begin()
    bind = binder(connection, query)
    assert bind is not None
    with pytest.raises(duckdb.Error):
        bind()
    assert connection.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_another_release_may_answer_otherwise():
    assert binder(object(), "SELECT 1") is None
    assert bound_columns(None) is None
    assert bound_columns(([], [])) is None


class Older:
    """A connection of a release that has nothing private."""

    def __init__(self, connection):
        self.sql = connection.sql


def test_small_rows_are_those_of_a_relation(connection):
    query = "SELECT stats(a), 1 FROM t LIMIT 1"
    assert small_rows(connection, query) == small_rows(Older(connection), query)
    plan = small_rows(connection, "EXPLAIN (FORMAT json) SELECT 1 FROM t")
    assert plan == small_rows(Older(connection), "EXPLAIN (FORMAT json) SELECT 1 FROM t")


def test_small_rows_leave_a_result_of_the_users_own(connection):
    connection.execute("FROM range(100000)")
    assert connection.fetchone() == (0,)
    with pytest.raises(duckdb.ResourceInUseException):
        small_rows(connection, "SELECT 1")
    assert connection.fetchone() == (1,)
