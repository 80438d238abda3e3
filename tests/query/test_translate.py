"""DuckDB's text compiled for Snowflake: every golden statement of the grammar has an answer or a refusal.

`fixtures/sql/name.sql` and `fixtures/translated/name.sql` -> `fixtures/translated/name.snowflake.sql`, which
runs on the emulation and gives DuckDB's rows; or `name.refused.txt`, the sentence.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from tests.query.snowflake_catalog import SnowflakeCatalog, snowflake_catalog
from tests.query.sql_catalog import StubCatalog, catalog
from warehouse_ml.errors import FeatureTypeError, SqlError, TranslationError
from warehouse_ml.optimize.portable_calls import call_writers
from warehouse_ml.optimize.typed import typed
from warehouse_ml.query.bind import bind
from warehouse_ml.query.check_types import check_types
from warehouse_ml.query.dialect import PORTABLE
from warehouse_ml.query.parse import parse
from warehouse_ml.query.tokens import words
from warehouse_ml.query.translate import is_plain, translate

FIXTURES = Path(__file__).parents[1] / "fixtures"
FOLDER = FIXTURES / "translated"
WRITTEN = {
    path.stem: path
    for folder in (FIXTURES / "sql", FOLDER)
    for path in sorted(folder.glob("*.sql"))
    if not path.name.endswith((".bound.sql", ".snowflake.sql"))
}
ANSWERED = sorted(name for name in WRITTEN if (FOLDER / f"{name}.snowflake.sql").exists())
REFUSED = sorted(set(WRITTEN) - set(ANSWERED))

NOT_EMULATED = {
    "recursive": "ROUND with a mode",
    "merge": "MERGE within a transaction",
    "table_form_labels": "GET with a double quote in the key",
    "stored_struct": "a VARIANT compared with a number",
    "struct_pack_field": "a VARIANT as the number that it holds",
    "proba_fields": "GET with a double quote in the key",
}
"""What the emulation cannot run, or runs otherwise than Snowflake; such text is only parsed."""

READ = sorted(name for name in ANSWERED if name not in NOT_EMULATED)


@pytest.fixture(scope="module")
def opened() -> Iterator[SnowflakeCatalog]:
    with snowflake_catalog() as snowflake:
        yield snowflake


@pytest.fixture
def duck() -> StubCatalog:
    return catalog()


def read(path: Path) -> str:
    return path.read_bytes().decode()


def compiled(duck: StubCatalog, text: str) -> str:
    bound = check_types(typed(bind(parse(text), duck, PORTABLE)))
    return translate(bound.text.strip(), call_writers(bound, lambda version: None), duck.columns)


def comparable(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(repr([round(v, 9) if isinstance(v, float) else v for v in row]) for row in rows)


@pytest.mark.parametrize("name", ANSWERED)
def test_the_text_is_the_golden_one(duck: StubCatalog, name: str) -> None:
    assert compiled(duck, read(WRITTEN[name])) + "\n" == read(FOLDER / f"{name}.snowflake.sql")


@pytest.mark.parametrize("name", ANSWERED)
def test_the_text_is_snowflakes(name: str) -> None:
    assert sqlglot.parse_one(read(FOLDER / f"{name}.snowflake.sql"), read="snowflake") is not None


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_translation_is_refused(duck: StubCatalog, name: str) -> None:
    with pytest.raises(SqlError) as error:
        compiled(duck, read(WRITTEN[name]))
    assert f"{error.value}\n" == read(FOLDER / f"{name}.refused.txt")


@pytest.mark.parametrize("name", READ)
def test_both_engines_give_the_same_rows(opened: SnowflakeCatalog, duck: StubCatalog, name: str) -> None:
    rows = opened.undone(read(FOLDER / f"{name}.snowflake.sql"))
    expected = duck.run(read(WRITTEN[name]))
    changes = not read(WRITTEN[name]).lstrip().startswith(("SELECT", "WITH", "FROM"))
    assert len(rows) == 1 if changes else comparable(rows) == comparable(expected)


def test_a_text_is_not_read_as_a_number(duck: StubCatalog) -> None:
    with pytest.raises(FeatureTypeError, match=r"'a' of model 'm@1' is DOUBLE; the query gives VARCHAR"):
        compiled(duck, "SELECT PREDICT('m', c, b) FROM u")


def test_a_number_is_not_rounded_to_a_whole_one(duck: StubCatalog) -> None:
    with pytest.raises(FeatureTypeError, match="'i' of model 'kinds@1' is BIGINT"):
        compiled(duck, "SELECT PREDICT('kinds', a, 2.7, TRUE, 'x', NULL) FROM t")


def test_a_number_of_a_quotient_is_a_double(duck: StubCatalog) -> None:
    text = compiled(duck, "SELECT PREDICT('m', a / 3, b // 2) FROM t")
    assert "CAST(CAST(a AS DOUBLE) / 3 AS FLOAT), CAST(CAST(b AS DOUBLE) / 2 AS FLOAT)" in text


def test_a_parameter_alone_keeps_its_place(duck: StubCatalog) -> None:
    text = compiled(duck, "SELECT PREDICT('one', ?) AS p, PREDICT('m', ?, b) AS q FROM t")
    assert text == (
        "SELECT warehouse_ml.wml_one_v1_ab12cd34(?) AS p, warehouse_ml.wml_m_v1_ab12cd34(?, b) AS q FROM t"
    )


def test_a_statement_without_calls_is_translated_too(duck: StubCatalog) -> None:
    assert compiled(duck, "FROM t SELECT a + 1 AS h") == "SELECT a + 1 AS h FROM t"


@pytest.mark.parametrize("text", ["a", "t.a", '"my col"', 'w."q""uote"', "3", "-1.5", "NULL", "?"])
def test_plain_arguments_need_no_cast(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize("text", ["a + 1", "GET(x, 'a')", "'x'", "t.s.a", "x['a']"])
def test_other_arguments_are_cast(text: str) -> None:
    assert not is_plain(text)


def test_the_error_says_what_cannot_be_said() -> None:
    assert TranslationError("COPY", "Load it.").what == "COPY"


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
    opened: SnowflakeCatalog, duck: StubCatalog, value: str, test: str
) -> None:
    text = f"SELECT (p = 1) IS {test} AS r, log(p) AS l FROM (SELECT {value}::INT AS p)"
    assert opened.undone(translate(text, {})) == duck.run(text)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("p = 1 IS NOT TRUE", "IS after a comparison"),
        ("p = 1 IS NULL", "IS after a comparison"),
        ("p IS NOT NULL IS NULL", "IS after a comparison"),
        ("regexp_matches(t, 'a')", "a regular expression"),
        ("regexp_replace(t, 'a', 'b')", "a regular expression"),
        ("t ~ 'a'", "a regular expression"),
        ("concat_ws(',', t, NULL)", "concat_ws"),
        ("epoch(d)", "fractions of seconds"),
        ("extract(epoch FROM d)", "fractions of seconds"),
        ("d AT TIME ZONE 'UTC'", "AT TIME ZONE"),
        ("last_value(p) OVER (ORDER BY t)", "without a frame"),
        ("nth_value(p, 2) OVER (ORDER BY t)", "without a frame"),
        ("first_value(p IGNORE NULLS) OVER (ORDER BY t)", "without a frame"),
    ],
)
def test_what_snowflake_would_answer_otherwise_is_refused(written: str, said: str) -> None:
    with pytest.raises(TranslationError, match=said):
        translate(f"SELECT {written} FROM t", {})


@pytest.mark.parametrize(
    "written",
    [
        "last_value(p) OVER ()",
        "last_value(p) OVER (ORDER BY t ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "first_value(p) OVER (ORDER BY t)",
        "p + 1 IS NULL",
        "p = 1 AND t IS NOT NULL",
        "NOT p IS NULL",
    ],
)
def test_what_both_answer_alike_is_not_refused(written: str) -> None:
    assert translate(f"SELECT {written} FROM t", {})


TYPED = """
CREATE TABLE k (i INTEGER, x DOUBLE, f FLOAT, n DECIMAL(18, 8), s VARCHAR, b BOOLEAN, d DATE, ts TIMESTAMP,
  l INTEGER[], st STRUCT("Key" INTEGER), m MAP(VARCHAR, INTEGER));
INSERT INTO k SELECT i - 500, (i - 500) / 8, 0, (i - 500) / 16, repeat('é', i % 4), i > 3,
  DATE '2020-02-27' + i, TIMESTAMP '2020-02-27 10:11:12' + INTERVAL (i) HOUR, NULL, NULL, NULL
FROM (SELECT i::INTEGER AS i FROM range(1000) r(i));
"""


@pytest.fixture(scope="module")
def kinds() -> Iterator[StubCatalog]:
    """A table with a column of each type; no test changes it."""
    stub = catalog()
    stub.connection.execute(TYPED)
    yield stub
    stub.connection.close()


ALIKE = [
    ("x::INTEGER", "CAST(ROUND(CAST(x AS DECIMAL(38, 16)), 0, 'HALF_TO_EVEN') AS INT)"),
    ("f::BIGINT", "CAST(ROUND(CAST(f AS DECIMAL(38, 16)), 0, 'HALF_TO_EVEN') AS BIGINT)"),
    ("n::INTEGER", "CAST(n AS INT)"),
    ("s::INTEGER", "CAST(s AS INT)"),
    (
        "x::DECIMAL(9, 2)",
        "CAST(CAST(ROUND(x * CAST(100 AS DOUBLE)) AS DECIMAL(38, 0)) * 0.01 AS DECIMAL(9, 2))",
    ),
    ("n::DECIMAL", "CAST(n AS DECIMAL(18, 3))"),
    ("b::DOUBLE", "CAST(CAST(b AS INT) AS DOUBLE)"),
    ("d::VARCHAR", "TO_CHAR(d, 'YYYY-MM-DD')"),
    ("i::CHAR", "CAST(i AS VARCHAR)"),
    ("x / i", "CAST(x AS DOUBLE) / i"),
    ("x // 2", "CAST(x AS DOUBLE) / 2"),
    ("i // 2", "CAST((i - MOD(i, 2)) / 2 AS BIGINT)"),
    ("i % 3", "i % 3"),
    ("-i ^ 2", "POWER(-i, 2)"),
    ("round(x)", "ROUND(x)"),
    ("round(x, 2)", "(ROUND(x * CAST(100 AS DOUBLE)) / CAST(100 AS DOUBLE))"),
    ("round(x + 1, -1)", "(ROUND((x + 1) / CAST(10 AS DOUBLE)) * CAST(10 AS DOUBLE))"),
    ("round(n, 1)", "ROUND(n, 1)"),
    ("log(2, x)", "LOG(2, x)"),
    ("greatest(i, NULL)", "GREATEST_IGNORE_NULLS(i, NULL)"),
    ("concat(s, i)", "CONCAT(COALESCE(s, ''), COALESCE(CAST(i AS VARCHAR), ''))"),
    ("s || d", "s || TO_CHAR(d, 'YYYY-MM-DD')"),
    ("substring(s, 2, 3)", "SUBSTRING(s, 2, 3)"),
    ("left(s, -1)", "LEFT(s, GREATEST(LENGTH(s) - 1, 0))"),
    ("right(s, 2)", "RIGHT(s, 2)"),
    ("s[2]", "SUBSTR(s, 2, 1)"),
    ("l[1]", "GET(l, 0)"),
    ("l[-1]", "GET(l, ARRAY_SIZE(l) - 1)"),
    ("k.st.KEY", "GET(k.st, 'Key')"),
    ("st['key']", "GET(st, 'Key')"),
    ("date_trunc('month', d)", "DATE_TRUNC('MONTH', CAST(d AS TIMESTAMPNTZ))"),
    ("date_trunc('week', ts)", "DATEADD(DAY, 1 - DAYOFWEEKISO(ts), DATE_TRUNC('DAY', ts))"),
    ("dayofweek(d)", "MOD(DAYOFWEEKISO(d), 7)"),
    ("extract(week FROM d)", "WEEKISO(d)"),
    ("date_diff('month', d, ts)", "DATEDIFF(MONTH, d, ts)"),
    ("d + INTERVAL 1 MONTH", "DATEADD(MONTH, 1, CAST(d AS TIMESTAMPNTZ))"),
    ("ts - INTERVAL 2 DAYS", "DATEADD(DAY, -2, ts)"),
    ("d - d", "d - d"),
    ("strftime(ts, '%Y-%m-%d %H:%M')", "TO_CHAR(ts, 'yyyy-mm-DD hh24:mi')"),
    ("avg(DISTINCT i)", "AVG(DISTINCT CAST(i AS DOUBLE))"),
    ("count(*) FILTER (WHERE b)", "COUNT_IF(b)"),
    ("median(i)", "MEDIAN(CAST(i AS DOUBLE))"),
    ("quantile_cont(i, 0.1)", "PERCENTILE_CONT(0.1) WITHIN GROUP (ORDER BY CAST(i AS DOUBLE))"),
    ("stddev(i)", "STDDEV(CAST(i AS DOUBLE))"),
    (
        "string_agg(s ORDER BY i DESC)",
        "CASE WHEN COUNT(s) > 0 THEN LISTAGG(s, ',') WITHIN GROUP (ORDER BY i DESC NULLS LAST) END",
    ),
    ("sum(x) OVER (ORDER BY i DESC)", "SUM(x) OVER (ORDER BY i DESC NULLS LAST)"),
    ("i IN (NULL)", "i IN (NULL)"),
    ("x = 'nan'::DOUBLE", "x = CAST('nan' AS DOUBLE)"),
    ("list_transform([1, 2], lambda y: y + 1)", "TRANSFORM([1, 2], y -> y + 1)"),
    ("s LIKE 'a\\%' ESCAPE '\\'", "s LIKE 'a\\\\%' ESCAPE '\\\\'"),
]
"""What DuckDB's text is in Snowflake's, where the answer depends on more than the spelling."""


@pytest.mark.parametrize(("written", "expected"), ALIKE)
def test_the_answer_is_duckdbs(kinds: StubCatalog, written: str, expected: str) -> None:
    assert kinds.columns(f"SELECT {written} FROM k")
    assert translate(f"SELECT {written} AS r FROM k", {}, kinds.columns) == f"SELECT {expected} AS r FROM k"


STATEMENTS = [
    ("SELECT x FROM k ORDER BY ALL DESC", "SELECT x FROM k ORDER BY ALL DESC NULLS LAST"),
    ("SELECT i, sum(x) FROM k GROUP BY ALL", "SELECT i, SUM(x) FROM k GROUP BY ALL"),
    (
        "SELECT DISTINCT ON (i) i, x FROM k ORDER BY x LIMIT 2",
        "SELECT i, x FROM k QUALIFY ROW_NUMBER() OVER (PARTITION BY i ORDER BY x) = 1 ORDER BY x LIMIT 2",
    ),
    (
        "SELECT x FROM k QUALIFY rank() OVER (ORDER BY i) = 1",
        "SELECT x FROM k QUALIFY RANK() OVER (ORDER BY i) = 1",
    ),
    ("SELECT * FROM k USING SAMPLE 5 ROWS", "SELECT * FROM k TABLESAMPLE (5 ROWS)"),
    (
        "SELECT i FROM (SELECT s AS i FROM k) WHERE i || 'a' = ''",
        "SELECT i FROM (SELECT s AS i FROM k) WHERE i || 'a' = ''",
    ),
    ("UPDATE k SET s = i || 'a'", "UPDATE k SET s = CAST(i AS VARCHAR) || 'a'"),
    ("DELETE FROM k WHERE n::INTEGER = 1", "DELETE FROM k WHERE CAST(n AS INT) = 1"),
    (
        "CREATE TABLE y AS SELECT i || '' AS r FROM k",
        "CREATE TABLE y AS SELECT CAST(i AS VARCHAR) || '' AS r FROM k",
    ),
    ("CREATE TABLE y (a CHAR NOT NULL, b DECIMAL)", "CREATE TABLE y (a VARCHAR NOT NULL, b DECIMAL(18, 3))"),
]


@pytest.mark.parametrize(("written", "expected"), STATEMENTS)
def test_a_statement_is_snowflakes(kinds: StubCatalog, written: str, expected: str) -> None:
    assert translate(written, {}, kinds.columns) == expected


COMPUTED = ["round(x, 2)", "round(x, 0)", "round(x, -1)", "x::DECIMAL(9, 2)", "i // 3", "-i // 3", "x // 2"]
COMPUTED += ["left(s, -1)", "right(s, -2)", "trim(' ' || s)", "s[2]", "concat(s, i, b)", "b::DOUBLE"]


@pytest.mark.parametrize("written", COMPUTED)
def test_a_form_that_duckdb_can_run_too_gives_its_answer(kinds: StubCatalog, written: str) -> None:
    text = f"SELECT {written} AS r FROM k ORDER BY i"
    assert kinds.run(translate(text, {}, kinds.columns)) == kinds.run(text)


REFUSED_BY_MEANING = [
    ("x::FLOAT", "32 bits"),
    ("CAST(x AS REAL)", "32 bits"),
    ("?::INTEGER", "cannot read"),
    ("CAST(? AS INTEGER)", "how halves are rounded"),
    ("x::VARCHAR", "DOUBLE as a text"),
    ("ts::VARCHAR", "Write strftime"),
    ("s || x", "DOUBLE as a text"),
    ("TRY_CAST(s AS INTEGER)", "TRY_CAST"),
    ("x::TIMESTAMPTZ", "the type TIMESTAMPTZ"),
    ("'epoch'::DATE", "not written like"),
    ("list(x)", "which keep NULLs"),
    ("array_agg(x ORDER BY i)", "which keep NULLs"),
    ("l[0]", "always NULL"),
    ("l[i]", "a place that is computed"),
    ("s[-1]", "an element of VARCHAR"),
    ("m['a']", "an element of a MAP"),
    ("map([1], [2])", "a MAP"),
    ("l[1:2]", "a slice"),
    ("len(l)", "of a list"),
    ("substring(s, 0, 2)", "a number of 1 or more"),
    ("substring(s, -2)", "a number of 1 or more"),
    ("left(s, i)", "no number"),
    ("split_part(s, ',', 0)", "split_part"),
    ("reverse(s)", "reverse"),
    ("s GLOB 'a*'", "Write LIKE"),
    ("s COLLATE NOCASE", "Write|Compare lower"),
    ("round(f, 1)", "a FLOAT"),
    ("n * n", "12 digits"),
    ("i << 1", "BITWISELEFTSHIFT"),
    ("date_trunc('decade', d)", "date_trunc by DECADE"),
    ("date_diff('week', d, d)", "date_diff by WEEK"),
    ("date_part('epoch', d)", "date_part"),
    ("date_sub('month', d, d)", "date_sub"),
    ("INTERVAL 1 DAY", "not added to a time"),
    ("d + INTERVAL (i) DAY", "one unit"),
    ("strftime(d, '%A')", "strftime"),
    ("strptime(s, '%Y')", "strptime"),
    ("i IN [1, NULL]", r"Write IN \(\.\.\.\)"),
    ("(i, x) = (1, NULL)", "a row of values"),
    ("any_value(i)", "Write min"),
    ("first(i)", "Write min"),
    ("arg_max(i, x)", "arg_max"),
    ("mode(i)", "mode"),
    ("approx_count_distinct(i)", "Write count"),
    ("approx_quantile(x, 0.5)", "Write quantile_cont"),
    ("quantile_cont(x, [0.1, 0.5])", "one number"),
    ("skewness(x)", "skewness"),
    ("string_agg(s, ',')", "without an order"),
    ("count(DISTINCT i) FILTER (WHERE b)", "CASE WHEN"),
    ("sum(x) OVER (ORDER BY i GROUPS 1 PRECEDING)", "a frame of GROUPS"),
    ("sum(x) OVER (ORDER BY i RANGE 1 PRECEDING)", "a frame of RANGE"),
    ("range(3)", "generate_series"),
    ("unnest(l)", "LATERAL FLATTEN"),
    ("list_filter([1], lambda y: y > 1)", "list_filter"),
    ("hash(s)", "hash"),
    ("kurtosis_pop(x)", "kurtosis_pop"),
    ("st->'a'", "a path into JSON"),
]


@pytest.mark.parametrize(("written", "said"), REFUSED_BY_MEANING)
def test_what_has_no_form_of_the_same_meaning_is_refused(kinds: StubCatalog, written: str, said: str) -> None:
    with pytest.raises(TranslationError, match=said):
        translate(f"SELECT {written} FROM k", {}, kinds.columns)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("SELECT * FROM k ASOF JOIN u ON k.i >= u.id", "ASOF"),
        ("SELECT * FROM t FULL JOIN u USING (id)", "coalesce"),
        ("SELECT * FROM t JOIN u ON true USING SAMPLE 5 ROWS", "after a join"),
        ("SELECT * FROM t USING SAMPLE 5 ROWS (reservoir, 42)", "a seed"),
        ("SELECT DISTINCT ON (id) id FROM t", "without ORDER BY"),
        ("SELECT * FROM range(3)", "a table function"),
        ("SELECT * FROM unnest([1, NULL]) AS x(y)", "a list of constants"),
        ("SELECT * FROM t PIVOT (sum(a) FOR id IN (1, 2))", "PIVOT"),
        ("SELECT last_value(a) OVER w FROM t WINDOW w AS (ORDER BY id)", "without a frame"),
        ("CREATE TABLE y (a INTEGER PRIMARY KEY)", "does not enforce"),
        ("CREATE TABLE y (a REAL)", "32 bits"),
        ("SELECT a::INTEGER FROM nowhere", "how halves are rounded"),
    ],
)
def test_a_statement_of_another_meaning_is_refused(kinds: StubCatalog, written: str, said: str) -> None:
    with pytest.raises(TranslationError, match=said):
        translate(written, {}, kinds.columns)


def test_what_duckdb_does_not_tell_is_refused() -> None:
    with pytest.raises(TranslationError, match="not known here"):
        translate("SELECT x // 2 FROM k", {})


TAKEN = words(
    "abs acos asin atan atan2 avg bool_and bool_or cbrt ceil ceiling char_length character_length concat "
    "contains corr cos count count_if countif covar_pop covar_samp cume_dist current_date day dayofweek "
    "dayofyear degrees dense_rank ends_with exp first_value floor gen_random_uuid greatest hour if instr "
    "isodow lag last_day last_value lcase lead least len length list_value ln log log10 log2 lower lpad "
    "ltrim make_date max md5 median min minute mod month now nth_value ntile nullif percent_rank position "
    "pow power quarter radians random rank repeat replace round row_number rpad rtrim sha256 sign sin "
    "sqrt starts_with stddev stddev_pop stddev_samp strlen strpos struct_extract struct_pack sum tan "
    "today trim trunc ucase upper uuid var_pop var_samp variance week weekofyear year"
)
"""The functions of DuckDB that are let through with one or two numbers; each was compared."""


def test_a_function_that_was_not_compared_is_refused(kinds: StubCatalog) -> None:
    names = (
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name SIMILAR TO '[a-z0-9_]+'"
    )
    known = [name for (name,) in kinds.run(names)]
    texts = {name: [f"SELECT {name}({given}) FROM k" for given in ("i", "i, x")] for name in known}
    assert {name for name in known if not all(is_refused(text, kinds) for text in texts[name])} == TAKEN


def is_refused(text: str, kinds: StubCatalog) -> bool:
    try:
        translate(text, {}, kinds.columns)
    except TranslationError:
        return True
    return False
