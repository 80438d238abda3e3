import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse_ml.errors import SqlError
from warehouse_ml.query.parse import parse, split
from warehouse_ml.query.tokens import words

NO_CALL = [
    "SELECT 'PREDICT(''m'', a)', $$PREDICT('m')$$, E'\\'PREDICT(1)'",
    "SELECT \"PREDICT\"('m'), `PREDICT`(1) -- PREDICT(a)",
    "SELECT /* PREDICT(1) /* PREDICT(2) */ PREDICT(3) */ main.predict(a), my_predict(a), predict",
    "CREATE MACRO predict(a) AS a + 1",
    "CREATE OR REPLACE FUNCTION predict(a, b) AS a + b",
    "CREATE MACRO IF NOT EXISTS predict(a) AS a",
    "CREATE TABLE predict (a INTEGER)",
    "CREATE VIEW predict (a) AS SELECT 1",
    "CREATE INDEX i ON predict (a)",
    "CREATE INDEX IF NOT EXISTS i ON predict (a)",
    "INSERT INTO predict (a) VALUES (1)",
    "COPY predict (a) FROM 'f.csv'",
    "CREATE TABLE x (a INTEGER REFERENCES predict (a))",
    "WITH predict (a) AS (SELECT 1) FROM predict",
    "WITH x AS (SELECT 1), predict (a) AS MATERIALIZED (SELECT 1) FROM predict",
    "WITH x AS (SELECT 1), predict (a) AS NOT MATERIALIZED (SELECT 1) FROM predict",
    "SELECT * FROM t AS predict (a, b)",
    "SELECT * FROM t predict (a, b)",
    "SELECT * FROM (SELECT 1) predict (a)",
    "predict (a)",
    "SELECT PREDICT('m', 'open",
    "SELECT PREDICT('m', (a)",
    "",
]


@pytest.mark.parametrize("text", NO_CALL)
def test_parse_text_without_a_call_is_untouched(text: str) -> None:
    statement = parse(text)
    assert (statement.text, statement.calls, statement.tree) == (text, (), None)


@pytest.mark.parametrize(
    ("call", "method", "model", "selector"),
    [
        ("PREDICT('m', a)", "predict", "m", ""),
        ("predict ( 'm@3' , a )", "predict", "m", "3"),
        ("Predict_Proba('m@champion', a)", "predict_proba", "m", "champion"),
        ("TRY_PREDICT('m@latest')", "try_predict", "m", "latest"),
        ("PREDICT('m@asof:2026-01-31')", "predict", "m", "asof:2026-01-31"),
        ("PREDICT($$m@2$$)", "predict", "m", "2"),
        ("PREDICT($x$m$x$)", "predict", "m", ""),
        ("PREDICT('it''s')", "predict", "it's", ""),
        ("PREDICT(/* c */ 'm' -- c\n, a)", "predict", "m", ""),
    ],
)
def test_parse_call(call: str, method: str, model: str, selector: str) -> None:
    (found,) = parse(f"SELECT 'é😀', {call} FROM t").calls
    assert (found.method, found.model, found.selector, found.text) == (method, model, selector, call)


def test_parse_place_of_a_call_after_wide_characters() -> None:
    text = "SELECT '😀', PREDICT('m', a) FROM t"
    (call,) = parse(text).calls
    assert text[call.start : call.end] == call.text == "PREDICT('m', a)"


def test_parse_inner_call_comes_first() -> None:
    calls = parse("SELECT PREDICT('outer', PREDICT('inner', a)), PREDICT('last', a)").calls
    assert [call.model for call in calls] == ["inner", "outer", "last"]


def test_parse_named_arguments() -> None:
    (call,) = parse("SELECT PREDICT('m', a => 1, \"b c\" := 2, 3)").calls
    assert [argument.name for argument in call.arguments] == ["a", "b c", None]


@pytest.mark.parametrize("operator", ["<=>", ">=", "=", "->"])
def test_parse_other_operator_names_no_argument(operator: str) -> None:
    (call,) = parse(f"SELECT PREDICT('m', a {operator} b)").calls
    assert call.arguments[0].name is None


@pytest.mark.parametrize(
    ("text", "in_from"),
    [
        ("SELECT * FROM PREDICT('m', TABLE t)", True),
        ("FROM t JOIN PREDICT('m', TABLE t) USING (id)", True),
        ("FROM t, PREDICT('m', TABLE t) p", True),
        ("FROM (t JOIN PREDICT('m', TABLE t) p ON true)", True),
        ("FROM p: PREDICT('m', TABLE t)", True),
        ("MERGE INTO t USING PREDICT('m', TABLE u) AS p ON t.id = p.id WHEN MATCHED THEN DELETE", True),
        ("DELETE FROM t USING PREDICT('m', TABLE u) p WHERE true", True),
        ("UPDATE t SET a = 1 FROM PREDICT('m', TABLE u) p", True),
        ("SELECT a IS DISTINCT FROM PREDICT('m', b) FROM t", False),
        ("SELECT a IS NOT DISTINCT FROM PREDICT('m', b) FROM t", False),
        ("SELECT extract(year FROM PREDICT('m', a)) FROM t", False),
        ("SELECT trim(FROM PREDICT('m', a)) FROM t", False),
        ("FROM t JOIN u ON PREDICT('m', a) > 1", False),
        ("SELECT PREDICT('m', (SELECT 1)) FROM t", False),
    ],
)
def test_parse_tells_the_table_form(text: str, in_from: bool) -> None:
    assert [call.in_from for call in parse(text).calls] == [in_from]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT PREDICT(a, b)", r"In PREDICT\(a, b\): the model name must be a string literal"),
        ("SELECT PREDICT($1, b)", "the model name must be a string literal"),
        ("SELECT PREDICT('m' || 'n', b)", "the model name must be a string literal"),
        ("SELECT PREDICT('m' 'n', b)", "the model name must be a string literal"),
        ("SELECT PREDICT(E'm', b)", "the model name must be a string literal"),
        ("SELECT PREDICT()", "the model name must be a string literal"),
        ("FROM t WHERE PREDICT(m) > 1", "the model name must be a string literal"),
        ("SELECT PREDICT('m@')", "'m@' names no model"),
        ("SELECT PREDICT('')", "'' names no model"),
        ("SELECT PREDICT('@3')", "'@3' names no model"),
        ("SELECT PREDICT('m', a,, b)", "an argument is empty"),
        ("SELECT PREDICT('m', )", "an argument is empty"),
        ("SELECT PREDICT('m', a => )", "an argument is empty"),
    ],
)
def test_parse_bad_call(text: str, message: str) -> None:
    with pytest.raises(SqlError, match=message):
        parse(text)


def test_parse_error_shows_a_long_call_on_one_short_line() -> None:
    with pytest.raises(SqlError) as caught:
        parse("SELECT PREDICT(name,\n " + "a, " * 100 + "b)")
    assert str(caught.value).startswith("In PREDICT(name, a, a,")
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", " SELECT 2"]),
        ("SELECT ';' /* ; */ -- ;\n; ; \"a;b\" ;", ["SELECT ';' /* ; */ -- ;\n", ' "a;b" ']),
        ("SELECT $$;$$", ["SELECT $$;$$"]),
        ("  ", []),
        ("SELECT 'open; x", ["SELECT 'open; x"]),
    ],
)
def test_split(text: str, parts: list[str]) -> None:
    assert split(text) == parts


PIECES = sorted(
    words(
        "PREDICT( PREDICT_PROBA( try_predict ( 'm' 'm@1' , * t.* ) [ ] { } SELECT FROM t u WHERE a b => := ; "
        "WITH AS JOIN ON USING UNION ORDER BY UPDATE SET DELETE MERGE INTO WHEN MATCHED NOT INSERT VALUES . "
        "EXCLUDE REPLACE RENAME DISTINCT IS ? $1 -- /* */ ' \" $$ é 😀 : :: -> LATERAL RECURSIVE CONFLICT "
        "RETURNING TABLE"
    )
)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25).map(" ".join))
def test_parse_any_text_is_a_statement_or_an_error_of_ours(text: str) -> None:
    try:
        statement = parse(text)
    except SqlError:
        return
    assert statement.text == text


@given(st.text())
def test_split_loses_only_semicolons_and_blanks(text: str) -> None:
    assert all(part in text for part in split(text))
