"""The whole way of a session on a GPU, with the CPU standing for it."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier

from warehouse_ml.engines import device, open_engine, variants
from warehouse_ml.errors import ScoringError
from warehouse_ml.optimize.gather_batches import gather_batches
from warehouse_ml.optimize.use_device import use_device
from warehouse_ml.session import Session

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame(RANDOM.normal(size=(400, 3)), columns=["a", "b", "c"]).assign(
    kind=RANDOM.choice(["x", "y", "z"], 400), words=RANDOM.choice(["one two", "two six", "six"], 400)
)
NUMBERS = ROWS[["a", "b", "c"]]
LABELS = np.where(ROWS.a + (ROWS.kind == "x") > 0.3, "yes", "no")
ENCODED = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["kind"]), (StandardScaler(), ["a", "b", "c"])
)
STRICT = make_column_transformer((OrdinalEncoder(), ["kind"]), ("passthrough", ["a"]))
MODELS = {
    "boosted": (XGBClassifier(n_estimators=20, max_depth=4), NUMBERS, (LABELS == "yes").astype(int)),
    "forest": (make_pipeline(ENCODED, RandomForestClassifier(30, max_depth=6)), ROWS, LABELS),
    "several": (RandomForestRegressor(25, max_depth=6), NUMBERS, NUMBERS[["a", "b"]] ** 2),
    "network": (
        MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=9000),
        NUMBERS,
        ROWS.a * ROWS.b,
    ),
    "strict": (make_pipeline(STRICT, RandomForestRegressor(25, max_depth=6)), ROWS[["kind", "a"]], ROWS.b),
    "texts": (make_pipeline(TfidfVectorizer(), LogisticRegression()), ROWS.words, LABELS),
}
TABLE = """
CREATE TABLE t AS SELECT i AS id, sin(i) AS a, cos(i) AS b, CASE WHEN i % 7 > 0 THEN sin(3 * i) END AS c,
  ['x', 'y', 'z', NULL][i % 4 + 1] AS kind, 'two ' || i % 9 AS words, i % 10 AS g, {'n': i, 'l': [i]} AS n,
  ('T' || i % 3) COLLATE NOCASE AS "Odd ""name", i::DECIMAL(9, 2) AS money FROM range(3000) r(i);
DELETE FROM t WHERE id % 11 = 5;
CREATE TABLE groups AS SELECT range AS g, 'group ' || range AS name FROM range(10);
CREATE VIEW v AS FROM t;
"""


@pytest.fixture(scope="module")
def patched():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "providers", lambda: ["CPUExecutionProvider"])
        patch.setitem(gather_batches.__globals__, "ROWS_WORTH_GATHERING", 1000)
        patch.setitem(use_device.__globals__, "LAUNCH_NANOSECONDS", 0.0)
        patch.setattr(variants, "DEVICE_BATCH", 512)
        yield patch


@pytest.fixture(scope="module")
def session(patched):
    with Session(open_engine(device="cuda")) as opened:
        for name, (estimator, rows, target) in MODELS.items():
            opened.register(name, estimator.fit(rows, target), rows)
        opened.sql(TABLE)
        yield opened


def rules(session, text: str) -> dict[str, str]:
    return {done.rule: done.effect for done in session.explain(text).applied}


def same(session, text: str) -> None:
    """A statement gives on the device what it gives without any rule."""
    found = session.sql(text).arrow()
    with session.optimizer.off():
        expected = session.sql(text).arrow()
    assert found.schema == expected.schema
    pd.testing.assert_frame_equal(found.to_pandas(), expected.to_pandas(), rtol=1e-9, atol=1e-12)


GATHERED = [
    "SELECT id, PREDICT_PROBA('boosted', *) AS p FROM t",
    "SELECT *, PREDICT('boosted', *) AS p FROM t WHERE g < 5",
    "SELECT t.*, PREDICT('boosted', a, b, c) AS p, PREDICT_PROBA('boosted', a, b, c) FROM t WHERE g <> 3",
    "SELECT id, PREDICT('forest', *) AS p, PREDICT_PROBA('forest', *) AS q FROM t",
    "SELECT id, PREDICT('several', *) AS p FROM t WHERE c IS NOT NULL",
    "SELECT id, PREDICT('network', *) AS p, PREDICT('several', *) AS s FROM t",
    "SELECT id, TRY_PREDICT('strict', kind, a) AS p FROM t",
    "SELECT avg(PREDICT_PROBA('boosted', *)), count(*) FROM t",
    "SELECT g, avg(PREDICT_PROBA('boosted', *)) AS p FROM t GROUP BY g ORDER BY g",
    "SELECT count(*) AS n FROM t GROUP BY PREDICT('forest', *) ORDER BY n",
    'SELECT id, money, n, "Odd ""name" AS odd FROM t WHERE PREDICT_PROBA(\'boosted\', *) > 0.5 AND g > 2',
    "SELECT id FROM t WHERE PREDICT_PROBA('boosted', *) > 0.5 ORDER BY PREDICT_PROBA('boosted', *), id",
    "SELECT id, PREDICT('network', *) AS p FROM t AS \"T x\" WHERE g > 100",
    "SELECT id, row_number() OVER () AS n, PREDICT('network', *) AS p FROM t",
    "SELECT first(id), last(PREDICT('network', *)) FROM t",
    "SELECT DISTINCT round(PREDICT('network', *), 1) AS p FROM t ORDER BY p",
    'SELECT "Odd ""name" AS o, max(PREDICT(\'network\', *)) AS p FROM t GROUP BY o ORDER BY lower(o)',
    "SELECT max(p) FROM (SELECT PREDICT('network', *) AS p FROM t WHERE money > 100)",
    "SELECT name, p FROM groups JOIN (SELECT g, sum(PREDICT('network', *)) AS p FROM t GROUP BY g) USING (g) "
    "ORDER BY name",
    "SELECT sum(PREDICT('network', *)) AS p FROM v WHERE g < 5",
    "SELECT id, PREDICT('network', a, b, c + 1) AS p FROM t WHERE id IN (SELECT g FROM groups)",
]


@pytest.mark.parametrize("text", GATHERED[:-1])
def test_rows_are_gathered(session, text: str) -> None:
    assert "batches of 131,072 rows" in rules(session, text)["gather_batches"], rules(session, text)
    same(session, text)


STAYS = {
    "SELECT id, PREDICT('network', *) AS p FROM t ORDER BY id LIMIT 3": "LIMIT wants few",
    "SELECT id, PREDICT('network', *) AS p FROM v": "no numbers",
    "SELECT name, PREDICT('network', a, b, c) p FROM t JOIN groups USING (g) ORDER BY id": "several tables",
    "SELECT t, PREDICT('network', *) AS p FROM t": "read as a whole",
    "SELECT rowid, PREDICT('network', *) AS p FROM t": "columns would not be the same",
    "SELECT CASE WHEN g > 1 THEN PREDICT('network', *) END AS p FROM t": "not every one of them is scored",
    "SELECT PREDICT('network', 1.0, 2.0, g) AS p FROM groups ORDER BY p": "they are about 10",
    GATHERED[-1]: "cannot be asked before",
}


@pytest.mark.parametrize("text", STAYS)
def test_other_rows_are_scored_as_they_come(session, text: str) -> None:
    done = rules(session, text)
    assert STAYS[text] in done["gather_batches"]
    # which of both was faster was measured when the model was registered
    assert re.match(r"cuda, (graph|onnxruntime) of \d+ operators, batches of 2,048 rows", done["use_device"])
    same(session, text)


def test_trees_with_few_rows_at_a_time_stay_on_the_cpu(session, monkeypatch) -> None:
    monkeypatch.setitem(use_device.__globals__, "LAUNCH_NANOSECONDS", 1e7)
    done = rules(session, "SELECT PREDICT_PROBA('boosted', *) FROM t LIMIT 5")
    assert "stays on the CPU: to start" in done["use_device"]
    assert "wml_boosted_v1" in session.compile("SELECT PREDICT_PROBA('boosted', *) FROM t LIMIT 5")


def test_shared_and_joined_calls_are_scored_on_the_device(session) -> None:
    text = (
        "SELECT id, PREDICT('network', a, b, c) AS p FROM t JOIN groups USING (g) "
        "WHERE PREDICT('network', a, b, c) > 0 ORDER BY id"
    )
    assert "cuda" in rules(session, text)["use_device"]
    same(session, text)


@pytest.mark.parametrize("order", ["", "ORDER BY hash(id)"])
def test_rows_of_many_threads_keep_their_scores_and_their_order(session, order: str) -> None:
    session.sql(
        "CREATE OR REPLACE TABLE many AS SELECT range AS id, sin(range) AS a, cos(range) AS b, "
        "(range % 7)::DOUBLE AS c FROM range(400_000)"
    )
    text = f"SELECT id, PREDICT_PROBA('boosted', *) AS p FROM many WHERE id % 3 > 0 {order}"
    assert "cuda" in rules(session, text)["gather_batches"]
    same(session, text)


def test_a_refused_row_is_refused_on_the_device(session) -> None:
    session.sql("CREATE OR REPLACE TABLE odd AS SELECT 'w' AS kind, id AS a FROM t")
    text = "SELECT PREDICT('strict', *) FROM odd"
    assert "cuda" in rules(session, text)["gather_batches"]
    with pytest.raises(ScoringError, match="The model refuses 'w' for the feature 'kind'"):
        session.sql(text).fetchall()


def test_the_explanation_names_the_device(session) -> None:
    lines = str(session.explain("SELECT PREDICT_PROBA('boosted', *) FROM t"))
    assert "back end: cuda, tensors of " in lines
    assert "operators, batches of 131,072 rows gathered out of about " in lines


def test_batches_are_as_large_as_they_may_be(session) -> None:
    told = session.explain("SELECT sum(PREDICT('network', *)) FROM t", analyze=True)
    assert (told.scored.rows, told.scored.batches) == (2727, 6)


def test_views_are_scored_on_the_cpu(session) -> None:
    session.sql("CREATE OR REPLACE VIEW scored AS SELECT id, PREDICT('network', *) AS p FROM t")
    assert session.sql("SELECT count(p) FROM scored").fetchall()[0][0] > 2000


def test_both_rules_can_be_switched_off(session) -> None:
    with session.optimizer.without("gather_batches", "use_device"):
        assert rules(session, "SELECT PREDICT('network', *) FROM t") == {}


def test_too_many_rows_are_not_held_at_once(session, monkeypatch) -> None:
    monkeypatch.setitem(gather_batches.__globals__, "MOST_CELLS", 3000)
    assert "too much memory" in rules(session, "SELECT PREDICT('network', *) FROM t")["gather_batches"]


def test_too_long_texts_are_not_gathered(session, monkeypatch) -> None:
    monkeypatch.setitem(gather_batches.__globals__, "MOST_BYTES", 100)
    assert "lengths of their texts" in rules(session, "SELECT PREDICT('forest', *) FROM t")["gather_batches"]


def test_other_sessions_know_no_device(session) -> None:
    other = Session(open_engine(session.connection))
    assert rules(other, "SELECT id, PREDICT('network', *) FROM t") == {}
