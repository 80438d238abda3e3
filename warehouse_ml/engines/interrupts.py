"""Let a signal stop a statement on all of the engine's threads, and come out as what its handler raised."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGALRM") if hasattr(signal, name)
]  # Windows has no SIGALRM


@contextmanager
def interruptible(interrupt: Callable[[], None]) -> Iterator[None]:
    """Run a statement so that a signal that raises stops it, whatever the engine's threads are at.

    An engine in C++ does not know what to do with a KeyboardInterrupt. DuckDB 2.0 makes an error of its own
    of one that is raised in a function. Of one between two of its tasks it makes a RuntimeError, waits until
    its other threads have done the rest of the statement, and leaves an open transaction as if all were well.
    So what the handler raises is kept until the engine has stopped by itself. A second signal goes straight
    to the handler.

    Only the main thread sees signals; on any other this does nothing.

    Args:
        interrupt: Makes the engine stop what it runs, with an error; does nothing where it runs nothing.

    Raises:
        BaseException: What the signal's handler raised; KeyboardInterrupt for Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    guards: list[_Guard] = []
    raised: list[BaseException] = []

    def stop(error: BaseException) -> None:
        raised.append(error)
        for guard in guards:
            guard.remove()
        interrupt()

    try:
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                guards.append(_Guard(number, handler, stop))
                guards[-1].install()
        yield
    except Exception:
        if not raised:
            raise
    finally:
        for guard in guards:
            guard.remove()
    if raised:
        raise raised[0].with_traceback(None)


@contextmanager
def keyboard_interrupts() -> Iterator[None]:
    """Let Ctrl-C come out of short work for which `interruptible` would be too much.

    DuckDB does such work to its end or not at all, and makes a RuntimeError of the KeyboardInterrupt.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from None


class _Guard:
    """Stands in for a signal's handler while a statement runs."""

    def __init__(
        self, number: int, handler: Callable[..., Any], stop: Callable[[BaseException], None]
    ) -> None:
        self._number = number
        self._handler = handler
        self._stop = stop
        # one object: every access to a method makes a new one, and `remove` compares
        self._own = self._handle

    def install(self) -> None:
        signal.signal(self._number, self._own)

    def remove(self) -> None:
        """Put the handler back, unless somebody has set another one since."""
        if signal.getsignal(self._number) is self._own:
            signal.signal(self._number, self._handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        try:
            self._handler(number, frame)
        except BaseException as error:
            self._stop(error)
