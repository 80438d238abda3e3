import subprocess
import sys
import threading
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tests.toy_models import every_type, twice
from warehouse_ml.engines import open_engine
from warehouse_ml.engines.base import Engine, Namespace
from warehouse_ml.engines.duckdb import DuckDBEngine, connect
from warehouse_ml.errors import (
    CorruptModelError,
    ReadOnlyError,
    RegistryError,
    ScoringError,
    TargetError,
    VersionGoneError,
)
from warehouse_ml.registry.registry import Registry


@pytest.fixture
def engine():
    engine = connect()
    yield engine
    engine.close()


def register(engine, factor=2.0, name="twice", **policy):
    """Register a model and all its functions."""
    registry = Registry(engine)
    version = registry.register(name, *twice(factor, **policy))
    provide(engine, version)
    return version


def provide(engine, version):
    for method in ("predict", "try_predict"):
        engine.register_function(version, method, Registry.loader(version))


def rows(engine, sql, *values):
    return list(engine.query(sql, values or None).rows())


def score(engine, version, value="21"):
    return rows(engine, f"SELECT {version.function}({value})")[0][0]


# --- connections ------------------------------------------------------------------------------


def test_the_engine_fills_the_protocol_in_its_order():
    def public(kind):
        return [name for name in vars(kind) if not name.startswith("_")]

    names = public(Engine)
    assert [name for name in public(DuckDBEngine) if name in names] == names


@pytest.mark.parametrize("form", ["memory", "text", "path", "connection"])
def test_targets(form, tmp_path):
    path = tmp_path / "a.duckdb"
    own = duckdb.connect()
    engine = open_engine({"memory": None, "text": str(path), "path": path, "connection": own}[form])
    assert engine.connection.sql("SELECT 1").fetchall() == [(1,)]
    assert not engine.read_only
    engine.close()
    own.close()


def test_what_is_no_target():
    with pytest.raises(TargetError, match="cannot be opened on 'int'"):
        open_engine(3)


def test_a_connection_stays_the_users():
    own = duckdb.connect(config={"threads": 1})
    own.create_function("mine", lambda x: x + 1, ["BIGINT"], "BIGINT")
    before = own.sql("FROM duckdb_settings() ORDER BY name").fetchall()
    engine = connect(own)
    version = register(engine)
    engine.close()
    assert own.sql("FROM duckdb_settings() ORDER BY name").fetchall() == before
    assert own.sql(f"SELECT mine(1), {version.function}(1)").fetchall() == [(2, 2.0)]
    own.close()


def test_opening_a_file_does_not_write(tmp_path):
    path = tmp_path / "a.duckdb"
    duckdb.connect(path).close()
    before = path.read_bytes()
    engine = connect(path)
    assert engine.referenced_functions() == frozenset()
    engine.close()
    assert path.read_bytes() == before


def test_a_script_leaves_no_notes_at_its_end():
    """Nanobind prints a page when connections with functions are open at the interpreter's end."""
    script = (
        "from tests.engines.test_duckdb import connect, register, rows\n"
        "engine = connect()\nversion = register(engine)\nother = engine.cursor()\n"
        "print(rows(other, f'SELECT {version.function}(1)'))\n"
        "kept = engine.query('SELECT 1')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": "."}
    )
    assert (run.stdout, run.stderr) == ("[(2.0,)]\n", "")


# --- functions --------------------------------------------------------------------------------


def test_every_type_goes_in_and_comes_out(engine):
    registry = Registry(engine)
    onnx, signature = every_type()
    version = registry.register("echo", onnx, signature)
    provide(engine, version)
    scored = rows(
        engine,
        f"SELECT {version.function}(d, i, b, s, t) FROM (VALUES "
        "(0.5::DOUBLE, 9007199254740993, false, 'é🙂', TIMESTAMP '1969-12-31 23:59:59.999999'), "
        "(1.5, NULL, NULL, NULL, TIMESTAMP '2026-01-01'), (NULL, 1, true, '', NULL)) v(d, i, b, s, t)",
    )
    microseconds = 1e6 * (datetime(2026, 1, 1) - datetime(1970, 1, 1)).total_seconds()
    assert [row[0] for row in scored] == [
        {"d": 0.5, "i": 9007199254740993, 'in "ner': {"b": False, "naïve s": "é🙂"}, "t": -1.0},
        {"d": 1.5, "i": -1, 'in "ner': {"b": True, "naïve s": "none"}, "t": microseconds},
        None,
    ]


@pytest.mark.parametrize("count", [0, 1, 2047, 2048, 2049, 300_000])
@pytest.mark.parametrize("threads", [1, 4])
def test_the_size_of_a_batch_does_not_show(engine, count, threads):
    engine.connection.execute(f"SET threads = {threads}")
    version = register(engine)
    engine.connection.execute(
        f"CREATE TABLE t AS SELECT CASE WHEN i % 7 > 0 THEN i END AS i FROM range({count}) r(i)"
    )
    wrong = f"SELECT count(*) FROM t WHERE {version.function}(i) IS DISTINCT FROM 2.0 * i"
    assert rows(engine, wrong) == [(0,)]


def test_registering_again_changes_nothing(engine):
    version = register(engine)
    provide(engine, version)
    assert score(engine, version) == 42


def test_a_rollback_takes_no_function_away(engine):
    """DuckDB forgets a function that was made in a transaction, and refuses to make it again."""
    version = Registry(engine).register("twice", *twice())
    for end in ("ROLLBACK", "COMMIT", "ROLLBACK"):
        engine.query("BEGIN")
        rows(engine, "SELECT abs(1)")
        provide(engine, version)
        assert score(engine, version) == 42
        engine.query(end)
        provide(engine, version)
        assert score(engine, version) == 42


def test_a_rollback_past_the_engine(engine):
    version = Registry(engine).register("twice", *twice())
    engine.connection.execute("BEGIN")
    provide(engine, version)
    engine.connection.execute("ROLLBACK")
    engine.connection.execute("BEGIN; SELECT abs(1)").fetchall()
    with pytest.raises(RegistryError, match="Commit or roll back, then run the statement again"):
        provide(engine, version)
    assert engine.connection.sql("SELECT 1").fetchall() == [(1,)]
    engine.query("ROLLBACK")
    provide(engine, version)
    assert score(engine, version) == 42


def test_a_transaction_that_is_older_than_the_function(engine):
    version = Registry(engine).register("twice", *twice())
    engine.connection.execute("BEGIN; CREATE TABLE kept (i INTEGER); SELECT abs(1)").fetchall()
    other = engine.cursor()
    provide(other, version)
    with pytest.raises(RegistryError, match="after the open transaction began"):
        provide(engine, version)
    engine.query("COMMIT")
    provide(engine, version)
    assert rows(engine, f"SELECT {version.function}(1) FROM (SELECT count(*) FROM kept)") == [(2.0,)]
    other.close()


def test_a_function_of_a_transaction_that_is_still_open(engine):
    version = Registry(engine).register("twice", *twice())
    engine.connection.execute("BEGIN")
    provide(engine, version)
    other = engine.cursor()
    with pytest.raises(RegistryError, match="transaction that is still open"):
        provide(other, version)
    engine.query("COMMIT")
    provide(other, version)
    assert score(other, version) == 42
    other.close()


def test_an_aborted_transaction_is_the_users_to_end(engine):
    version = Registry(engine).register("twice", *twice())
    engine.query("BEGIN")
    with pytest.raises(duckdb.InvalidInputException):
        rows(engine, "SELECT error('x')")
    provide(engine, version)
    engine.query("ROLLBACK")
    provide(engine, version)
    assert score(engine, version) == 42


def test_the_session_that_made_a_function_is_gone(tmp_path):
    """DuckDB's catalog would point to a function that nobody holds."""
    path = tmp_path / "a.duckdb"
    first, second = connect(path), connect(path)
    version = register(first)
    provide(second, version)
    first.close()
    del first
    assert score(second, version) == 42
    second.close()


def test_a_function_that_no_open_session_can_load(tmp_path):
    path = tmp_path / "a.duckdb"
    engine = connect(path)
    own = duckdb.connect(path)
    version = register(engine, 5.5)
    engine.close()
    with pytest.raises(duckdb.InvalidInputException, match="The session that offered this model is closed"):
        own.sql(f"SELECT {version.function}(1)").fetchall()
    own.close()


def test_damaged_bytes_are_not_scored(tmp_path):
    path = tmp_path / "a.duckdb"
    engine = connect(path)
    version = register(engine, 3.5)
    assert score(engine, version, "2") == 7
    engine.connection.execute("UPDATE warehouse_ml.registry_version SET onnx = 'x'::BLOB")
    engine.close()
    engine = connect(path)
    provide(engine, version)
    with pytest.raises(CorruptModelError, match="'twice@1' are damaged") as caught:
        score(engine, version)
    assert (caught.value.name, caught.value.version) == ("twice", 1)
    engine.close()


def test_scoring_errors_are_ours_and_others_are_duckdbs(engine):
    version = register(engine, missing="error")
    with pytest.raises(ScoringError, match="The feature 'a' is NULL"):
        score(engine, version, "NULL")
    assert rows(engine, f"SELECT {version.function_of('try_predict')}(NULL)") == [(None,)]
    for wrong in ("SELECT nothing", "SELEC 1", "SELECT error('ScoringError: mine')"):
        with pytest.raises(duckdb.Error):
            rows(engine, wrong)


def test_threads_on_cursors(engine):
    version = register(engine)
    engine.connection.execute("CREATE TABLE t AS FROM range(50000) r(i)")
    engines, sums = [engine, engine.cursor(), engine.cursor()], []

    def work(engine):
        provide(engine, version)
        sums.extend(rows(engine, f"SELECT sum({version.function}(i)) FROM t"))

    threads = [threading.Thread(target=work, args=[engine]) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [(2.0 * sum(range(50_000)),)] * 3
    for cursor in engines[1:]:
        cursor.close()


def test_trial_scores_keep_the_order_of_the_rows(engine):
    engine.connection.execute("SET preserve_insertion_order = false; SET threads = 4")
    values = np.random.default_rng(0).normal(size=300_000)
    onnx, signature = twice()
    scored = engine.score({"onnx": onnx}, signature, "predict", pa.table({"any name": values}))
    np.testing.assert_array_equal(scored.to_numpy(), 2 * values)
    assert not [
        name for (name,) in rows(engine, "SELECT function_name FROM duckdb_functions()") if "trial" in name
    ]


def test_a_trial_says_what_cannot_be_scored(engine):
    onnx, signature = twice(missing="error")
    with pytest.raises(ScoringError, match="The feature 'a' is NULL"):
        engine.score({"onnx": onnx}, signature, "predict", pa.table({"a": pa.array([None], pa.float64())}))


# --- statements -------------------------------------------------------------------------------


def test_columns_are_described_without_running(engine):
    engine.connection.execute('CREATE TEMP TABLE t (a INTEGER, "b c" DECIMAL(9, 2)); CREATE SEQUENCE s')
    assert engine.columns("FROM t") == [("a", "INTEGER"), ("b c", "DECIMAL(9,2)")]
    assert engine.columns("SELECT ? AS x", [1.5]) == [("x", "DOUBLE")]
    assert engine.columns("SELECT nextval('s') AS n, 1 AS n") == [("n", "BIGINT"), ("n", "INTEGER")]
    assert rows(engine, "SELECT nextval('s')") == [(1,)]


def test_variables_of_the_caller_are_tables(engine):
    frame = pa.table({"i": [1, 2]})
    query = engine.query("FROM frame", namespace=Namespace.of_caller(1))
    assert engine.columns("FROM frame", namespace=Namespace.of_caller(1)) == [("i", "BIGINT")]
    engine.query("CREATE TABLE made AS FROM frame", namespace=Namespace.of_caller(1))
    del frame
    assert list(query.rows()) == rows(engine, "FROM made") == [(1,), (2,)]


@pytest.mark.parametrize("name", ["sql", "parameters", "namespace", "call", "scope", "relation", "engine"])
def test_our_own_variables_are_not(engine, name):
    for namespace in (None, Namespace({}, {})):
        with pytest.raises(duckdb.CatalogException, match="does not exist"):
            engine.query(f"FROM {name}", namespace=namespace)


def test_a_view_works_after_opening_again(tmp_path):
    path = tmp_path / "a.duckdb"
    engine = connect(path)
    version = register(engine)
    second = version.function_of("try_predict")
    engine.query("CREATE TABLE t AS SELECT 1.0::DOUBLE AS a")
    engine.query(f"CREATE VIEW v AS SELECT {version.function}(a) AS p, {second}(a) AS q FROM t")
    engine.query(f"CREATE MACRO m(x) AS {version.function}(x) + 1")
    register(engine, 3)
    engine.close()
    named = {version.function: (version, "predict"), second: (version, "try_predict")}
    for statement in (
        "SELECT p, q FROM v",
        "INSERT INTO t SELECT p FROM v",
        "BEGIN; INSERT INTO t SELECT p FROM v",
    ):
        engine = connect(path)
        assert engine.referenced_functions() == set(named)

        def provide(name, engine=engine):
            found = named.get(name)
            if found:
                engine.register_function(*found, Registry.loader(found[0]))
            return bool(found)

        engine.query(statement, provide=provide)
        assert rows(engine, "SELECT p, q, m(10) FROM v LIMIT 1") == [(2.0, 2.0, 21.0)]
        if statement.startswith("BEGIN"):
            engine.query("ROLLBACK")
        assert rows(engine, "SELECT p FROM v LIMIT 1") == [(2.0,)]
        engine.close()


def test_a_function_that_cannot_be_provided(engine):
    for provide in (None, lambda name: True):
        with pytest.raises(duckdb.CatalogException, match="wml_gone_v1_01234567"):
            engine.query("SELECT wml_gone_v1_01234567(1)", provide=provide)
    with pytest.raises(VersionGoneError, match="'gone@1', which no open database holds"):
        engine.query("SELECT wml_gone_v1_01234567(1)", provide=lambda name: False)
    with pytest.raises(duckdb.CatalogException, match="nothing"):
        engine.query("SELECT nothing(1)", provide=lambda name: True)


def test_an_open_result_of_the_users_own_is_left_alone(engine):
    version = Registry(engine).register("twice", *twice())
    engine.connection.execute("FROM range(100000)")
    first = engine.connection.fetchmany(10)
    provide(engine, version)
    assert first + engine.connection.fetchall() == [(i,) for i in range(100_000)]
    assert score(engine, version) == 42


def test_threads_that_make_one_function_at_once(engine):
    versions = [Registry(engine).register("twice", *twice(factor)) for factor in range(20)]
    engines, failed = [engine.cursor() for _ in range(4)], []
    start = threading.Barrier(len(engines))

    def work(engine):
        start.wait()
        try:
            for version in versions:
                provide(engine, version)
                assert score(engine, version, "1") == version.version - 1
        except Exception as error:  # a thread's error is shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=work, args=[engine]) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for cursor in engines:
        cursor.close()


def test_a_read_only_registry_is_not_created(tmp_path):
    path = tmp_path / "a.duckdb"
    duckdb.connect(path).close()
    engine = connect(path, read_only=True)
    with pytest.raises(ReadOnlyError), engine.transaction(create=True):
        pass
    assert engine.referenced_functions() == frozenset()
    engine.close()
