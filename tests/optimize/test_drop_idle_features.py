import numpy as np
import pandas as pd
import pytest
from xgboost import XGBClassifier

import warehouse_ml as wml

NAMES = ["a", "b", "c", "d"]
RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame(RANDOM.normal(size=(500, 4)), columns=NAMES).assign(c=0.0)
LABELS = (ROWS.a + ROWS.d > 0).astype(int)


@pytest.fixture(scope="module")
def session():
    with wml.connect() as opened:
        model = XGBClassifier(n_estimators=60, max_depth=5).fit(ROWS, LABELS)
        opened.register("m", model, ROWS)
        opened.register("strict", model, ROWS, missing="null")
        opened.sql("CREATE TABLE t AS FROM ROWS")
        yield opened


def test_a_feature_without_influence_is_not_read(session) -> None:
    explained = session.explain("SELECT PREDICT_PROBA('m', *) AS p FROM t")
    assert [done.rule for done in explained.applied] == ["drop_idle_features"]
    assert 't."c"' not in explained.sql
    assert 'c <- t."c"; DOUBLE, the model takes NULL' in str(explained)
    assert "has no influence" in str(explained)


def test_the_scores_are_the_same(session) -> None:
    query = "SELECT PREDICT_PROBA('m', *) AS p, PREDICT('m', a, NULL, NULL, d) AS q FROM t"
    with session.optimizer.off():
        plain = session.sql(query).fetchall()
    np.testing.assert_allclose(session.sql(query).fetchall(), plain, rtol=1e-12)


def test_a_null_that_makes_the_score_null_is_read(session) -> None:
    query = "SELECT PREDICT('strict', a, b, NULL, d) AS p FROM t"
    assert session.explain(query).applied == ()
    assert {row[0] for row in session.sql(query).fetchall()} == {None}
