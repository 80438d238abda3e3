import json
import math

import pytest

import warehouse_ml as wml
from warehouse_ml.compare import compare
from warehouse_ml.errors import SqlError


def pair(first: str, second: str) -> tuple[wml.Session, wml.Session]:
    sessions = wml.connect(), wml.connect()
    for session, query in zip(sessions, (first, second), strict=True):
        session.sql(f"CREATE TABLE t AS {query}")
    return sessions


def differences(first: str, second: str, sql: str = "SELECT * FROM t", **options: float):
    return compare(sql, *pair(first, second), **options)


def test_equal_answers_have_no_differences():
    found = differences("SELECT 1 AS id, 0.5 AS p, 'x' AS s", "SELECT 1 AS ID, 0.5 AS P, 'x' AS S")
    assert not found
    assert str(found) == "No difference in 1 rows; numbers are 0 apart at most."


def test_rows_may_come_in_any_order_without_order_by():
    assert not differences("VALUES (1, 0.5), (2, 0.25)", "VALUES (2, 0.25), (1, 0.5)")


def test_an_order_that_was_asked_for_counts():
    text = "SELECT col0 FROM t ORDER BY col1"
    found = differences("VALUES (1, 1), (2, 2)", "VALUES (2, 1), (1, 2)", text)
    assert found.order == "The rows are the same, but not in the same order from row 0 on."


TIES = "VALUES (1, 'a'), (1, 'b'), (2, 'c')", "VALUES (1, 'b'), (1, 'a'), (2, 'c')"


@pytest.mark.parametrize(
    ("order", "told"),
    [("col0", False), ("col0 DESC NULLS LAST LIMIT 3", False), ("-col0", True)],
)
def test_rows_that_are_equal_in_what_orders_them_have_no_order(order, told):
    assert bool(differences(*TIES, f"SELECT * FROM t ORDER BY {order}").order) == told


def test_almost_equal_structures_are_compared_with_each_other():
    first = "VALUES ({'p': 1e-05::DOUBLE, 'n': 1}), ({'p': 5e-07::DOUBLE, 'n': 2})"
    second = "VALUES ({'p': 9.999999999999999e-06::DOUBLE, 'n': 1}), ({'p': 5e-07::DOUBLE, 'n': 2})"
    assert not differences(first, second)


def test_a_text_that_looks_like_json_is_a_text():
    assert differences("SELECT '[1]' AS s", "SELECT '[1.0]' AS s").values[0].b == "[1.0]"


def test_an_order_within_brackets_is_not_one_of_the_rows():
    text = "SELECT id, row_number() OVER (ORDER BY id) AS n FROM t"
    assert not differences("SELECT unnest([1, 2]) AS id", "SELECT unnest([2, 1]) AS id", text)


@pytest.mark.parametrize(("other", "differs"), [("0.5000004", False), ("0.51", True), ("NULL", True)])
def test_numbers_may_be_a_little_apart(other, differs):
    found = differences("SELECT 1 AS id, 0.5::DOUBLE AS p", f"SELECT 1 AS id, {other}::DOUBLE AS p")
    assert bool(found) == differs
    assert [(one.row, one.column, one.a) for one in found.values] == [(0, "p", 0.5)] * differs


def test_the_largest_distance_is_told_where_nothing_differs():
    found = differences("SELECT 2e6::DOUBLE AS p", "SELECT 2e6::DOUBLE + 1 AS p")
    assert found.largest == {"p": pytest.approx(5e-7)}


def test_not_a_number_is_equal_to_itself_and_to_no_other():
    nan = "SELECT 'nan'::DOUBLE AS p"
    assert not differences(nan, nan)
    assert differences(nan, "SELECT 1e300 AS p").values[0].b == 1e300
    assert math.isinf(differences("SELECT 'inf'::DOUBLE AS p", "SELECT 1e300 AS p").largest["p"])


def test_whole_numbers_are_compared_exactly():
    assert differences("SELECT 9007199254740993 AS n", "SELECT 9007199254740992 AS n").values


def test_widths_of_numbers_do_not_matter():
    assert not differences("SELECT 1::TINYINT AS n", "SELECT 1::DECIMAL(38, 0) AS n")


def test_kinds_of_columns_do():
    found = differences("SELECT 1 AS n", "SELECT '1' AS n")
    assert found.schema == ("n is number against text.",)


def test_names_of_columns_do():
    found = differences("SELECT 1 AS n", "SELECT 1 AS m")
    assert found.schema == ("The columns are n against m.",)


def test_the_number_of_rows_does():
    found = differences("SELECT 1 AS n", "SELECT 1 AS n FROM range(3)")
    assert (found.rows, str(found)) == ((1, 3), "1 rows against 3.")


def test_a_structure_is_compared_with_json_field_by_field():
    made = "SELECT {'no': 0.75, 'yes': 0.25, 'gone': NULL} AS p"
    assert not differences(made, f"SELECT '{json.dumps({'yes': 0.25, 'no': 0.75})}'::JSON AS p")
    assert differences(made, 'SELECT \'{"yes": 0.5, "no": 0.5}\'::JSON AS p').values


def test_many_differences_are_told_in_short():
    found = differences(
        "SELECT range AS id, 1.5 AS p FROM range(20)", "SELECT range AS id, 2.5 AS p FROM range(20)"
    )
    assert len(found.values) == 20
    assert str(found).count("\n") == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CREATE TABLE made AS SELECT 1 AS x",
        "DELETE FROM t",
        "SELECT 1; SELECT 2",
        "WITH a AS (SELECT 1 AS x) INSERT INTO t SELECT x FROM a",
    ],
)
def test_what_is_no_single_query_is_refused(text):
    sessions = pair("SELECT 1 AS x", "SELECT 1 AS x")
    with pytest.raises(SqlError, match="compare takes one query"):
        compare(text, *sessions)
    assert sessions[0].sql("SELECT count(*) FROM t").fetchall() == [(1,)]


def test_the_side_that_refuses_is_named():
    a, b = pair("SELECT 1 AS x", "SELECT 1 AS y")
    with pytest.raises(SqlError, match=r"Session\(DuckDB 'memory'\) refuses the statement: .*\"x\""):
        compare("SELECT x FROM t;", a, b)
