"""The bar of long scoring: on a terminal only, and gone when the work is done."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse_ml import progress

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "tests.large_work_child", "bar"]


def on_terminal(*arguments: str) -> str:
    """What a process shows on a terminal of its own."""
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 2**16):
            shown += part
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0, shown
    return shown.decode()


def test_a_terminal_shows_a_bar_that_goes_away(tmp_path):
    before, mark, after = on_terminal(str(tmp_path / "work.duckdb"), "None").partition("stopped True")
    assert "Scoring" in before
    assert "%" in before
    # the cursor is back, the line is empty
    assert before.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")
    assert mark
    assert after == "\r\n[(8.0,)]\r\n"


def test_a_terminal_shows_none_where_none_is_wanted(tmp_path):
    assert on_terminal(str(tmp_path / "work.duckdb"), "False") == "stopped True\r\n[(8.0,)]\r\n"


@pytest.mark.parametrize(("wanted", "bars"), [("None", False), ("True", True)])
def test_a_pipe_shows_a_bar_only_when_asked(tmp_path, wanted, bars):
    run = subprocess.run(
        [*COMMAND, str(tmp_path / "work.duckdb"), wanted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout == "stopped True\n[(8.0,)]\n"
    assert ("Scoring" in run.stderr) == bars


def test_without_rich_there_is_no_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    assert not progress.is_wanted(True)


def test_without_a_stderr_there_is_no_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert not progress.is_wanted(None)


def test_what_is_short_has_no_bar(capfd):
    with progress.scoring_bar(lambda: 0.5, lambda: 100):
        pass
    assert capfd.readouterr().err == ""


def test_a_bar_tells_the_share_and_the_pace(capfd, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.0)
    counts = iter(range(0, 10**9, 1000))
    with progress.scoring_bar(lambda: 0.5, lambda: next(counts)):
        while " 50%" not in (shown := capfd.readouterr().err):
            pass
    assert re.search(r"\d,000 rows, [\d,]+/s", shown)


def test_only_the_first_of_several_bars_is_shown(capfd, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.0)
    with progress._shown, progress.scoring_bar(lambda: 0.5, lambda: 0):
        pass
    assert capfd.readouterr().err == ""
