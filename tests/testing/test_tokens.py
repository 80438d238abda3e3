"""Statements taken apart as Snowflake does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse_ml.quoting import quoted, snowflake_literal
from warehouse_ml.testing.snowflake.errors import NotEmulatedError, UnexpectedTokenError
from warehouse_ml.testing.snowflake.names import Current
from warehouse_ml.testing.snowflake.stages import StagePath
from warehouse_ml.testing.snowflake.tokens import Reader
from warehouse_ml.testing.snowflake.types import read_type


@given(st.text(max_size=30))
def test_a_text_in_quotes_is_what_was_quoted(text):
    assert Reader(snowflake_literal(text)).text() == text


@given(st.text(min_size=1, max_size=30))
def test_a_quoted_name_is_what_was_quoted(name):
    assert Reader(quoted(name)).identifier() == name


@given(st.text(max_size=30).filter(lambda text: "$" not in text))
def test_between_dollars_nothing_is_escaped(text):
    assert Reader(f"$${text}$$").text() == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"'a\'b'", "a'b"),
        ("'a''b'", "a'b"),
        (r"'a\nb'", "a\nb"),
        (r"'\\n'", r"\n"),
        ("'--x'", "--x"),
        ("'/*'", "/*"),
    ],
)
def test_escapes_of_a_text(text, found):
    assert Reader(text).text() == found


@pytest.mark.parametrize("comment", ["-- a\n", "// a\n", "/* a\nb */", "\n\t"])
def test_comments_and_spaces_stand_anywhere(comment):
    reader = Reader(f"{comment}CREATE{comment}STAGE{comment}s{comment};")
    reader.expect("CREATE", "STAGE")
    assert reader.path() == ("S",)
    reader.end("the test")


def test_names_are_folded_unless_quoted():
    assert Reader('a."b".C').path() == ("A", "b", "C")


def test_what_is_left_is_refused():
    with pytest.raises(NotEmulatedError, match="'and more' in the test"):
        Reader("and more").end("the test")


def test_what_was_expected_is_said():
    reader = Reader("CREATE TABLE")
    reader.expect("CREATE")
    with pytest.raises(UnexpectedTokenError, match="at position 7: unexpected 'TABLE', 'STAGE' was expected"):
        reader.expect("STAGE")


@pytest.mark.parametrize(
    ("text", "stage", "path"),
    [
        ("@files", ("D", "S", "FILES"), ""),
        ("@files/a/B.json", ("D", "S", "FILES"), "a/B.json"),
        ('@other."files"/x', ("D", "OTHER", "files"), "x"),
        ("@e.other.files/", ("E", "OTHER", "FILES"), ""),
    ],
)
def test_paths_of_stages(text, stage, path):
    assert Current("D", "S").stage_path(text) == StagePath(stage, path)


@pytest.mark.parametrize(
    ("text", "sql", "duckdb"),
    [
        ("double precision", "FLOAT", "DOUBLE"),
        ("NUMBER", "NUMBER(38,0)", "DECIMAL(38,0)"),
        ("NUMBER(9)", "NUMBER(9,0)", "BIGINT"),
        ("NUMBER(10, 2)", "NUMBER(10,2)", "DECIMAL(10,2)"),
        ("INT", "NUMBER(38,0)", "DECIMAL(38,0)"),
        ("VARCHAR(16777216)", "VARCHAR", "VARCHAR"),
        ("TIMESTAMP_NTZ(9)", "TIMESTAMP_NTZ", "TIMESTAMP"),
        ("OBJECT", "OBJECT", "JSON"),
    ],
)
def test_types(text, sql, duckdb):
    found = read_type(Reader(text))
    assert (found.sql, found.duckdb) == (sql, duckdb)
