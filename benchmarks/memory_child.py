"""Run one statement in a process of its own, and print its peak memory: `memory_child FILE STATEMENT`."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    from benchmarks.threads import THREADS, pin_threads

    pin_threads()
    import warehouse_ml as wml

    file, text = sys.argv[1:]
    with wml.connect(file) as session:
        session.connection.execute(f"SET threads = {THREADS}")
        start = time.perf_counter()
        session.sql(text)
        seconds = time.perf_counter() - start
    print(json.dumps({"peak": peak(), "seconds": seconds}))


def peak() -> int:
    """The largest resident memory of this process, in bytes.

    Linux hands a parent's peak on to its child in `getrusage`, so that its own file is read there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
