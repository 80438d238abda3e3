import decimal
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from snowflake.connector import errors

from tests.engines.snowflake_account import QuickAccount, engine_on
from tests.toy_models import twice
from warehouse_ml.deployment import Deployment
from warehouse_ml.engines import open_engine
from warehouse_ml.engines.snowflake import SnowflakeEngine
from warehouse_ml.engines.snowflake_arrow import ResultColumn, as_batches, as_table
from warehouse_ml.errors import (
    ScopeError,
    ScoringError,
    SnowflakeTargetError,
    SqlError,
    StatementInterruptedError,
)
from warehouse_ml.push import preparation
from warehouse_ml.registry.registry import Registry
from warehouse_ml.testing.snowflake import emulated_snowflake

VALUES = "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (NULL, 'c')) AS t (n, s)"


@pytest.fixture(scope="module")
def emulation():
    with emulated_snowflake() as account:
        yield account


@pytest.fixture(scope="module")
def engine(emulation):
    return engine_on(emulation)


def test_a_session_is_opened_as_an_engine(emulation):
    session = emulation.session()
    engine = open_engine(session)
    assert (engine.dialect, engine.connection, engine.read_only) == ("snowflake", session, False)
    assert repr(engine) == 'Snowflake "EMULATED"'
    assert (list(engine.attached()), engine.referenced_functions()) == ([], frozenset())
    engine.close()
    assert session.sql("SELECT 1").collect()[0][0] == 1


def test_a_connection_that_cannot_bind_is_refused():
    account = QuickAccount()
    account._connection.is_pyformat = True
    with pytest.raises(SnowflakeTargetError, match="paramstyle='qmark'"):
        account.engine()


def test_columns_are_told_without_running(emulation, engine):
    before = len(emulation.statements)
    assert engine.columns(VALUES) == [("N", "NUMBER(38,0)"), ("S", "VARCHAR")]
    assert engine.columns("SELECT 1.5::FLOAT AS x, TRUE AS b, 12.25::NUMBER(9, 2) AS d") == [
        ("X", "FLOAT"),
        ("B", "BOOLEAN"),
        ("D", "NUMBER(9,2)"),
    ]
    assert len(emulation.statements) == before + 2


def test_columns_of_what_is_refused(engine):
    with pytest.raises(ScopeError, match="NO_SUCH_TABLE"):
        engine.columns("SELECT * FROM no_such_table")


def test_a_select_runs_at_each_read(emulation, engine):
    rows = engine.query(VALUES + " ORDER BY s;")
    before = len(emulation.statements)
    assert list(rows.rows()) == list(rows.rows()) == [(1, "a"), (2, "b"), (None, "c")]
    assert (rows.columns, rows.types) == (["N", "S"], ["NUMBER(38,0)", "VARCHAR"])
    assert len(emulation.statements) == before + 2


def test_a_change_runs_once(emulation, engine):
    engine.query("CREATE TABLE changed (a INTEGER)")
    rows = engine.query("INSERT INTO changed VALUES (1), (2)")
    assert list(rows.rows()) == list(rows.rows()) == [(2,)]
    assert engine.run("SELECT COUNT(*) FROM changed") == [(2,)]


def test_a_script_runs_but_for_its_last_select(engine):
    rows = engine.query(
        "-- one;\nCREATE TABLE scripted (a INTEGER); INSERT INTO scripted VALUES (7);\nSELECT a FROM scripted"
    )
    assert list(rows.rows()) == [(7,)]


@pytest.mark.parametrize("text", ["", " ; ", "-- nothing", "/* nothing */"])
def test_no_statement_has_no_rows(engine, text):
    assert engine.query(text) is None


def test_values_are_bound(engine):
    assert list(engine.query("SELECT ? AS a, ? AS b", [1, "it's"]).rows()) == [(1, "it's")]
    with pytest.raises(SqlError, match="by position"):
        engine.query("SELECT :a", {"a": 1})


def test_rows_come_as_tables(engine):
    rows = engine.query(VALUES + " ORDER BY s")
    assert rows.arrow().to_pydict() == {"N": [1, 2, None], "S": ["a", "b", "c"]}
    assert rows.arrow().schema.types == [pa.int64(), pa.string()]
    assert rows.df().shape == rows.pl().shape == (3, 2)
    assert [batch.num_rows for batch in rows.batches(2)] == [2, 1]


def test_no_rows_have_their_types(engine):
    empty = engine.query(f"SELECT * FROM ({VALUES}) WHERE FALSE")
    assert empty.arrow().schema == engine.query(VALUES).arrow().schema
    assert empty.batches(10).read_all().num_rows == 0


def test_what_a_statement_told_comes_as_a_table(engine):
    table = engine.query("SHOW SCHEMAS").arrow()
    assert table.num_rows >= 1
    assert engine.query("CREATE TABLE told (a INTEGER)").batches(5).read_all().num_rows == 1


def test_rows_are_drawn(engine):
    rows = engine.query(VALUES + " ORDER BY s")
    assert rows.text() == "   N | S\n-----+--\n   1 | a\n   2 | b\nNULL | c"
    assert rows.text(1).splitlines()[-2:] == ["1 | a", "..."]


def test_a_probe_that_is_refused_has_no_rows(engine):
    assert engine.probe("SELECT 1", reads=False) == [(1,)]
    assert engine.probe("SELECT * FROM no_such_table", reads=True) == []


def test_a_refused_row_is_an_error_of_scoring(engine):
    onnx, signature = twice(missing="error")
    version = Registry(engine).register(
        "strict", onnx, signature, prepare=preparation(engine, onnx, None, Deployment())
    )
    assert engine.run(f"SELECT warehouse_ml.{version.function}(1.5)") == [(3.0,)]
    with pytest.raises(ScoringError, match=r"^The feature 'a' is NULL, and the model's policy .*'error'\.$"):
        engine.run(f"SELECT warehouse_ml.{version.function}(NULL)")


def test_another_error_stays_the_driver_s(engine):
    with pytest.raises(engine.bind_error, match="NO_SUCH_TABLE"):
        engine.query("SELECT * FROM no_such_table")
    assert engine.translate(ValueError("x")) is None


def test_a_statement_that_was_stopped_says_so(engine, monkeypatch):
    canceled = errors.ProgrammingError("SQL execution canceled", errno=604, sqlstate="57014")
    assert isinstance(engine.translate(canceled), StatementInterruptedError)
    asked = []
    monkeypatch.setattr(engine.connection, "cancel_all", lambda: asked.append(True))
    engine.interrupt()
    assert asked == [True]


def test_scores_of_a_trial_are_those_of_duckdb(engine):
    onnx, signature = twice()
    scores = engine.score({"onnx": onnx}, signature, "predict", pa.table({"a": [1.5, None]}))
    assert scores.to_pylist() == [3.0, None]


def test_progress_is_not_known(engine):
    with engine.progress() as share:
        assert share() is None
    assert engine.scored().rows == 0


def test_a_variant_is_refused(engine):
    with pytest.raises(SqlError, match="functions of versions"):
        engine.register_variant(None, ())


def test_a_cursor_of_a_user_s_session_shares_it(engine):
    assert engine.cursor().connection is engine.connection


def test_a_session_of_its_own_is_closed_and_cursors_are_new(emulation):
    opened = []

    def reopen():
        opened.append(emulation.session())
        return opened[-1]

    engine = SnowflakeEngine(reopen(), reopen=reopen, name="prod")
    assert repr(engine) == 'Snowflake prod "EMULATED"'
    assert engine.cursor().connection is opened[1]
    engine.close()
    with pytest.raises(errors.Error, match="closed"):
        engine.run("SELECT 1")
    assert opened[1].sql("SELECT 1").collect()[0][0] == 1


CHILD = """
import warnings, sys
from warehouse_ml.engines import open_engine
engine = open_engine(sys.argv[1])
print(repr(engine), engine.run("SELECT CURRENT_SCHEMA()"), engine.cursor().run("SELECT ?", [7]))
engine.close()
"""


@pytest.mark.parametrize("named", [True, False])
def test_a_connection_is_opened_by_its_name_or_its_url(emulation, tmp_path, named):
    settings = emulation.connection_parameters()
    taken = ("account", "user", "password", "host", "port", "protocol", "database", "schema")
    lines = ["[my_emulation]", *(f"{name} = {settings[name]!r}" for name in taken)]
    (tmp_path / "connections.toml").write_text("\n".join(lines))
    (tmp_path / "connections.toml").chmod(0o600)
    url = "snowflake://emulated:emulated@emulated/EMULATED/PUBLIC?protocol=http&host=127.0.0.1"
    target = "snowflake://my_emulation" if named else f"{url}&port={settings['port']}"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, target],
        env={**os.environ, "SNOWFLAKE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    name = "my_emulation" if named else "emulated@emulated"
    assert done.stdout == f"Snowflake {name} \"EMULATED\" [('PUBLIC',)] [(7,)]\n", done.stderr


def test_another_database_has_its_own_registry(emulation, engine):
    emulation.session("ELSEWHERE")
    onnx, signature = twice()
    other = engine.in_database("elsewhere")
    before = engine.run("SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()")
    Registry(other).register(
        "far", onnx, signature, prepare=preparation(other, onnx, None, Deployment(database="elsewhere"))
    )
    assert [version.reference for version in Registry(other).live_versions()] == ["far@1"]
    assert "far@1" not in [version.reference for version in Registry(engine).live_versions()]
    assert engine.run("SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()") == before == [("EMULATED", "PUBLIC")]
    assert engine.in_database(None) is engine


def test_a_session_is_in_its_schema_after_the_first_statements_of_a_registry_failed(emulation, monkeypatch):
    engine = engine_on(emulation, "HALFWAY")
    run = engine.run

    def run_once(sql, parameters=()):
        rows = run(sql, parameters)
        if sql.startswith("CREATE STAGE"):
            raise errors.OperationalError("The answer was lost.")
        return rows

    monkeypatch.setattr(engine, "run", run_once)
    with pytest.raises(errors.OperationalError):
        Registry(engine).register("lost", *twice())
    assert run("SELECT CURRENT_SCHEMA()") == [("PUBLIC",)]


WIDE = ResultColumn("n", "NUMBER", 38, 0)


def test_whole_numbers_are_int64_where_they_fit():
    tables = [pa.table({"n": pa.array([1, 2], pa.int8())}), pa.table({"n": pa.array([2**62], pa.int64())})]
    assert as_table(tables, [WIDE]).schema.types == [pa.int64()]
    large = pa.table({"n": pa.array([decimal.Decimal(2**70)], pa.decimal128(38, 0))})
    assert as_table([*tables, large], [WIDE]).column("n").to_pylist()[-1] == 2**70


def test_a_later_batch_that_does_not_fit_is_an_error_without_its_value():
    large = pa.table({"n": pa.array([decimal.Decimal(2**70)], pa.decimal128(38, 0))})
    reader = as_batches([pa.table({"n": pa.array([1])}), large], [WIDE], 10)
    assert reader.read_next_batch().num_rows == 1
    with pytest.raises(SqlError, match="cast it in the query") as raised:
        reader.read_next_batch()
    assert str(2**70) not in str(raised.value)


def test_numbers_of_the_proof_lose_no_digit(engine):
    onnx, signature = twice(1.0)
    from warehouse_ml.engines.snowflake_scores import deployed_scores

    version = Registry(engine).register(
        "exact", onnx, signature, prepare=preparation(engine, onnx, None, Deployment())
    )
    numbers = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0, None, np.nan, np.inf]
    ((values, missing),) = deployed_scores(engine, version, "predict", pa.table({"a": numbers}))
    assert values[:4].tolist() == numbers[:4]
    assert missing.tolist() == [False] * 4 + [True, True, False]
