import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import warehouse_ml as wml
from warehouse_ml.errors import ModelNotFoundError
from warehouse_ml.explain import Request, read_request

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
IRIS.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


@pytest.fixture(scope="module")
def session():
    with wml.connect() as opened:
        opened.sql("CREATE TABLE iris AS FROM IRIS")
        opened.register("species", LogisticRegression(max_iter=500).fit(IRIS, SPECIES), IRIS)
        yield opened


def test_every_call_is_explained_with_its_binding(session) -> None:
    version = session.describe("species")
    explained = session.explain(
        "SELECT PREDICT('species', i.*) FROM iris i WHERE PREDICT('species', 1, 2, 3, 4) = 0"
    )
    lines = str(explained).splitlines()
    assert lines[0] == "PREDICT('species', i.*)"
    assert "  version: species@1, classification" in lines
    assert f"  functions: {version.function}" in lines
    assert "  result: BIGINT" in lines
    assert any(
        line.startswith('    sepal_width <- i."sepal_width"; DOUBLE, NULL gives NULL') for line in lines
    )
    assert any(line.startswith("    sepal_width <- 2; DOUBLE") for line in lines)
    assert repr(explained).endswith(explained.sql)


def test_the_sql_shown_is_what_runs(session) -> None:
    query = "SELECT prediction, probability FROM PREDICT('species', TABLE iris)"
    shown = session.explain(query).sql
    assert session.connection.sql(shown).fetchall() == session.sql(query).fetchall()
    assert "by name from a value" not in str(session.explain("SELECT 1"))


def test_a_statement_without_a_call_is_sent_as_it_is(session) -> None:
    assert "No model call" in str(session.explain("SELECT 1"))


def test_a_call_that_cannot_be_resolved_is_an_error(session) -> None:
    with pytest.raises(ModelNotFoundError):
        session.explain("SELECT PREDICT('spezies', *) FROM iris")


# --- back ends, rules, EXPLAIN PREDICT --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EXPLAIN PREDICT SELECT 1", Request("SELECT 1")),
        ("-- why\nexplain /* it */ predict\nSELECT PREDICT('m', 1)", Request("SELECT PREDICT('m', 1)")),
        ("EXPLAIN ANALYZE PREDICT FROM t", Request("FROM t", analyze=True)),
        ("EXPLAIN PREDICT (SELECT 1)", Request("(SELECT 1)")),
        ("EXPLAIN SELECT PREDICT('m', 1)", None),
        ("EXPLAIN PREDICT('m', 1)", None),
        ("SELECT 'EXPLAIN PREDICT SELECT 1'", None),
        ("EXPLAIN PREDICT", None),
    ],
)
def test_a_request_is_read(text: str, expected: Request | None) -> None:
    assert read_request(text) == expected


def explained(session, statement: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for key, line in session.sql(statement).fetchall():
        sections.setdefault(key, []).append(line)
    return sections


def test_explain_predict_tells_the_same_as_rows(session) -> None:
    query = "SELECT PREDICT('species', *) FROM iris"
    result = session.sql(f"EXPLAIN PREDICT {query}")
    assert result.columns == ["explain_key", "explain_value"]
    sections = explained(session, f"EXPLAIN PREDICT {query}")
    assert sections["call 1"][0] == "PREDICT('species', *)"
    assert sections["estimated rows"] == ["150"]
    assert "\n".join(sections["SQL sent"]) == session.explain(query).sql
    assert "measured" not in sections


def test_the_back_end_is_told_with_its_reason(session) -> None:
    (line,) = (
        line
        for line in explained(session, "EXPLAIN PREDICT SELECT PREDICT('species', 1, 2, 3, 4)")["call 1"]
        if "back end" in line
    )
    assert line.startswith("  back end: inline, an expression of about")
    with session.optimizer.without("inline_scores"):
        assert "a row took: " in str(session.explain("SELECT PREDICT('species', 1, 2, 3, 4)"))


def test_explain_analyze_counts_what_is_scored(session) -> None:
    with session.optimizer.without("inline_scores"):
        told = session.explain("SELECT PREDICT('species', *) FROM iris", analyze=True)
    assert told.rows == 150
    assert (told.scored.rows, told.scored.batches) == (150, 1)
    assert 0 < told.scored.seconds <= told.seconds
    measured = explained(session, "EXPLAIN ANALYZE PREDICT SELECT PREDICT('species', *) FROM iris LIMIT 7")
    assert measured["measured"][0] == "rows: 7"


def test_explain_runs_nothing_and_analyze_does(session) -> None:
    create = "CREATE TABLE scored AS SELECT PREDICT('species', *) AS p FROM iris"
    session.sql(f"EXPLAIN PREDICT {create}")
    assert session.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'scored'").fetchall() == [
        (0,)
    ]
    session.sql(f"EXPLAIN ANALYZE PREDICT {create}")
    assert session.sql("SELECT count(*) FROM scored").fetchall() == [(150,)]


def test_parameters_are_given_to_analyze(session) -> None:
    told = session.explain("SELECT PREDICT('species', ?, 2, 3, 4)", analyze=True, params=[5.1])
    assert told.rows == 1
