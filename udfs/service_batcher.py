"""Requests for one method of one model, scored together in batches of a size that a GPU wants."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx_udf import Column, ScoringError

Score = Callable[[Sequence[Column]], list[Column]]
"""Columns of features in, columns of results out, all of one length."""


@dataclass(eq=False, slots=True)
class _Request:
    """Rows that wait; `scored` becomes the run that they are part of, and their place in it."""

    columns: Sequence[Column]
    rows: int
    since: float
    scored: asyncio.Future[tuple[asyncio.Future[list[Any]], int]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Batcher:
    """A queue, and the task that empties it; all on one event loop, but for the scoring."""

    def __init__(
        self,
        score: Score,
        executor: Executor,
        rows: int,
        delay: float,
        watch: Callable[[int], None] = lambda rows: None,
    ) -> None:
        """Start with an empty queue.

        Args:
            score: Scores a batch; called in `executor`.
            executor: Where to score.
            rows: How many rows are scored together at most; a request of more is scored alone.
            delay: How many seconds a request waits for others at most.
            watch: Is told how many rows are scored together.
        """
        self._score, self._executor, self._rows, self._delay = score, executor, rows, delay
        self._watch = watch
        self._waiting: deque[_Request] = deque()
        self._waiting_rows = 0
        self._more = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def submit(self, columns: Sequence[Column], rows: int) -> list[Column]:
        """The results of a request's rows.

        Raises:
            ScoringError: A row of this request cannot be scored; other requests are not harmed.
        """
        request = _Request(columns, rows, asyncio.get_running_loop().time())
        self._waiting.append(request)
        self._waiting_rows += rows
        self._more.set()
        run, place = await request.scored
        result = (await asyncio.shield(run))[place]
        if isinstance(result, ScoringError):
            raise result
        return list(result)

    async def close(self) -> None:
        """Stop; what waits is not scored any more."""
        self._task.cancel()
        await asyncio.wait({self._task})
        for request in self._waiting:
            request.scored.cancel()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            requests = await self._next()
            self._watch(sum(request.rows for request in requests))
            run = loop.run_in_executor(self._executor, self._together, requests)
            for place, request in enumerate(requests):
                request.scored.set_result((run, place))
            await asyncio.wait({run})  # raises nothing: the requests get what it raises

    async def _next(self) -> list[_Request]:
        """The requests to score next: the oldest, and those behind it as far as they fit."""
        loop = asyncio.get_running_loop()
        while not self._waiting:
            self._more.clear()
            await self._more.wait()
        until = self._waiting[0].since + self._delay
        while self._waiting_rows < self._rows and loop.time() < until:
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), until - loop.time())
            except TimeoutError:
                break
        taken = [self._waiting.popleft()]
        rows = taken[0].rows
        while self._waiting and rows + self._waiting[0].rows <= self._rows:
            taken.append(self._waiting.popleft())
            rows += taken[-1].rows
        self._waiting_rows -= rows
        return taken

    def _together(self, requests: Sequence[_Request]) -> list[Any]:
        """For each request its results, or the ScoringError of a row of its own."""
        if len(requests) == 1:
            return [self._alone(requests[0])]
        try:
            results = self._score(
                [_joined(parts) for parts in zip(*(r.columns for r in requests), strict=True)]
            )
        except ScoringError:
            return [self._alone(request) for request in requests]  # one of them is to blame
        ends = np.cumsum([request.rows for request in requests]).tolist()
        return [
            [_part(column, end - request.rows, end) for column in results]
            for request, end in zip(requests, ends, strict=True)
        ]

    def _alone(self, request: _Request) -> Any:
        try:
            return self._score(request.columns)
        except ScoringError as error:
            return error


def _joined(parts: Sequence[Column]) -> Column:
    values = np.concatenate([values for values, _ in parts])
    if all(missing is None for _, missing in parts):
        return values, None
    masks = [np.zeros(len(values), dtype=bool) if missing is None else missing for values, missing in parts]
    return values, np.concatenate(masks)


def _part(column: Column, start: int, end: int) -> Column:
    values, missing = column
    return values[start:end], None if missing is None else missing[start:end]
