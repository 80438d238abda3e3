"""Processes that have imported pandas and fork workers: one per environment, for all emulations."""

import atexit
import json
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

from warehouse_ml.testing.snowflake import worker
from warehouse_ml.testing.snowflake.errors import HandlerError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Set to one thread: a process with more of them cannot be forked."""


class Template:
    """A process that forks workers."""

    def __init__(self, python: Path) -> None:
        self.lock = threading.Lock()
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [python, "-I", "-B", worker.__file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={"PATH": os.defpath, "LANG": "C.UTF-8", **dict.fromkeys(THREAD_VARIABLES, "1")},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        message = self.channel.recv(1 << 16)
        if not message:
            _, said = self.process.communicate()
            self.channel.close()
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise HandlerError(last)
        self.versions = json.loads(message)

    def ask(self, order: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Send one order, and wait for its answer."""
        with self.lock:
            socket.send_fds(self.channel, [json.dumps(order).encode()], descriptors)
            message = self.channel.recv(1 << 16)
        if not message:
            raise HandlerError("the process that forks interpreters has ended")
        return dict(json.loads(message))

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End the process; its workers end with it, since their streams close."""
        self.channel.close()
        self.process.kill()
        self.process.communicate()


templates: dict[Path, Template] = {}
lock = threading.Lock()


def template(python: Path) -> Template:
    """The process that forks workers for an environment; started on first use, ended with this process."""
    with lock:
        found = templates.get(python)
        if found is None or not found.alive:
            if not templates:
                atexit.register(stop_all)
            found = templates[python] = Template(python)
        return found


def stop_all() -> None:
    """End all of them."""
    with lock:
        for one in templates.values():
            one.stop()
        templates.clear()
