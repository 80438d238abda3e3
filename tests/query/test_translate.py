"""DuckDB's text compiled for Snowflake: every golden statement of the grammar has an answer or a refusal.

`fixtures/sql/name.sql` and `fixtures/translated/name.sql` -> `fixtures/translated/name.snowflake.sql`, which
runs on the emulation and gives DuckDB's rows; or `name.refused.txt`, the sentence.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from tests.query.snowflake_catalog import SnowflakeCatalog, snowflake_catalog
from tests.query.sql_catalog import StubCatalog, catalog
from warehouse_ml.engines.duckdb import DuckDBEngine
from warehouse_ml.errors import FeatureTypeError, SqlError, TranslationError
from warehouse_ml.optimize.portable_calls import call_writers
from warehouse_ml.optimize.typed import typed
from warehouse_ml.query.bind import bind
from warehouse_ml.query.check_types import check_types
from warehouse_ml.query.dialect import PORTABLE
from warehouse_ml.query.parse import parse
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
    "lambda": "TRANSFORM, and an array of whole rows",
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


@cache
def builtin() -> frozenset[str]:
    return DuckDBEngine(catalog().connection, owned=False).pure_functions()


def compiled(duck: StubCatalog, text: str) -> str:
    bound = check_types(typed(bind(parse(text), duck, PORTABLE)))
    return translate(bound.text.strip(), call_writers(bound, lambda version: None), builtin())


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
    assert "CAST(CAST(a AS DOUBLE) / 3 AS FLOAT), CAST(CAST(TRUNC(CAST(b AS DOUBLE) / 2)" in text


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
