"""Runs large statements in a process of its own: one that gets signals, or whose memory is measured."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

import warehouse_ml as wml
from tests.toy_models import twice

ENDLESS = "(SELECT range::DOUBLE AS a FROM range(1_000_000_000_000))"
SIZE = 400_000


def opened(file: str) -> tuple[wml.Session, str]:
    """A session with the model `twice`, and the plain function of it."""
    session = wml.connect(file)
    session.connection.execute("SET threads = 2")
    version = session.import_onnx("twice", twice()[0])
    return session, version.function_of("predict")


def interrupted(file: str, kind: str) -> dict:
    """What becomes of statements that a signal hits after a moment."""
    session, function = opened(file)
    session.sql("CREATE TABLE kept (score DOUBLE)")
    caught = {}
    for route, call in {"PREDICT": "PREDICT('twice', a)", "function": f"{function}(a)"}.items():
        for name, run in statements(session, call).items():
            caught[f"{route}: {name}"] = outcome(session, run, getattr(signal, kind))
    return caught


def statements(session: wml.Session, call: str) -> dict[str, Callable[[], object]]:
    endless = f"SELECT {call} AS score FROM {ENDLESS}"
    rare = f"SELECT * FROM ({endless}) WHERE score < 0"
    return {
        "create": lambda: session.sql(f"CREATE TABLE scores AS {endless}"),
        "insert": lambda: session.sql(f"INSERT INTO kept {endless}"),
        "transaction": lambda: session.sql(f"BEGIN; INSERT INTO kept VALUES (1); INSERT INTO kept {endless}"),
        "sum": lambda: session.sql(f"SELECT sum(score) FROM ({endless})").fetchall(),
        "arrow": lambda: session.sql(rare).arrow(),
        "row": lambda: session.sql(rare).fetchone(),
        "stream": lambda: sum(batch.num_rows for batch in session.sql(endless).arrow_batches()),
    }


def outcome(session: wml.Session, run: Callable[[], object], number: int) -> dict:
    sent = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), number)

    threading.Timer(0.15, send).start()
    raised = None
    try:
        run()
    except BaseException as error:
        raised = repr(error)
    late = time.monotonic() - sent[0]
    with suppress(duckdb.TransactionException):  # where none is open
        session.connection.rollback()
    tables = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
    return {
        "raised": raised,
        "late": late,
        "tables": [row[0] for row in session.sql(tables).fetchall()],
        "kept": session.sql("SELECT count(*) FROM kept").fetchone()[0],
        "scores on": session.sql("SELECT PREDICT('twice', 4.0)").fetchone()[0],
        "handler": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    }


def memory(file: str, _: str) -> dict:
    """By how many MiB the process grows beyond what it had, at most, while a statement runs."""
    session, function = opened(file)
    session.connection.execute("SET memory_limit = '150MB'")
    rows = f"(SELECT range::DOUBLE AS a, repeat(range::VARCHAR, 60) AS t FROM range({SIZE}))"
    made = "CREATE OR REPLACE TABLE scores AS SELECT t, {} AS score FROM " + rows
    session.sql(f"SELECT sum({function}(a)) FROM {rows}").fetchall()

    def read(call: str) -> None:
        for batch in session.sql(f"SELECT t, {call} FROM {rows}").arrow_batches():
            assert batch.num_rows

    grown = {}
    for name, call in {"cheap": "a + a", "model": f"{function}(a)"}.items():
        grown[f"{name} table"] = growth(lambda call=call: session.sql(made.format(call)))
        grown[f"{name} stream"] = growth(lambda call=call: read(call))
    return grown


def growth(run: Callable[[], object]) -> float:
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
    before = resident("VmRSS")
    run()
    return (resident("VmHWM") - before) / 1024


def resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def bar(file: str, progress: str) -> None:
    """A statement that runs until it is interrupted, on a terminal; then a short one."""
    from warehouse_ml import progress as bars

    bars.DELAY = 0.3
    session, _ = opened(file)
    session = wml.connect(session.connection, progress={"None": None, "False": False, "True": True}[progress])
    settings = "SELECT current_setting('enable_progress_bar'), current_setting('enable_progress_bar_print')"
    before = session.connection.sql(settings).fetchall()
    threading.Timer(1.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        session.sql(f"SELECT sum(PREDICT('twice', a)) FROM {ENDLESS}").fetchall()
    except KeyboardInterrupt:
        print("stopped", session.connection.sql(settings).fetchall() == before)
    bars.DELAY = 60.0
    print(session.sql("SELECT PREDICT('twice', 4.0)").fetchall())


if __name__ == "__main__":
    # a shell starts what is in its background with Ctrl-C ignored, and its children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work = {"interrupted": interrupted, "memory": memory, "bar": bar}[sys.argv[1]]
    told = work(*sys.argv[2:])
    if told is not None:
        print(json.dumps(told))
