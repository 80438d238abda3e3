"""Which statements are understood, and that everything else is refused instead of passing."""

import json

import pyarrow as pa
import pytest
from snowflake.snowpark.exceptions import SnowparkSQLException

from tests.testing.account import PINS, RUNTIME, listed

PYTHON = (
    "CREATE FUNCTION g(a FLOAT) RETURNS FLOAT LANGUAGE PYTHON CALLED ON NULL INPUT IMMUTABLE "
    f"RUNTIME_VERSION = '{RUNTIME}' IMPORTS = ('@files/g/g.py') PACKAGES = ({listed(PINS)}) "
    "ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository HANDLER = 'g.predict'"
)


@pytest.fixture(scope="module")
def staged(account):
    account.stage("g/g.py", "")
    account.stage("g/other/g.py", "")
    account.sql("CREATE TABLE staged_rows (a INT)")
    return account


REFUSED = {
    "a clause that is not known": (PYTHON + " EXTERNAL_ACCESS_INTEGRATIONS = (a)", "9999.*EXTERNAL_ACCESS"),
    "a clause after the body": (
        "CREATE FUNCTION h(a FLOAT) RETURNS FLOAT AS $$ a $$ IMMUTABLE",
        "9999.*IMMUTABLE",
    ),
    "a clause that stands twice": (PYTHON + " IMMUTABLE", "duplicate clause IMMUTABLE"),
    "no runtime": (PYTHON.replace(f"RUNTIME_VERSION = '{RUNTIME}'", ""), "9999.*without RUNTIME_VERSION"),
    "no artifact repository": (
        PYTHON.replace("ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository", ""),
        "9999.*without ARTIFACT_REPOSITORY",
    ),
    "another artifact repository": (
        PYTHON.replace("pypi_shared_repository", "other"),
        "9999.*SNOWPARK.OTHER",
    ),
    "a runtime that is not here": (PYTHON.replace(f"'{RUNTIME}'", "'3.7'"), "9999.*no python3.7"),
    "a handler within the statement": (
        PYTHON + " AS $$ def predict(x): pass $$",
        "9999.*within the statement",
    ),
    "a handler that is no path": (PYTHON.replace("'g.predict'", "'predict'"), "is not module.function"),
    "an import that is not staged": (
        PYTHON.replace("g/g.py", "g/h.py"),
        "Remote file .*g/h.py' was not found",
    ),
    "imports of one name": (
        PYTHON.replace("'@files/g/g.py'", "'@files/g/g.py', '@files/g/other/g.py'"),
        "files of IMPORTS have the same name",
    ),
    "strict functions": (PYTHON.replace("CALLED ON NULL INPUT", "STRICT"), "9999.*on null input"),
    "table functions": (PYTHON.replace("RETURNS FLOAT", "RETURNS TABLE (a FLOAT)"), "9999.*table functions"),
    "no arguments": (PYTHON.replace("a FLOAT", ""), "9999.*without arguments"),
    "a default": (PYTHON.replace("a FLOAT", "a FLOAT DEFAULT 1"), "9999.*default"),
    "a type that no model has": (PYTHON.replace("a FLOAT", "a GEOGRAPHY"), "9999.*GEOGRAPHY"),
    "another language": (PYTHON.replace("PYTHON", "JAVA"), "9999.*LANGUAGE JAVA"),
    "another architecture": (
        PYTHON + " RESOURCE_CONSTRAINT = (architecture = 'arm64')",
        "9999.*architecture",
    ),
    "a VARIANT for Python": (PYTHON.replace("a FLOAT", "a VARIANT"), "9999.*VARIANT"),
    "a package of a range": (PYTHON.replace(PINS[0], "numpy<3"), "9999.*numpy<3"),
    "a package that cannot be had": (PYTHON.replace(PINS[0], "numpy==0.0.1"), "391546.*specified packages"),
    "a schema that is not there": (
        PYTHON.replace("g(a", "nowhere.g(a"),
        "Schema 'EMULATED.NOWHERE' does not exist",
    ),
    "OR REPLACE and IF NOT EXISTS": (
        PYTHON.replace("CREATE FUNCTION g", "CREATE OR REPLACE FUNCTION IF NOT EXISTS g"),
        "cannot stand together",
    ),
    "a temporary function": (PYTHON.replace("CREATE", "CREATE TEMPORARY"), "9999.*temporary"),
    "a SQL function of a query": (
        "CREATE FUNCTION h(a FLOAT) RETURNS FLOAT AS $$ (SELECT MAX(index) FROM t) $$",
        "9999.*more than one expression",
    ),
    "a SQL function of an unknown one": (
        "CREATE FUNCTION h(a FLOAT) RETURNS FLOAT AS $$ public.nope(a) $$",
        "2003.*nope does not exist",
    ),
    "a text that is no number": ("SELECT 'abc'::FLOAT", "Could not convert string .abc. to DOUBLE"),
    "a procedure": ("CREATE PROCEDURE p() RETURNS FLOAT LANGUAGE SQL AS $$ 1 $$", "9999.*CREATE PROCEDURE"),
    "a task": ("CREATE TASK t AS SELECT 1", "9999.*CREATE TASK"),
    "a model": ("CREATE MODEL m FROM @files/m", "9999.*CREATE MODEL"),
    "a call": ("CALL p()", "9999.*CALL"),
    "a format of a number": ("SELECT TO_CHAR(1234.5, '9,999')", "9999.*Argument 'format' is not supported"),
    "rows that no source has": (
        "MERGE INTO staged_rows USING (SELECT 1 AS k) s ON a = k WHEN NOT MATCHED BY SOURCE THEN DELETE",
        "9999.*BY SOURCE",
    ),
    "several rows for one value": ("SELECT (SELECT column1 FROM VALUES (1), (2))", "90150.*Single-row"),
    "a copy": ("COPY INTO t FROM @files", "9999.*COPY"),
    "a file format": ("CREATE FILE FORMAT f TYPE = CSV", "9999.*CREATE FILE"),
    "an external stage": ("CREATE STAGE s URL = 's3://b'", "9999.*URL"),
    "a revocation": ("REVOKE USAGE ON SCHEMA public FROM ROLE analyst", "9999.*REVOKE"),
    "a grant of all": ("GRANT ALL ON SCHEMA public TO ROLE analyst", "9999.*GRANT ALL"),
    "a grant to a share": ("GRANT USAGE ON SCHEMA public TO SHARE s", "9999.*GRANT TO SHARE"),
    "a grant to no role": ("GRANT USAGE ON SCHEMA public TO ROLE nobody", "Role 'NOBODY' does not exist"),
    "a grant to a database role": ("GRANT USAGE ON SCHEMA public TO DATABASE ROLE r", "9999.*TO DATABASE"),
    "a grant of a database role": ("GRANT DATABASE ROLE r TO ROLE analyst", "9999.*GRANT DATABASE ROLE"),
    "a grant of a role": ("GRANT ROLE r TO ROLE analyst", "9999.*GRANT ROLE"),
    "a grant on nothing": (
        "GRANT USAGE ON FUNCTION nope(FLOAT) TO ROLE analyst",
        r"NOPE\(FLOAT\)' does not exist",
    ),
    "another system function": ("SELECT SYSTEM$WAIT(1)", r"9999.*SYSTEM\$WAIT"),
    "a schema replaced": ("CREATE OR REPLACE SCHEMA public", "9999.*OR REPLACE SCHEMA"),
    "PUT with an option": ("PUT 'file:///tmp/x' @files ENCRYPTION = 'x'", "9999.*ENCRYPTION"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_statement_is_refused(staged, case):
    statement, message = REFUSED[case]
    with pytest.raises(SnowparkSQLException, match=f"(?s){message}"):
        staged.sql(statement)


def test_every_statement_is_kept_as_it_was_sent(staged):
    staged.sql("SELECT ? AS a -- and a comment", 1)
    assert staged.emulation.statements[-1] == "SELECT ? AS a -- and a comment"


def test_no_bound_value_is_kept(staged):
    staged.value("SELECT ?", "a secret")
    assert not any("a secret" in text for text in staged.emulation.statements)


def test_a_function_is_made_once(staged):
    staged.sql(PYTHON.replace("g(a", "once(a"))
    with pytest.raises(SnowparkSQLException, match="2002.*'ONCE' already exists"):
        staged.sql(PYTHON.replace("g(a", "once(a"))
    again = staged.value(PYTHON.replace("FUNCTION g(a", "FUNCTION IF NOT EXISTS once(a"))
    assert again == "ONCE already exists, statement succeeded."


DONE_BEFORE = {
    "DROP TABLE IF EXISTS nope": "Drop statement executed successfully (NOPE already dropped).",
    "DROP VIEW IF EXISTS public.nope": "Drop statement executed successfully (NOPE already dropped).",
    "DROP SCHEMA IF EXISTS nope": "Drop statement executed successfully (NOPE already dropped).",
    "DROP TABLE IF EXISTS doomed": "DOOMED successfully dropped.",
    "CREATE TABLE IF NOT EXISTS staged_rows (a VARCHAR(3)) COMMENT = 'x'": (
        "STAGED_ROWS already exists, statement succeeded."
    ),
    "CREATE TABLE IF NOT EXISTS staged_rows AS SELECT 2 AS a": (
        "STAGED_ROWS already exists, statement succeeded."
    ),
    "CREATE VIEW IF NOT EXISTS staged_view AS SELECT 1 AS a": (
        "STAGED_VIEW already exists, statement succeeded."
    ),
    "CREATE SCHEMA IF NOT EXISTS public": "PUBLIC already exists, statement succeeded.",
    "CREATE DATABASE IF NOT EXISTS emulated": "EMULATED already exists, statement succeeded.",
    'CREATE TABLE IF NOT EXISTS "small" (a INT)': "Table small successfully created.",
}
"""Definitions that say whether there was something to do."""


@pytest.mark.parametrize("statement", DONE_BEFORE)
def test_a_definition_says_whether_it_did_something(staged, statement):
    staged.sql("CREATE OR REPLACE TABLE doomed (a INT)")
    staged.sql("CREATE OR REPLACE VIEW staged_view AS SELECT a FROM staged_rows")
    assert staged.value(statement) == DONE_BEFORE[statement]


def test_a_new_database_has_a_public_schema_and_is_current(emulation):
    session = emulation.session()
    place = "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()"
    session.sql("CREATE DATABASE fresh").collect()
    created = tuple(session.sql(place).collect()[0])
    session.sql("USE SCHEMA emulated.public").collect()
    session.sql("CREATE SCHEMA other").collect()
    session.sql("USE DATABASE fresh").collect()
    session.sql("CREATE TABLE public_rows AS SELECT 1 AS a").collect()
    found = session.sql("SELECT a FROM fresh.public.public_rows").collect()
    assert (created, tuple(session.sql(place).collect()[0]), len(found)) == (
        *(("FRESH", "PUBLIC"), ("FRESH", "PUBLIC")),
        1,
    )


def test_overloads_are_refused(staged):
    staged.sql("CREATE FUNCTION one_of(a FLOAT) RETURNS FLOAT AS $$ a $$")
    with pytest.raises(SnowparkSQLException, match="two functions named ONE_OF"):
        staged.sql("CREATE FUNCTION one_of(a FLOAT, b FLOAT) RETURNS FLOAT AS $$ a $$")


DISPATCH = """
CREATE OR REPLACE FUNCTION guess(model VARCHAR, features OBJECT)
RETURNS FLOAT
IMMUTABLE
COMMENT = 'calls the versions'' functions'
AS $$
CASE
    WHEN model IN ('double', 'double@1') THEN twice(features:"x"::FLOAT)
    WHEN model = 'half' THEN features:x::FLOAT / 2
END
$$
"""


def test_a_native_function_dispatches_to_others(account):
    code = "def predict(batch):\n    return 2 * batch[0]"
    account.sql(account.create_text(code, "twice"))
    account.sql(DISPATCH)
    called = "guess('{}', OBJECT_CONSTRUCT_KEEP_NULL('x', column1))"
    calls = ", ".join(called.format(model) for model in ("double@1", "half", "none"))
    row = account.sql(f"SELECT {calls} FROM VALUES (5)")
    assert [tuple(one) for one in row] == [(10, 2.5, None)]


def test_an_argument_is_computed_once_however_often_a_function_mentions_it(account):
    noise = account.function(
        "import random\ndef predict(batch):\n    return [random.random() for _ in batch[0]]"
    )
    copied = account.function("def predict(batch):\n    return batch[0]")
    account.sql(f"CREATE FUNCTION alike(x FLOAT) RETURNS BOOLEAN AS $$ {copied}(x) = x AND x = x $$")
    assert account.column(f"SELECT alike({noise}(1)) FROM VALUES (1), (2)") == [True, True]


def test_a_call_that_a_function_repeats_is_planned_once(account):
    account.sql(
        "CREATE FUNCTION part(o OBJECT, k VARCHAR) RETURNS VARIANT AS $$ COALESCE(GET(o, k), GET(o, 'A')) $$"
    )
    account.sql(
        "CREATE FUNCTION number_in(o OBJECT, k VARCHAR) RETURNS FLOAT AS "
        "$$ CASE WHEN IS_INTEGER(part(o, k)) THEN part(o, k)::FLOAT WHEN part(o, 'B') IS NULL THEN 0 END $$"
    )
    query = "SELECT macro_definition FROM duckdb_functions() WHERE function_name = 'NUMBER_IN'"
    ((text,),) = account.emulation.fakesnow.duck_conn.execute(query).fetchall()
    found = account.value("SELECT number_in(OBJECT_CONSTRUCT('A', 3), 'x')")
    assert (text.upper().count(".PART("), found) == (2, 3)


def test_show_functions(account):
    account.sql("CREATE FUNCTION shown(a FLOAT, b VARCHAR) RETURNS FLOAT COMMENT = 'of a kind' AS $$ a $$")
    (row,) = account.sql("SHOW FUNCTIONS LIKE 'SHOW_' IN SCHEMA public")
    assert (row["name"], row["arguments"], row["description"], row["language"]) == (
        *("SHOWN", "SHOWN(FLOAT, VARCHAR) RETURN FLOAT", "of a kind"),
        "SQL",
    )


def test_describe_function(staged):
    staged.sql(PYTHON.replace("g(a", "described(a"))
    rows = {row["property"]: row["value"] for row in staged.sql("DESCRIBE FUNCTION described(FLOAT)")}
    assert (rows["handler"], rows["runtime_version"], rows["imports"]) == (
        *("g.predict", RUNTIME),
        "[@EMULATED.PUBLIC.FILES/g/g.py]",
    )


def test_a_comment_is_changed(account):
    account.sql("CREATE FUNCTION noted(a FLOAT) RETURNS FLOAT AS $$ a $$")
    account.sql("COMMENT ON FUNCTION noted(FLOAT) IS 'new'")
    assert account.sql("SHOW FUNCTIONS LIKE 'noted'")[0]["description"] == "new"


def test_a_dropped_function_is_gone(account):
    account.sql("CREATE FUNCTION dropped(a FLOAT) RETURNS FLOAT AS $$ a $$")
    account.sql("DROP FUNCTION dropped(FLOAT)")
    with pytest.raises(SnowparkSQLException, match="dropped does not exist"):
        account.sql("SELECT dropped(1)")


def test_drop_names_the_types(account):
    account.sql("CREATE FUNCTION kept(a FLOAT) RETURNS FLOAT AS $$ a $$")
    with pytest.raises(SnowparkSQLException, match=r"KEPT\(VARCHAR\)' does not exist"):
        account.sql("DROP FUNCTION kept(VARCHAR)")


def test_a_dropped_schema_takes_its_functions_with_it(account):
    account.sql("CREATE SCHEMA short")
    account.sql("USE SCHEMA public")
    account.sql("CREATE FUNCTION short.f(a FLOAT) RETURNS FLOAT AS $$ a $$")
    account.sql("DROP SCHEMA short")
    account.sql("CREATE SCHEMA short")
    account.sql("USE SCHEMA public")
    assert account.sql("SHOW FUNCTIONS IN SCHEMA short") == []


def granted(account, name):
    return [(one.privilege, one.role) for one in account.emulation.grants if one.name.endswith(f".{name}")]


def test_grants_stay_with_copy_grants_only(account):
    text = "CREATE OR REPLACE FUNCTION given(a FLOAT) {} RETURNS FLOAT AS $$ a $$"
    account.sql(text.format(""))
    account.sql("GRANT USAGE ON FUNCTION given(FLOAT) TO ROLE analyst")
    account.sql(text.format("COPY GRANTS"))
    kept = granted(account, "GIVEN")
    account.sql(text.format(""))
    assert (kept, granted(account, "GIVEN")) == ([("USAGE", "ANALYST")], [])


@pytest.mark.parametrize(
    "grant",
    [
        "USAGE ON SCHEMA public",
        "USAGE ON SCHEMA emulated.public",
        "USAGE ON DATABASE emulated",
        "READ ON STAGE files",
        "SELECT ON ALL TABLES IN SCHEMA public",
        "USAGE, CREATE FUNCTION ON SCHEMA public",
    ],
)
def test_a_grant_is_taken_down(account, grant):
    account.sql(f"GRANT {grant} TO ROLE analyst")
    assert account.emulation.grants[-1].privilege in grant


def test_packages_are_those_that_are_installed(account):
    rows = account.sql(
        "SELECT package_name || '==' || version FROM information_schema.packages "
        "WHERE language = 'python' AND package_name IN ('numpy', 'pandas') ORDER BY 1"
    )
    assert tuple(row[0] for row in rows) == PINS


def test_ddl_commits(account):
    account.sql("CREATE TABLE t (a INT)")
    account.sql("BEGIN")
    opened = account.value("SELECT CURRENT_TRANSACTION()")
    account.sql("INSERT INTO t VALUES (1)")
    account.sql("CREATE FUNCTION ends(a FLOAT) RETURNS FLOAT AS $$ a $$")
    account.sql("ROLLBACK")
    assert (bool(opened), account.value("SELECT COUNT(*) FROM t")) == (True, 1)


def test_a_transaction_is_rolled_back(account):
    account.sql("CREATE TABLE u (a INT)")
    account.sql("BEGIN")
    account.sql("INSERT INTO u VALUES (1)")
    account.sql("ROLLBACK")
    found = (account.value("SELECT COUNT(*) FROM u"), account.value("SELECT CURRENT_TRANSACTION()"))
    assert found == (0, None)


def test_a_statement_that_is_not_waited_for_is_refused(account):
    with pytest.raises(SnowparkSQLException, match="9999.*not waited for"):
        account.session.sql("SELECT 1").collect_nowait()


def test_what_is_listed_of_nothing_is_an_empty_text(account):
    assert account.value("SELECT LISTAGG(column1, ',') || SIGN(-2) FROM VALUES (NULL::VARCHAR)") == "-1"


def test_missing_times_come_back_as_null(account):
    rows = account.sql(
        "SELECT column1::TIMESTAMP_NTZ AS t FROM VALUES ('2024-01-02 03:04:05.678901'), (NULL)"
    )
    assert [str(row[0]) for row in rows] == ["2024-01-02 03:04:05.678901", "None"]


def test_bound_values_of_every_type(account):
    row = account.sql("SELECT ? + 1, ?, ?, ?", 1.5, "x", None, True)[0]
    assert tuple(row) == (2.5, "x", None, True)


def test_many_rows_are_bound_at_once(account):
    account.sql("CREATE TABLE many (a INT, b FLOAT)")
    cursor = account.session.connection.cursor()
    cursor.executemany("INSERT INTO many VALUES (?, ?)", [[1, 0.5], [2, None]])
    assert (cursor.rowcount, account.value("SELECT SUM(a) FROM many")) == (2, 3)


def test_semi_structured_values_pass(account):
    found = account.value("SELECT PARSE_JSON(?):a[1]::VARCHAR", json.dumps({"a": [1, "z"]}))
    assert found == "z"


def test_a_text_may_hold_a_dollar_sign(account):
    assert account.value("SELECT '$price $$ \\'x\\''") == "$price $$ 'x'"


def test_to_describe_a_statement_is_not_to_run_it(account):
    columns = account.session.sql("CREATE STAGE described").schema.names
    assert columns == ['"status"']
    with pytest.raises(SnowparkSQLException, match="DESCRIBED' does not exist"):
        account.sql("LIST @described")


def test_a_query_is_described_without_a_call(account):
    name = account.function("def predict(batch):\n    raise ValueError('called')")
    schema = account.session.sql(f"SELECT {name}(a) AS score FROM (SELECT 1 AS a)").schema
    assert [(field.name, str(field.datatype)) for field in schema] == [("SCORE", "DoubleType()")]


def test_rows_that_are_here_become_a_table(account):
    rows = pa.table(
        {
            "id": pa.array([1, 2], pa.int32()),
            "P": [0.5, None],
            "kind": pa.array(["a", "b"]).dictionary_encode(),
        }
    )
    account.emulation.load("loaded", rows)
    found = account.session.sql("SELECT id, p, kind FROM loaded ORDER BY id").collect()
    assert [tuple(row) for row in found] == [(1, 0.5, "a"), (2, None, "b")]


@pytest.mark.parametrize("part", ["o:plan", "o['plan']", "GET(o, 'plan')"])
@pytest.mark.parametrize(("value", "text"), [("'it''s'", "it's"), ("1", "1"), ("NULL", None)])
def test_a_part_of_an_object_as_text_has_no_quotes(account, part, value, text):
    query = (
        f"SELECT CAST({part} AS VARCHAR) AS t FROM (SELECT OBJECT_CONSTRUCT_KEEP_NULL('plan', {value}) AS o)"
    )
    assert account.session.sql(query).collect()[0][0] == text


def test_a_native_function_reads_texts_and_times_of_an_object(account):
    account.sql(
        "CREATE FUNCTION parts(o OBJECT) RETURNS VARIANT LANGUAGE SQL AS "
        "$$ TO_VARIANT(CAST(GET(o, 'plan') AS VARCHAR) || YEAR(CAST(GET(o, 'since') AS TIMESTAMP_NTZ))) $$"
    )
    rows = account.session.sql(
        "SELECT parts(OBJECT_CONSTRUCT('plan', 'gold', 'since', '2021-02-03 04:05:06'::TIMESTAMP_NTZ))"
    ).collect()
    assert rows[0][0] == '"gold2021"'


def test_connect_by_is_refused(account):
    with pytest.raises(SnowparkSQLException, match="does not emulate CONNECT BY"):
        account.session.sql(
            "SELECT id FROM (SELECT 1 AS id, 0 AS up) START WITH id = 1 CONNECT BY up = PRIOR id"
        ).collect()
