"""Processes that register until they are killed; a script of test_registry_kill.

    python registry_lives.py FOLDER LIVES SEED

Each life is a fork, so that the libraries are imported once. It first checks what the killed ones left.
"""

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

from warehouse_ml.engines import duckdb
from warehouse_ml.registry.registry import Registry
from warehouse_ml.signature import Feature, GraphInput, Output, Signature

SIGNATURE = Signature(
    "regression", (Feature("a", "DOUBLE"),), (GraphInput("a", 0),), Output("prediction", "DOUBLE", "y", 0)
)
LIVES_PER_FILE = 5


def check(registry: Registry, acknowledged: int) -> int:
    """Compare the registry with what was promised: the last change is there as a whole, or not at all."""
    newest = registry.models()
    if not newest:
        assert acknowledged == 0, "acknowledged versions are gone"
        return 0
    versions = registry.versions("churn")
    count = len(versions)
    assert [version.version for version in versions] == list(range(1, count + 1)), "a gap"
    assert count in (acknowledged, acknowledged + 1), f"{count} versions, {acknowledged} acknowledged"
    assert newest[0].version == registry.resolve("churn", "latest").version == count
    for version in versions:
        assert registry.load(version) == content(version.version)
    history = registry.alias_history("churn")
    assert [change.version for change in history] == list(range(1, len(history) + 1)), "a gap in the history"
    assert count - len(history) in (0, 1)
    assert registry.resolve("churn").version == (len(history) or count)
    return count


def content(version: int) -> bytes:
    """Bytes of a length that differs, up to beyond a block of the file."""
    return hashlib.sha256(str(version).encode()).digest() * (version * 997 % 10_000)


def live(path: Path, acknowledged: int, pipe: int) -> None:
    """Check, then register and move the alias `default`, for ever."""
    registry = Registry(duckdb.connect(path))
    count = check(registry, acknowledged)
    os.write(pipe, f"checked {count}\n".encode())
    if count and len(registry.alias_history("churn")) < count:
        registry.set_alias("churn", "default", count)
    while True:
        version = registry.register("churn", content(count + 1), SIGNATURE).version
        os.write(pipe, f"registered {version}\n".encode())
        registry.set_alias("churn", "default", version)
        count = version


def main(folder: Path, lives: int, seed: int) -> None:
    """Let processes live and die."""
    moments = random.Random(seed)
    registered = 0
    for number in range(lives):
        path = folder / f"{number // LIVES_PER_FILE}.duckdb"
        acknowledged = registered if number % LIVES_PER_FILE else 0
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            live(path, acknowledged, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as lines:
            first = lines.readline()
            if not first.startswith(b"checked"):
                sys.exit(f"life {number} found the file damaged")
            # some work first, however slow the machine is; then death at any moment of the next
            told = [first, *(lines.readline() for _ in range(moments.randrange(4)))]
            time.sleep(moments.uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            told += [line for line in lines if line.endswith(b"\n")]
        registered = int(told[-1].split()[1])
        print("killed after", registered)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
