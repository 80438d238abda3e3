"""What scoring has cost so far: rows, batches and time, counted for all threads of the process."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter shows.

    Attributes:
        rows: The rows that were scored.
        batches: The calls that it took.
        seconds: The time within the model, added up over threads.
    """

    rows: int = 0
    batches: int = 0
    seconds: float = 0.0

    def __sub__(self, earlier: "Reading") -> "Reading":
        """What was added since an earlier reading."""
        return Reading(
            self.rows - earlier.rows, self.batches - earlier.batches, self.seconds - earlier.seconds
        )

    def __add__(self, other: "Reading") -> "Reading":
        """Both together."""
        return Reading(self.rows + other.rows, self.batches + other.batches, self.seconds + other.seconds)


class Meter:
    """Counts what is scored through it."""

    def __init__(self) -> None:
        self._reading = Reading()
        self._lock = threading.Lock()

    @property
    def reading(self) -> Reading:
        """What was counted so far."""
        return self._reading

    def measured(self, rows: int, score: Callable[[], _T]) -> _T:
        """Run a batch and count it, if it fails too."""
        start = time.perf_counter()
        try:
            return score()
        finally:
            added = Reading(rows, 1, time.perf_counter() - start)
            with self._lock:
                self._reading += added


SCORED = Meter()
"""Everything that functions of this process score."""
