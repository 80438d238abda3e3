"""Snowflake's own spellings of a call, on DuckDB."""

import pytest

from tests.query.sql_catalog import StubCatalog, catalog
from warehouse_ml.errors import AliasNotFoundError, CallSyntaxError, ModelNotFoundError
from warehouse_ml.query.parse import parse


@pytest.fixture
def duck() -> StubCatalog:
    return catalog()


SAME = {
    "churn!PREDICT(age, plan)": "PREDICT('churn', age, plan)",
    "Churn ! predict ( age, plan )": "PREDICT('churn', age, plan)",
    '"churn"!PREDICT(age, plan)': "PREDICT('churn', age, plan)",
    "warehouse_ml.churn!PREDICT(age, plan)": "PREDICT('churn', age, plan)",
    "churn!PREDICT_PROBA(age, plan)": "PREDICT_PROBA('churn', age, plan)",
    "churn!TRY_PREDICT(age, plan)": "TRY_PREDICT('churn', age, plan)",
    "MODEL(churn)!PREDICT(age, plan)": "PREDICT('churn', age, plan)",
    "MODEL(churn, DEFAULT)!PREDICT(age, plan)": "PREDICT('churn', age, plan)",
    "MODEL(churn, LAST)!PREDICT(age, plan)": "PREDICT('churn@latest', age, plan)",
    "MODEL(churn, FIRST)!PREDICT(age, plan)": "PREDICT('churn@1', age, plan)",
    "MODEL(churn, champion)!PREDICT(age, plan)": "PREDICT('churn@champion', age, plan)",
    "MODEL(churn, v1)!PREDICT(age, plan)": "PREDICT('churn@1', age, plan)",
    "model(warehouse_ml.churn, \"V1\")!PREDICT(age, plan)": "PREDICT('churn@1', age, plan)",
    "churn!PREDICT(age, plan):output_feature_0": "PREDICT('churn', age, plan)",
    "churn!PREDICT(age, plan)['output_feature_0']": "PREDICT('churn', age, plan)",
    "churn!PREDICT(age, plan):output_feature_0::VARCHAR": "PREDICT('churn', age, plan)::VARCHAR",
    "churn!PREDICT_PROBA(age, plan):output_feature_1": "PREDICT_PROBA('churn', age, plan)",
    "churn!PREDICT_PROBA(age, plan):output_feature_0": "1 - PREDICT_PROBA('churn', age, plan)",
    "churn!PREDICT(*)": "PREDICT('churn', *)",
    "churn!PREDICT({'age': age, 'plan': 'pro'})": "PREDICT('churn', age, 'pro')",
}  # fmt: skip


@pytest.mark.parametrize("native", SAME)
def test_a_native_call_gives_what_ours_gives(duck: StubCatalog, native: str) -> None:
    rows = duck.run(f"SELECT id, {native} AS p FROM customers ORDER BY id")
    assert rows == duck.run(f"SELECT id, {SAME[native]} AS p FROM customers ORDER BY id")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_outputs_of_classes_are_numbered(duck: StubCatalog, place: int) -> None:
    label = ("it's", 'say "x"', "c")[place]
    rows = duck.run("SELECT PREDICT_PROBA('grade', a) FROM t WHERE a IS NOT NULL ORDER BY id")
    native = f"SELECT grade!PREDICT_PROBA(a):output_feature_{place} FROM t WHERE a IS NOT NULL ORDER BY id"
    assert duck.run(native) == [(row[0][label],) for row in rows]


def test_outputs_of_several_targets_are_numbered(duck: StubCatalog) -> None:
    assert duck.run("SELECT both!PREDICT(3.0):output_feature_1") == [(4.0,)]


def test_an_output_keeps_the_calls_name(duck: StubCatalog) -> None:
    native = "churn!PREDICT(age, plan):output_feature_0"
    assert duck.names(f"SELECT {native} FROM customers") == [native]


def test_native_calls_nest(duck: StubCatalog) -> None:
    text = "SELECT m!PREDICT(one!PREDICT(a), MODEL(one)!PREDICT(b)) FROM t WHERE id = 1"
    assert duck.run(text) == [(2.0 + 10 * 4.0,)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("churn!PREDICT()", "no features are given"),
        ("s.churn!PREDICT(a)", "a model's name has no schema"),
        ("MODEL(churn, 'v1')!PREDICT(a)", "the version must be a name"),
        ("MODEL(churn, v1, v2)!PREDICT(a)", "write MODEL"),
        ("MODEL()!PREDICT(a)", "write MODEL"),
        ("churn!PREDICT(age, plan):output_feature_1", "has no output_feature_1"),
        ("churn!PREDICT_PROBA(age, plan):output_feature_2", "has no output_feature_2"),
    ],
)
def test_other_spellings_are_refused(duck: StubCatalog, text: str, problem: str) -> None:
    with pytest.raises(CallSyntaxError, match=problem):
        duck.sql(f"SELECT {text} FROM customers")


def test_in_from_ours_is_named(duck: StubCatalog) -> None:
    with pytest.raises(CallSyntaxError, match=r"in FROM, write PREDICT\('churn', TABLE customers\)"):
        duck.sql("SELECT * FROM churn!PREDICT(age, plan)")


def test_a_version_that_is_none_is_no_alias_either(duck: StubCatalog) -> None:
    with pytest.raises(AliasNotFoundError, match="nightly"):
        duck.sql("SELECT MODEL(churn, nightly)!PREDICT(age, plan) FROM customers")


def test_a_model_that_is_not_ours_is_an_error_on_duckdb(duck: StubCatalog) -> None:
    with pytest.raises(ModelNotFoundError):
        duck.sql("SELECT theirs!PREDICT(a) FROM t")


@pytest.mark.parametrize(
    "text", ["SELECT a != PREDICT", "SELECT m!EXPLAIN(a)", "SELECT 'm!PREDICT(a)'", "SELECT 5!"]
)
def test_what_is_no_call(text: str) -> None:
    assert parse(text).calls == ()


@pytest.mark.parametrize(
    "text", ["SELECT theirs.m!PREDICT(a) FROM t", "SELECT MODEL(x.m, v1)!PREDICT(a) FROM t"]
)
def test_models_in_other_schemas_are_snowflakes_own(text: str) -> None:
    assert parse(text, "snowflake").calls == ()
