"""The native PREDICT: what it says, and what it gives on the emulation."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlglot
from snowflake.connector.errors import ProgrammingError

from tests.query.snowflake_catalog import SnowflakeCatalog, snowflake_catalog
from tests.query.sql_catalog import NUMBER
from warehouse_ml.engines import snowflake_dispatch
from warehouse_ml.engines.snowflake_dispatch import Dispatched, create_dispatch, dispatched
from warehouse_ml.engines.snowflake_readers import create_readers
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Feature, Signature

GOLDEN = """\
CREATE OR REPLACE FUNCTION warehouse_ml.predict(model VARCHAR, features OBJECT)
COPY GRANTS
RETURNS VARIANT
LANGUAGE SQL
COMMENT = 'warehouse_ml: predict of 1 versions by name'
AS $$
CASE
  WHEN LOWER(model) IN ('m', 'm@1', 'm@latest') THEN TO_VARIANT(warehouse_ml.wml_m_v1_ab12cd34(\
warehouse_ml.read_double(features, 'a', TRUE), warehouse_ml.read_double(features, 'b', TRUE)))
  ELSE TO_VARIANT(TO_DOUBLE('wml_refusal: ModelNotFoundError: No model ' || COALESCE(model, 'NULL') || \
' with PREDICT here. There is m.\\n in function ' || \
LEFT(COALESCE(features::VARCHAR, ''), 0)))
END
$$"""


@pytest.fixture(scope="module")
def opened() -> Iterator[SnowflakeCatalog]:
    with snowflake_catalog() as catalog:
        for statement in create_readers("warehouse_ml"):
            catalog.execute(statement)
        yield catalog


def entries(opened: SnowflakeCatalog) -> list[Dispatched]:
    versions = [opened.version(name) for name in ("m", "churn", "grade", "odd", "cases")]
    return dispatched(versions, {"m": {"default": 1}, "churn": {"champion": 1, "default": 1}})


MADE: dict[str, str] = {}
"""The statement that made the function of each method, which takes most of a test's time."""


def make(opened: SnowflakeCatalog, known: list[Dispatched], method: Any) -> None:
    statement = create_dispatch(known, method)
    if MADE.get(method) != statement:
        opened.execute(statement)
        MADE[method] = statement


def called(opened: SnowflakeCatalog, method: Any, model: str, features: str) -> Any:
    make(opened, entries(opened), method)
    return opened.execute(f"SELECT warehouse_ml.{method}({model}, {features}) AS p")[0][0]


def test_the_statement_is_the_golden_one(opened: SnowflakeCatalog) -> None:
    assert create_dispatch(dispatched([opened.version("m")], {"m": {"default": 1}}), "predict") == GOLDEN


@pytest.mark.parametrize("method", ["predict", "predict_proba", "try_predict"])
def test_the_statement_is_snowflakes(opened: SnowflakeCatalog, method: Any) -> None:
    tree = sqlglot.parse_one(create_dispatch(entries(opened), method), read="snowflake")
    assert isinstance(tree, sqlglot.exp.Create)


@pytest.mark.parametrize("reference", ["churn", "CHURN", "churn@1", "churn@latest", "churn@champion"])
def test_every_reference_finds_the_version(opened: SnowflakeCatalog, reference: str) -> None:
    features = "OBJECT_CONSTRUCT('age', 40, 'plan', 'pro')"
    assert called(opened, "predict", f"'{reference}'", features).strip('"') == "yes"


KEYS = [
    *("'a', 1.5, 'b', 2", "'A', 1.5, 'B', 2", "'b', 2, 'a', 1.5, 'other', 'x'"),
    "'a', 1.5, 'A', 9, 'B', 2",
]


@pytest.mark.parametrize("keys", KEYS)
def test_features_are_found_by_key(opened: SnowflakeCatalog, keys: str) -> None:
    assert float(called(opened, "predict", "'m'", f"OBJECT_CONSTRUCT({keys})")) == 21.5


def test_the_columns_of_a_table_are_the_keys(opened: SnowflakeCatalog) -> None:
    make(opened, entries(opened), "predict")
    scores = "SELECT warehouse_ml.predict('m', OBJECT_CONSTRUCT_KEEP_NULL(*))::FLOAT AS p FROM t ORDER BY id"
    assert opened.execute(scores) == [(21,), (43,), (None,), (0.5,), (43,)]


@pytest.mark.parametrize(
    "features", ["OBJECT_CONSTRUCT('a', 1, 'b', NULL)", "OBJECT_CONSTRUCT('a', 1, 'bb', 2)"]
)
def test_a_key_that_is_not_there_is_refused(opened: SnowflakeCatalog, features: str) -> None:
    with pytest.raises(
        ProgrammingError, match="no key 'b', a feature of the model. Make it by OBJECT_CONSTRUCT_KEEP"
    ):
        called(opened, "predict", "'m'", features)


def test_no_object_has_no_key(opened: SnowflakeCatalog) -> None:
    with pytest.raises(ProgrammingError, match="no key 'a', a feature of the model"):
        called(opened, "predict", "'m'", "NULL")


@pytest.mark.parametrize("null", ["NULL", "PARSE_JSON('null')"])
def test_a_null_is_null(opened: SnowflakeCatalog, null: str) -> None:
    assert called(opened, "predict", "'m'", f"OBJECT_CONSTRUCT_KEEP_NULL('a', 1, 'b', {null})") is None


@pytest.mark.parametrize("value", ["'2.5'", "'inf'", "TRUE", "ARRAY_CONSTRUCT(1)"])
def test_a_value_of_another_type_is_refused(opened: SnowflakeCatalog, value: str) -> None:
    with pytest.raises(ProgrammingError, match="Feature 'a' is DOUBLE; its VARIANT holds a value of another"):
        called(opened, "predict", "'m'", f"OBJECT_CONSTRUCT('a', {value}, 'b', 2)")


@pytest.mark.parametrize("value", ["'2.5'", "'inf'", "TRUE", "ARRAY_CONSTRUCT(1)"])
def test_a_value_of_another_type_has_no_score(opened: SnowflakeCatalog, value: str) -> None:
    make(opened, dispatched([opened.version("m")], {}), "try_predict")
    scores = "SELECT warehouse_ml.try_predict('m@1', OBJECT_CONSTRUCT('a', {}, 'b', 2)) AS p"
    assert opened.execute(scores.format(value)) == [(None,)]
    assert float(opened.execute(scores.format("1"))[0][0]) == 21


def test_a_key_that_is_not_there_has_no_score(opened: SnowflakeCatalog) -> None:
    make(opened, dispatched([opened.version("m")], {}), "try_predict")
    assert opened.execute("SELECT warehouse_ml.try_predict('m@1', OBJECT_CONSTRUCT('a', 1)) AS p") == [
        (None,)
    ]


def test_a_number_is_no_text(opened: SnowflakeCatalog) -> None:
    with pytest.raises(ProgrammingError, match="Feature 'plan' is VARCHAR; its VARIANT holds"):
        called(opened, "predict", "'churn'", "OBJECT_CONSTRUCT('age', 40, 'plan', 1.5)")


def test_features_that_differ_in_case_keep_it(opened: SnowflakeCatalog) -> None:
    assert float(called(opened, "predict", "'cases@1'", "OBJECT_CONSTRUCT('x', 1, 'X', 2)")) == 21
    with pytest.raises(ProgrammingError, match="no key 'X', a feature"):
        called(opened, "predict", "'cases@1'", "OBJECT_CONSTRUCT('x', 1)")


def test_probabilities_of_classes_are_an_object(opened: SnowflakeCatalog) -> None:
    assert called(opened, "predict_proba", "'grade@1'", "OBJECT_CONSTRUCT('a', 1)")["c"] == 0.5


@pytest.mark.parametrize(("model", "named"), [("'chrun'", "chrun"), ("'m@2'", "m@2"), ("NULL", "NULL")])
def test_an_unknown_model_is_an_error(opened: SnowflakeCatalog, model: str, named: str) -> None:
    with pytest.raises(
        ProgrammingError, match=f"No model {named} with PREDICT here. There is cases@1, churn"
    ):
        called(opened, "predict", model, "OBJECT_CONSTRUCT('a', 1)")


def test_a_model_without_the_method_is_an_error(opened: SnowflakeCatalog) -> None:
    with pytest.raises(ProgrammingError, match="No model m with PREDICT_PROBA here"):
        called(opened, "predict_proba", "'m'", "OBJECT_CONSTRUCT('a', 1)")


def test_without_any_version_every_call_is_an_error() -> None:
    assert "AS $$\nTO_VARIANT(TO_DOUBLE('wml_refusal: ModelNotFoundError: No model '" in create_dispatch(
        [], "predict"
    )


def version(number: int, *names: str) -> ModelVersion:
    features = tuple(Feature(name, "DOUBLE") for name in names)
    return ModelVersion("wide", number, f"{number:064d}", Signature("regression", features, (), NUMBER))


def test_the_references_of_several_versions() -> None:
    found = dispatched(
        [version(1, "a"), version(2, "a"), version(3, "a")], {"wide": {"default": 1, "beta": 3}}
    )
    assert {entry.version.version: entry.references for entry in found} == {
        1: ("wide", "wide@1"),
        2: ("wide@2",),
        3: ("wide@3", "wide@beta", "wide@latest"),
    }


def test_what_aliases_follow_comes_first() -> None:
    found = dispatched([version(1, "a"), version(2, "a"), version(3, "a")], {"wide": {"default": 1}})
    assert [entry.version.version for entry in found] == [3, 1, 2]


def test_old_versions_that_do_not_fit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snowflake_dispatch, "LARGEST_BODY", 400)
    text = create_dispatch(dispatched([version(n, "a") for n in range(1, 9)], {}), "predict")
    assert "predict of 2 versions by name, 6 left out for its length" in text


@pytest.mark.parametrize(("method", "most"), [("predict", 60), ("predict_proba", 60), ("try_predict", 120)])
def test_what_a_feature_costs(method: Any, most: int) -> None:
    names = [f"feature_{place:03}" for place in range(300)]
    wide = version(1, *names)
    if method == "predict_proba":
        wide = replace(wide, signature=replace(wide.signature, probabilities=NUMBER))
    text = create_dispatch(dispatched([wide], {}), method)
    assert len(text) < 1000 + 300 * most


def test_more_than_500_features_are_packed() -> None:
    text = create_dispatch(dispatched([version(1, *(f"f{place}" for place in range(501)))], {}), "predict")
    assert (
        "_00000000(OBJECT_CONSTRUCT_KEEP_NULL('f0', warehouse_ml.read_double(features, 'f0', TRUE), 'f1'"
        in text
    )


def test_a_name_with_dollars_does_not_end_the_body() -> None:
    text = create_dispatch(dispatched([version(1, "a$$b'\\")], {}), "predict")
    tree = sqlglot.parse_one(text, read="snowflake")
    assert "AS $$" not in text
    assert isinstance(tree, sqlglot.exp.Create)


def test_a_secure_function_in_another_database() -> None:
    text = create_dispatch(dispatched([version(1, "a")], {}), "predict", '"DB".warehouse_ml', secure=True)
    assert text.startswith('CREATE OR REPLACE SECURE FUNCTION "DB".warehouse_ml.predict(')
    assert '"DB".warehouse_ml.wml_wide_v1_' in text


def test_functions_that_are_there_are_not_made_again() -> None:
    first, *others = create_readers("warehouse_ml")
    comment = re.search("COMMENT = '(.*)'", first)
    assert comment is not None
    assert create_readers("warehouse_ml", [comment[1], "warehouse_ml: reads a feature, another"]) == others
