"""The native PREDICT: what it says, and what it gives on the emulation."""

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
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Feature, Signature

A = "COALESCE(GET(features, 'a'), GET(features, 'A'))"
B = "COALESCE(GET(features, 'b'), GET(features, 'B'))"

GOLDEN = f"""\
CREATE OR REPLACE FUNCTION warehouse_ml.predict(model VARCHAR, features OBJECT)
COPY GRANTS
RETURNS VARIANT
LANGUAGE SQL
COMMENT = 'warehouse_ml: predict of 1 versions by name'
AS $$
CASE
  WHEN LOWER(model) IN ('m', 'm@1', 'm@latest') THEN TO_VARIANT(warehouse_ml.wml_m_v1_ab12cd34(\
CASE WHEN IS_DOUBLE({A}) OR IS_DECIMAL({A}) THEN CAST({A} AS FLOAT) WHEN NOT IS_NULL_VALUE({A}) THEN \
TO_DOUBLE('wml_refusal: ScoringError: Feature ''a'' is DOUBLE; its VARIANT holds a value of another type.\
\\n in function ' || LEFT(CAST({A} AS VARCHAR), 0)) END, \
CASE WHEN IS_DOUBLE({B}) OR IS_DECIMAL({B}) THEN CAST({B} AS FLOAT) WHEN NOT IS_NULL_VALUE({B}) THEN \
TO_DOUBLE('wml_refusal: ScoringError: Feature ''b'' is DOUBLE; its VARIANT holds a value of another type.\
\\n in function ' || LEFT(CAST({B} AS VARCHAR), 0)) END))
  ELSE TO_VARIANT(TO_DOUBLE('wml_refusal: ModelNotFoundError: No model ' || COALESCE(model, 'NULL') || \
' with PREDICT here. There is m.\\n in function ' || \
LEFT(COALESCE(features::VARCHAR, ''), 0)))
END
$$"""


@pytest.fixture(scope="module")
def opened() -> Iterator[SnowflakeCatalog]:
    with snowflake_catalog() as catalog:
        yield catalog


def entries(opened: SnowflakeCatalog) -> list[Dispatched]:
    versions = [opened.version(name) for name in ("m", "churn", "grade", "odd", "cases")]
    return dispatched(versions, {"m": {"default": 1}, "churn": {"champion": 1, "default": 1}})


def called(opened: SnowflakeCatalog, method: Any, model: str, features: str) -> Any:
    opened.execute(create_dispatch(entries(opened), method))
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


@pytest.mark.parametrize("keys", ["'a', 1.5, 'b', 2", "'A', 1.5, 'B', 2", "'b', 2, 'a', 1.5, 'other', 'x'"])
def test_features_are_found_by_key(opened: SnowflakeCatalog, keys: str) -> None:
    assert float(called(opened, "predict", "'m'", f"OBJECT_CONSTRUCT({keys})")) == 21.5


def test_a_key_that_is_not_there_is_null(opened: SnowflakeCatalog) -> None:
    assert called(opened, "predict", "'m'", "OBJECT_CONSTRUCT('a', 1)") is None


@pytest.mark.parametrize("value", ["'2.5'", "'inf'", "TRUE", "ARRAY_CONSTRUCT(1)"])
def test_a_value_of_another_type_is_refused(opened: SnowflakeCatalog, value: str) -> None:
    with pytest.raises(ProgrammingError, match="Feature 'a' is DOUBLE; its VARIANT holds a value of another"):
        called(opened, "predict", "'m'", f"OBJECT_CONSTRUCT('a', {value}, 'b', 2)")


@pytest.mark.parametrize("value", ["'2.5'", "'inf'", "TRUE", "ARRAY_CONSTRUCT(1)"])
def test_a_value_of_another_type_has_no_score(opened: SnowflakeCatalog, value: str) -> None:
    opened.execute(create_dispatch(dispatched([opened.version("m")], {}), "try_predict"))
    scores = "SELECT warehouse_ml.try_predict('m@1', OBJECT_CONSTRUCT('a', {}, 'b', 2)) AS p"
    assert opened.execute(scores.format(value)) == [(None,)]
    assert float(opened.execute(scores.format("1"))[0][0]) == 21


def test_a_number_is_no_text(opened: SnowflakeCatalog) -> None:
    with pytest.raises(ProgrammingError, match="Feature 'plan' is VARCHAR; its VARIANT holds"):
        called(opened, "predict", "'churn'", "OBJECT_CONSTRUCT('age', 40, 'plan', 1.5)")


def test_features_that_differ_in_case_keep_it(opened: SnowflakeCatalog) -> None:
    assert float(called(opened, "predict", "'cases@1'", "OBJECT_CONSTRUCT('x', 1, 'X', 2)")) == 21


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
    monkeypatch.setattr(snowflake_dispatch, "LARGEST_BODY", 1200)
    text = create_dispatch(dispatched([version(n, "a") for n in range(1, 9)], {}), "predict")
    assert "predict of 2 versions by name, 6 left out for its length" in text


def test_more_than_500_features_are_packed() -> None:
    text = create_dispatch(dispatched([version(1, *(f"f{place}" for place in range(501)))], {}), "predict")
    assert "_00000000(OBJECT_CONSTRUCT_KEEP_NULL('f0', CASE WHEN IS_DOUBLE(COALESCE(" in text


def test_a_name_with_dollars_does_not_end_the_body() -> None:
    text = create_dispatch(dispatched([version(1, "a$$b'\\")], {}), "predict")
    tree = sqlglot.parse_one(text, read="snowflake")
    assert "AS $$" not in text
    assert isinstance(tree, sqlglot.exp.Create)


def test_a_secure_function_in_another_database() -> None:
    text = create_dispatch(dispatched([version(1, "a")], {}), "predict", '"DB".warehouse_ml', secure=True)
    assert text.startswith('CREATE OR REPLACE SECURE FUNCTION "DB".warehouse_ml.predict(')
    assert '"DB".warehouse_ml.wml_wide_v1_' in text


def test_times_are_cast() -> None:
    timed = version(1, "a")
    timed = replace(timed, signature=replace(timed.signature, features=(Feature("t", "TIMESTAMP"),)))
    text = create_dispatch(dispatched([timed], {}), "predict")
    assert "CAST(COALESCE(GET(features, 't'), GET(features, 'T')) AS TIMESTAMP_NTZ)" in text
