"""Kernels of trees with the bounds of WHERE, against the version's own functions."""

import importlib.util
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

import warehouse_ml as wml
from warehouse_ml.engines import bounded_scorer
from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.optimize import prune_kernels

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="the kernel needs numba, which is not installed"
)


@pytest.fixture(scope="module")
def session() -> Iterator[wml.Session]:
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(1500, 3)), columns=["a", "b", "c"])
    with pytest.MonkeyPatch.context() as patch, wml.connect() as opened:
        patch.setattr(prune_kernels, "ROWS_WORTH_PRUNING", 100)
        forest = RandomForestClassifier(40, max_depth=8, random_state=0)
        opened.register("forest", forest.fit(rows, rows.a * rows.b > rows.c), rows)
        other = RandomForestRegressor(30, max_depth=7, random_state=0)
        opened.register("other", other.fit(rows, rows.a * 3 + rows.b), rows)
        opened.sql(
            "CREATE TABLE t AS SELECT id, (id * 37 % 400 - 200) / 100.0::DOUBLE AS a, "
            "CASE WHEN id % 50 > 0 THEN (id * 91 % 600 - 300) / 100.0::DOUBLE END AS b, "
            "CASE WHEN id % 60 > 0 THEN (id * 13 % 300 - 150) / 100.0 ELSE 'nan'::DOUBLE END::DOUBLE AS c, "
            "(id % 5)::FLOAT AS f FROM range(5000) AS ids(id)"
        )
        yield opened


BOUNDED = [
    "SELECT sum(PREDICT_PROBA('forest')) AS p FROM t WHERE a > 1",
    "SELECT id, PREDICT_PROBA('forest') AS p FROM t WHERE a BETWEEN 0.5 AND 1 AND b < 0 ORDER BY id",
    "SELECT id FROM t WHERE a > 1 AND PREDICT_PROBA('forest') > 0.5 ORDER BY id",
    "SELECT PREDICT_PROBA('forest') AS p FROM t WHERE a > 1 AND PREDICT_PROBA('forest') > 0 ORDER BY p",
    "SELECT id, PREDICT('forest') AS p, PREDICT_PROBA('forest') AS q FROM t WHERE c > 1 ORDER BY id",
    "SELECT id, PREDICT('other') AS p FROM t WHERE c = 1.0 AND a IN (0.5, 0.25, 1) ORDER BY id",
    "SELECT id, PREDICT('other', f, b, c) AS p FROM t WHERE f >= 3 ORDER BY id",
    "SELECT id, TRY_PREDICT('other') AS p FROM t WHERE b IS NOT NULL AND b > 2.5 ORDER BY id",
    "SELECT id, PREDICT_PROBA('forest') AS p FROM t WHERE a > 1 AND id < 0 ORDER BY id",
]


@pytest.mark.parametrize("text", BOUNDED)
def test_scores_by_pruned_trees_are_the_same_to_the_bit(session: wml.Session, text: str) -> None:
    with session.optimizer.off():
        expected = session.sql(text).fetchall()
    assert list(map(repr, session.sql(text).fetchall())) == list(map(repr, expected))
    assert "prune_models" in [entry.rule for entry in session.explain(text).applied]


def test_trees_are_pruned(session: wml.Session) -> None:
    bounded_scorer._loaded.clear()
    session.sql("SELECT sum(PREDICT_PROBA('forest')) AS p FROM t WHERE a BETWEEN 1.25 AND 1.5").fetchall()
    (scorer,) = bounded_scorer._loaded.values()
    (part,) = scorer.get()._parts
    assert isinstance(part.kernel, load_handler("tree_pruning").BoundedKernel)
    assert part.kernel._pruned is not None


def test_pruned_trees_of_old_statements_are_given_back(session: wml.Session) -> None:
    for place in range(bounded_scorer.MOST_LOADED + 3):
        session.sql(f"SELECT sum(PREDICT('other')) AS p FROM t WHERE a > 1.{place:02}").fetchall()
    assert len(bounded_scorer._loaded) == bounded_scorer.MOST_LOADED


STAYS = [
    "SELECT sum(PREDICT_PROBA('forest')) AS p FROM t WHERE a > 1 OR b > 1",
    "SELECT sum(PREDICT_PROBA('forest')) AS p FROM t WHERE a + 0 > 1",
    "SELECT sum(PREDICT_PROBA('forest', a, b, random())) > 0 AS p FROM t WHERE id > 1",
    "SELECT sum(PREDICT_PROBA('forest', x.a, x.b, x.c)) AS p FROM t x JOIN t y USING (id) WHERE y.a > 1",
    "SELECT (SELECT sum(PREDICT('other')) FROM t WHERE a > 1) + (SELECT sum(PREDICT('other')) FROM t) AS p",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_is_not_sure_stays(session: wml.Session, text: str) -> None:
    assert "prune_models" not in [entry.rule for entry in session.explain(text).applied]


def test_conditions_are_not_read_where_there_are_few_rows(
    session: wml.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(prune_kernels, "ROWS_WORTH_PRUNING", 10**9)
    monkeypatch.setattr(prune_kernels, "known_values", read)
    session.compile("SELECT sum(PREDICT_PROBA('forest')) AS p FROM t WHERE a > 1")
