"""Set operations of columns of different kinds, which are refused."""

import pytest

from tests.query.sql_catalog import StubCatalog
from warehouse_ml.errors import TranslationError
from warehouse_ml.query.translate import translate


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT i FROM k UNION ALL SELECT s FROM k", "UNION of INTEGER and VARCHAR"),
        ("SELECT x, '1' FROM k EXCEPT SELECT x, 1 FROM k", "EXCEPT of VARCHAR and INTEGER"),
        ("SELECT i, s FROM k UNION BY NAME SELECT b AS s FROM k", "UNION of VARCHAR and BOOLEAN"),
        (
            "WITH c AS (SELECT d AS y FROM k) SELECT i FROM k UNION SELECT y FROM c",
            "UNION of INTEGER and DATE",
        ),
        ("SELECT * FROM (SELECT i FROM k UNION SELECT b FROM k)", "UNION of INTEGER and BOOLEAN"),
    ],
)
def test_columns_of_different_kinds_are_refused(kinds: StubCatalog, statement: str, said: str) -> None:
    with pytest.raises(TranslationError, match=said):
        translate(statement, {}, kinds.columns)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT i, d FROM k UNION ALL SELECT n, ts FROM k",
        "SELECT NULL FROM k UNION SELECT s FROM k",
        "SELECT i, s FROM k UNION BY NAME SELECT s, i FROM k",
        "WITH c AS (SELECT i AS y FROM k) (SELECT x FROM k) UNION (SELECT y FROM c)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r",
    ],
)
def test_columns_of_one_kind_are_not_refused(kinds: StubCatalog, statement: str) -> None:
    assert translate(statement, {}, kinds.columns)
