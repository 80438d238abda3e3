"""Comparisons of scores with constants, as tests of what the scores are made from."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

import warehouse_ml as wml
from tests.optimize.margin_shop import applied, compiled, frame, margin_session, optimized, plain


@pytest.fixture(scope="module")
def session() -> Iterator[wml.Session]:
    with margin_session() as opened:
        yield opened


COMPARED = [
    "SELECT id FROM {} WHERE PREDICT_PROBA('logit') > 0.8",
    "SELECT id FROM {} WHERE 0.8 < PREDICT_PROBA('logit') AND id > 5",
    "SELECT id FROM {} WHERE NOT PREDICT_PROBA('logit') >= 0.5",
    "SELECT id FROM {} WHERE PREDICT_PROBA('logit') BETWEEN 0.2 AND 0.6 OR k = 3",
    "SELECT id FROM {} WHERE PREDICT_PROBA('logit') NOT BETWEEN .2 AND 0.6",
    "SELECT id, PREDICT_PROBA('logit') <= 0.5 AS p FROM {}",
    "SELECT id, CASE WHEN PREDICT_PROBA('logit') > 1e-3 THEN 1 ELSE 2 END AS p FROM {}",
    "SELECT PREDICT_PROBA('logit') > 0.5 AS p, count(*) AS n FROM {} GROUP BY p",
    "SELECT PREDICT_PROBA('logit') > 0.5 AS p, count(*) AS n FROM {} GROUP BY PREDICT_PROBA('logit') > 0.5",
    "SELECT DISTINCT PREDICT_PROBA('logit') > 0.5 AS p FROM {}",
    "SELECT k, count_if(PREDICT('logit') = 'yes') AS n FROM {} GROUP BY k",
    "SELECT id, PREDICT('logit') <> 'no' AS p FROM {}",
    "SELECT id, PREDICT('logit') IN ('yes', 'perhaps') AS p FROM {}",
    "SELECT id FROM {} WHERE PREDICT('logit') NOT IN ('yes')",
    "SELECT id, TRY_PREDICT('logit') = 'yes' AS p FROM {}",
    "SELECT id, PREDICT_PROBA('filled') > 0.25 AS p FROM {}",
    "SELECT id, PREDICT_PROBA('region') < 0.25 AS p FROM {}",
    "SELECT id, PREDICT('rate') > 1.5 AS p FROM {}",
    "SELECT id FROM {} WHERE PREDICT('logit', a, b, k - 1) = 'yes'",
    "SELECT id FROM {} WHERE PREDICT('stump') = 'yes'",
    "SELECT id FROM {} WHERE PREDICT('corner') = 'yes'",
    "SELECT id FROM {} WHERE PREDICT('corner') = 'no' AND k < 3",
    "SELECT id, NOT PREDICT('corner') = 'no' AS p FROM {}",
    "SELECT id FROM {} WHERE PREDICT_PROBA('corner') > 0.5",
    "SELECT id FROM {} WHERE PREDICT('gaps') = 'yes'",
    "SELECT id FROM {} WHERE PREDICT('gaps') = 'no'",
    "SELECT id FROM {} WHERE PREDICT('value') > 12.5",
    "SELECT id FROM {} WHERE PREDICT('value') BETWEEN -10 AND 10",
    "SELECT id, PREDICT('value') = -57.5 AS p FROM {}",
    "SELECT id FROM {} WHERE PREDICT('codes') = 1",
    "SELECT id FROM {} WHERE TRY_PREDICT('stump') = 'yes'",
    "SELECT x.id FROM {} x LEFT JOIN whole y USING (id) WHERE PREDICT('stump', y.a, y.b, y.k) = 'yes'",
]
TABLES = ["t", "wild", "whole", "single", "(SELECT * FROM t LIMIT 0)"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("text", COMPARED)
def test_a_comparison_gives_the_same_rows_and_errors(session: wml.Session, text: str, table: str) -> None:
    query = text.format(table)
    assert optimized(session, query) == plain(session, query)
    if table == "t":
        assert "compare_margins" in applied(session, query), compiled(session, query)


STAYS = [
    "SELECT id FROM t WHERE PREDICT_PROBA('logit') + 0.1 > 0.8",
    "SELECT id FROM t WHERE PREDICT_PROBA('logit') > 0.8 + 0.1",
    "SELECT id FROM t WHERE PREDICT_PROBA('logit')::FLOAT > 0.8",
    "SELECT id FROM t WHERE PREDICT_PROBA('logit') > 0.8::FLOAT",
    "SELECT id FROM t WHERE 1 - PREDICT_PROBA('logit') > 0.8",
    "SELECT id FROM t WHERE -PREDICT_PROBA('logit') > 0.8",
    "SELECT id FROM t WHERE PREDICT_PROBA('logit') > NULL",
    "SELECT id FROM t WHERE PREDICT_PROBA('logit') > a",
    "SELECT id FROM t WHERE PREDICT_PROBA('logit') > 0.1234567890123456789",
    "SELECT id FROM t WHERE 0.1 BETWEEN 0.05 AND PREDICT_PROBA('logit') = true",
    "SELECT id FROM t WHERE PREDICT('codes') = '1'",
    "SELECT id FROM t WHERE PREDICT('logit') > 'n'",
    "SELECT id FROM t WHERE PREDICT('logit') LIKE 'y%'",
    "SELECT id FROM t WHERE PREDICT('logit') IS DISTINCT FROM 'yes'",
    "SELECT id FROM t WHERE PREDICT_PROBA('logit', random(), b, k) > 0.5 AND id < 0",
    "SELECT id FROM t WHERE PREDICT_PROBA('logit') > 2",
    "SELECT PREDICT('logit') AS p FROM t GROUP BY p HAVING PREDICT('logit') = 'yes'",
    "SELECT id FROM t WHERE PREDICT('line') > 2",
    "SELECT id FROM t WHERE PREDICT_PROBA('strict') BETWEEN 0.5 AND 0.1",
    "SELECT id FROM t WHERE PREDICT_PROBA('strict') > 0.8 AND PREDICT_PROBA('strict') < 0.2",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(session: wml.Session, text: str) -> None:
    assert optimized(session, text) == plain(session, text)
    assert "compare_margins" not in applied(session, text)


def test_a_parameter_is_no_constant(session: wml.Session) -> None:
    text = "SELECT id FROM t WHERE PREDICT_PROBA('logit') > ?"
    assert "compare_margins" not in applied(session, text)
    assert session.sql(text, [None]).fetchall() == []


def test_a_collation_of_all_texts_keeps_the_labels(session: wml.Session) -> None:
    text = "SELECT count(*) AS n FROM t WHERE PREDICT('logit') = 'YES'"
    session.connection.execute("SET default_collation = 'nocase'")
    try:
        assert optimized(session, text) == plain(session, text) != ["(0,)"]
    finally:
        session.connection.execute("RESET default_collation")


def test_columns_that_hold_whole_numbers_need_no_check(session: wml.Session) -> None:
    text = compiled(session, "SELECT id FROM whole WHERE PREDICT_PROBA('logit', a, b, k) > 0.8")
    assert text == (
        "SELECT id FROM whole WHERE "
        "(((a * -1.5e0 + b * 0.75e0) + (k * -0.25e0 + -0.5e0)) <= -1.3862943611198912e0)"
    )
    assert "ELSE" not in compiled(session, "SELECT id FROM whole WHERE PREDICT('line', a, b) > 2")


def test_ranges_come_first_in_where(session: wml.Session) -> None:
    text = "SELECT id FROM whole WHERE PREDICT('stump', a, b, k) = 'yes'"
    assert compiled(session, text) == "SELECT id FROM whole WHERE (a > 1)"
    plan = session.connection.sql(f"EXPLAIN {session.compile(text)}").fetchall()[0][1]
    assert "a>1" in plan.replace(" ", "")


NUMBERS = st.one_of(
    st.sampled_from([0.5, 0.0, 1.0, 0.25, 0.75, 1e-9, 0.999999, -0.5, 2.0]),
    st.floats(-0.2, 1.2).map(lambda value: round(value, 9)),
)
ENDS = st.sampled_from(
    ["> {}", ">= {}", "< {}", "<= {}", "= {}", "<> {}", "BETWEEN 0.1 AND {}", "IN (0.5, {})"]
)
PLACES = st.sampled_from(
    [
        "SELECT id FROM {1} WHERE {0}",
        "SELECT id FROM {1} WHERE {0} AND k > 1",
        "SELECT id FROM {1} WHERE NOT ({0}) OR k = 1",
        "SELECT id, {0} AS p FROM {1}",
        "SELECT {0} AS p, count(*) AS n FROM {1} GROUP BY ALL",
    ]
)
CALLS = st.sampled_from(
    [
        "PREDICT_PROBA('logit')",
        "PREDICT_PROBA('filled')",
        "PREDICT_PROBA('region')",
        "PREDICT_PROBA('corner')",
        "PREDICT_PROBA('gaps')",
        "PREDICT('value')",
        "PREDICT('rate')",
        "PREDICT('line', a, b)",
        "PREDICT_PROBA('strict')",
        "PREDICT_PROBA('refusing', r, a)",
    ]
)


@settings(max_examples=60)
@given(CALLS, ENDS, NUMBERS, PLACES, st.sampled_from(["t", "wild", "whole", "single"]))
def test_random_comparisons_are_neutral(
    session: wml.Session, call: str, end: str, number: float, place: str, table: str
) -> None:
    text = place.format(f"{call} {end.format(repr(number))}", table)
    assert optimized(session, text) == plain(session, text), compiled(session, text)


@pytest.fixture(scope="module")
def clipping() -> Iterator[wml.Session]:
    """A linear model behind a clip, one without, and a tree over numbers, over whole numbers with gaps."""
    rows = frame()[["a", "b"]]
    answer = np.where(rows.a + rows.b > 0, "yes", "no")
    with wml.connect(progress=False) as opened:
        clip = make_pipeline(MinMaxScaler(clip=True), LogisticRegression()).fit(rows, answer)
        opened.register("clip", clip, sample=rows)
        opened.register("lr", LogisticRegression().fit(rows, answer), sample=rows)
        tree = DecisionTreeClassifier(random_state=0, max_depth=1).fit(rows, (rows.a > 1).astype(int))
        opened.register("tri", tree, sample=rows)
        opened.connection.execute(
            "CREATE TABLE i AS FROM "
            "(VALUES (1, NULL::INT, 5), (2, 3, 4), (3, NULL, NULL), (4, -3, 1)) AS rows(id, a, b)"
        )
        yield opened


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id, PREDICT_PROBA('clip', a, b) > 0.5 AS p FROM i",
        "SELECT id, PREDICT_PROBA('clip', a, b) NOT BETWEEN 0.2 AND 0.5 AS p FROM i",
        "SELECT id, PREDICT('lr', a, b) = 'Yes' AS p FROM i",
        "SELECT id, PREDICT('lr', a, b) <> 'Yes' AS p FROM i",
        "SELECT id, PREDICT('clip', a, b) IN ('Yes', 'No') AS p FROM i",
        "SELECT id FROM i WHERE '1' <= PREDICT('tri', a, b)",
        "SELECT id FROM i WHERE PREDICT('tri', a, b) IN ('1', '0')",
        "SELECT id FROM i WHERE PREDICT_PROBA('tri', a, b) > '0.5'",
    ],
)
def test_what_numpy_and_sql_do_otherwise_is_left(clipping: wml.Session, text: str) -> None:
    assert optimized(clipping, text) == plain(clipping, text), compiled(clipping, text)


@pytest.mark.parametrize("text", ["1 <= PREDICT('lr', a, b)", "PREDICT('tri', a, b) >= 'x'"])
def test_a_constant_of_another_kind_raises_what_the_engine_raises(clipping: wml.Session, text: str) -> None:
    query = f"SELECT id FROM i WHERE {text}"
    with clipping.optimizer.off(), pytest.raises(duckdb.Error) as expected:
        clipping.sql(query).fetchall()
    with pytest.raises(type(expected.value)):
        clipping.sql(query).fetchall()


def test_a_result_that_is_read_after_a_change_raises_as_before(clipping: wml.Session) -> None:
    execute = clipping.connection.execute
    execute("CREATE OR REPLACE TABLE later AS SELECT id, a::DOUBLE AS a, b::DOUBLE AS b FROM i")
    result = clipping.sql("SELECT id FROM later WHERE PREDICT('tri', a, b) = 0")
    assert sorted(result.fetchall()) == [(1,), (3,), (4,)]
    execute("INSERT INTO later VALUES (9, 'inf', 0)")
    with pytest.raises(wml.errors.WarehouseMLError):
        result.fetchall()
