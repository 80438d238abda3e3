import pytest

from tests.optimize.shop import Shop, shop
from warehouse_ml.optimize.gather_rows import gather_rows

MILLES = """
CREATE TABLE many AS SELECT range AS id, range * 1.0 AS a, (range % 10)::DOUBLE AS b, range % 2 = 0 AS even,
  hash(range) % 1000 AS draw FROM range(60_000);
CREATE VIEW seen AS FROM many;
"""


@pytest.fixture(scope="module")
def gathering() -> Shop:
    opened = shop("gather_rows", "share_calls")
    opened.connection.execute(MILLES)
    return opened


GATHERED = [
    "SELECT id, PREDICT('m') AS p FROM many WHERE draw < 20",
    "SELECT *, PREDICT('m', x.*) AS p FROM many AS x WHERE x.draw < 20 AND even",
    "SELECT sum(PREDICT('m')) AS s FROM many WHERE draw < 20 AND PREDICT('one') > 3",
    "SELECT even, max(PREDICT('m')) AS s FROM main.many WHERE draw < 20 GROUP BY even ORDER BY even",
]


@pytest.mark.parametrize("text", GATHERED)
def test_the_rows_of_a_selective_filter_are_gathered(gathering: Shop, text: str) -> None:
    assert gathering.applied(text) == ["gather_rows"], gathering.sql(text)
    assert "draw < 20" in gathering.sql(text).partition("ORDER BY rowid")[0]
    assert gathering.run(text) == gathering.plain(text)


def test_gathered_rows_are_scored_once_for_several_stages(gathering: Shop) -> None:
    text = "SELECT id, PREDICT('m') AS p FROM many WHERE draw < 20 AND PREDICT('m') > 5 ORDER BY p, id"
    assert gathering.applied(text) == ["gather_rows", "share_calls"]
    assert gathering.sql(text).count("draw < 20") == 1
    assert gathering.run(text) == gathering.plain(text)
    assert gathering.scored(text) == gathering.run("SELECT count(*) FROM many WHERE draw < 20")[0][0]


STAYS = [
    "SELECT id, PREDICT('m') AS p FROM many WHERE even",
    "SELECT id, PREDICT('m') AS p FROM many WHERE id < 1000",
    "SELECT id, PREDICT('m') AS p FROM many",
    "SELECT id, PREDICT('m') AS p FROM many WHERE draw < 20 LIMIT 5",
    "SELECT id, PREDICT('m') AS p FROM seen WHERE draw < 20",
    "SELECT id, PREDICT('m') AS p FROM (FROM many) AS many WHERE draw < 20",
    "SELECT rowid, PREDICT('m') AS p FROM many WHERE draw < 20",
    "SELECT many, PREDICT('m') AS p FROM many WHERE draw < 20",
    "SELECT id, PREDICT('m') AS p FROM many WHERE draw < random() * 20",
    "SELECT id, PREDICT('m') AS p FROM many WHERE draw < (SELECT 20)",
    "SELECT b, PREDICT('m', b, b) AS p FROM many WHERE draw < 20 GROUP BY b",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(gathering: Shop, text: str) -> None:
    assert gathering.sql(text) == gathering.bound(text).text


def test_a_transaction_is_not_ended_by_a_question(gathering: Shop) -> None:
    gathering.connection.begin()
    text = "SELECT id, PREDICT('m') AS p FROM many WHERE draw < 20 AND (id || 'x')::INTEGER > 3"
    assert gathering.applied(text) == []
    assert gathering.connection.execute("SELECT 1").fetchall() == [(1,)]
    gathering.connection.rollback()


def test_a_question_that_fails_changes_nothing(gathering: Shop) -> None:
    text = "SELECT id, PREDICT('m') AS p FROM many WHERE draw < 20 AND (id || 'x')::INTEGER > 3"
    assert gathering.applied(text) == []


def test_small_tables_are_not_asked_about(gathering: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gather_rows.__globals__, "ROWS_WORTH_ASKING", 70_000)
    assert gathering.applied("SELECT id, PREDICT('m') AS p FROM many WHERE draw < 20") == []
