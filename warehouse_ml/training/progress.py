"""A progress bar on stderr for what takes long; none where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(description: str, steps: int | None, wanted: bool | None) -> Iterator[Callable[[], None]]:
    """Show a bar that goes away when the work is done.

    Args:
        description: What is being done.
        steps: How many steps there are; None shows a spinner.
        wanted: True or False, or None for a bar if stderr is a terminal. Without rich there is none.

    Yields:
        A function to call after each step.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield _nothing
        return
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
    except ModuleNotFoundError:
        yield _nothing
        return
    text = TextColumn("{task.description}")
    columns = (SpinnerColumn(), text, TimeElapsedColumn())
    counted = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, force_terminal=True if wanted else None)
    with Progress(*(columns if steps is None else counted), console=console, transient=True) as bar:
        task = bar.add_task(description, total=steps)
        yield lambda: bar.advance(task)


def _nothing() -> None:
    """No bar, so nothing to advance."""
