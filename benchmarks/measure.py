"""Timing in turns: every contestant once per round, in one process, with the garbage collected between.

A machine that is shared gets slower and faster by the minute. Contestants that take turns share its moods,
so that their ratio means more than their seconds.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

ROUNDS = 5
PATIENCE = 45.0
"""Seconds that one contestant may take for its rounds; a slow one gets fewer of them, but at least two."""

DISAGREE = 1e-6
"""The relative difference beyond which an exact contestant's answer is another one."""

ANOTHER = "another answer"


@dataclass(frozen=True)
class Contestant:
    """A way to do the work.

    Attributes:
        key: A short name that the targets refer to.
        name: What the table shows.
        run: Does the work; what it returns is reduced to a sum outside of the measured time.
        exact: Whether the answer must be ours; float32 graphs and models fitted anew need not. None where
            the answer is another one by nature.
        scale: What the seconds are multiplied by, where only a part of the rows is scored.
        note: What a reader must know.
    """

    key: str
    name: str
    run: Callable[[], Any]
    exact: bool | None = True
    scale: float = 1.0
    note: str = ""


@dataclass(frozen=True)
class Absent:
    """A way that cannot be measured here, and why."""

    key: str
    name: str
    note: str


@dataclass(frozen=True)
class Timing:
    """What was measured of a contestant; no seconds where it is absent."""

    key: str
    name: str
    seconds: tuple[float, ...]
    difference: float | None
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.seconds) if self.seconds else math.nan


@dataclass(frozen=True)
class Fact:
    """One figure that is no comparison, such as a peak of memory."""

    section: str
    key: str
    title: str
    value: float
    unit: str


@dataclass(frozen=True)
class Comparison:
    """Contestants for one work; the first one's answer is what the others' are compared with.

    Attributes:
        section: The part of the suite, such as `routes`.
        key: The work's short name.
        title: The work in words.
        rows: How many rows are scored; 0 where rows are not what counts.
        timings: One for each contestant.
        details: What else there is to say, such as the statement.
    """

    section: str
    key: str
    title: str
    rows: int
    timings: tuple[Timing, ...]
    details: str = ""

    def median(self, key: str) -> float:
        """The median seconds of a contestant, NaN where it was not measured."""
        return next((timing.median for timing in self.timings if timing.key == key), math.nan)

    @property
    def disagreements(self) -> list[str]:
        """Exact contestants whose answer was another one."""
        return [timing.name for timing in self.timings if ANOTHER in timing.note]


def compare(
    section: str,
    key: str,
    title: str,
    rows: int,
    contestants: Sequence[Contestant | Absent],
    *,
    rounds: int = ROUNDS,
    details: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Warm each contestant up, compare the answers, then time them in turns."""
    present = [contestant for contestant in contestants if isinstance(contestant, Contestant)]
    answers, allowed = {}, {}
    for contestant in present:
        say(f"{title}: {contestant.name}")
        start = time.perf_counter()
        answers[contestant.key] = answer(contestant.run())
        warm = time.perf_counter() - start
        allowed[contestant.key] = min(rounds, max(2, int(PATIENCE / max(warm, 1e-9))))
    seconds: dict[str, list[float]] = {contestant.key: [] for contestant in present}
    for turn in range(rounds):
        say(f"{title}: round {turn + 1} of {rounds}")
        for contestant in present:
            if turn < allowed[contestant.key]:
                seconds[contestant.key].append(contestant.scale * timed(contestant.run))
    timings = tuple(
        Timing(contestant.key, contestant.name, (), None, contestant.note)
        if isinstance(contestant, Absent)
        else _timing(contestant, tuple(seconds[contestant.key]), answers, rounds)
        for contestant in contestants
    )
    return Comparison(section, key, title, rows, timings, details)


def _timing(
    contestant: Contestant, seconds: tuple[float, ...], answers: dict[str, tuple[float, ...]], rounds: int
) -> Timing:
    """What was measured, with the answer held against the first one's."""
    difference = None
    if contestant.exact is not None and contestant.scale == 1:
        difference = difference_of(next(iter(answers.values())), answers[contestant.key])
    notes = [contestant.note] if contestant.note else []
    if len(seconds) < rounds:
        notes.append(f"{len(seconds)} rounds")
    if contestant.exact and difference is not None and not difference <= DISAGREE:
        notes.append(ANOTHER)
    return Timing(contestant.key, contestant.name, seconds, difference, "; ".join(notes))


def timed(work: Callable[[], Any]) -> float:
    """The seconds that work takes, with no garbage collection inside."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.enable()


def answer(result: Any) -> tuple[float, ...]:
    """What a result comes down to: a row count and sums that any route must agree on.

    An Arrow table gives its rows and the sum of each numeric column, a matrix of probabilities the sum of its
    last column, a vector its sum.
    """
    if hasattr(result, "column_names"):
        frame = result.to_pandas().select_dtypes(["number", "bool"])
        return (float(result.num_rows), *(float(frame[name].sum()) for name in frame))
    if hasattr(result, "dtype") and result.ndim:
        matrix = result.reshape(len(result), -1)
        return (float(matrix[:, -1].sum(dtype=float)),)
    return (float(result),)


def difference_of(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest relative difference; infinite where the shapes differ."""
    if len(ours) != len(theirs):
        return math.inf
    pairs = list(zip(ours, theirs, strict=True))
    return max((abs(one - other) / max(abs(one), abs(other), 1e-300) for one, other in pairs), default=0.0)
