from typing import Any

import pytest

from tests.optimize.shop import Shop, shop


@pytest.fixture(scope="module")
def sharing() -> Shop:
    return shop("share_calls")


ONCE = [
    ("SELECT id, PREDICT('m') AS p FROM big WHERE PREDICT('m') > 500", 1000),
    ("SELECT id, PREDICT('m') FROM big WHERE rare AND PREDICT('m') > 500 ORDER BY PREDICT('m') DESC, id", 77),
    ("SELECT *, PREDICT('m', x.*) AS p FROM big x WHERE PREDICT('m', x) > 500", 1000),
    ("SELECT x.*, PREDICT('m', a, b) AS p FROM big AS x WHERE PREDICT('m', x.a, x.B) > 500", 1000),
    ("SELECT * EXCLUDE (rare), PREDICT('m') AS p FROM big WHERE PREDICT('m') > 500", 1000),
    ("SELECT * REPLACE (0 AS k), PREDICT('m') AS p FROM big WHERE PREDICT('m') > 500", 1000),
    ("SELECT id FROM big WHERE PREDICT('m') > 500 AND NOT rare ORDER BY PREDICT('m'), id LIMIT 7", 923),
    ("SELECT id FROM (SELECT * FROM big) WHERE PREDICT('m') > 500 ORDER BY PREDICT('m')", None),
    ("SELECT id FROM (SELECT * FROM big) AS s WHERE PREDICT('m') > 500 ORDER BY PREDICT('m'), id", 1000),
    ("SELECT id, PREDICT('m') - avg(PREDICT('m')) OVER () AS d FROM big", 1000),
    ("SELECT id FROM big QUALIFY row_number() OVER (PARTITION BY k ORDER BY PREDICT('m'), id) = 1", None),
    ("SELECT id, PREDICT('m') FROM big QUALIFY rank() OVER (PARTITION BY k ORDER BY PREDICT('m')) = 1", 1000),
    ("SELECT round(PREDICT('m')) AS p, count(*) FROM big GROUP BY 1 HAVING round(PREDICT('m')) > 9", 1000),
    ("SELECT k, sum(PREDICT('m')) AS s FROM big WHERE PREDICT('m') > 500 GROUP BY k ORDER BY k", 1000),
    ("WITH w AS (FROM big) SELECT id, PREDICT('m') AS p FROM w WHERE PREDICT('m') > 500", 1000),
    ("SELECT sum(p) FROM (SELECT PREDICT('m') AS p FROM big WHERE PREDICT('m') > 500)", 1000),
    ("SELECT CASE WHEN rare THEN PREDICT('m') END AS p FROM big WHERE PREDICT('m') > 500", 1000),
    ("SELECT id, c, PREDICT('m') AS p FROM big JOIN kinds USING (k) WHERE PREDICT('m') > 500", 715),
    ("SELECT x.*, PREDICT('m', x) FROM big x JOIN kinds y ON x.k=y.k WHERE PREDICT('m', x) > 9 AND c>5", 572),
    ("SELECT id, PREDICT('m', a, b + 1) FROM big WHERE PREDICT('m', a, B + /* c */ 1) > 500", 1000),
    ("EXPLAIN SELECT id, PREDICT('m') FROM big WHERE PREDICT('m') > 500", 0),
    ("SELECT id, PREDICT('m') FROM big WHERE PREDICT('m') BETWEEN 100 AND 200 AND PREDICT('one') > 0", None),
]


@pytest.mark.parametrize(("text", "rows"), ONCE)
def test_a_score_of_several_stages_is_computed_once(sharing: Shop, text: str, rows: int | None) -> None:
    assert sorted(map(repr, sharing.run(text))) == sorted(map(repr, sharing.plain(text))) or rows == 0
    assert sharing.names(text) == [entry[0] for entry in described(sharing, text)]
    if rows is not None:
        assert sharing.applied(text) == ["share_calls"], sharing.sql(text)
        assert sharing.scored(text) == rows


def described(sharing: Shop, text: str) -> Any:
    return sharing.connection.execute(sharing.bound(text).text).description


STAYS = [
    "SELECT PREDICT('m') AS p, PREDICT('m') + 1 AS q FROM big ORDER BY PREDICT('m')",
    "SELECT id FROM big WHERE PREDICT('m') > 500 AND PREDICT('m') < 900",
    "SELECT PREDICT('m', a, random()) AS p FROM big WHERE PREDICT('m', a, random()) > 5",
    "SELECT PREDICT('m') AS p, big FROM big WHERE PREDICT('m') > 5",
    "SELECT hash(big), PREDICT('m') AS p FROM big WHERE PREDICT('m') > 5",
    "SELECT COLUMNS('a|b'), PREDICT('m') AS p FROM big WHERE PREDICT('m') > 5",
    "SELECT rowid, PREDICT('m') AS p FROM big WHERE PREDICT('m') > 5",
    "SELECT b AS a, a AS b FROM big WHERE PREDICT('m') > 5 ORDER BY PREDICT('m', a, b)",
    "SELECT PREDICT('m') AS p FROM big WHERE PREDICT('m') > 5 UNION ALL SELECT c FROM kinds",
    "SELECT PREDICT('m') AS p FROM big WHERE rare OR PREDICT('m') > 5",
    "SELECT (SELECT PREDICT('m', big.a, big.b)) AS p FROM big WHERE PREDICT('m') > 5",
    "SELECT list_transform([1], lambda a: PREDICT('m', a, b)) AS p FROM big WHERE PREDICT('m', a, b) > 5",
    "SELECT PREDICT('m', PREDICT('one', a), b) FROM big WHERE PREDICT('m', PREDICT('one', a), b) > 5",
    "SELECT c FROM kinds WHERE EXISTS (SELECT PREDICT('m', a, c) FROM big WHERE PREDICT('m', a, c) > 9)",
    "SELECT id, c, PREDICT('m') AS p FROM big JOIN kinds USING (k) WHERE PREDICT('m') > 500 LIMIT 3",
    "SELECT k, PREDICT('m', max(a), max(b)) AS p FROM big GROUP BY k HAVING PREDICT('m', max(a), max(b)) > 5",
    "SELECT PREDICT('m', a, b) AS p FROM big GROUP BY a, b HAVING PREDICT('m', a, b) > 5",
    "CREATE OR REPLACE VIEW v AS SELECT PREDICT('m') AS p FROM big WHERE PREDICT('m') > 5",
    "UPDATE big SET b = PREDICT('m') WHERE PREDICT('m') > 1e9",
    "SELECT PREDICT('m') AS p FROM big WHERE PREDICT('m') > 5 USING SAMPLE 100%",
    "SELECT PREDICT('m') AS p, PREDICT('m', r) AS q FROM big r WHERE PREDICT('m', 1, 2) > 5",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(sharing: Shop, text: str) -> None:
    assert sharing.sql(text) == sharing.bound(text).text
    sharing.run(text)


def test_the_order_of_rows_stays(sharing: Shop) -> None:
    text = "SELECT id, PREDICT('m') AS p FROM big WHERE PREDICT('m') > 500 AND k < 3"
    assert sharing.run(text) == sharing.plain(text)


def test_a_model_that_refuses_is_not_asked_before_another_condition() -> None:
    text = "SELECT PREDICT('m') AS p FROM big WHERE PREDICT('m') > 500 AND PREDICT('one') > 100"
    assert shop("share_calls").applied(text) == ["share_calls"]
    assert shop("share_calls", raising=["m"]).applied(text) == []
