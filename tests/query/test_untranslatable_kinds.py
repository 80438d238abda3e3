"""Numbers, texts and truths beside each other, which are refused."""

import pytest

from tests.query.sql_catalog import StubCatalog
from warehouse_ml.errors import TranslationError
from warehouse_ml.query.translate import translate

MIXED = [
    *("i = TRUE", "b > 0", "i = '1.4'", "i = 'x'", "x < 'nan'", "s = 5", "s IN (1, 2)", "i IN (1, '1.5')"),
    *("i BETWEEN '0.5' AND 3", "b = 'yes'", "i IS DISTINCT FROM b", "nullif(i, s) = 1"),
    *("coalesce(b, 5)", "coalesce(i, '0')", "CASE i WHEN '1.5' THEN 1 END"),
    *("if(b, i, 'none')", "greatest(i, b)", "least(x, '1')"),
]
ALIKE = [
    *("i = '5'", "x < '1.5'", "n >= '-2'", "b = 'TRUE'", "d > '2020-01-01'", "s IN ('a', 'b')", "i = NULL"),
    *("i BETWEEN 1 AND 2.5", "i IN (1, 2.5, NULL)", "coalesce(x, 0)", "coalesce(ts, d)", "coalesce(s, '')"),
    *("CASE WHEN b THEN i ELSE x END", "CASE s WHEN 'a' THEN 1 ELSE 2 END", "greatest(i, x)", "i = x AND b"),
    *("coalesce(d, '2020-01-01')", "CASE WHEN i > 1 THEN NULL ELSE s END", "nullif(s, '')", "i <> ?"),
]


@pytest.mark.parametrize("written", MIXED)
def test_what_has_another_common_type_is_refused(kinds: StubCatalog, written: str) -> None:
    assert kinds.columns(f"SELECT {written} FROM k")
    with pytest.raises(TranslationError, match="beside each other in"):
        translate(f"SELECT {written} AS r FROM k", {}, kinds.columns)
    with pytest.raises(TranslationError, match="beside each other in"):
        translate(f"SELECT i FROM k GROUP BY ALL HAVING max({written})::VARCHAR <> 'z'", {}, kinds.columns)


@pytest.mark.parametrize("written", ALIKE)
def test_what_is_of_one_kind_is_not_refused(kinds: StubCatalog, written: str) -> None:
    assert translate(f"SELECT {written} AS r FROM k", {}, kinds.columns)
