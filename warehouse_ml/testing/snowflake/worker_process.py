"""The emulation's side of a worker: starts it, sends batches, holds it to the time limit."""

import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse_ml.testing.snowflake import worker
from warehouse_ml.testing.snowflake.errors import (
    PYTHON_INTERPRETER,
    TIME_LIMIT,
    EmulationError,
    NotEmulatedError,
)

START_LIMIT = 120.0
"""Seconds until a worker has to be ready."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Columns of one call of a handler, encoded; and how many rows they have."""

    rows: int
    columns: Sequence[worker.Header]
    buffers: Sequence[bytes]


class Worker:
    """One interpreter with its own import directory; it serves one statement's call at a time."""

    def __init__(self, python: Path, files: Mapping[str, bytes], *, deny_network: bool) -> None:
        self.directory = tempfile.mkdtemp(prefix="snowflake_imports_")
        for name, content in files.items():
            Path(self.directory, name).write_bytes(content)
        self.lock = threading.Lock()
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [python, "-I", "-B", "-X", f"snowflake_import_directory={self.directory}/", worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            cwd=self.directory,
            env={"PATH": os.defpath, "HOME": self.directory, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
        )
        try:
            self.send({"deny_network": deny_network}, ())
            greeting, _ = worker.read_frame(self.reader(time.monotonic() + START_LIMIT))
        except (EOFError, BrokenPipeError) as error:
            self.stop()
            raise self.ended() from error
        except BaseException:
            self.stop()
            raise
        if greeting.get("error") == "OSError":
            self.stop()
            raise NotEmulatedError(
                f"a handler with access to a network, and could not take it away ({greeting['message']}); "
                "allow_network=True runs handlers without that proof"
            )
        if "error" in greeting:
            self.stop()
            raise EmulationError(
                PYTHON_INTERPRETER, f"Python Interpreter Error: {greeting['error']}: {greeting['message']}"
            )
        self.versions = greeting

    def ended(self) -> EmulationError:
        """The error of a worker that ended by itself."""
        self.stderr.seek(0)
        said = self.stderr.read()[-2000:].decode(errors="replace")
        return EmulationError(PYTHON_INTERPRETER, f"Python Interpreter Error: the interpreter ended. {said}")

    def send(self, header: worker.Header, buffers: Sequence[bytes]) -> None:
        """Write one frame."""
        assert self.process.stdin is not None
        worker.write_frame(self.process.stdin, header, buffers)  # type: ignore[arg-type]

    def reader(self, until: float) -> Callable[[int], bytes]:
        """A reader of exactly so many bytes, as long as there is time."""
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()

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

    def call(self, handler: str, returns: str, batches: Sequence[Batch], limit: float) -> list[list[bytes]]:
        """The encoded answers of a handler to batches, in their order.

        Raises:
            EmulationError: The handler raised, gave a wrong answer, ended its process or took more than `limit` seconds.
        """
        with self.lock:
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
                    f"Function {handler} exceeded the time limit of {limit:g} seconds per call.",
                    "57014",
                ) from error
            except EOFError as error:
                self.stop()
                raise self.ended() from error
            finally:
                sending.join()
        if failures:
            first = min(failures, key=lambda header: int(header["id"]))
            raise EmulationError(
                PYTHON_INTERPRETER,
                f"Python Interpreter Error:\n{first['trace']} in function {handler} with handler {handler}",
            )
        return [answers[place] for place in range(len(batches))]

    def feed(self, handler: str, returns: str, batches: Sequence[Batch]) -> None:
        """Write the batches, while their answers are read."""
        try:
            for place, batch in enumerate(batches):
                call = {"id": place, "handler": handler, "returns": returns}
                self.send({**call, "rows": batch.rows, "columns": list(batch.columns)}, batch.buffers)
        except OSError:
            return  # the worker has ended; who reads sees that

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End the process and remove its import directory."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass
        shutil.rmtree(self.directory, ignore_errors=True)
