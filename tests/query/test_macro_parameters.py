from collections.abc import Iterator

import duckdb
import pytest

from tests.query.sql_catalog import StubCatalog


@pytest.fixture(scope="module")
def catalog() -> Iterator[StubCatalog]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT i AS id, i::DOUBLE AS a, 2.0 AS b FROM range(5) AS r(i)")
        yield StubCatalog(connection)


@pytest.mark.parametrize(
    "macro",
    [
        "MACRO f(n) AS TABLE SELECT PREDICT('m', *) AS p FROM (SELECT * FROM t WHERE id < n)",
        "MACRO f(n, k := 2) AS TABLE SELECT PREDICT('m', x.*) FROM (SELECT a, k AS b FROM t WHERE id < N) x",
        "FUNCTION f(\"n\") AS TABLE SELECT prediction FROM PREDICT('m', (SELECT t.* FROM t WHERE t.id < n))",
        "MACRO f(n) AS TABLE SELECT PREDICT('m', a => n.a, b => n.b) AS p FROM t AS n WHERE id < n",
        "MACRO main.f(n) AS TABLE SELECT PREDICT('m') AS p FROM (SELECT a, b, 1 AS n FROM t LIMIT 2)",
    ],
)
def test_a_parameter_may_stand_in_the_from_clause_of_a_macro(catalog: StubCatalog, macro: str) -> None:
    catalog.connection.execute(catalog.sql(f"CREATE OR REPLACE {macro}"))
    assert catalog.connection.execute("FROM f(2)").fetchall() == [(20.0,), (21.0,)]


def test_the_parameter_is_a_feature(catalog: StubCatalog) -> None:
    catalog.connection.execute(catalog.sql("CREATE MACRO g(a, n) AS PREDICT('m', b => n, a => a)"))
    assert catalog.connection.execute("SELECT g(1, 2), g(n := 3, a := 4)").fetchall() == [(21.0, 34.0)]
