"""Each batch is scored once: a retry joins the first run, or gets the answer that was kept."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from typing import Any


class Answers:
    """The answers of late, and the batches whose answers are being made.

    All methods run on one event loop. What is kept is bounded by count, bytes and age, the oldest goes
    first. Other instances of a service keep their own: a retry that a load balancer sends elsewhere is
    scored there, to the same scores.
    """

    def __init__(
        self, count: int, size: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep nothing yet.

        Args:
            count: How many answers are kept at most.
            size: How many bytes of answers.
            seconds: For how long.
            clock: The seconds of a clock that never goes back.
        """
        self._count, self._size, self._seconds, self._clock = count, size, seconds, clock
        self._kept: OrderedDict[Hashable, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._running: dict[Hashable, asyncio.Task[bytes]] = {}

    @property
    def running(self) -> tuple[asyncio.Task[bytes], ...]:
        """The batches that are in flight."""
        return tuple(self._running.values())

    async def once(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, bytes]]) -> tuple[bytes, bool]:
        """The answer to a batch; what `work` raises is raised for all who wait, and forgotten.

        A caller who goes away stops nothing.

        Args:
            key: What a retry has in common with the first try.
            work: Makes the answer.

        Returns:
            The answer, and whether another call made it.
        """
        self._forget()
        if key in self._kept:
            return self._kept[key][1], True
        task = self._running.get(key)
        first = task is None
        if task is None:
            task = asyncio.get_running_loop().create_task(work())
            self._running[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        return await asyncio.shield(task), not first

    def _finished(self, key: Hashable, task: asyncio.Task[bytes]) -> None:
        del self._running[key]
        if task.cancelled() or task.exception() is not None:
            return
        self._kept[key] = (self._clock(), task.result())
        self._bytes += len(task.result())
        self._forget()

    def _forget(self) -> None:
        oldest = self._clock() - self._seconds
        while self._kept:
            when, answer = next(iter(self._kept.values()))
            if len(self._kept) <= self._count and self._bytes <= self._size and when > oldest:
                return
            self._kept.popitem(last=False)
            self._bytes -= len(answer)
