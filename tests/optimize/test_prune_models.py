"""Models made smaller by what WHERE says of their features."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import warehouse_ml as wml
from tests.optimize.margin_shop import applied, compiled, frame, margin_session, optimized, plain


@pytest.fixture(scope="module")
def session() -> Iterator[wml.Session]:
    with margin_session() as opened:
        yield opened


PRUNED = [
    "SELECT id, round(PREDICT_PROBA('region'), 9) AS p FROM {} WHERE r = 'EU'",
    "SELECT id, round(PREDICT_PROBA('region'), 9) AS p FROM {} WHERE 'EU' = r AND a > 0",
    "SELECT id, PREDICT('region') AS p FROM {} WHERE r = 'never seen' OR r = 'EU' AND k = 1",
    "SELECT id, round(PREDICT_PROBA('region'), 9) AS p FROM {} WHERE (r IN ('EU', 'US')) ORDER BY 2, 1",
    "SELECT id FROM {} WHERE r = 'EU' AND PREDICT_PROBA('region') > 0.3",
    "SELECT id FROM {} WHERE r = 'US' AND (PREDICT('region') = 'no' OR k = 2)",
    "SELECT id, PREDICT('refusing', r, a) AS p FROM {} WHERE r = 'EU'",
    "SELECT id FROM {} WHERE r = 'EU' AND PREDICT('refusing', r, a) = 'yes'",
    "SELECT id, round(PREDICT_PROBA('logit'), 9) AS p FROM {} WHERE k = 3",
    "SELECT id, round(PREDICT_PROBA('logit'), 9) AS p FROM {} WHERE k = 3 AND a = 1.5 AND b = 2.5",
    "SELECT r, round(sum(PREDICT_PROBA('logit')), 6) AS p FROM {} WHERE k = 3 GROUP BY r",
    "SELECT id, PREDICT('corner') AS p FROM {} WHERE a > 2",
    "SELECT id, round(PREDICT_PROBA('logit', a - 1, b, k), 9) AS p FROM {} WHERE k = 2",
    "SELECT id, PREDICT('corner') AS p FROM {} WHERE a <= 1 AND b > 0",
    "SELECT id, PREDICT('corner') AS p FROM {} WHERE a BETWEEN -1 AND 1 AND k IN (1, 2)",
    "SELECT id, PREDICT('gaps') AS p FROM {} WHERE a IS NULL",
    "SELECT id, PREDICT('gaps') AS p FROM {} WHERE a IS NOT NULL AND 3 > a",
    "SELECT id, PREDICT('gaps') AS p FROM {} WHERE b >= 1.5",
    "SELECT id FROM {} WHERE a > 2 AND PREDICT('corner') = 'yes'",
    "SELECT x.id, PREDICT('corner', x.a, x.b, x.k) AS p FROM {} AS x WHERE a > 2",
    "SELECT x.id, PREDICT('corner', y.a, y.b, y.k) AS p FROM {} x LEFT JOIN whole y USING (id) WHERE y.a > 2",
    "SELECT id, PREDICT('corner') AS p FROM {} WHERE k = 3 QUALIFY max(PREDICT('corner')) OVER () <> ''",
    "SELECT id, TRY_PREDICT('corner') AS p FROM {} WHERE k = 3",
]
NOTHING = [2]
"""The positions of texts of which the condition says nothing of each row."""


@pytest.mark.parametrize("table", ["t", "wild", "whole", "single", "(SELECT * FROM t LIMIT 0)"])
@pytest.mark.parametrize("text", PRUNED)
def test_a_pruned_model_gives_the_same_rows_and_errors(session: wml.Session, text: str, table: str) -> None:
    query = text.format(table)
    assert optimized(session, query) == plain(session, query), compiled(session, query)


@pytest.mark.parametrize("text", [text for place, text in enumerate(PRUNED) if place not in NOTHING])
def test_models_are_pruned(session: wml.Session, text: str) -> None:
    tables = [table for table in ("whole", "t") if "prune_models" in applied(session, text.format(table))]
    assert tables, compiled(session, text.format("t"))


STAYS = [
    "SELECT id, PREDICT('logit', a, b, k) AS p FROM t WHERE k = 3 OR a > 1",
    "SELECT id, PREDICT('logit', a, b, abs(k)) AS p FROM t WHERE k = 3",
    "SELECT id, PREDICT('logit', a, b, random()) IS NULL AS p FROM t WHERE id = 3",
    "SELECT a AS k, PREDICT('logit', a, b, k) AS p FROM t WHERE k = 3",
    "SELECT y.id, PREDICT('logit', x.a, x.b, x.k) AS p FROM t x JOIN t y ON x.id = y.id WHERE y.k = 3",
    "SELECT x.id, PREDICT('logit', y.a, y.b, y.k) AS p FROM t x LEFT JOIN t y ON x.id = y.id AND y.k = 3",
    "SELECT k, count(*) AS n FROM t GROUP BY k, a, b HAVING k = 3 AND PREDICT('logit', a, b, k) = 'yes'",
    "SELECT a, b, k, PREDICT('logit', a, b, k) AS p FROM t WHERE k = 3 GROUP BY ROLLUP (a, b, k)",
    "SELECT id, PREDICT('logit') AS p FROM t WHERE k > 3 AND k < 2",
    "SELECT id, PREDICT('logit') AS p FROM t WHERE k = '3'",
    "SELECT id, PREDICT('logit') AS p FROM t WHERE k::VARCHAR = '3'",
    "SELECT id, list_transform([1], lambda k: PREDICT('logit', a, b, k)) AS p FROM t WHERE k = 3",
    "SELECT id, PREDICT('region') AS p FROM t WHERE r LIKE 'EU'",
    "SELECT id, (SELECT PREDICT('logit', t.a, t.b, t.k)) AS p FROM t WHERE k = 3",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(session: wml.Session, text: str) -> None:
    assert optimized(session, text) == plain(session, text)
    assert "prune_models" not in applied(session, text), compiled(session, text)


def test_a_parameter_says_nothing(session: wml.Session) -> None:
    assert "prune_models" not in applied(session, "SELECT PREDICT('logit') AS p FROM t WHERE k = ?")


@pytest.mark.parametrize("collation", ["nocase", "noaccent", "nfc"])
def test_a_collation_makes_texts_equal_that_are_not(session: wml.Session, collation: str) -> None:
    session.connection.execute(
        f"CREATE OR REPLACE TABLE folded (id INTEGER, a DOUBLE, b DOUBLE, r VARCHAR COLLATE {collation})"
    )
    session.connection.execute("INSERT INTO folded VALUES (1, 0, 0, 'EU'), (2, 0, 0, 'eu'), (3, 0, 0, 'EÜ')")
    text = "SELECT id, round(PREDICT_PROBA('region'), 9) AS p FROM folded WHERE r = 'EU'"
    assert applied(session, text) == []
    assert optimized(session, text) == optimized(session, text, "inline_scores")


def test_a_feature_that_is_known_is_not_read(session: wml.Session) -> None:
    text = compiled(session, "SELECT PREDICT('logit', a, b, k) AS p FROM whole WHERE k = 3")
    assert "k" not in text.partition(" FROM ")[0].replace("TRUE", "")


def test_a_cell_that_is_constant_has_no_inputs_left() -> None:
    rows = frame()[["a", "b"]]
    with wml.connect(progress=False) as session:
        answer = np.where(rows.a + rows.b > 0, "yes", "no")
        clip = make_pipeline(MinMaxScaler(clip=True), LogisticRegression()).fit(rows, answer)
        session.register("clip", clip, sample=rows)
        session.connection.execute(
            "CREATE TABLE i AS FROM "
            "(VALUES (1, -500, 5), (2, -500, -500), (3, -500, NULL), (4, 2, 500)) AS rows(id, a, b)"
        )
        for condition in ("a = -500", "b = 5", "b = 500", "a = -500 AND b = -500"):
            for score in ("PREDICT", "PREDICT_PROBA", "TRY_PREDICT"):
                text = f"SELECT id, {score}('clip', a, b) AS p FROM i WHERE {condition}"
                assert optimized(session, text) == plain(session, text), compiled(session, text)


VALUES = st.sampled_from(["1.5", "0", "-3.0", "2.5", "1", "3", "-1e300", "0.1", "1.4999999999999998"])
FACTS = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["a", "b", "k", "t.a", "t.k"]),
        st.sampled_from(["=", "<", "<=", ">", ">="]),
        VALUES,
    ),
    st.builds("{} {} {}".format, VALUES, st.sampled_from(["=", "<", ">="]), st.sampled_from(["a", "b", "k"])),
    st.builds("{} BETWEEN {} AND {}".format, st.sampled_from(["a", "b", "k"]), VALUES, VALUES),
    st.builds("{} IN ({}, {})".format, st.sampled_from(["a", "b", "k"]), VALUES, VALUES),
    st.sampled_from(
        ["a IS NULL", "b IS NOT NULL", "r = 'EU'", "r IN ('US', 'eu')", "r IS NOT NULL", "id > 9"]
    ),
)
SCORES = st.sampled_from(
    [
        "round(PREDICT_PROBA('logit', t.a, t.b, t.k), 9)",
        "PREDICT('corner', a, b, k)",
        "round(PREDICT_PROBA('region', a, b, r), 9)",
        "PREDICT('gaps', a, b)",
        "PREDICT('value', a, b)",
        "TRY_PREDICT('value', a, b)",
        "PREDICT_PROBA('strict', a, b) > 0.25",
        "PREDICT_PROBA('filled', a, b) BETWEEN 0.2 AND 0.9",
        "PREDICT('refusing', r, a) = 'yes'",
    ]
)


@settings(max_examples=80)
@given(
    st.lists(FACTS, min_size=1, max_size=3),
    SCORES,
    st.booleans(),
    st.sampled_from(["t", "wild AS t", "whole AS t", "single AS t"]),
)
def test_random_conditions_are_neutral(
    session: wml.Session, facts: list[str], score: str, within: bool, table: str
) -> None:
    condition = " AND ".join(facts)
    if within:
        text = f"SELECT id FROM {table} WHERE {condition} AND ({score}) IS NOT NULL"
        text = text if " > " not in score else f"SELECT id FROM {table} WHERE {score} AND {condition}"
    else:
        text = f"SELECT id, {score} AS p FROM {table} WHERE {condition}"
    found, expected = optimized(session, text), plain(session, text)
    # of two conditions either may be asked first, so that a row which is left out by one need not raise
    assert found == expected or (within and "ScoringError" in (found, expected)), compiled(session, text)
