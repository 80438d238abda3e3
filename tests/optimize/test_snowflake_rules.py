"""The rules on Snowflake: on DuckDB's text that is compiled for it, and on a session of its own.

What they write runs on the emulation and gives DuckDB's rows.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlglot
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import warehouse_ml as wml
from tests.backends.inline_check import same
from tests.query.snowflake_catalog import create_function, read
from warehouse_ml.engines.base import Namespace
from warehouse_ml.engines.snowflake import SnowflakeEngine
from warehouse_ml.errors import ScoringError, SqlError
from warehouse_ml.functions import Functions
from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize import RULES, SNOWFLAKE_RULES, optimize, score_before_join
from warehouse_ml.optimize.engine_knowledge import EngineKnowledge
from warehouse_ml.queries import Queries
from warehouse_ml.query.bind import bind
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.dialect import SNOWFLAKE
from warehouse_ml.query.parse import parse
from warehouse_ml.quoting import literal
from warehouse_ml.testing.snowflake import emulated_snowflake

RANDOM = np.random.default_rng(3)
ROWS = pd.DataFrame(RANDOM.normal(size=(60, 2)), columns=["a", "b"]).assign(
    kind=RANDOM.choice(["x", "it's"], 60)
)
NUMBERS = ROWS[["a", "b"]]
LABELS = np.where(ROWS.a + ROWS.b > 0.2, "yes", "no")
ENCODED = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["a", "b"]))
MODELS: dict[str, tuple[Any, Any, Any]] = {
    "logit": (make_pipeline(StandardScaler(), LogisticRegression()), NUMBERS, LABELS),
    "encoded": (make_pipeline(ENCODED, Ridge()), ROWS, ROWS.a),
    "tree": (DecisionTreeClassifier(max_depth=3), NUMBERS, LABELS),
}
TABLE = [
    (place, None if place % 13 == 5 else float(place % 9 - 4), float(place % 7) / 2, ["x", "it's"][place % 2])
    for place in range(40)
]


def number(value: float | None) -> str:
    return "NULL" if value is None else str(value)


@pytest.fixture(scope="module")
def duck() -> Iterator[wml.Session]:
    with wml.connect() as opened:
        for name, (estimator, rows, target) in MODELS.items():
            opened.register(name, estimator.fit(rows, target), rows)
        given = pd.DataFrame(TABLE, columns=["id", "a", "b", "kind"])
        opened.sql(
            "CREATE TABLE t AS SELECT id::INTEGER AS id, a::DOUBLE AS a, b::DOUBLE AS b, kind FROM given"
        )
        assert len(given) == 40
        yield opened


@pytest.fixture(scope="module")
def engine(duck: wml.Session) -> Iterator[SnowflakeEngine]:
    """A session of the emulation with the same table, and the models' functions as SQL."""
    with emulated_snowflake() as emulation:
        opened = SnowflakeEngine(emulation.session())
        opened.run("CREATE SCHEMA IF NOT EXISTS warehouse_ml")
        opened.run("CREATE TABLE t (id INTEGER, a FLOAT, b FLOAT, kind VARCHAR)")
        rows = ", ".join(f"({place}, {number(a)}, {b}, {literal(kind)})" for place, a, b, kind in TABLE)
        opened.run(f"INSERT INTO t VALUES {rows}")
        for name in ("logit", "tree"):
            version, facts = (
                duck._registry.resolve(name),
                duck._registry.plan_facts(duck._registry.resolve(name)),
            )
            names = ["feature_0", "feature_1"]
            for method in version.methods:
                body = facts.inline.sql(method, names, ["FLOAT", "FLOAT"], "snowflake")
                opened.run(create_function(version, method, body.replace("{", "{{").replace("}", "}}")))
        yield opened


def rows_of(engine: SnowflakeEngine, text: str) -> list[tuple[Any, ...]]:
    return [tuple(map(read, row)) for row in engine.run(text)]


def alike(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> bool:
    return len(left) == len(right) and all(
        same(one, other) for pair in zip(left, right, strict=True) for one, other in zip(*pair, strict=True)
    )


STATEMENTS = [
    "SELECT id, PREDICT('logit', a, b) AS l, PREDICT_PROBA('logit', *) AS p FROM t ORDER BY id",
    "SELECT id, PREDICT('encoded', *) AS r FROM t ORDER BY id",
    "SELECT id, PREDICT('tree', a + 1, b) AS l FROM t WHERE id % 3 = 1 AND PREDICT_PROBA('logit', *) > 0.2",
    "SELECT * EXCLUDE (a, b) FROM PREDICT('logit', TABLE t) ORDER BY id",
    "SELECT kind, avg(PREDICT_PROBA('logit', a, b)) AS p FROM t GROUP BY kind ORDER BY kind",
    "SELECT max(id) AS m FROM t QUALIFY row_number() OVER (ORDER BY avg(PREDICT_PROBA('tree', *))) = 1",
]  # fmt: skip


@pytest.mark.parametrize("statement", STATEMENTS)
def test_compiled_text_gives_the_same_rows(
    duck: wml.Session, engine: SnowflakeEngine, statement: str
) -> None:
    assert alike(
        rows_of(engine, duck.compile(statement, dialect="snowflake")), duck.sql(statement).fetchall()
    )


@pytest.mark.parametrize("statement", STATEMENTS)
def test_compiled_text_is_snowflakes(duck: wml.Session, statement: str) -> None:
    text = duck.compile(statement, dialect="snowflake")
    assert sqlglot.parse_one(text, read="snowflake") is not None
    assert "wml_inlined_" not in text


def test_a_small_model_needs_no_function(duck: wml.Session) -> None:
    text = duck.compile("SELECT PREDICT_PROBA('logit', *) AS p FROM t", dialect="snowflake")
    assert "warehouse_ml." not in text
    assert "t.a::FLOAT" in text


def test_rules_can_be_switched_off(duck: wml.Session) -> None:
    with duck.optimizer.without("inline_scores"):
        text = duck.compile("SELECT PREDICT('logit', *) AS p FROM t", dialect="snowflake")
    name = duck._registry.resolve("logit").function
    assert text == f"SELECT warehouse_ml.{name}(t.a, t.b) AS p FROM t"


def test_a_view_calls_the_functions(duck: wml.Session) -> None:
    text = duck.compile("CREATE VIEW v AS SELECT PREDICT('logit', *) AS p FROM t", dialect="snowflake")
    assert f"warehouse_ml.{duck._registry.resolve('logit').function}(t.a, t.b)" in text


def test_filters_come_first_there_too(duck: wml.Session, engine: SnowflakeEngine) -> None:
    statement = "SELECT id FROM t WHERE id % 3 = 1 AND PREDICT('tree', a, b) = 'yes' ORDER BY id"
    with duck.optimizer.only("filters_first"):
        text = duck.compile(statement, dialect="snowflake")
    assert "CASE WHEN (id % 3 = 1) THEN (warehouse_ml." in text
    assert alike(rows_of(engine, text), duck.sql(statement).fetchall())


def test_several_statements_are_compiled_together(duck: wml.Session) -> None:
    text = duck.compile("SELECT 1 AS x; SELECT PREDICT('encoded', 1, 2, 'x') AS y", dialect="snowflake")
    assert text.startswith("SELECT 1 AS x;\nSELECT ")


def test_the_sessions_own_dialect(duck: wml.Session) -> None:
    with duck.optimizer.only("use_plans"):
        assert duck.compile("SELECT PREDICT('tree', *) AS p FROM t") == (
            f'SELECT {duck._registry.resolve("tree").function}(t."a", t."b") AS p FROM t'
        )


def test_another_dialect_is_refused(duck: wml.Session) -> None:
    with pytest.raises(SqlError, match="cannot be compiled to 'oracle'; write 'duckdb' or 'snowflake'"):
        duck.compile("SELECT 1", dialect="oracle")


def test_rules_that_make_functions_are_duckdbs_alone() -> None:
    names = {rule.__name__ for rule in SNOWFLAKE_RULES}
    assert names == {"inline_scores", "score_before_join", "filters_first", "drop_idle_features"}
    assert set(SNOWFLAKE_RULES) < set(RULES)


# --- a session on Snowflake ---------------------------------------------------------------------


class Catalog:
    """The models of one session, and the columns of another."""

    def __init__(self, duck: wml.Session, engine: SnowflakeEngine) -> None:
        self._duck, self.columns = duck, engine.columns

    def resolve(self, name: str, selector: str) -> ModelVersion:
        return self._duck._registry.resolve(name, selector)


class Knowing(EngineKnowledge):
    """What a test says about rows and errors."""

    def estimated_rows(self, query: str) -> int | None:
        return 1_000_000 if " JOIN " in query else 100

    def may_raise(self, version: ModelVersion) -> bool:
        return False


def on_session(duck: wml.Session, engine: SnowflakeEngine, text: str, *rules: str) -> BoundStatement:
    bound = bind(parse(text, "snowflake"), Catalog(duck, engine), SNOWFLAKE)
    off = {rule.__name__ for rule in RULES} - set(rules)
    return optimize(bound, Knowing(engine, plan=duck._registry.plan_facts), off)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id, PREDICT('logit', a, b) AS l, PREDICT_PROBA('logit', *) AS p FROM t ORDER BY id",
        "SELECT id, PREDICT('encoded', {'a': a, 'b': b, 'kind': 'x'}) AS r FROM t ORDER BY id",
        "SELECT id, PREDICT('tree', b, NVL(a, 0)) AS l FROM t ORDER BY id // PREDICT('tree')",
        "SELECT SUM(PREDICT_PROBA('logit', *)) AS s FROM t WHERE PREDICT('tree', *) = 'yes'",
    ],
)
def test_inlined_on_a_session(duck: wml.Session, engine: SnowflakeEngine, text: str) -> None:
    bound = on_session(duck, engine, text, "inline_scores")
    assert {done.rule for done in bound.applied} == {"inline_scores"}
    assert "warehouse_ml." not in bound.text
    ordinary = text.replace("NVL", "ifnull").partition(" //")[0]
    assert alike(rows_of(engine, bound.text), duck.sql(ordinary).fetchall())


@pytest.mark.parametrize("arguments", ["1, 2, 'it''s new'", "'inf'::FLOAT, 2, 'x'"])
def test_a_refused_row_raises_the_same_sentence(
    duck: wml.Session, engine: SnowflakeEngine, arguments: str
) -> None:
    text = f"SELECT PREDICT('encoded', {arguments}) AS r"
    bound = on_session(duck, engine, text, "inline_scores")
    with pytest.raises(ScoringError) as theirs:
        engine.run(bound.text)
    with pytest.raises(ScoringError) as ours:
        duck.sql(text.replace("'inf'::FLOAT", "'inf'::DOUBLE")).fetchall()
    assert [done.rule for done in bound.applied] == ["inline_scores"]
    assert str(theirs.value) == str(ours.value)


@pytest.fixture(scope="module")
def queries(duck: wml.Session, engine: SnowflakeEngine) -> Queries:
    return Queries(engine, duck._registry, Functions(engine, duck._registry), progress=False)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id, PREDICT('logit', *) AS l, logit!PREDICT_PROBA(a, b):output_feature_1 AS p FROM t",
        "SELECT id, MODEL(tree, v1)!PREDICT(a, b) AS l FROM t WHERE id % 3 = 1 ORDER BY id",
        "SELECT * FROM PREDICT('tree', TABLE t) ORDER BY id",
        "SELECT id FROM t WHERE PREDICT('encoded', *) > ? ORDER BY id",
    ],
)
@pytest.mark.parametrize("rules", [(), tuple(rule.__name__ for rule in SNOWFLAKE_RULES)])
def test_queries_give_the_same_on_both_engines(
    duck: wml.Session, queries: Queries, text: str, rules: tuple[str, ...]
) -> None:
    params = [0.1] if "?" in text else None
    if "encoded" in text:  # it has no function here
        rules = ("inline_scores",)
    with queries.optimizer.only(*rules):
        rows = queries.run(text, params, Namespace({}, {}))
    assert rows is not None
    assert alike([tuple(map(read, row)) for row in rows.rows()], duck.sql(text, params).fetchall())


def test_explain_tells_on_a_session(queries: Queries) -> None:
    rows = queries.run("EXPLAIN PREDICT SELECT PREDICT('logit', *) AS p FROM t", None, Namespace({}, {}))
    assert rows is not None
    told = "\n".join(" ".join(row) for row in rows.rows())
    assert "back end: inline, an expression that Snowflake computes by itself" in told
    assert "result: VARCHAR" in told


def test_compile_of_a_session_is_what_is_sent(queries: Queries) -> None:
    with queries.optimizer.only():
        text = queries.compile("SELECT PREDICT('tree', *) AS p FROM t // here", Namespace({}, {}))
    assert text.startswith("SELECT warehouse_ml.wml_tree_v1_")
    assert text.endswith('(t."A", t."B") AS p FROM t // here')


def test_snowflakes_text_is_not_compiled_to_duckdb(queries: Queries) -> None:
    with pytest.raises(SqlError, match="A statement of snowflake cannot be compiled to 'duckdb'"):
        queries.compile("SELECT 1", Namespace({}, {}), "duckdb")


def test_filters_first_on_a_session(duck: wml.Session, engine: SnowflakeEngine) -> None:
    text = "SELECT id FROM t WHERE MOD(id, 3) = 1 AND PREDICT('tree', a, b) = 'yes' ORDER BY id"
    bound = on_session(duck, engine, text, "filters_first")
    assert "CASE WHEN (MOD(id, 3) = 1) THEN (warehouse_ml." in bound.text
    assert rows_of(engine, bound.text) == rows_of(engine, on_session(duck, engine, text).text)


def test_scores_before_a_join_on_a_session(duck: wml.Session, engine: SnowflakeEngine) -> None:
    text = "SELECT x.id, PREDICT('tree', t.a, t.b) AS l, t.* FROM t AS x JOIN t ON x.id = t.id ORDER BY x.id"
    assert score_before_join in SNOWFLAKE_RULES
    bound = on_session(duck, engine, text, "score_before_join")
    assert "JOIN (SELECT *, warehouse_ml." in bound.text
    assert "t.* EXCLUDE (wml_score_1)" in bound.text
    assert rows_of(engine, bound.text) == rows_of(engine, on_session(duck, engine, text).text)


def test_a_score_that_may_raise_stays_above_the_join(
    duck: wml.Session, engine: SnowflakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Knowing, "may_raise", lambda self, version: True)
    text = "SELECT PREDICT('tree', t.a, t.b) AS l FROM t AS x JOIN t ON x.id = t.id"
    assert on_session(duck, engine, text, "score_before_join").applied == ()


def test_no_variant_is_made_on_a_session(duck: wml.Session, engine: SnowflakeEngine) -> None:
    text = "SELECT PREDICT('tree', *), PREDICT_PROBA('tree', *) FROM t WHERE PREDICT('tree', *) = 'yes'"
    bound = on_session(
        duck, engine, text, *(rule.__name__ for rule in RULES if rule.__name__ != "inline_scores")
    )
    assert bound.variants == ()
