"""The benchmarks on a few rows, so that the scripts do not rot; figures mean nothing here."""

import importlib.util
import math
import os
import time
from dataclasses import replace

import numpy as np
import pytest

import warehouse_ml as wml
from benchmarks import flights
from benchmarks.compiling import STATEMENTS, compiling
from benchmarks.graphs import Graph, converted, fused
from benchmarks.handwritten import linear_sql, trees_sql
from benchmarks.measure import Absent, Comparison, Contestant, Fact, Timing, answer, compare
from benchmarks.memory_child import peak
from benchmarks.peers import PEERS
from benchmarks.queries import QUERIES, queries
from benchmarks.report import page, tables
from benchmarks.results import Results
from benchmarks.rivals import packed, predictor
from benchmarks.routes import routes
from benchmarks.run import write
from benchmarks.scale import scale
from benchmarks.synthetic import FEATURES, create_rows, training_rows
from benchmarks.targets import TARGETS, per_day, times, verdicts
from benchmarks.works import WORKS, fitted

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib comes with the extra 'bench'"
)


@pytest.fixture(scope="module")
def session():
    with wml.connect() as session:
        create_rows(session.connection, "t", 500)
        yield session


@pytest.fixture(scope="module")
def training(session):
    return training_rows(session.connection, 600)


@pytest.fixture(scope="module")
def matrix(session):
    table = session.connection.sql("FROM t").to_arrow_table()
    return packed(*(column.combine_chunks() for column in table.columns))


@pytest.fixture(scope="module")
def small(training):
    """Every work, with few trees and few rows."""
    made = {}
    for key, work in WORKS.items():
        estimator = work.estimator()
        few = {"n_estimators": 3} if "n_estimators" in estimator.get_params() else {}
        made[key] = replace(work, estimator=lambda made=estimator, few=few: made.set_params(**few))
    return {key: fitted(work, *training) for key, work in made.items()}


@pytest.fixture
def few_trees(monkeypatch):
    """Boosting of a few trees, which is registered in no time."""

    whole = WORKS["xgboost"]
    part = replace(whole, estimator=lambda: whole.estimator().set_params(n_estimators=3))
    monkeypatch.setitem(WORKS, "xgboost", part)


def result(**seconds):
    timings = tuple(Timing(key, key, (value,), 0.0) for key, value in seconds.items())
    results = Results("today", "command", {"cores": "2"}, {"python": "3"})
    results.add(Comparison("routes", "xgboost", "XGBoost", 1000, timings))
    return results


# --- the method ---------------------------------------------------------------------------------


def test_contestants_take_turns_after_a_warm_up():
    order = []
    ways = [Contestant(key, key, lambda key=key: order.append(key) or 1.0) for key in "ab"]
    compare("routes", "k", "title", 1, ways, rounds=2)
    assert "".join(order) == "ab" + "abab"


def test_another_answer_is_noticed():
    ways = [Contestant("a", "a", lambda: 1.0), Contestant("b", "b", lambda: 1.001), Absent("c", "c", "gone")]
    found = compare("routes", "k", "title", 1, ways, rounds=1)
    assert found.disagreements == ["b"]
    assert math.isnan(found.median("c"))


def test_a_part_of_the_rows_is_scaled_and_not_compared():
    way = Contestant("b", "b", lambda: time.sleep(0.01) or 9.0, scale=100)
    found = compare("routes", "k", "title", 1, [Contestant("a", "a", lambda: 1.0), way], rounds=1)
    assert found.median("b") > 1
    assert found.disagreements == []


def test_answers_of_any_form_are_sums(session):
    assert answer(np.array([[0.75, 0.25], [0.5, 0.5]])) == (0.75,)
    assert answer(session.sql("SELECT 2 AS a, 'x' AS b").arrow()) == (1.0, 2.0)


def test_peak_memory_is_that_of_this_process():
    assert 2**24 < peak() < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


# --- the rivals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("key", WORKS)
def test_converted_graph_scores_as_the_library(key, small, matrix):
    _, predict = predictor(small[key])
    assert Graph(converted(small[key])).run(matrix) == pytest.approx(predict(matrix), abs=1e-5)


@pytest.mark.parametrize("key", ["linear", "mlp"])
def test_fused_graph_scores_as_the_library(key, small, matrix):
    _, predict = predictor(small[key])
    assert Graph(fused(small[key])).run_in_batches(matrix, 200) == pytest.approx(predict(matrix), abs=1e-5)


@pytest.mark.parametrize("key", ["xgboost", "lightgbm", "forest", "tree_3", "tree_10", "linear"])
def test_sql_by_hand_scores_as_the_library(key, small, session, matrix):
    estimator = small[key]
    text = linear_sql(estimator, "DOUBLE") if key == "linear" else trees_sql(estimator)
    scores = session.connection.sql(f"SELECT {text} AS p FROM t").fetchnumpy()["p"]
    assert scores == pytest.approx(predictor(estimator)[1](matrix), abs=1e-6)


# --- the parts ----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # the peers' own, where they are installed
def test_routes_agree(tmp_path):
    with wml.connect() as session:
        (found,) = routes(session, tmp_path, rows=300, rounds=1, works=["tree_3"], training=400)
    assert found.disagreements == []
    assert found.timings[0].name == "SQL: PREDICT_PROBA"
    assert {"ours", "library", "pulled", "udf_converter", "sql_case"} <= {way.key for way in found.timings}


def test_queries_agree(few_trees):
    keys = ("tree_label", "distinct_inputs")
    with wml.connect() as session:
        found = list(queries(session, rows=300, flights=500, rounds=1, keys=keys, training=400))
    assert [comparison.key for comparison in found] == ["distinct_inputs", "tree_label"]
    assert [name for comparison in found for name in comparison.disagreements] == []


def test_flights_agree(monkeypatch):
    monkeypatch.setattr(flights, "PIPELINES", {"linear": flights.PIPELINES["flights_linear"]})
    with wml.connect() as session:
        (found,) = flights.flights(session, flights=2000, rounds=1)
    assert found.rows >= 2000
    assert found.disagreements == []


def test_compiling_times_both_files(few_trees, monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.compiling.REPEATS", 1)
    found = list(compiling(tmp_path, models=4, rounds=1))
    assert [c.key for c in found if isinstance(c, Comparison)] == list(STATEMENTS)
    assert all(fact.value > 0 for fact in found if isinstance(fact, Fact))


def test_every_query_has_a_title_and_a_key_of_its_own():
    assert len({query.key for query in QUERIES}) == len({query.title for query in QUERIES}) == len(QUERIES)


def test_scale_measures_a_process_of_its_own(few_trees, tmp_path):
    comparison, *facts = scale(tmp_path, sizes=(30, 300), rounds=1, training=400)
    assert [timing.key for timing in comparison.timings] == ["30", "300"]
    assert [fact.key for fact in facts] == ["plain_peak", "plain_seconds", "scored_peak", "scored_seconds"]
    assert all(fact.value > 0 for fact in facts)


def test_every_peer_says_what_it_is():
    assert all(key and title for _, key, title, _ in PEERS)


# --- the report ---------------------------------------------------------------------------------


def test_the_fastest_of_several_rivals_counts():
    results = result(ours=2.0, slow=8.0, fast=1.0)
    assert times("routes", "xgboost", "slow", "fast", "absent")(results) == 0.5
    assert math.isnan(times("routes", "linear", "slow")(results))


def test_a_target_is_met_or_not():
    met = [verdict.met for verdict in verdicts(result(ours=1.0, library=1.5, udf_converter=2.0))]
    assert met[:2] == [True, False]
    assert set(met[2:]) == {None}
    assert per_day(result(ours=1.0)) == 86_400_000


def test_targets_name_parts_that_exist():
    assert len(TARGETS) == 14
    rivals = {query.key for query in QUERIES}
    assert {"select_where_order", "plane_airport", "distinct_inputs", "selective_filter"} <= rivals
    assert set(FEATURES) == {f"f{position:02}" for position in range(28)}


def test_results_come_back_from_their_file():
    results = result(ours=1.0, library=1.5)
    results.add(Fact("memory", "scored_peak", "peak", 12.5, "MiB"))
    assert Results.from_json(results.to_json(targets=[math.nan])) == results


def test_page_names_the_command_and_every_section():
    text = page(result(ours=1.0, library=1.5))
    assert "Written on today by `command`" in text
    assert "| XGBoost 100 x depth 6 | inplace_predict in memory | 1.50 x | at least 1.3 x | yes |" in text
    assert [title for title, _, _ in tables(result(ours=1.0))] == [
        "Routes to the sum of a model's probabilities: XGBoost"
    ]


@needs_matplotlib
@pytest.mark.filterwarnings("ignore")  # of the font cache, at the first use on a machine
def test_chart_and_page_are_written(tmp_path):
    write(result(ours=1.0, library=1.5), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "benchmarks.json",
        "benchmarks.md",
        "benchmarks.svg",
    ]
    assert "XGBoost 100 x depth 6" in (tmp_path / "benchmarks.svg").read_text(encoding="utf-8")
