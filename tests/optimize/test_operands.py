import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import warehouse_ml as wml

RANDOM = np.random.default_rng(0)
NUMBERS = pd.DataFrame(RANDOM.normal(size=(300, 3)), columns=["a", "b", "k"])
REGIONS = pd.DataFrame({"region": RANDOM.choice(["EU", "US"], 200)})


@pytest.fixture(scope="module")
def session():
    with wml.connect() as opened:
        opened.register("m", LogisticRegression().fit(NUMBERS, NUMBERS.a + NUMBERS.k > 0), NUMBERS)
        encoder = OneHotEncoder(handle_unknown="ignore")
        model = make_pipeline(encoder, LogisticRegression()).fit(REGIONS, REGIONS.region == "EU")
        opened.register("europe", model, REGIONS)
        opened.sql("CREATE TABLE t AS FROM NUMBERS")
        opened.sql("CREATE TABLE c (region VARCHAR COLLATE NOCASE)")
        opened.sql("INSERT INTO c VALUES ('EU'), ('eu'), ('US'), (NULL)")
        yield opened


@pytest.mark.parametrize(
    "query",
    [
        "SELECT PREDICT_PROBA('m', a, b, k + 1) AS p FROM t",
        "SELECT PREDICT_PROBA('m', a, b, -k) > 0.5 AS p FROM t",
        "SELECT PREDICT_PROBA('m', a, b, CASE WHEN k > 0 THEN k END) AS p FROM t",
        "SELECT PREDICT_PROBA('europe', region) AS p FROM c",
        "SELECT PREDICT_PROBA('europe', region || '') AS p FROM c",
        "SELECT PREDICT('europe', *) = true AS p FROM c",
    ],
)
def test_an_expression_is_one_operand(session, query: str) -> None:
    assert "inline_scores" in [done.rule for done in session.explain(query).applied]
    scored = session.sql(query).df().p.astype(float)
    with session.optimizer.off():
        plain = session.sql(query).df().p.astype(float)
    np.testing.assert_allclose(scored, plain, rtol=1e-9)
