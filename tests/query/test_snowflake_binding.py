"""What binding does on a Snowflake session, beside what the golden files show."""

from collections.abc import Iterator

import pytest
from snowflake.connector.errors import ProgrammingError

from tests.query.snowflake_catalog import SnowflakeCatalog, snowflake_catalog
from tests.query.sql_catalog import NUMBER
from warehouse_ml.errors import CallSyntaxError, FeatureTypeError
from warehouse_ml.model import ModelVersion
from warehouse_ml.query.coerce_snowflake import coerce_snowflake
from warehouse_ml.query.dialect import SNOWFLAKE, snowflake
from warehouse_ml.semistructured import strict_cast
from warehouse_ml.signature import Feature, Signature


@pytest.fixture(scope="module")
def opened() -> Iterator[SnowflakeCatalog]:
    with snowflake_catalog() as catalog:
        yield catalog


def test_a_model_of_snowflakes_own_registry_is_left_alone(opened: SnowflakeCatalog) -> None:
    text = "SELECT theirs!PREDICT(a), MODEL(theirs, V1)!PREDICT(a) FROM t"
    assert opened.sql(text) == text


def test_ours_beside_theirs(opened: SnowflakeCatalog) -> None:
    assert opened.sql("SELECT theirs!PREDICT(a) AS x, one!PREDICT(a) AS y FROM t") == (
        "SELECT theirs!PREDICT(a) AS x, warehouse_ml.wml_one_v1_ab12cd34(a) AS y FROM t"
    )


@pytest.mark.parametrize("argument", ["'3'", "c", "CURRENT_DATE()"])
def test_a_text_is_not_read_as_a_number(opened: SnowflakeCatalog, argument: str) -> None:
    with pytest.raises(FeatureTypeError, match="'a' of model 'm@1' is DOUBLE"):
        opened.sql(f"SELECT PREDICT('m', {argument}, b) FROM u")


@pytest.mark.parametrize("number", ["2.7", "-2.5", "1e3", "TRUE"])
def test_a_number_is_not_rounded_to_a_whole_one(opened: SnowflakeCatalog, number: str) -> None:
    with pytest.raises(FeatureTypeError, match="'i' of model 'kinds@1' is BIGINT"):
        opened.sql(f"SELECT PREDICT('kinds', a, {number}, TRUE, 'x', NULL) FROM t")


@pytest.mark.parametrize(
    "call",
    [
        "PREDICT_PROBA('grade', *).c",
        "(PREDICT_PROBA('grade', a)).c",
        "((PREDICT_PROBA('grade', a))) . c::FLOAT",
    ],
)
def test_a_field_after_a_dot_is_refused(opened: SnowflakeCatalog, call: str) -> None:
    with pytest.raises(CallSyntaxError, match='a field stands after a colon, with its case: write ...:"c"'):
        opened.sql(f"SELECT {call} FROM t")


def test_a_field_after_a_colon_is_read(opened: SnowflakeCatalog) -> None:
    text = """SELECT PREDICT_PROBA('grade', a):"c"::FLOAT AS p FROM t WHERE id = 1"""
    assert opened.run(text) == [(0.5,)]


def test_a_truth_is_no_number(opened: SnowflakeCatalog) -> None:
    with pytest.raises(FeatureTypeError, match="'a' of model 'm@1' is DOUBLE"):
        opened.sql("SELECT PREDICT('m', TRUE, b) FROM u")


def test_a_null_has_any_type(opened: SnowflakeCatalog) -> None:
    assert opened.run("SELECT PREDICT('m', NULL, b) FROM t WHERE id = 1") == [(None,)]


def test_a_parameter_of_a_named_call_has_no_number(opened: SnowflakeCatalog) -> None:
    with pytest.raises(CallSyntaxError, match="Snowflake knows `\\?` by its place alone"):
        opened.sql("SELECT PREDICT('m', b => ?, a => 1)")


def test_a_parameter_by_position(opened: SnowflakeCatalog) -> None:
    assert opened.run("SELECT PREDICT('m', ?, b) FROM t WHERE id = ?", [5, 2]) == [(45.0,)]


def test_an_object_that_must_be_computed_once_is_refused(opened: SnowflakeCatalog) -> None:
    with pytest.raises(CallSyntaxError, match="give it a name in a subquery"):
        opened.sql("SELECT PREDICT('m', CASE WHEN UNIFORM(0, 1, RANDOM()) > 0 THEN x END) FROM packed")


def test_a_model_name_with_a_backslash_is_refused(opened: SnowflakeCatalog) -> None:
    with pytest.raises(CallSyntaxError, match="no backslash"):
        opened.sql(r"SELECT PREDICT('m\x', a) FROM t")


@pytest.mark.parametrize(
    "text",
    [
        "CREATE OR REPLACE FUNCTION f(a FLOAT) RETURNS FLOAT AS $$ PREDICT('m', a, 1) $$",
        "CREATE FUNCTION f(a FLOAT) RETURNS FLOAT LANGUAGE SQL AS 'SELECT PREDICT(\\'m\\', a, 1)'",
        "EXECUTE IMMEDIATE $$ BEGIN RETURN (SELECT predict('m', 1, 2)); END $$",
    ],
)
def test_a_call_within_a_body_is_refused(opened: SnowflakeCatalog, text: str) -> None:
    with pytest.raises(
        CallSyntaxError, match=r"call warehouse_ml.predict\('m', OBJECT_CONSTRUCT_KEEP_NULL\(...\)\) there"
    ):
        opened.sql(text)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE FUNCTION f(a FLOAT) RETURNS FLOAT LANGUAGE JAVASCRIPT AS $$ return PREDICT('m', 1) $$",
        "CREATE FUNCTION f(a FLOAT) RETURNS VARIANT AS $$ warehouse_ml.predict('m', {'a': a, 'b': 1}) $$",
        "COMMENT ON TABLE t IS 'PREDICT(''m'', a, b)'",
    ],
)
def test_other_bodies_stay(opened: SnowflakeCatalog, text: str) -> None:
    assert opened.sql(text) == text


@pytest.mark.parametrize(
    ("kind", "sql_type", "text"),
    [
        ("DOUBLE", "NUMBER(38,0)", "x"),
        ("DOUBLE", "FLOAT", "x"),
        ("DOUBLE", "BOOLEAN", "CAST(x AS NUMBER(38,0))"),
        ("BIGINT", "NUMBER(38,0)", "x"),
        ("VARCHAR", "VARCHAR", "x"),
        ("TIMESTAMP", "DATE", "x"),
        ("TIMESTAMP", "TIMESTAMP_NTZ(9)", "x"),
    ],
)
def test_types_that_a_feature_takes(kind: str, sql_type: str, text: str) -> None:
    assert coerce_snowflake("m@1", Feature("f", kind), "x", sql_type) == text


def test_a_variant_is_checked_row_by_row() -> None:
    feature = Feature("f", "BIGINT")
    assert coerce_snowflake("m@1", feature, "x", "VARIANT") == strict_cast("x", feature)


def test_a_value_of_another_type_in_a_variant_is_refused(opened: SnowflakeCatalog) -> None:
    source = "(SELECT 3 AS b, PARSE_JSON('{}') AS a)"
    text = f"SELECT PREDICT('m', a, b) AS p FROM {source}"
    assert opened.run(text.replace("{}", "1.5")) == [(31.5,)]
    with pytest.raises(ProgrammingError, match="Feature 'a' is DOUBLE; its VARIANT holds a value of another"):
        opened.run(text.replace("{}", '"1.5"'))


@pytest.mark.parametrize(
    ("kind", "sql_type"),
    [
        ("DOUBLE", "VARCHAR"),
        ("BIGINT", "NUMBER(10,2)"),
        ("BIGINT", "FLOAT"),
        ("BOOLEAN", "NUMBER(1,0)"),
        ("VARCHAR", "NUMBER(1,0)"),
        ("TIMESTAMP", "TIMESTAMP_TZ"),
        ("DOUBLE", "OBJECT"),
    ],
)
def test_types_that_a_feature_does_not_take(kind: str, sql_type: str) -> None:
    with pytest.raises(FeatureTypeError):
        coerce_snowflake("m@1", Feature("f", kind), "x", sql_type)


def wide(count: int) -> ModelVersion:
    features = tuple(Feature(f"f'{place}", "DOUBLE") for place in range(count))
    return ModelVersion("wide", 2, "ab12cd34" * 8, Signature("regression", features, (), NUMBER))


def test_more_than_500_features_are_packed() -> None:
    text = SNOWFLAKE.call(wide(501), "predict", [f"c{place}" for place in range(501)])
    assert text.startswith(
        "warehouse_ml.wml_wide_v2_ab12cd34(OBJECT_CONSTRUCT_KEEP_NULL('f''0', CAST(c0 AS FLOAT), 'f''1',"
    )


def test_500_features_are_arguments() -> None:
    assert "OBJECT" not in SNOWFLAKE.call(wide(500), "predict", ["c"] * 500)


def test_the_schema_may_be_in_another_database() -> None:
    dialect = snowflake('"DB".warehouse_ml')
    assert dialect.function(wide(1), "try_predict") == '"DB".warehouse_ml.wml_wide_v2_ab12cd34_try'
