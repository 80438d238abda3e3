from collections.abc import Iterator

import duckdb
import pytest

from tests.optimize.shop import Shop, shop
from warehouse_ml.optimize.score_before_join import score_before_join


@pytest.fixture(scope="module")
def before() -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(score_before_join.__globals__, "ROWS_WORTH_ASKING", 100)
        yield shop("score_before_join", "share_calls")


BELOW = [
    ("SELECT id, PREDICT('one', c) AS p FROM big JOIN kinds USING (k)", 5),
    ("SELECT id, kinds.*, PREDICT('one', kinds.c) AS p FROM big JOIN kinds ON big.k = kinds.k", 5),
    ("SELECT *, PREDICT('m', a => x.c, b => x.k) AS p FROM big INNER JOIN kinds AS x USING (k)", 5),
    ("SELECT sum(PREDICT('one', c)) AS s FROM kinds JOIN big USING (k) WHERE NOT rare", 5),
    (
        "SELECT id FROM big JOIN kinds USING (k) WHERE PREDICT('one', c) > 25 ORDER BY PREDICT('one', c), id",
        5,
    ),
    (
        "SELECT name, count(*) FROM big JOIN (FROM kinds) s USING (k) WHERE PREDICT('one', c)>25 GROUP BY 1",
        5,
    ),
    ("SELECT id, PREDICT('one', c) + PREDICT('one', y.k) AS p FROM big b JOIN kinds y ON y.k = b.k", 10),
]


@pytest.mark.parametrize(("text", "rows"), BELOW)
def test_a_score_of_one_table_is_computed_before_the_join(before: Shop, text: str, rows: int) -> None:
    assert set(before.applied(text)) == {"score_before_join"}, before.sql(text)
    assert before.scored(text) == rows
    assert sorted(map(repr, before.run(text))) == sorted(map(repr, before.plain(text)))
    assert before.names(text) == [
        entry[0] for entry in before.connection.execute(before.bound(text).text).description
    ]


STAYS = [
    "SELECT id, PREDICT('m', a, c) AS p FROM big JOIN kinds USING (k)",
    "SELECT id, PREDICT('one', c) AS p FROM big LEFT JOIN kinds USING (k)",
    "SELECT id, PREDICT('one', c) AS p FROM kinds RIGHT JOIN big USING (k)",
    "SELECT id, PREDICT('one', c) AS p FROM big FULL JOIN kinds USING (k)",
    "SELECT id, PREDICT('one', c) AS p FROM big, kinds WHERE big.k = kinds.k",
    "SELECT id, PREDICT('one', c) AS p FROM big NATURAL JOIN kinds",
    "SELECT id, PREDICT('one', k) AS p FROM big JOIN kinds USING (k)",
    "SELECT id, PREDICT('one', a) AS p FROM big JOIN kinds USING (k)",
    "SELECT id, kinds, PREDICT('one', c) AS p FROM big JOIN kinds USING (k)",
    "SELECT id, PREDICT('one', c) AS p FROM big JOIN kinds USING (k) LIMIT 3",
    "SELECT id, PREDICT('one', c::INTEGER) AS p FROM big JOIN kinds USING (k)",
    "SELECT id, PREDICT('one', c) AS p FROM big JOIN kinds USING (k) WHERE id = 3 AND rare",
    "SELECT c, PREDICT('one', c) AS p FROM big JOIN kinds USING (k) GROUP BY c",
    "SELECT PREDICT('one', c) AS p FROM big JOIN kinds USING (k) UNION ALL SELECT c FROM kinds",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(before: Shop, text: str) -> None:
    assert before.applied(text) == [], before.sql(text)
    assert before.sql(text) == before.bound(text).text
    before.run(text)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setitem(score_before_join.__globals__, "ROWS_WORTH_ASKING", 100)
    opened = shop("score_before_join", raising=["picky"])
    opened.connection.execute("INSERT INTO kinds VALUES (100, -1, 'refused')")
    return opened


def test_a_row_that_does_not_join_is_not_refused(refusing: Shop) -> None:
    text = "SELECT id, PREDICT('picky', c) AS p FROM big JOIN kinds USING (k) ORDER BY id"
    assert refusing.applied(text) == ["score_before_join"]
    assert refusing.run(text) == refusing.plain(text)


def test_a_row_that_joins_is_refused(refusing: Shop) -> None:
    text = "SELECT id, PREDICT('picky', c) AS p FROM big JOIN kinds ON big.k < kinds.k"
    with pytest.raises(duckdb.InvalidInputException, match="wml_refusal: ScoringError: The model refuses -1"):
        refusing.run(text)
    with pytest.raises(duckdb.InvalidInputException, match="ScoringError: The model refuses -1"):
        refusing.plain(text)


def test_a_window_takes_no_score_that_may_be_refused(refusing: Shop) -> None:
    text = "SELECT rank() OVER (ORDER BY PREDICT('picky', c)) AS r FROM big JOIN kinds USING (k)"
    assert refusing.applied(text) == []
