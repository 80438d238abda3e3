import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import warehouse_ml as wml
from warehouse_ml.errors import ModelNotFoundError

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
