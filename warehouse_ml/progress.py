"""A progress bar on stderr for what takes long; none where nobody looks."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec

DELAY = 2.0
"""How many seconds a statement runs before its bar appears."""

_PAUSE = 0.2

_shown = threading.Lock()
"""Bars of several threads would write over each other: the first one is shown."""


def is_wanted(progress: bool | None) -> bool:
    """Whether to show a bar.

    Args:
        progress: True or False, or None for a bar if stderr is a terminal. Without rich there is none.
    """
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    return progress and find_spec("rich") is not None


@contextmanager
def progress_bar(description: str, steps: int | None, wanted: bool | None) -> Iterator[Callable[[], None]]:
    """Show a bar that goes away when the work is done.

    Args:
        description: What is being done.
        steps: How many steps there are; None shows a spinner.
        wanted: See `is_wanted`.

    Yields:
        A function to call after each step.
    """
    if not is_wanted(wanted):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    text = TextColumn("{task.description}")
    columns = (SpinnerColumn(), text, TimeElapsedColumn())
    counted = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, force_terminal=True if wanted else None)
    with Progress(*(columns if steps is None else counted), console=console, transient=True) as bar:
        task = bar.add_task(description, total=steps)
        yield lambda: bar.advance(task)


@contextmanager
def scoring_bar(share: Callable[[], float | None], scored: Callable[[], int]) -> Iterator[None]:
    """Show how far a statement is that runs within, if it takes long; the bar goes away with its end.

    Args:
        share: What is done, from 0 to 1, or None where it is not known. Another thread asks.
        scored: The number of rows that were ever scored, or 0 where they are not counted.
    """
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(done, share, scored), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(done: threading.Event, share: Callable[[], float | None], scored: Callable[[], int]) -> None:
    start, before = time.monotonic(), scored()
    # a terminal that was closed meanwhile is no reason to complain
    if not done.wait(DELAY) and _shown.acquire(blocking=False):
        try:
            with suppress(OSError, ValueError):
                _show(done, share, lambda: _pace(scored() - before, time.monotonic() - start))
        finally:
            _shown.release()


def _show(done: threading.Event, share: Callable[[], float | None], pace: Callable[[], str]) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        *(TextColumn("Scoring"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[pace]}")),
        TimeRemainingColumn(),
    )
    bar = Progress(
        *columns,
        console=Console(stderr=True, force_terminal=True),
        transient=True,
        auto_refresh=False,
        # this is not the thread that writes to them
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with bar:
        task = bar.add_task("", total=None, pace="")
        while True:
            part = share()
            bar.update(
                task, total=None if part is None else 1.0, completed=part or 0.0, pace=pace(), refresh=True
            )
            if done.wait(_PAUSE):
                return


def _pace(rows: int, seconds: float) -> str:
    return f"{rows:,} rows, {rows / seconds:,.0f}/s" if rows else ""
