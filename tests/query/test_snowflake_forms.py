"""What DuckDB's text is in Snowflake's, where the answer depends on more than the spelling."""

from collections.abc import Iterator

import pytest

from tests.query.kinds import in_snowflake
from tests.query.snowflake_catalog import SnowflakeCatalog, snowflake_catalog
from tests.query.sql_catalog import StubCatalog
from warehouse_ml.errors import TranslationError
from warehouse_ml.query.translate import translate


@pytest.fixture(scope="module")
def opened() -> Iterator[SnowflakeCatalog]:
    with snowflake_catalog() as snowflake:
        yield snowflake


FORMS = [
    ("x / i", "CAST(x AS DOUBLE) / i"),
    ("i % 3", "i % 3"),
    ("-i ^ 2", "POWER(-i, 2)"),
    ("log(2, x)", "LOG(2, x)"),
    ("greatest(i, NULL)", "GREATEST_IGNORE_NULLS(i, NULL)"),
    ("l[1]", "CAST(GET(l, 0) AS BIGINT)"),
    ("l[-1]", "CAST(GET(l, ARRAY_SIZE(l) - 1) AS BIGINT)"),
    ("k.st.KEY", "CAST(GET(k.st, 'Key') AS BIGINT)"),
    ("st['key']", "CAST(GET(st, 'Key') AS BIGINT)"),
    ("[s, NULL][2] IS NULL", "CAST(GET([s, NULL], 1) AS VARCHAR) IS NULL"),
    ("{'a': n}.a", "CAST(GET(OBJECT_CONSTRUCT('a', n), 'a') AS DECIMAL(18, 8))"),
    (
        "{'a': {'b': s}}.a.b",
        "CAST(GET(GET(OBJECT_CONSTRUCT('a', OBJECT_CONSTRUCT('b', s)), 'a'), 'b') AS VARCHAR)",
    ),
    ("avg(DISTINCT i)", "AVG(DISTINCT CAST(i AS DOUBLE))"),
    ("count(*) FILTER (WHERE b)", "COUNT_IF(b)"),
    ("median(i)", "MEDIAN(CAST(i AS DOUBLE))"),
    ("quantile_cont(i, 0.1)", "PERCENTILE_CONT(0.1) WITHIN GROUP (ORDER BY CAST(i AS DOUBLE))"),
    ("stddev(i)", "STDDEV(CAST(i AS DOUBLE))"),
    ("sum(x) OVER (ORDER BY i DESC)", "SUM(x) OVER (ORDER BY i DESC NULLS LAST)"),
    ("i IN (NULL)", "i IN (NULL)"),
    ("x = 'nan'::DOUBLE", "x = CAST('nan' AS DOUBLE)"),
    ("list_transform([1, 2], lambda y: y + 1)", "TRANSFORM([1, 2], y -> y + 1)"),
]


@pytest.mark.parametrize(("written", "expected"), FORMS)
def test_the_answer_is_duckdbs(kinds: StubCatalog, written: str, expected: str) -> None:
    assert in_snowflake(kinds, written) == expected


@pytest.mark.parametrize("written", ["st.a.b", "k.st.a.b"])
def test_a_field_of_a_field_is_no_column_of_a_table(written: str) -> None:
    with pytest.raises(TranslationError, match="a field of a field. Write"):
        translate(f"SELECT {written} FROM k", {})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("(p = 1) IS NOT TRUE", "NOT COALESCE((p = 1), FALSE)"),
        ("(p = 1) IS TRUE", "COALESCE((p = 1), FALSE)"),
        ("(p = 1) IS FALSE", "NOT COALESCE((p = 1), TRUE)"),
        ("log(p)", "LOG(10, p)"),
        ("ln(p)", "LN(p)"),
        ("random()", "UNIFORM(CAST(0 AS DOUBLE), CAST(1 AS DOUBLE), RANDOM())"),
        ("({'q': p / 3}).q", "GET((OBJECT_CONSTRUCT('q', CAST(p AS DOUBLE) / 3)), 'q')"),
    ],
)
def test_what_sqlglot_changes_the_meaning_of_keeps_it(written: str, expected: str) -> None:
    text = translate(f"SELECT {written} AS r FROM (SELECT 1 AS p)", {})
    assert text == f"SELECT {expected} AS r FROM (SELECT 1 AS p)"


@pytest.mark.parametrize("value", ["NULL", "1", "2"])
@pytest.mark.parametrize("test", ["TRUE", "NOT TRUE", "FALSE", "NOT FALSE"])
def test_a_test_for_truth_is_never_null(
    opened: SnowflakeCatalog, kinds: StubCatalog, value: str, test: str
) -> None:
    text = f"SELECT (p = 1) IS {test} AS r, log(p) AS l FROM (SELECT {value}::INT AS p)"
    assert opened.undone(translate(text, {})) == kinds.run(text)
