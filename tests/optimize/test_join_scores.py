import pytest

from tests.optimize.shop import Shop, shop


@pytest.fixture(scope="module")
def joining() -> Shop:
    return shop("join_scores")


JOINED = [
    "SELECT sum(PREDICT('one', a)), max(abs(PREDICT('picky', a))) FROM t",
    "SELECT b, sum(PREDICT('one', a)), sum(PREDICT('picky', a)) FROM t GROUP BY b ORDER BY b",
    "SELECT id, PREDICT('churn') AS label, PREDICT_PROBA('churn') AS p FROM customers",
    "SELECT PREDICT('churn', age, plan), PREDICT_PROBA('churn', plan => plan, age => c.age) FROM customers c",
    "FROM PREDICT('churn', TABLE customers)",
    "SELECT region, probability FROM PREDICT('churn', TABLE customers) AS p WHERE prediction = 'yes'",
    "FROM PREDICT('grade', (SELECT *, 1 AS z FROM t)) ORDER BY ALL",
    "SELECT PREDICT('one', a) + PREDICT('picky', t.a) AS s FROM t",
    "SELECT PREDICT('grade', a), PREDICT_PROBA('grade', a), PREDICT('grade', a) = 'c' FROM t WHERE a > 0",
]


@pytest.mark.parametrize("text", JOINED)
def test_scores_of_the_same_features_are_one_call(joining: Shop, text: str) -> None:
    assert joining.applied(text) == ["join_scores"], joining.sql(text)
    assert len(joining.optimized(text).variants) == 1
    assert joining.run(text) == joining.plain(text)
    assert joining.names(text) == [
        entry[0] for entry in joining.connection.execute(joining.bound(text).text).description
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("FROM PREDICT('churn', TABLE customers)", 4),
        ("SELECT probability FROM PREDICT('churn', TABLE customers) WHERE id > 2", 2),
        ("SELECT id FROM PREDICT('churn', TABLE customers)", 0),
    ],
)
def test_the_table_form_is_one_call(joining: Shop, text: str, rows: int) -> None:
    joining.scored(text)
    assert joining.rows == ({"churn.predict": rows, "churn.predict_proba": rows} if rows else {})


def test_the_lenient_table_form_stays(joining: Shop) -> None:
    assert joining.applied("FROM TRY_PREDICT('churn', TABLE customers)") == []


def test_one_call_is_made_for_each_row(joining: Shop) -> None:
    joining.scored("SELECT PREDICT('churn'), PREDICT_PROBA('churn'), PREDICT('churn') FROM customers")
    assert joining.rows == {"churn.predict": 4, "churn.predict_proba": 4}


STAYS = [
    "SELECT PREDICT('one', a), PREDICT('picky', b) FROM t",
    "SELECT PREDICT('one', a), CASE WHEN b > 0 THEN PREDICT('picky', a) END FROM t",
    "SELECT PREDICT('one', a) FROM t WHERE PREDICT('picky', a) > 0",
    "SELECT PREDICT('one', a), avg(PREDICT('picky', a)) OVER () FROM t",
    "SELECT PREDICT('one', a), sum(PREDICT('picky', a)) FROM t GROUP BY PREDICT('one', a)",
    "SELECT sum(PREDICT('one', a)), sum(PREDICT('picky', a)) FILTER (b > 0) FROM t",
    "SELECT PREDICT('one', random()), PREDICT('picky', random()) FROM t",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(joining: Shop, text: str) -> None:
    assert joining.sql(text) == joining.bound(text).text
