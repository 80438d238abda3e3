"""The emulation's side of a worker: starts it, sends batches, holds it to the time limit."""

import os
import select
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from warehouse_ml.testing.snowflake import worker
from warehouse_ml.testing.snowflake.errors import (
    TIME_LIMIT,
    EmulationError,
    HandlerError,
    NotEmulatedError,
)
from warehouse_ml.testing.snowflake.templates import template

START_LIMIT = 120.0
"""Seconds until a worker has to be ready."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Columns of one call of a handler, encoded; and how many rows they have."""

    rows: int
    columns: Sequence[worker.Header]
    buffers: Sequence[bytes]


class WorkerStoppedError(Exception):
    """A worker was ended to make room, before it was called."""


class Worker:
    """One interpreter with its own import directory; it serves one statement's call at a time."""

    def __init__(self, python: Path, files: Mapping[str, bytes], *, deny_network: bool) -> None:
        self.template = template(python)
        self.directory = tempfile.mkdtemp(prefix="snowflake_imports_")
        for name, content in files.items():
            Path(self.directory, name).write_bytes(content)
        self.lock = threading.Lock()
        self.alive = True
        their_requests, requests = os.pipe()
        replies, their_replies = os.pipe()
        self.requests, self.replies = os.fdopen(requests, "wb"), os.fdopen(replies, "rb", 0)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            order = {"directory": f"{self.directory}/", "deny_network": deny_network}
            theirs = [their_requests, their_replies, self.errors.fileno()]
            self.process = self.template.ask(order, theirs)["process"]
        finally:
            os.close(their_requests)
            os.close(their_replies)
        try:
            greeting, _ = worker.read_frame(self.reader(time.monotonic() + START_LIMIT))
        except EOFError as error:
            raise self.ended() from error
        if "error" in greeting:
            self.stop()
            raise NotEmulatedError(
                f"a handler with access to a network, and could not take it away ({greeting['error']}); "
                "allow_network=True runs handlers without that proof"
            )

    def ended(self) -> EmulationError:
        """The error of a worker that ended by itself."""
        self.errors.seek(0)
        said = self.errors.read()[-2000:].decode(errors="replace")
        self.stop()
        return HandlerError(f"the interpreter ended. {said}")

    def send(self, header: worker.Header, buffers: Sequence[bytes]) -> None:
        """Write one frame."""
        worker.write_frame(self.requests, header, buffers)

    def reader(self, until: float) -> Callable[[int], bytes]:
        """A reader of exactly so many bytes, as long as there is time."""
        descriptor = self.replies.fileno()

        def read(size: int) -> bytes:
            parts: list[bytes] = []
            while size:
                left = until - time.monotonic()
                if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                    raise TimeoutError
                part = os.read(descriptor, min(size, 1 << 20))
                if not part:
                    raise EOFError
                parts.append(part)
                size -= len(part)
            return b"".join(parts)

        return read

    def call(
        self, name: str, handler: str, returns: str, batches: Sequence[Batch], limit: float
    ) -> list[list[bytes]]:
        """The encoded answers of a handler to batches, in their order; `name` is the function's.

        Raises:
            EmulationError: The handler raised, answered wrongly, ended its process or took too long.
            WorkerStoppedError: Another worker has taken this one's place.
        """
        with self.lock:
            if not self.alive:
                raise WorkerStoppedError
            until = time.monotonic() + limit
            sending = threading.Thread(target=self.feed, args=(handler, returns, batches), daemon=True)
            sending.start()
            answers: dict[int, list[bytes]] = {}
            failures: list[worker.Header] = []
            try:
                for _ in batches:
                    header, buffers = worker.read_frame(self.reader(until))
                    answers[header["id"]] = buffers
                    failures += [header] * ("error" in header)
            except TimeoutError as error:
                self.stop()
                raise EmulationError(
                    TIME_LIMIT,
                    f"Function {name} exceeded the time limit of {limit:g} seconds per call.",
                    "57014",
                ) from error
            except EOFError as error:
                raise self.ended() from error
            finally:
                sending.join()
        if failures:
            first = min(failures, key=lambda header: int(header["id"]))
            raise HandlerError(f"{first['trace']} in function {name} with handler {handler}")
        return [answers[place] for place in range(len(batches))]

    def feed(self, handler: str, returns: str, batches: Sequence[Batch]) -> None:
        """Write the batches, while their answers are read."""
        try:
            for place, batch in enumerate(batches):
                call = {"id": place, "handler": handler, "returns": returns}
                self.send({**call, "rows": batch.rows, "columns": list(batch.columns)}, batch.buffers)
        except (OSError, ValueError):
            return  # the worker has ended, and its pipe is closed; who reads sees that

    def stop(self) -> None:
        """End the process and remove its import directory."""
        if not self.alive:
            return
        self.alive = False
        if self.template.alive:
            self.template.ask({"stop": self.process}, [])
        with suppress(OSError):
            self.requests.close()
        self.replies.close()
        self.errors.close()
        shutil.rmtree(self.directory, ignore_errors=True)
