import dataclasses
import re
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.sql_catalog import StubCatalog, catalog, grade, grade_proba
from tests.query.test_parse import PIECES
from warehouse_ml import errors
from warehouse_ml.query.binder_errors import translate_binder_error


@pytest.fixture(scope="module")
def shop() -> StubCatalog:
    return catalog()


# --- features ------------------------------------------------------------------------------

MEANT = [
    ("PREDICT('m', *) AS p FROM t", 't."a", t."b"'),
    ("PREDICT('m', T.*) AS p FROM t", 'T."a", T."b"'),
    ("PREDICT('m', t) AS p FROM t", 't."a", t."b"'),
    ('PREDICT(\'m\', "T x".*) AS p FROM t AS "T x"', '"T x"."a", "T x"."b"'),
    ("PREDICT('m', * EXCLUDE id) AS p FROM t", 't."a", t."b"'),
    ("PREDICT('m', * EXCEPT (id)) AS p FROM t", 't."a", t."b"'),
    ("PREDICT('m', t.* REPLACE (b + 1 AS B)) AS p FROM t", 't."a", (b + 1)'),
    ("PREDICT('m', * REPLACE (PREDICT('one') AS b)) AS p FROM t", 't."a", (wml_one_v1_ab12cd34(t."a"))'),
    ("PREDICT('m', * EXCLUDE (a) RENAME (id AS A)) AS p FROM t", 't."id", t."b"'),
    ("PREDICT('m', * EXCLUDE (u.b)) AS p FROM t, u", 't."a", t."b"'),
    ("PREDICT('m', COLUMNS) AS p FROM (SELECT {'a': 1, 'b': 2} AS columns)", None),
    ("PREDICT('m') AS p FROM (t JOIN (SELECT 1 AS z) ON true)", 't."a", t."b"'),
    ("PREDICT('m') AS p FROM x: t", 'x."a", x."b"'),
    ("PREDICT('m') AS p FROM memory.main.t", 't."a", t."b"'),
    ("PREDICT('m') AS p FROM (VALUES (1, 2)) AS v(a, b)", 'v."a", v."b"'),
    ("PREDICT('m') AS p FROM (SELECT 1 AS b, 2 AS a)", '"a", "b"'),
    ("PREDICT('one') AS p FROM range(3) r(a)", 'r."a"'),
    ("PREDICT('one') AS p FROM unnest([1]) WITH ORDINALITY AS r(a, n)", '"a"'),
    ("PREDICT('one') AS p FROM t LEFT JOIN u ON t.id = u.id", 't."a"'),
    ("PREDICT('one') AS p FROM t FULL JOIN (SELECT a FROM t) USING (a)", '"a"'),
    ("PREDICT('one') AS p FROM t NATURAL JOIN (SELECT id FROM u) AS x", 't."a"'),
    ("PREDICT('one') AS p FROM t SEMI JOIN u USING (id)", 't."a"'),
    ("PREDICT('one') AS p FROM t TABLESAMPLE 100%", 't."a"'),
    ("PREDICT('one') AS p FROM (PIVOT t ON id USING max(b) GROUP BY a) AS v", 'v."a"'),
    ("PREDICT('one', a) AS p FROM t", "a"),
    ("PREDICT('one', a + 1) AS p FROM t", "a + 1"),
    ("PREDICT('one', max(t.a)) AS p FROM t", "max(t.a)"),
    ("PREDICT('one', NULL) AS p", "NULL"),
    ("PREDICT('one', {'a': 1, 'b': 2}['b']) AS p", "{'a': 1, 'b': 2}['b']"),
    ("PREDICT('one', s) AS p FROM (SELECT {'a': 1, 'c': 2} AS s)", "struct_extract(s, 'a')"),
    ("PREDICT('one', x.s) AS p FROM (SELECT {'a': true} AS s) x", "CAST(struct_extract(x.s, 'a') AS DOUBLE)"),
    ("PREDICT('odd', w) AS p FROM weird w", 'w."my col", w."q""uote", w."select"'),
    ("PREDICT('odd', {'my col': 1, 'q\"uote': 2, \"select\": 3}) AS p", "1, 2, 3"),
    ("PREDICT('m', struct_pack(b := 1, a := 2)) AS p", "2, 1"),
    ("PREDICT('m', (SELECT x FROM (SELECT 1 AS a, 2 AS b) x)) AS p", None),
    ("PREDICT('m', (t)) AS p FROM t", None),
    ("PREDICT('m', struct_pack(a, b)) AS p FROM t", None),
    ("PREDICT('m', max_by(t, id)) AS p FROM t", None),
    ("PREDICT('m', CAST({'a': 1, 'b': 2} AS STRUCT(a INTEGER, b INTEGER))) AS p", None),
    ("PREDICT('m', row(1, 2)::STRUCT(a INTEGER, b INTEGER)) AS p", None),
    ("PREDICT('m', a => 1, b => (SELECT max(PREDICT('one')) AS x FROM t)) AS p", None),
    ("PREDICT('cases', \"X\" => 1, x => 2) AS p", "2, 1"),
    ("PREDICT('cases') AS p FROM (SELECT 1 AS x) a, (SELECT 2 AS \"X\") b", 'a."x", b."X"'),
]


@pytest.mark.parametrize(("query", "given"), MEANT)
def test_bind_features(shop: StubCatalog, query: str, given: str | None) -> None:
    bound = shop.bound(f"SELECT {query}")
    if given is not None:
        assert ", ".join(bound.calls[-1].features) == given
    shop.connection.execute(bound.text).fetchall()


WRONG: list[tuple[str, type[errors.WarehouseMLError], str]] = [
    ("SELECT PREDICT('nope', a) FROM t", errors.ModelNotFoundError, "No model named 'nope'"),
    ("SELECT PREDICT('chrun', a) FROM t", errors.ModelNotFoundError, "Did you mean 'churn'"),
    ("SELECT PREDICT('m@7', a) FROM t", errors.VersionNotFoundError, "has no version '7'"),
    ("SELECT PREDICT('m@chmpion', a) FROM t", errors.AliasNotFoundError, "Did you mean 'champion'"),
    ("SELECT PREDICT('m', a) FROM t", errors.ArityError, r"takes 2 features \('a', 'b'\); the call gives 1"),
    ("SELECT PREDICT('m', 1)", errors.ArityError, "the call gives 1"),
    ("SELECT PREDICT('m', ?)", errors.ArityError, "the call gives 1"),
    ("SELECT PREDICT('m', a + 1) FROM t", errors.ArityError, "the call gives 1"),
    ("SELECT a AS z, PREDICT('m', z + 1) FROM t", errors.ArityError, "the call gives 1"),
    ("SELECT PREDICT('m', a, b, 1) FROM t", errors.ArityError, "the call gives 3"),
    ("SELECT PREDICT('m') FROM u", errors.MissingFeatureError, "the feature 'a', which is not in scope"),
    (
        "SELECT PREDICT('churn') FROM (SELECT 1 AS agee, 'x' AS plan)",
        errors.MissingFeatureError,
        "mean 'agee'",
    ),
    ("SELECT PREDICT('m', {'a': 1}) FROM t", errors.MissingFeatureError, "needs the feature 'b'"),
    ("SELECT PREDICT('m', u) FROM u", errors.MissingFeatureError, "needs the feature 'a'"),
    ("SELECT PREDICT('m', a => 1)", errors.MissingFeatureError, "needs the feature 'b'"),
    ("SELECT PREDICT('cases') FROM (SELECT 1 AS x)", errors.MissingFeatureError, "needs the feature 'X'"),
    ("SELECT PREDICT('m', a => 1, bb => 2)", errors.UnknownFeatureError, "no feature 'bb'. Did you mean 'b'"),
    ("SELECT PREDICT('m', a => 1, A => 2)", errors.CallSyntaxError, "the feature 'a' is given twice"),
    ("SELECT PREDICT('m', a => 1, 2)", errors.CallSyntaxError, "name all the features or none of them"),
    ("SELECT PREDICT('m') FROM t, u", errors.AmbiguousFeatureError, "ambiguous: 't.b', 'u.b' match"),
    ("SELECT PREDICT('m', *) FROM t x, t y", errors.AmbiguousFeatureError, "ambiguous: 'x.a', 'y.a' match"),
    ("SELECT PREDICT_PROBA('m') FROM t", errors.MethodError, "a regression model and has no PREDICT_PROBA"),
    ("SELECT PREDICT('m', '1', 2)", errors.FeatureTypeError, "'a' of model 'm@1' is DOUBLE; .* the text '1'"),
    ("SELECT PREDICT('one', 'x')", errors.FeatureTypeError, "the text 'x'"),
    ("SELECT PREDICT('m', b => 1, a => E'x')", errors.FeatureTypeError, "the text E'x'"),
    (
        "SELECT PREDICT('one') FROM (SELECT 'x' AS a)",
        errors.FeatureTypeError,
        "DOUBLE; the query gives VARCHAR",
    ),
    ("SELECT PREDICT('one', c) FROM u", errors.FeatureTypeError, "DOUBLE; the query gives VARCHAR"),
    ("SELECT PREDICT('m', *, 1) FROM t", errors.CallSyntaxError, "a star must be the only argument"),
    ("SELECT PREDICT('m', 1, t.*) FROM t", errors.CallSyntaxError, "a star must be the only argument"),
    (
        "SELECT PREDICT('m', *COLUMNS(*)) FROM t",
        errors.CallSyntaxError,
        "by position; write . or name the features",
    ),
    ("VALUES (PREDICT('m'))", errors.CallSyntaxError, "no FROM clause here .* name the features instead"),
    ("SELECT PREDICT('m', *)", errors.CallSyntaxError, "no FROM clause here"),
    ("SELECT (SELECT PREDICT('m')) FROM t", errors.CallSyntaxError, "no FROM clause here"),
    ("EXECUTE q(PREDICT('m'))", errors.CallSyntaxError, "no FROM clause here"),
    (
        "INSERT INTO t SELECT * FROM t ON CONFLICT DO UPDATE SET a = PREDICT('m')",
        errors.CallSyntaxError,
        "no FROM clause here",
    ),
    ("SELECT PREDICT('m', x.*) FROM t", errors.ScopeError, "cannot be found: Binder Error: .*x"),
    ("SELECT PREDICT('m', x.*)", errors.ScopeError, "expression without FROM clause"),
    ("SELECT PREDICT('m') FROM nosuch", errors.ScopeError, "Table with name nosuch does not exist"),
    (
        "SELECT PREDICT('one', * REPLACE (? AS b)) FROM t",
        errors.CallSyntaxError,
        "a parameter stands for a column that the model does not use",
    ),
    ("SELECT PREDICT('m', TABLE t)", errors.CallSyntaxError, "TABLE belongs in FROM"),
    (
        "FROM PREDICT('m', t)",
        errors.CallSyntaxError,
        r"takes a table or a query: PREDICT\('m', TABLE customers\)",
    ),
    ("FROM PREDICT('m')", errors.CallSyntaxError, "takes a table or a query"),
    ("FROM PREDICT('m', 1, 2)", errors.CallSyntaxError, "takes a table or a query"),
    ("FROM PREDICT('m', TABLE t, 2)", errors.CallSyntaxError, "takes a table or a query"),
    ("FROM PREDICT('m', TABLE)", errors.CallSyntaxError, "takes a table or a query"),
    ("FROM PREDICT('m', TABLE f(1))", errors.CallSyntaxError, "takes a table or a query"),
    ("FROM PREDICT('m', a => TABLE t)", errors.CallSyntaxError, "takes a table or a query"),
    ("FROM PREDICT('m', (1 + 2))", errors.CallSyntaxError, "takes a table or a query"),
    ("FROM PREDICT_PROBA('churn', TABLE customers)", errors.CallSyntaxError, "in FROM, use PREDICT"),
    ("FROM PREDICT('m', TABLE nosuch)", errors.ScopeError, "Table with name nosuch does not exist"),
    ("FROM PREDICT('m', TABLE u)", errors.MissingFeatureError, "needs the feature 'a'"),
    (
        "FROM PREDICT('m', (SELECT *, 1 AS Prediction FROM t))",
        errors.CallSyntaxError,
        "a column 'Prediction' already",
    ),
    (
        "FROM PREDICT('churn', (SELECT *, 1 AS probability FROM customers))",
        errors.CallSyntaxError,
        "a column 'probability' already",
    ),
]


@pytest.mark.parametrize(("query", "error", "message"), WRONG)
def test_bind_error(
    shop: StubCatalog, query: str, error: type[errors.WarehouseMLError], message: str
) -> None:
    with pytest.raises(error, match=message):
        shop.bound(query)


def test_bind_regression_may_have_a_column_called_probability(shop: StubCatalog) -> None:
    (row,) = shop.run("FROM PREDICT('one', (SELECT 1 AS a, 'kept' AS probability))")
    assert row == (1, "kept", 2.0)


# --- types ---------------------------------------------------------------------------------

TYPES = [
    ("d", ["true", "1::TINYINT", "1::UBIGINT", "1::HUGEINT", "1::UHUGEINT", "1.5", "1::FLOAT", "NULL"]),
    ("i", ["true", "1::TINYINT", "1::UINTEGER", "1::UBIGINT", "1::HUGEINT", "NULL"]),
    ("f", ["true", "NULL"]),
    ("s", ["'x'", "'x'::ENUM('x', '(')", "uuid()", "'{}'::JSON", "NULL"]),
    (
        "t",
        [
            "DATE '2020-01-01'",
            "TIMESTAMP '2020-01-01'",
            "'2020-01-01'::TIMESTAMP_S",
            "'2020-01-01'::TIMESTAMP_NS",
        ],
    ),
]
REFUSED = [
    ("d", ["'1'", "DATE '2020-01-01'", "uuid()", "[1]", "{'a': 1}"]),
    ("i", ["1.5", "1::DOUBLE", "'1'", "DATE '2020-01-01'"]),
    ("f", ["1", "'true'", "0.0"]),
    ("s", ["1", "true", "DATE '2020-01-01'", "'x'::BLOB", "['x']"]),
    ("t", ["1", "'2020-01-01'", "TIME '10:00'", "TIMESTAMPTZ '2020-01-01'"]),
]
GOOD = {"d": "1", "i": "1", "f": "true", "s": "'x'", "t": "DATE '2020-01-01'"}


def kinds(feature: str, value: str) -> str:
    values = {**GOOD, feature: value}
    return ", ".join(f"{expression} AS {name}" for name, expression in values.items())


@pytest.mark.parametrize(("feature", "value"), [(name, value) for name, values in TYPES for value in values])
def test_bind_takes_a_lossless_type(shop: StubCatalog, feature: str, value: str) -> None:
    shop.connection.execute(f"CREATE OR REPLACE TABLE kind AS SELECT {kinds(feature, value)}")
    assert len(shop.run("SELECT PREDICT('kinds') IS NULL FROM kind")) == 1


@pytest.mark.parametrize(
    ("feature", "value"), [(name, value) for name, values in REFUSED for value in values]
)
def test_bind_refuses_a_type(shop: StubCatalog, feature: str, value: str) -> None:
    with pytest.raises(errors.FeatureTypeError, match=f"feature '{feature}' of model 'kinds@1'"):
        shop.bound(f"SELECT PREDICT('kinds') FROM (SELECT {kinds(feature, value)})")


@pytest.mark.parametrize(
    ("feature", "value"), [(name, value) for name, values in REFUSED for value in values]
)
def test_translated_binder_error_names_the_feature(shop: StubCatalog, feature: str, value: str) -> None:
    given = ", ".join({**GOOD, feature: f"(SELECT {value} LIMIT 1)"}.values())
    bound = shop.bound(f"SELECT PREDICT('kinds', {given})")
    with pytest.raises(duckdb.BinderException) as caught:
        shop.connection.execute(bound.text)
    error = translate_binder_error(str(caught.value), bound)
    assert isinstance(error, errors.FeatureTypeError)
    assert error.feature == feature


def test_translated_binder_error_of_a_boolean_for_a_number(shop: StubCatalog) -> None:
    bound = shop.bound("SELECT PREDICT('m', true, 1)")
    with pytest.raises(duckdb.BinderException) as caught:
        shop.connection.execute(bound.text)
    assert "'a' of model 'm@1' is DOUBLE; the query gives BOOLEAN" in str(
        translate_binder_error(str(caught.value), bound)
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT a AS z, PREDICT('m', z) FROM t", "takes 2 features .* gives 1"),
        ("SELECT list_transform([1], lambda r: PREDICT('m', r))", "takes 2 features .* gives 1"),
        (
            "SELECT list_transform([{'A': 1, 'bb': 2}], lambda r: PREDICT('m', r))",
            "feature 'b', .* mean 'bb'",
        ),
    ],
)
def test_translated_binder_error_of_a_value_known_to_the_engine_alone(
    shop: StubCatalog, query: str, message: str
) -> None:
    bound = shop.bound(query)
    with pytest.raises(duckdb.BinderException) as caught:
        shop.connection.execute(bound.text)
    assert re.search(message, str(translate_binder_error(str(caught.value), bound)))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT PREDICT('m', nope, 1) FROM t",
        "SELECT abs('x', 1), PREDICT('m', 1, 2)",
        "SELECT struct_extract(1, 'a'), PREDICT('m', 1, 2)",
        "SELECT struct_extract({'b': 1}, 'a'), PREDICT('m', 1, 2)",
    ],
)
def test_binder_error_about_something_else_stays(shop: StubCatalog, query: str) -> None:
    bound = shop.bound(query)
    with pytest.raises(duckdb.BinderException) as caught:
        shop.connection.execute(bound.text)
    assert translate_binder_error(str(caught.value), bound) is None


# --- the text ------------------------------------------------------------------------------


def test_bind_text_without_a_call_asks_nothing() -> None:
    stub = catalog()
    assert stub.sql("FROM t -- no PREDICT") == "FROM t -- no PREDICT"
    assert stub.resolved == stub.asked == []


def test_bind_resolves_a_name_once() -> None:
    stub = catalog()
    stub.bound("SELECT PREDICT('m', a, b), predict('M', b, a), PREDICT('m@1', a, b) FROM t")
    assert stub.resolved == ["m@", "m@1"]


def test_bind_positional_call_asks_no_columns() -> None:
    stub = catalog()
    stub.bound("SELECT PREDICT('m', a, b), PREDICT('m', a => a, b => b) FROM t")
    assert stub.asked == []


def test_bind_asks_the_same_columns_once() -> None:
    stub = catalog()
    stub.bound("SELECT PREDICT('m'), PREDICT('m') + 1 FROM t WHERE PREDICT('m') > 1")
    assert len(stub.asked) == len(set(stub.asked))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT PREDICT('one') FROM t SEMI JOIN u USING (id)",
        "SELECT (SELECT max(PREDICT('m', *)) FROM (SELECT t.a, u.b FROM u WHERE u.id = t.id)) FROM t",
        "SELECT list_transform([1], lambda x: PREDICT('one', x)) FROM t",
    ],
)
def test_bind_guesses_leave_an_open_transaction_alone(shop: StubCatalog, query: str) -> None:
    shop.connection.begin()
    shop.run(query)
    shop.connection.rollback()


def test_bind_asks_without_scoring_and_without_parameters() -> None:
    stub = catalog()
    stub.bound("SELECT PREDICT('m') FROM (SELECT PREDICT('one') AS a, ? AS b, $name AS c FROM t LIMIT ?)")
    assert all("wml_one" not in query and "?" not in query and "$" not in query for query in stub.asked)


NAMES = [
    ("PREDICT('m', a,\n\t b)", "PREDICT('m', a, b)"),
    ("PREDICT('m', a, /* c */ b) -- c\n", "PREDICT('m', a, b)"),
    ("predict('m')+1", "predict('m')+1"),
    ("round(PREDICT('m'), 1)", "round(PREDICT('m'), 1)"),
    ("PREDICT('m') IS NOT NULL", "PREDICT('m') IS NOT NULL"),
    ("CASE WHEN PREDICT('m') > 1 THEN 1 END", "CASE WHEN PREDICT('m') > 1 THEN 1 END"),
    ("[PREDICT('m')]", "[PREDICT('m')]"),
    ("PREDICT('m') BETWEEN 1 AND b", "PREDICT('m') BETWEEN 1 AND b"),
    ("PREDICT('m') > t.b", "PREDICT('m') > t.b"),
    ("PREDICT('m', a => a, \"b\" => b)", "PREDICT('m', a => a, \"b\" => b)"),
    ("DISTINCT PREDICT('m')", "PREDICT('m')"),
    ("mode() WITHIN GROUP (ORDER BY PREDICT('m'))", "mode() WITHIN GROUP (ORDER BY PREDICT('m'))"),
    ("PREDICT('m') AS p", "p"),
    ("PREDICT('m') p", "p"),
    ("PREDICT('m') \"p q\"", "p q"),
    ("p: PREDICT('m')", "p"),
    ("PREDICT('m') AS from", "from"),
]


@pytest.mark.parametrize(("item", "name"), NAMES)
def test_output_is_named_as_the_user_wrote_it(shop: StubCatalog, item: str, name: str) -> None:
    assert shop.names(f"SELECT {item} FROM t") == [name]


NO_NAMES = [
    "SELECT * REPLACE (PREDICT('m') AS a) FROM t",
    "SELECT COLUMNS('a|b') + PREDICT('m') FROM t",
    "SELECT unnest({'p': PREDICT('m')}) FROM t",
    "SELECT id FROM t GROUP BY id, PREDICT('m') ORDER BY PREDICT('m'), id",
    "SELECT DISTINCT ON (PREDICT('m')) id FROM t",
    "INSERT INTO t VALUES (1, PREDICT('one', 1), 2)",
    "FROM t WHERE PREDICT('m') > 1",
]


@pytest.mark.parametrize("query", NO_NAMES)
def test_no_name_where_none_may_stand(shop: StubCatalog, query: str) -> None:
    assert ' AS "' not in shop.sql(query)
    shop.connection.begin()
    shop.run(query)
    shop.connection.rollback()


@pytest.mark.parametrize(
    ("query", "parameters", "expected"),
    [
        ("SELECT PREDICT('m', ?, ?), ?", [1, 2, 3], (21.0, 3)),
        ("SELECT PREDICT('m', b => ?, a => ?), ?", [2, 1, 3], (21.0, 3)),
        ("SELECT ?, PREDICT('m', {'b': ?, 'a': ?})", [3, 2, 1], (3, 21.0)),
        ("SELECT PREDICT('m', {'b': ?, 'z': ?, 'a': ?})", [2, 9, 1], (21.0,)),
        ("SELECT PREDICT('m', $2, $1)", [2, 1], (21.0,)),
        ("SELECT PREDICT('m', b => $y, a => $x)", {"x": 1, "y": 2}, (21.0,)),
        ("SELECT PREDICT('m', * REPLACE (? AS b)) FROM t WHERE id = ?", [7, 1], (71.0,)),
        ("SELECT PREDICT('m') FROM (SELECT a, ? AS b FROM t WHERE id = ?)", [7, 1], (71.0,)),
        ("SELECT prediction FROM PREDICT('m', (SELECT ? AS b, a FROM t WHERE id = ?))", [7, 1], (71.0,)),
        ("SELECT PREDICT('one', ?)", [4], (8.0,)),
    ],
)
def test_parameters_keep_their_order(shop: StubCatalog, query: str, parameters: Any, expected: Any) -> None:
    assert shop.run(query, parameters) == [expected]


def test_prepared_statement() -> None:
    stub = catalog()
    stub.run("PREPARE q AS SELECT PREDICT('m', b => ?, a => ?)")
    assert stub.run("EXECUTE q(2, PREDICT('one', 0.5))") == [(21.0,)]


def test_struct_expression_is_evaluated_once(shop: StubCatalog) -> None:
    shop.connection.execute("CREATE OR REPLACE SEQUENCE n")
    rows = shop.run("SELECT PREDICT('m', struct_update({'a': nextval('n')}, b := 0)) FROM range(3)")
    assert rows == [(1.0,), (2.0,), (3.0,)]


# --- the table form ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source", ["TABLE t", "TABLE main.t", 'TABLE "t"', "(FROM t)", "(SELECT * FROM t)", "(TABLE t)"]
)
def test_table_form_gives_input_columns_and_prediction(shop: StubCatalog, source: str) -> None:
    expected = shop.run("SELECT *, PREDICT('m') AS prediction FROM t")
    assert shop.run(f"SELECT * FROM PREDICT('m', {source})") == expected
    assert shop.names(f"SELECT * FROM PREDICT('m', {source})") == ["id", "a", "b", "prediction"]


def test_table_form_probability_is_that_of_the_predicted_class(shop: StubCatalog) -> None:
    rows = shop.run("SELECT a, prediction, probability FROM PREDICT('grade', TABLE t)")
    assert rows == [(a, grade(a), (grade_proba(a) or {}).get(grade(a) or "")) for a, _, _ in rows]
    assert len({row[1] for row in rows}) > 2


@pytest.mark.parametrize(
    ("model", "expected"), [("flag", [(False, 0.9), (True, 0.3)]), ("digit", [(3, 0.9), (7, 0.3)])]
)
def test_table_form_probability_of_two_classes(shop: StubCatalog, model: str, expected: Any) -> None:
    query = f"SELECT prediction, probability FROM PREDICT('{model}', (FROM t WHERE id < 3)) ORDER BY 1"
    assert shop.run(query) == expected


def test_table_form_runs_each_method_once_per_row() -> None:
    stub = catalog()
    stub.run("FROM PREDICT('churn', TABLE customers)")
    assert stub.rows == {"wml_churn_v1_ab12cd34": 4, "wml_churn_v1_ab12cd34_proba": 3}


def test_table_form_of_try_predict(shop: StubCatalog) -> None:
    query = "SELECT prediction, round(probability, 2) FROM TRY_PREDICT('churn', TABLE customers)"
    assert shop.run(query) == [("yes", 0.3), ("yes", 0.4), ("yes", 0.7), (None, None)]
    assert [call.functions for call in shop.bound(query).calls] == [("try_predict", "predict_proba")]


def test_table_form_of_a_file(shop: StubCatalog, tmp_path: Any) -> None:
    path = tmp_path / "it's.csv"
    shop.connection.execute("COPY t TO ? (FORMAT csv)", [str(path)])
    name = str(path).replace("'", "''")
    assert len(shop.run(f"FROM PREDICT('m', TABLE '{name}')")) == 5


def test_table_form_input_type_is_checked(shop: StubCatalog) -> None:
    with pytest.raises(errors.FeatureTypeError, match="is DOUBLE; the query gives VARCHAR"):
        shop.bound("FROM PREDICT('one', (SELECT c AS a FROM u))")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT prediction FROM t, PREDICT('one', (SELECT t.a)) p",
        "SELECT prediction FROM t JOIN LATERAL PREDICT('one', (SELECT t.a)) AS p ON true",
        "WITH s AS (FROM t) SELECT prediction FROM s, PREDICT('one', (SELECT s.a)) p",
        "SELECT (SELECT prediction FROM PREDICT('one', (SELECT t.a))) FROM t",
    ],
)
def test_table_form_may_name_the_tables_before_it(shop: StubCatalog, query: str) -> None:
    assert sorted(map(str, shop.run(query))) == sorted(map(str, shop.run("SELECT PREDICT('one') FROM t")))


def test_scope_over_a_table_form_sees_the_prediction(shop: StubCatalog) -> None:
    query = "SELECT PREDICT('one', * EXCLUDE (a) RENAME (prediction AS a)) FROM PREDICT('m', TABLE t) AS p"
    assert shop.run(query)[0] == (42.0,)


# --- what may not happen -------------------------------------------------------------------

EVIL = "a\"); DROP TABLE t; --'"


def test_feature_and_label_names_inject_nothing(shop: StubCatalog) -> None:
    from warehouse_ml.query.bind import bind
    from warehouse_ml.query.parse import parse
    from warehouse_ml.signature import Feature

    version = shop.version("grade")
    facts = dataclasses.replace(
        version.signature, features=(Feature(EVIL, "DOUBLE"),), classes=(EVIL, "b", "c")
    )
    evil = dataclasses.replace(version, signature=facts)

    class Evil:
        def resolve(self, name: str, selector: str) -> Any:
            return evil

        def columns(self, query: str) -> Any:
            return shop.columns(query)

    quoted = '"' + EVIL.replace('"', '""') + '"'
    source = f"(SELECT a AS {quoted} FROM t WHERE id < 3)"
    for query in (f"SELECT PREDICT('x') FROM {source} s", f"SELECT prediction FROM PREDICT('x', {source})"):
        rows = shop.connection.execute(bind(parse(query), Evil()).text).fetchall()
        assert rows == [(grade(1.0),), (grade(3.0),)]
    assert shop.run("SELECT count(*) FROM t") == [(5,)]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=20).map(" ".join))
def test_bind_any_text_is_a_text_or_an_error_of_ours(shop: StubCatalog, text: str) -> None:
    try:
        bound = shop.bound(text)
    except errors.WarehouseMLError:
        return
    assert bound.statement.text == text
