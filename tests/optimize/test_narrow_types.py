import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestRegressor
from xgboost import XGBClassifier

import warehouse_ml as wml
from warehouse_ml.errors import ScoringError

NAMES = ["a", "b", "c", "d", "e"]
KINDS = ["FLOAT", "DOUBLE", "INTEGER", "SMALLINT", "TINYINT", "BIGINT", "DECIMAL(9, 2)"]
RANDOM = np.random.default_rng(0)
# halves and whole numbers: thresholds fall on values, and every type holds some of them
ROWS = pd.DataFrame(RANDOM.integers(-20, 20, size=(400, 5)) / 2, columns=NAMES)
ROWS["c"] = RANDOM.integers(-100, 100, 400)
ROWS["e"] = RANDOM.normal(size=400).astype("f4").astype("f8")
LABELS = (ROWS.a + ROWS.c / 20 + ROWS.e > 0).astype(int)
MODELS = {
    "xgboost": XGBClassifier(n_estimators=20, max_depth=4),
    "lightgbm": LGBMClassifier(n_estimators=20, verbose=-1),
    "forest": RandomForestRegressor(20, max_depth=9, random_state=0),
}
VALUES = st.sampled_from([None, 0.0, -0.0, 0.5, 1.0, -7.5, 0.1, -3.0, 100.0, float("nan"), float("inf")])


@pytest.fixture(scope="module")
def session():
    with wml.connect() as opened:
        for name, model in MODELS.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # LightGBM speaks of names
                opened.register(name, model.fit(ROWS, LABELS), ROWS)
        columns = "a::FLOAT AS a, b::FLOAT AS b, c::TINYINT AS c, d::SMALLINT AS d, e::FLOAT AS e"
        opened.sql(f"CREATE TABLE narrow AS SELECT {columns} FROM ROWS")
        opened.sql("CREATE TABLE wide AS SELECT a::DOUBLE AS a, * EXCLUDE (a) FROM narrow")
        yield opened


def rules(session, query):
    return [done.rule for done in session.explain(query).applied]


def both(session, query):
    """What a query gives with the rule, and without any rule."""
    found = session.sql(query).fetchall()
    with session.optimizer.off():
        return found, session.sql(query).fetchall()


@pytest.mark.parametrize("model", MODELS)
def test_columns_of_narrow_types_give_the_scores_of_the_estimator(session, model) -> None:
    query = f"SELECT PREDICT('{model}', *) FROM narrow"
    assert "narrow_types" in rules(session, query)
    rows = session.sql("FROM narrow").df().astype("f8")
    found, plain = both(session, query)
    assert found == plain
    np.testing.assert_allclose([row[0] for row in found], MODELS[model].predict(rows), rtol=1e-12)


def test_what_was_narrowed_is_told(session) -> None:
    (done,) = session.explain("SELECT PREDICT('xgboost', *) FROM narrow").applied
    assert done.effect == "3 of FLOAT and 1 of TINYINT and 1 of SMALLINT reach the trees as they are stored"


def test_wide_columns_and_few_narrow_ones_are_left_to_the_function_of_the_version(session) -> None:
    assert rules(session, "SELECT PREDICT('xgboost', *) FROM (SELECT COLUMNS(*)::DOUBLE FROM narrow)") == []
    assert rules(session, "SELECT PREDICT('xgboost', a, b, 1.5, 2.5, e) FROM narrow") == []


def test_calls_of_one_version_over_several_types_share_what_they_agree_on(session) -> None:
    query = "SELECT PREDICT('xgboost', *) FROM narrow UNION ALL SELECT PREDICT('xgboost', *) FROM wide"
    applied = session.explain(query).applied
    assert {done.effect.split(" and ")[0] for done in applied} == {"2 of FLOAT"}
    found, plain = both(session, query)
    assert found == plain


@pytest.mark.parametrize(
    "query",
    [
        "SELECT PREDICT('xgboost', *), PREDICT_PROBA('xgboost', *) FROM narrow ORDER BY ALL",
        "SELECT count(*) FROM narrow WHERE PREDICT_PROBA('lightgbm', *) > 0.5",
        "SELECT PREDICT('forest', *) p FROM narrow WHERE a > 0.1 AND PREDICT('forest', *) > 0.2 ORDER BY p",
        "SELECT sum(PREDICT('forest', n.*)) FROM narrow n CROSS JOIN range(3)",
        "SELECT prediction FROM PREDICT('forest', (FROM narrow)) ORDER BY prediction",
    ],
)
def test_variants_of_other_rules_are_narrowed_too(session, query) -> None:
    found, plain = both(session, query)
    np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_a_value_beyond_the_limit_is_refused_in_the_same_words(session) -> None:
    query = "SELECT PREDICT('forest', 'inf'::FLOAT, b, c, d, e) FROM narrow"
    assert "narrow_types" in rules(session, query)
    with pytest.raises(ScoringError) as found:
        session.sql(query).fetchall()
    with session.optimizer.off(), pytest.raises(ScoringError) as plain:
        session.sql(query).fetchall()
    assert str(found.value) == str(plain.value)
    assert session.sql(query.replace("PREDICT", "TRY_PREDICT")).fetchone() == (None,)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(list(MODELS)),
    st.lists(st.sampled_from(KINDS), min_size=5, max_size=5),
    st.lists(st.tuples(*[VALUES] * 5), max_size=6),
    st.sampled_from(["true", "a >= 0.1", "e < 0.5 AND b IS NOT NULL", "c BETWEEN -3 AND 100"]),
)
def test_no_type_changes_a_score(session, model, kinds, rows, condition) -> None:
    session.connection.execute(
        "CREATE OR REPLACE TEMP TABLE given (a DOUBLE, b DOUBLE, c DOUBLE, d DOUBLE, e DOUBLE)"
    )
    for row in rows:
        session.connection.execute("INSERT INTO given VALUES (?, ?, ?, ?, ?)", list(row))
    columns = ", ".join(
        f"TRY_CAST({name} AS {kind}) AS {name}" for name, kind in zip(NAMES, kinds, strict=True)
    )
    session.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE typed AS SELECT rowid AS id, {columns} FROM given"
    )
    query = f"SELECT id, TRY_PREDICT('{model}', *) FROM typed WHERE {condition} ORDER BY id"
    found, plain = both(session, query)
    assert found == plain
