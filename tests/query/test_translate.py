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
from warehouse_ml.query.bind import bind
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
    "recursive": "ROUND with a mode",
    "merge": "MERGE within a transaction",
    "table_form_labels": "GET with a double quote in the key",
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
    bound = bind(parse(text), duck, PORTABLE)
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
