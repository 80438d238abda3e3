"""A table with a column of each type, on DuckDB, and expressions of these columns in Snowflake's dialect."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.query.sql_catalog import StubCatalog, catalog
from warehouse_ml.query.translate import translate

TYPED = """
CREATE TABLE k (i INTEGER, x DOUBLE, f FLOAT, n DECIMAL(18, 8), s VARCHAR, b BOOLEAN, d DATE, ts TIMESTAMP,
  l INTEGER[], st STRUCT("Key" INTEGER), m MAP(VARCHAR, INTEGER));
INSERT INTO k SELECT i - 500, (i - 500) / 8, 0, (i - 500) / 16, repeat('é', i % 4), i > 3,
  DATE '2020-02-27' + i, TIMESTAMP '2020-02-27 10:11:12' + INTERVAL (i) HOUR, NULL, NULL, NULL
FROM (SELECT i::INTEGER AS i FROM range(1000) r(i));
"""


@contextmanager
def kinds_catalog() -> Iterator[StubCatalog]:
    """The table `k` beside those of `sql_catalog`; no test changes it."""
    stub = catalog()
    stub.connection.execute(TYPED)
    yield stub
    stub.connection.close()


def in_snowflake(kinds: StubCatalog, written: str) -> str:
    """An expression that DuckDB takes, as it is in Snowflake."""
    assert kinds.columns(f"SELECT {written} FROM k")
    text = translate(f"SELECT {written} AS r FROM k", {}, kinds.columns)
    return text.removeprefix("SELECT ").removesuffix(" AS r FROM k")


def answers(kinds: StubCatalog, written: str, *, translated: bool = False) -> list[tuple[Any, ...]]:
    """What DuckDB gives for an expression, or for its text in Snowflake."""
    text = f"SELECT {written} AS r FROM k ORDER BY i"
    return kinds.run(translate(text, {}, kinds.columns) if translated else text)
