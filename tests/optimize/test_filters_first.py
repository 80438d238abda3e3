import pytest

from tests.optimize.shop import Shop, shop


@pytest.fixture(scope="module")
def filtering() -> Shop:
    return shop("filters_first")


GUARDED = [
    ("SELECT id FROM big WHERE PREDICT('m') > 500 AND id % 100 = 3", 10),
    (
        "SELECT id FROM big WHERE rare AND PREDICT('m') > 5 AND a + id < 300 AND PREDICT('one') < 9 AND k<3",
        None,
    ),
    ("SELECT id, PREDICT('one') AS p FROM big x WHERE PREDICT('m') < 9e9 AND id % 100 = 3", 20),
    ("SELECT sum(a) FROM big WHERE id % 100 = 3 AND (PREDICT('m') > 500 OR rare)", None),
    ("SELECT id FROM big WHERE rare IS NOT FALSE AND id <= 24.5 AND PREDICT('m') > 5", 2),
    ("DELETE FROM t WHERE id IN (SELECT id FROM big WHERE PREDICT('m') > 500 AND a + id < 0)", 0),
]


@pytest.mark.parametrize(("text", "rows"), GUARDED)
def test_conditions_on_scores_wait_for_the_others(filtering: Shop, text: str, rows: int | None) -> None:
    assert set(filtering.applied(text)) == {"filters_first"}
    assert filtering.run(text) == filtering.plain(text)
    if rows is not None:
        assert filtering.scored(text) == rows


STAYS = [
    "SELECT id FROM big WHERE PREDICT('m') > 500 AND k = 3 AND 10 < id",
    "SELECT id FROM big WHERE PREDICT('m') > 500 AND rare",
    "SELECT id FROM big WHERE PREDICT('m') BETWEEN 1 AND 9e9 AND id % 100 = 3",
    "SELECT id FROM big WHERE PREDICT('m') > 500 AND random() + a > 3",
    "SELECT id FROM big WHERE PREDICT('m') > 500 OR id % 100 = 3",
    "SELECT id, PREDICT('m') AS p FROM big WHERE id % 100 = 3",
    "SELECT id FROM big JOIN kinds USING (k) WHERE PREDICT('m') > 500 AND id % 100 = 3",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(filtering: Shop, text: str) -> None:
    assert filtering.sql(text) == filtering.bound(text).text
