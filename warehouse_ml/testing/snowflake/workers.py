"""The workers of an emulation: one per environment and imported files, a few at a time."""

import os
from collections import OrderedDict
from threading import Lock

from warehouse_ml.testing.snowflake.environments import environment
from warehouse_ml.testing.snowflake.functions import Function
from warehouse_ml.testing.snowflake.stages import Stages
from warehouse_ml.testing.snowflake.worker_process import Worker

LIMIT = 8
"""How many workers stay alive; the one that was used longest ago is ended first."""

Key = tuple[object, ...]


class Workers:
    """Finds or starts the worker of a function, with the bytes that are in the stage now."""

    def __init__(self, stages: Stages, *, deny_network: bool) -> None:
        self.stages = stages
        self.deny_network = deny_network
        self.running: OrderedDict[Key, Worker] = OrderedDict()
        self.lock = Lock()

    def key(self, function: Function) -> Key:
        """What has to be equal for a worker to be used again: environment and files, by time and size."""
        files: list[object] = []
        for place in function.imports:
            file = self.stages.file(place)
            if not file.is_file():
                self.stages.content(place)
            state = file.stat()
            files.append((file, state.st_ino, state.st_size, state.st_mtime_ns))
        return (function.packages, function.runtime, *files)

    def of(self, function: Function) -> Worker:
        """A worker that is ready for a call of a function."""
        with self.lock:
            key = self.key(function)
            found = self.running.pop(key, None)
            if found is None or not found.alive:
                files = {
                    os.path.basename(place.path): self.stages.content(place) for place in function.imports
                }
                python = environment(function.packages, function.runtime)
                found = Worker(python, files, deny_network=self.deny_network)
            self.running[key] = found
            if len(self.running) > LIMIT:
                _, oldest = self.running.popitem(last=False)
                with oldest.lock:
                    oldest.stop()
            return found

    def close(self) -> None:
        """End all workers."""
        with self.lock:
            for worker in self.running.values():
                worker.stop()
            self.running.clear()
