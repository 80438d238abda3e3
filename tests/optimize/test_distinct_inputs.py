from collections.abc import Iterator

import pytest

from tests.optimize.shop import Shop, ShopKnowledge, shop
from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.optimize.distinct_inputs import distinct_inputs


@pytest.fixture(scope="module")
def few() -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(distinct_inputs.__globals__, "ROWS_WORTH_ASKING", 100)
        yield shop("distinct_inputs")


FEW = [
    ("SELECT id, PREDICT('one', k) AS p FROM big ORDER BY id", 7),
    ("SELECT id, PREDICT('one', k) AS p FROM big", 7),
    ("SELECT id, PREDICT('one', k) AS p FROM big WHERE rare", 7),
    ("SELECT k, sum(PREDICT('one', k)) AS s FROM big GROUP BY k", 7),
    ("SELECT sum(PREDICT('m', k, k + 1)) AS s FROM big", 7),
    ("SELECT sum(PREDICT('m', k, 3)) AS s, avg(a) FROM big WHERE id < 900", 7),
    ("SELECT PREDICT('one', k) AS p, count(*) FROM big GROUP BY PREDICT('one', k)", 7),
    ("SELECT DISTINCT PREDICT('one', k) AS p FROM big", 7),
    ("SELECT id, c, PREDICT('one', c) AS p FROM big JOIN kinds ON big.k = kinds.k", 5),
    ("SELECT id, PREDICT('one', c) AS p FROM big LEFT JOIN kinds USING (k)", 6),
    ("SELECT count(*) FROM big JOIN kinds USING (k) WHERE PREDICT('one', c) > 25", 5),
    ("SELECT count(*) FROM big WHERE PREDICT('one', k) > 5 AND NOT rare", 7),
    ("SELECT sum(p) FROM (SELECT PREDICT('one', k) AS p FROM big ORDER BY id)", 7),
    ("WITH w AS (FROM big) SELECT sum(PREDICT('one', k)) AS s FROM w", 7),
    ("CREATE OR REPLACE TABLE made AS SELECT PREDICT('one', k) AS p FROM big ORDER BY id", 7),
]


@pytest.mark.parametrize(("text", "rows"), FEW)
def test_few_inputs_are_scored_once_each(few: Shop, text: str, rows: int) -> None:
    assert few.applied(text) == ["distinct_inputs"], few.sql(text)
    assert few.scored(text) == rows
    assert sorted(map(repr, few.run(text))) == sorted(map(repr, few.plain(text)))


def test_zeros_of_different_signs_are_different_inputs(few: Shop) -> None:
    few.connection.execute(
        "CREATE OR REPLACE TABLE zeros AS "
        "SELECT range AS id, if(id % 2 = 0, 0.0::DOUBLE, -0.0::DOUBLE) AS a, id % 3 AS b FROM range(300)"
    )
    text = "SELECT id, PREDICT('m', a, b) AS p, signbit(PREDICT('one', a)) AS s FROM zeros ORDER BY id"
    assert set(few.applied(text)) == {"distinct_inputs"}
    assert few.run(text) == few.plain(text)


STAYS = [
    "SELECT sum(PREDICT('one', id)) AS s FROM big",
    "SELECT sum(PREDICT('m', k, random())) AS s FROM big",
    "SELECT sum(PREDICT('m', k, 1 / (b % 2))) AS s FROM big",
    "SELECT PREDICT('one', k) AS p FROM big LIMIT 5",
    "SELECT PREDICT('one', k) AS p FROM big ORDER BY p LIMIT 5",
    "SELECT PREDICT('one', k) AS p FROM (SELECT * FROM big) AS big",
    "SELECT list(PREDICT('one', k)) AS p FROM big",
    "SELECT k, PREDICT('one', k) AS p FROM big GROUP BY k",
    "SELECT DISTINCT ON (k) k, PREDICT('one', k) AS p FROM big",
    "SELECT k, row_number() OVER (), PREDICT('one', k) AS p FROM big ORDER BY id",
    "SELECT k, sum(PREDICT('one', k)) AS p FROM big GROUP BY ROLLUP (k)",
    "SELECT PREDICT('one', k) AS p FROM big UNION ALL SELECT c FROM kinds",
    "SELECT b AS k, PREDICT('one', k) AS p FROM big ORDER BY id",
    "SELECT unnest([1, 2]), PREDICT('one', k) AS p FROM big ORDER BY id",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(few: Shop, text: str) -> None:
    few.connection.execute("CREATE SEQUENCE IF NOT EXISTS serial")
    assert few.sql(text) == few.bound(text).text
    few.run(text)


def test_rows_keep_their_order_by_their_numbers(few: Shop) -> None:
    text = "SELECT id, PREDICT('one', k) AS p FROM big WHERE rare"
    assert few.sql(text).endswith("WHERE rare ORDER BY big.rowid")
    assert few.run(text) == few.plain(text)


def test_null_is_an_input_too(few: Shop) -> None:
    few.connection.execute(
        "CREATE OR REPLACE TABLE gaps AS SELECT CASE range % 3 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE "
        "ELSE 1.5 END AS a, range AS id FROM range(999)"
    )
    text = "SELECT id, PREDICT('one') AS p FROM gaps ORDER BY id"
    assert few.scored(text) == 3
    assert list(map(repr, few.run(text))) == list(map(repr, few.plain(text)))


def test_a_model_that_refuses_is_not_asked_where_a_condition_may_leave_it_out() -> None:
    text = "SELECT id, CASE WHEN k > 2 THEN PREDICT('one', k) END AS p FROM big ORDER BY id"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(distinct_inputs.__globals__, "ROWS_WORTH_ASKING", 100)
        assert shop("distinct_inputs").applied(text) == ["distinct_inputs"]
        assert shop("distinct_inputs", raising=["one"]).applied(text) == []


def test_a_random_column_is_drawn_once(few: Shop) -> None:
    text = "SELECT r, PREDICT('one', r) AS p FROM (SELECT (random() * 9)::INT AS r FROM big) AS x ORDER BY p"
    assert few.applied(text) == ["distinct_inputs"]
    assert all(p == 2 * r for r, p in few.run(text))


def test_few_rows_are_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(distinct_inputs.__globals__, "ROWS_WORTH_ASKING", 2_000)
    assert shop("distinct_inputs").applied("SELECT sum(PREDICT('one', k)) AS s FROM big") == []


def test_an_output_called_rowid_does_not_reorder_the_rows(few: Shop) -> None:
    text = "SELECT 100000 - id AS rowid, PREDICT('one', k) AS p FROM big"
    assert few.sql(text).endswith(" ORDER BY big.rowid")
    assert few.run(text) == few.plain(text)


def test_rows_that_all_differ_are_not_taken_for_few(few: Shop) -> None:
    # an approximate count of the sample's is some per cent off, which would stand for half of the rows
    for salt in range(6):
        few.connection.execute(
            "CREATE OR REPLACE TABLE wide AS SELECT CAST(hash(range, $1) % 1000003 AS FLOAT) AS x, "
            "CAST(hash($1, range) % 1000003 AS FLOAT) AS y FROM range(1_000_000)",
            [salt],
        )
        assert few.applied("SELECT sum(PREDICT('m', sqrt(x), sqrt(y))) AS s FROM wide") == []


def test_a_model_that_takes_both_zeros_for_one_is_not_asked_twice(
    few: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "SELECT sum(PREDICT('one', b)) AS s FROM big"
    assert "signbit" in few.sql(text)
    monkeypatch.setattr(
        ShopKnowledge, "plan", lambda knowledge, version: PlanFacts("trees", "", signed_zeros=False)
    )
    assert "signbit" not in few.sql(text)
    assert few.scored(text) == 100
