"""How many rows DuckDB hands to a model: no more than the statement needs, without any rule or with all."""

import pytest

from tests.optimize.shop import Shop, shop

VECTOR = 2_048


@pytest.fixture(scope="module")
def counting() -> Shop:
    opened = shop()
    opened.connection.execute(
        "CREATE TABLE many AS SELECT range AS id, range * 1.0 AS a, hash(range)::DOUBLE AS b, "
        "range % 100 AS k, 'text ' || range AS word FROM range(20_000)"
    )
    opened.connection.execute("CREATE TABLE tenth AS SELECT range AS k, range * 2.0 AS c FROM range(10)")
    return opened


AT_MOST = [
    ("SELECT id, PREDICT('one', a) AS p FROM many LIMIT 5", 5),
    ("SELECT id, PREDICT('one', a) AS p FROM many LIMIT 5 OFFSET 10", VECTOR),
    ("SELECT id, PREDICT('one', a) AS p FROM many WHERE k < 5 LIMIT 5", VECTOR),
    ("SELECT id, PREDICT('one', a) AS p FROM many ORDER BY b LIMIT 5", 5),
    ("SELECT id, PREDICT('one', a) AS p FROM many ORDER BY b DESC, id LIMIT 5 OFFSET 5", 10),
    ("SELECT * FROM (SELECT id, b, PREDICT('one', a) AS p FROM many) ORDER BY b LIMIT 5", 5),
    ("WITH s AS (SELECT id, b, PREDICT('one', a) AS p FROM many) SELECT id FROM s WHERE id < 50", 0),
    ("SELECT id, PREDICT('one', a) AS p FROM many WHERE PREDICT('one', a) > 10 LIMIT 5", 3 * VECTOR),
    ("SELECT count(*) FROM (SELECT *, PREDICT('one', a) AS p FROM many)", 0),
    (
        "SELECT id, PREDICT('one', a) AS p FROM many QUALIFY row_number() OVER (PARTITION BY k ORDER BY b)=1",
        100,
    ),
]


@pytest.mark.parametrize(("text", "rows"), AT_MOST)
def test_no_more_rows_are_scored_than_are_shown(counting: Shop, text: str, rows: int) -> None:
    assert counting.scored(text) <= rows
    assert counting.applied(text) in ([], ["share_calls"])


FILTERED = [
    ("SELECT id FROM many WHERE PREDICT('one', a) > 0 AND k = 3", 200),
    ("SELECT id FROM many WHERE PREDICT('one', a) > 0 AND word LIKE '%99'", 200),
    ("SELECT id FROM many WHERE PREDICT('one', a) > 0 AND regexp_matches(word, '.*[0-9]99$')", 200),
    ("SELECT id FROM many WHERE PREDICT('one', a) > 0 AND (k = 3 OR k = 5 AND b > 0)", 400),
    ("SELECT id FROM many WHERE PREDICT('one', a) > 0 AND k IN (3, 4)", 400),
    ("SELECT id FROM many WHERE PREDICT('one', a) > 0 AND id % 100 = 3", 200),
    ("SELECT id FROM many AS x WHERE PREDICT('m') IS NOT NULL AND (x.a + x.k < 9 OR x.a - x.k > 1e9)", 10),
    ("SELECT id FROM many WHERE PREDICT('one', a) > 0 AND k = (SELECT max(k) FROM many)", 200),
    ("SELECT id FROM many WHERE PREDICT('one', a) > 0 AND id IN (SELECT k FROM tenth)", 10),
    ("SELECT id FROM (SELECT *, PREDICT('one', a) AS p FROM many) WHERE p > 0 AND k = 3", 200),
    ("SELECT id FROM many JOIN tenth USING (k) WHERE PREDICT('one', a) > 0 AND k = 3", 200),
    ("SELECT id FROM many JOIN tenth USING (k) WHERE PREDICT('m', a, c) > 0 AND id < 100", 10),
    ("SELECT id, PREDICT('one', a) AS p FROM many JOIN tenth USING (k)", 2_000),
    ("SELECT id FROM many SEMI JOIN tenth USING (k) WHERE PREDICT('one', a) >= 0", 2_000),
]


@pytest.mark.parametrize(("text", "rows"), FILTERED)
def test_cheap_conditions_come_before_scores(counting: Shop, text: str, rows: int) -> None:
    assert counting.scored(text) <= rows * 1.1 + VECTOR * ("SELECT max" in text)
