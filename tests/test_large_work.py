"""Large statements stream, and can be interrupted without leaving anything half done."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import warehouse_ml as wml
from tests.large_work_child import ENDLESS
from tests.toy_models import twice
from warehouse_ml.errors import StatementInterruptedError

ROOT = Path(__file__).parents[1]


def child(work: str, file: Path, argument: str = "") -> dict:
    command = [sys.executable, "-m", "tests.large_work_child", work, str(file), argument]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def caught(tmp_path_factory) -> dict:
    return child("interrupted", tmp_path_factory.mktemp("interrupted") / "work.duckdb", "SIGINT")


@pytest.fixture
def session():
    with wml.connect() as opened:
        opened.import_onnx("twice", twice()[0])
        yield opened


@contextmanager
def interrupting(session: wml.Session) -> Iterator[None]:
    """Interrupt until it works: nobody knows when the statement has begun."""
    done = threading.Event()

    def interrupt() -> None:
        while not done.wait(0.1):
            session.interrupt()

    other = threading.Thread(target=interrupt)
    other.start()
    try:
        yield
    finally:
        done.set()
        other.join()


# --- Ctrl-C ---


def test_ctrl_c_comes_out_as_keyboard_interrupt(caught):
    assert {name: facts["raised"] for name, facts in caught.items()} == dict.fromkeys(
        caught, "KeyboardInterrupt()"
    )


def test_ctrl_c_stops_at_once(caught):
    assert max(facts["late"] for facts in caught.values()) < 1


def test_ctrl_c_leaves_nothing_half_done(caught):
    assert {(*facts["tables"], facts["kept"]) for facts in caught.values()} == {("kept", 0)}


def test_the_session_works_on_after_ctrl_c(caught):
    assert {(facts["scores on"], facts["handler"]) for facts in caught.values()} == {(8.0, True)}


# --- from another thread ---


@pytest.mark.parametrize("read", ["fetchall", "fetchone", "arrow", "df", "pl", "arrow_batches", "__iter__"])
def test_another_thread_interrupts_a_read(session, read):
    result = session.sql(f"SELECT PREDICT('twice', a) FROM {ENDLESS} WHERE a < -1")
    with interrupting(session), pytest.raises(StatementInterruptedError, match="changed nothing"):
        list(getattr(result, read)())
    assert session.sql("SELECT PREDICT('twice', 4.0)").fetchall() == [(8.0,)]


def test_another_thread_interrupts_a_write(session):
    with interrupting(session), pytest.raises(StatementInterruptedError):
        session.sql(f"CREATE TABLE scores AS SELECT PREDICT('twice', a) FROM {ENDLESS}")
    assert session.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'scores'").fetchall() == [
        (0,)
    ]


def test_an_interrupted_transaction_waits_for_its_rollback(session):
    session.sql("CREATE TABLE kept (score DOUBLE); BEGIN; INSERT INTO kept VALUES (1)")
    with interrupting(session), pytest.raises(StatementInterruptedError):
        session.sql(f"INSERT INTO kept SELECT PREDICT('twice', a) FROM {ENDLESS}")
    with pytest.raises(Exception, match="ROLLBACK"):
        session.sql("SELECT count(*) FROM kept").fetchall()
    session.sql("ROLLBACK")
    assert session.sql("SELECT count(*) FROM kept").fetchall() == [(0,)]


def test_a_stream_that_was_interrupted_does_not_seem_to_end(session):
    stream = session.sql(f"SELECT PREDICT('twice', a) FROM {ENDLESS}").arrow_batches()
    assert stream.read_next_batch().num_rows
    with interrupting(session), pytest.raises(StatementInterruptedError):
        list(stream)


def test_interrupting_nothing_does_nothing(session):
    session.interrupt()
    assert session.sql("SELECT PREDICT('twice', 4.0)").fetchall() == [(8.0,)]
    session.close()
    session.interrupt()


# --- memory ---


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak")
def test_scoring_adds_little_to_the_memory_of_a_statement(tmp_path):
    grown = child("memory", tmp_path / "work.duckdb")
    assert grown["model table"] - grown["cheap table"] < 50
    assert grown["model stream"] - grown["cheap stream"] < 50
    assert grown["model stream"] < 90, "the whole result has 130 MB"
