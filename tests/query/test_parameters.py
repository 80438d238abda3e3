from collections.abc import Iterator

import duckdb
import pytest

from tests.query.sql_catalog import StubCatalog
from warehouse_ml.errors import FeatureTypeError
from warehouse_ml.query.bind import bind
from warehouse_ml.query.parameters import check_parameters
from warehouse_ml.query.parse import parse


@pytest.fixture(scope="module")
def catalog() -> Iterator[StubCatalog]:
    with duckdb.connect() as connection:
        yield StubCatalog(connection)


def check(catalog: StubCatalog, text: str, values) -> None:
    check_parameters(bind(parse(text), catalog), values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("SELECT ?, PREDICT('m', ?, ?)", [1, 2, "3"]),
        ("SELECT PREDICT('m', $2, $1)", ["3", 2]),
        ("SELECT PREDICT('m', $x, $y)", {"x": 2, "y": "3"}),
        ("SELECT PREDICT('m', b => ?, a => ?)", ["3", 2]),
        ("SELECT PREDICT('m', {'b': ?, 'a': ?})", ["3", 2]),
        ("SELECT PREDICT('m', 1, PREDICT('m', ?, 1)), PREDICT('m', 1, ?)", [2, "3"]),
    ],
)
def test_a_text_for_a_number_names_the_feature(catalog: StubCatalog, text: str, values) -> None:
    with pytest.raises(
        FeatureTypeError, match="feature 'b' of model 'm@1' is DOUBLE; the query gives the text '3'"
    ):
        check(catalog, text, values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("SELECT PREDICT('m', ?, ?)", [1, None]),
        ("SELECT PREDICT('m', ?, ?)", [1]),
        ("SELECT PREDICT('m', ?::DOUBLE, upper(?))", ["1", "2"]),
        ("SELECT PREDICT('churn', age => ?, plan => ?)", [3, "pro"]),
        ("SELECT PREDICT('m', $x, 1)", {}),
        ("SELECT PREDICT('m', $x, 1)", {"y": "3"}),
        ("SELECT PREDICT('m', 1, 2), ?", ["text"]),
    ],
)
def test_what_else_is_given_is_left_to_the_engine(catalog: StubCatalog, text: str, values) -> None:
    check(catalog, text, values)
