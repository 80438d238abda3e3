"""What is refused, because Snowflake would answer otherwise."""

import pytest

from tests.query.sql_catalog import StubCatalog
from warehouse_ml.errors import TranslationError
from warehouse_ml.query.tokens import words
from warehouse_ml.query.translate import translate


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
    ("statement", "said"),
    [
        ("MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED BY SOURCE THEN DELETE", "BY SOURCE"),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET *", "MERGE without the columns"),
        ("MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT BY NAME", "MERGE without"),
        ("SELECT a FROM memory.main.t", "of the database memory"),
        ("SELECT a FROM t WHERE a > 1 USING SAMPLE 5", "USING SAMPLE after WHERE"),
    ],
)
def test_a_clause_that_snowflake_has_not_is_refused(statement: str, said: str) -> None:
    with pytest.raises(TranslationError, match=said):
        translate(statement, {})


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
    "contains cos count count_if countif covar_pop covar_samp cume_dist current_date day dayofweek "
    "dayofyear degrees dense_rank ends_with exp first_value floor gen_random_uuid greatest hour if instr "
    "isodow lag last_day last_value lcase lead least len length list_value ln log log10 log2 lower lpad "
    "ltrim max md5 median min minute mod month now nth_value ntile nullif percent_rank position "
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
