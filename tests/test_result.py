import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.toy_models import twice
from warehouse_ml.engines.duckdb import connect
from warehouse_ml.errors import MissingDependencyError, ScoringError, SqlError
from warehouse_ml.registry.registry import Registry
from warehouse_ml.result import Result


@pytest.fixture
def engine():
    engine = connect()
    engine.connection.execute("CREATE TABLE t AS SELECT i, i::VARCHAR AS s FROM range(5000) r(i)")
    yield engine
    engine.close()


def run(engine, sql, params=None):
    return Result(engine.query(sql, params))


def refusing(engine):
    """A function that raises for NULL."""
    version = Registry(engine).register("strict", *twice(missing="error"))
    engine.register_function(version, "predict", Registry.loader(version))
    return version.function


def test_a_select_in_every_form(engine):
    result = run(engine, "SELECT i, s FROM t WHERE i < $top ORDER BY i", {"top": 3})
    wanted = [(0, "0"), (1, "1"), (2, "2")]
    assert (result.columns, result.types) == (["i", "s"], ["BIGINT", "VARCHAR"])
    assert result.fetchall() == list(result) == wanted
    assert isinstance(result.df(), pd.DataFrame)
    assert isinstance(result.pl(), pl.DataFrame)
    assert isinstance(result.arrow(), pa.Table)
    frames = (
        result.df(),
        result.pl(),
        result.arrow().to_pandas(),
        result.arrow_batches(2).read_all().to_pandas(),
    )
    for frame in frames:
        assert list(zip(frame["i"], frame["s"], strict=True)) == wanted


def test_rows_in_turn(engine):
    result = run(engine, "FROM t ORDER BY i")
    assert result.fetchone() == (0, "0")
    assert result.fetchmany(2) == [(1, "1"), (2, "2")]
    assert len(result.fetchall()) == 5000
    assert len(result.fetchmany(10_000)) == 4997
    assert result.fetchone() is None
    assert result.fetchmany(2) == []


def test_a_select_runs_again_at_every_read(engine):
    result = run(engine, "SELECT count(*) FROM t")
    assert result.fetchall() == [(5000,)]
    run(engine, "DELETE FROM t")
    assert result.fetchall() == [(0,)]


def test_what_writes_runs_once_and_at_once(engine):
    result = run(engine, "INSERT INTO t VALUES (-1, 'new') RETURNING i")
    assert result.fetchall() == result.fetchall() == [(-1,)]
    assert run(engine, "UPDATE t SET s = '' WHERE i < 0").fetchall() == [(1,)]
    assert run(engine, "SELECT count(*) FROM t").fetchall() == [(5001,)]
    run(engine, "CREATE SEQUENCE numbers")
    number = run(engine, "SELECT nextval('numbers')")
    assert number.fetchall() == number.fetchall() == [(1,)]


def test_ddl_has_no_rows(engine):
    result = run(engine, "CREATE TABLE u (i INTEGER)")
    assert result.fetchall() == []
    assert result.df().empty


def test_a_text_without_a_statement(engine):
    result = run(engine, "-- nothing")
    assert (result.columns, result.types, result.fetchall(), repr(result)) == ([], [], [], "Result()")
    result.show()
    with pytest.raises(SqlError, match="holds no statement"):
        result.df()


def test_two_results_at_once(engine):
    first, second = (run(engine, f"SELECT i * {factor} FROM t ORDER BY i") for factor in (1, 10))
    pairs = [(first.fetchone()[0], second.fetchone()[0]) for _ in range(3000)]
    assert pairs == [(i, 10 * i) for i in range(3000)]


def test_batches_are_computed_as_they_are_read(engine):
    run(engine, "CREATE SEQUENCE seen")
    reader = run(engine, "SELECT i FROM range(10000000) r(i)").arrow_batches(1000)
    assert reader.schema.names == ["i"]
    assert reader.read_next_batch().num_rows < 10_000


def test_a_stream_gives_the_connection_back(engine):
    stream = run(engine, "FROM t ORDER BY i").arrow_batches(1000)
    first = stream.read_next_batch()
    run(engine, "DELETE FROM t")
    rest = stream.read_all()
    assert first["i"].to_pylist() + rest["i"].to_pylist() == list(range(5000))


def test_two_streams_in_turn(engine):
    streams = [run(engine, "SELECT i FROM t ORDER BY i").arrow_batches(2048) for _ in range(2)]
    batches = [next(stream)["i"].to_pylist() for _ in range(2) for stream in streams]
    assert batches[0] == batches[1]
    assert batches[2] == batches[3]
    assert batches[0] + batches[2] == list(range(len(batches[0] + batches[2])))


@pytest.mark.parametrize("interrupted", [False, True])
def test_errors_of_a_stream(engine, interrupted):
    call = refusing(engine)
    stream = run(engine, f"SELECT {call}(nullif(i, 900000)) FROM range(1000000) r(i)").arrow_batches(2048)
    stream.read_next_batch()
    if interrupted:
        assert run(engine, "SELECT 1").fetchall() == [(1,)]
    with pytest.raises(ScoringError, match="The feature 'a' is NULL"):
        stream.read_all()


@pytest.mark.parametrize("read", ["fetchall", "fetchone", "df", "pl", "arrow", "show", "__repr__"])
def test_scoring_errors_in_every_form(engine, read):
    result = run(engine, f"SELECT {refusing(engine)}(nullif(i, 4000)) FROM t")
    with pytest.raises(ScoringError, match="The feature 'a' is NULL"):
        getattr(result, read)()
    assert run(engine, "SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize(("form", "package"), [("df", "pandas"), ("pl", "polars")])
def test_a_missing_library_is_named(engine, monkeypatch, form, package):
    monkeypatch.setattr("warehouse_ml.engines.duckdb_rows.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=f"'{package}', which is not installed: pip install"):
        getattr(run(engine, "FROM t"), form)()


def test_it_shows_a_table(engine, capsys):
    result = run(engine, "FROM t ORDER BY i")
    assert "4999" in repr(result)
    result.show(2)
    shown = capsys.readouterr().out
    assert "│ 1" in shown.replace("     ", " ").replace("  ", " ")
    assert "4999" not in shown


def test_a_stream_of_a_closed_session_does_not_just_end(engine):
    other = engine.cursor()
    stream = run(other, "SELECT i FROM range(1000000000) r(i)").arrow_batches(2048)
    stream.read_next_batch()
    other.close()
    with pytest.raises(SqlError, match="closed before its stream was read"):
        stream.read_all()
