"""PREDICT in every position, against the same query over a column of scores computed in Python."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.sql_catalog import StubCatalog, plus

ROWS = [(1, 1.0, 2.0, "x"), (2, 3.0, 4.0, "y"), (3, None, 5.0, "x"), (4, 0.5, 0.0, None), (5, 3.0, 4.0, "y")]
TABLES = """
CREATE OR REPLACE TABLE t (id INTEGER, a DOUBLE, b DOUBLE, g VARCHAR);
CREATE OR REPLACE TABLE u (id INTEGER, c DOUBLE);
INSERT INTO u VALUES (1, 5), (2, 25), (2, 50), (7, NULL);
CREATE OR REPLACE TABLE out (id INTEGER, p DOUBLE);
"""


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[StubCatalog, duckdb.DuckDBPyConnection]]:
    """A connection with models, and one whose table `t` has the scores as the column `p`."""
    with duckdb.connect() as scoring, duckdb.connect() as oracle:
        yield StubCatalog(scoring), oracle


def fill(catalog: StubCatalog, oracle: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    for connection in (catalog.connection, oracle):
        connection.execute(TABLES)
    oracle.execute("ALTER TABLE t ADD COLUMN p DOUBLE")
    if rows:
        catalog.connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        oracle.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", [(*row, plus(*row[1:3])) for row in rows])


def result(connection: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    return sorted(map(repr, connection.execute(text).fetchall()))


def agree(
    engines: tuple[StubCatalog, duckdb.DuckDBPyConnection], query: str, form: str, after: str = ""
) -> None:
    """The query with the call equals the query with the column; `after` reads what a change left behind."""
    catalog, oracle = engines
    mine, plain = query.replace("{p}", form), query.replace("{p}", "t.p")
    bound = catalog.sql(mine)
    got, expected = result(catalog.connection, bound), result(oracle, plain)
    if after:
        got, expected = result(catalog.connection, after), result(oracle, after)
    assert got == expected, bound


FORMS = [
    "PREDICT('m', t.a, t.b)",
    "PREDICT('m', b => t.b, a := t.a)",
    "PREDICT('m', t.*)",
    "PREDICT('m', t)",
    "PREDICT('m', {'b': t.b, 'a': t.a, 'z': 1})",
    "TRY_PREDICT('m@1', t.* EXCLUDE (id))",
]
SCOPED = [*FORMS, "PREDICT('m')", "PREDICT('m', *)", "predict ( 'M', * EXCLUDE (id, g) )"]

QUERIES = [
    "SELECT id, {p} FROM t",
    "SELECT id FROM t WHERE {p} > 5",
    "SELECT id FROM t WHERE {p} IS NULL OR NOT ({p} BETWEEN 1 AND 30)",
    "SELECT {p} AS s, count(*) FROM t GROUP BY {p}",
    "SELECT {p} AS s, count(*) FROM t GROUP BY s",
    "SELECT {p} AS s, count(*) FROM t GROUP BY ALL",
    "SELECT g, sum({p}) FROM t GROUP BY g HAVING sum({p}) > 20",
    "SELECT id FROM t ORDER BY {p} DESC NULLS LAST, id LIMIT 2",
    "SELECT b AS a, a AS b FROM t ORDER BY {p}, id LIMIT 3",
    "SELECT id FROM t QUALIFY row_number() OVER (PARTITION BY g ORDER BY {p}, id) = 1",
    "SELECT id, avg({p}) OVER (PARTITION BY g) FROM t",
    "SELECT id, rank() OVER w FROM t WINDOW w AS (ORDER BY {p}, id)",
    "SELECT sum(a) FILTER (WHERE {p} > 5), count(DISTINCT {p}), list({p} ORDER BY {p}, id) FROM t",
    "SELECT id, CASE WHEN {p} > 30 THEN 'high' WHEN {p} IS NULL THEN 'none' ELSE g END FROM t",
    "SELECT DISTINCT {p} FROM t",
    "SELECT DISTINCT ON (g) g, {p} FROM t ORDER BY g, {p}, id",
    "WITH s AS (SELECT id, {p} AS p FROM t) SELECT * FROM s WHERE p > 5",
    "WITH s AS (SELECT id, g FROM t WHERE {p} > 5) SELECT g, count(*) FROM s GROUP BY g",
    "SELECT * FROM (SELECT id, {p} AS p FROM t) WHERE p > 5",
    "SELECT id FROM t WHERE id IN (SELECT t.id FROM t WHERE {p} > 5)",
    "SELECT id, (SELECT max({p}) FROM t) FROM u",
    "SELECT id FROM u WHERE EXISTS (FROM t WHERE t.id = u.id AND {p} > 5)",
    "SELECT u.id, (SELECT sum({p}) FROM t WHERE t.id = u.id) FROM u",
    "SELECT id, {p} FROM t UNION ALL SELECT id, c FROM u",
    "SELECT id, {p} FROM t EXCEPT SELECT id, c FROM u",
    "FROM t SELECT id, {p} WHERE {p} < 40",
    "SELECT list_transform([1, 2], lambda x: x + {p}) FROM t",
    "SELECT [{p}, 1], {'k': {p}}, ({p})::INTEGER, -{p}, {p} + {p} * 2 FROM t",
    "SELECT coalesce({p}, {p}, 0), greatest({p}, id) FROM t",
    "SELECT t.id IS DISTINCT FROM {p} FROM t",
    "PIVOT (SELECT g, {p} AS s FROM t) ON g USING sum(s)",
    "SELECT id, {p} FROM t USING SAMPLE 100 PERCENT (bernoulli)",
    "SELECT id, {p} FROM t LIMIT 100 OFFSET 0;",
]
JOINS = [
    "SELECT t.id, c FROM t JOIN u ON t.id = u.id AND {p} > c",
    "SELECT t.id, c FROM t LEFT JOIN u ON {p} < c",
    "SELECT u.id, {p} FROM u LEFT JOIN t USING (id) WHERE {p} IS NULL OR c > 5",
    "SELECT u.id, {p} FROM t RIGHT JOIN u USING (id)",
    "SELECT t.id, {p} FROM t SEMI JOIN u USING (id)",
    "SELECT x.s FROM t, LATERAL (SELECT {p} AS s) x",
    "SELECT id FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.id = u.id AND {p} > u.c)",
    "SELECT t.id, (SELECT count(*) FROM u WHERE {p} > u.c) FROM t",
    "SELECT t.id, (SELECT {p}) FROM t",
]
CHANGES = [
    ("CREATE OR REPLACE TABLE out AS SELECT id, {p} AS p FROM t", "FROM out"),
    ("INSERT INTO out SELECT id, {p} FROM t", "FROM out"),
    ("UPDATE t SET a = {p} WHERE {p} > 5", "SELECT id, a FROM t"),
    ("DELETE FROM t WHERE {p} > 5", "SELECT id FROM t"),
    ("CREATE OR REPLACE VIEW v AS SELECT id, {p} AS p FROM t WHERE {p} > 5", "FROM v"),
    (
        "MERGE INTO out USING t ON out.id = t.id WHEN NOT MATCHED THEN INSERT (id, p) VALUES (t.id, {p})",
        "FROM out",
    ),
    ("COPY (SELECT id, {p} AS p FROM t ORDER BY id) TO '/dev/null' (FORMAT csv)", "FROM out"),
]


@pytest.mark.parametrize("query", QUERIES)
def test_call_equals_column(engines: Any, query: str) -> None:
    fill(*engines, ROWS)
    for form in SCOPED:
        agree(engines, query, form)


@pytest.mark.parametrize("query", JOINS)
def test_call_over_a_join_equals_column(engines: Any, query: str) -> None:
    fill(*engines, ROWS)
    for form in FORMS:
        agree(engines, query, form)


@pytest.mark.parametrize(("change", "after"), CHANGES)
def test_change_with_a_call_equals_column(engines: Any, change: str, after: str) -> None:
    for form in FORMS:
        fill(*engines, ROWS)
        agree(engines, change, form, after)


def test_update_from_equals_column(engines: Any) -> None:
    fill(*engines, ROWS)
    change = "UPDATE out SET p = {p} FROM t WHERE t.id = out.id"
    for connection in (engines[0].connection, engines[1]):
        connection.execute("INSERT INTO out VALUES (1, 0), (4, 0)")
    agree(engines, change, "PREDICT('m', t)", "FROM out")


NUMBERS = st.none() | st.sampled_from([0.0, -1.5, 2.0, 40.0, 1e9])
DATA = st.lists(
    st.tuples(st.integers(1, 4), NUMBERS, NUMBERS, st.sampled_from([None, "x", "y'"])), max_size=6
)
VALUES = st.sampled_from(
    ["{p}", "coalesce({p}, 7)", "{p} + id", "CASE WHEN {p} > 3 THEN {p} ELSE a END", "b"]
)
TESTS = st.sampled_from(
    ["{p} > 3", "{p} IS NULL", "a < {p}", "id IN (1, 2)", "NOT ({p} <= 20)", "g = 'y''' OR {p} > 0", "true"]
)


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A random query; every block reads a table called `t` with the columns of `t`."""
    source = "t"
    for _ in range(draw(st.integers(0, 2))):
        source = draw(
            st.sampled_from(
                [
                    f"(SELECT * FROM {source} WHERE {draw(TESTS)}) AS t",
                    f"(FROM {source} ORDER BY {draw(VALUES)}, id) t",
                    f"(WITH t AS (FROM {source}) SELECT * FROM t WHERE {draw(TESTS)}) AS t",
                    f"(SELECT t.* FROM {source} WHERE id IN (SELECT id FROM t WHERE {draw(TESTS)})) t",
                ]
            )
        )
    value, test, other = draw(VALUES), draw(TESTS), draw(VALUES)
    shape = draw(
        st.sampled_from(
            [
                f"SELECT id, {value} FROM {source} WHERE {test}",
                f"SELECT g, sum({value}), max({other}) FROM {source} WHERE {test} GROUP BY g",
                f"SELECT {value} AS v, count(*) FROM {source} GROUP BY v HAVING count({other}) > 1",
                f"SELECT id, {value}, row_number() OVER (PARTITION BY {other}) > 0 FROM {source}",
                f"SELECT count(*) FROM {source} WHERE {test} AND {value} >= ALL (SELECT {other} FROM t)",
                f"SELECT id, {value} FROM {source} UNION SELECT id, {other} FROM t WHERE {test}",
                f"FROM {source} SELECT id WHERE {test} AND {value} IS DISTINCT FROM 3",
            ]
        )
    )
    return f"/* é😀 */ WITH w AS ({shape}) FROM w" if draw(st.booleans()) else shape


@settings(max_examples=250, deadline=None)
@given(query=queries(), form=st.sampled_from(SCOPED), rows=DATA)
def test_random_query_with_a_call_equals_column(engines: Any, query: str, form: str, rows: Any) -> None:
    fill(*engines, rows)
    agree(engines, query, form)
