"""The XGBoost statement over 0.1 to 10 M rows, and the memory that a large CREATE TABLE AS takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import warehouse_ml as wml
from benchmarks.measure import Comparison, Contestant, Fact, compare
from benchmarks.synthetic import FEATURES, TRAINING, create_rows, training_rows
from benchmarks.threads import THREADS
from benchmarks.works import WORKS, fitted

SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)


def scale(
    folder: Path,
    *,
    sizes: Sequence[int] = SIZES,
    rounds: int,
    training: int = TRAINING,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Comparison | Fact]:
    """One comparison whose contestants are the sizes, and the peaks of memory of two processes.

    Args:
        folder: Where the database file is made.
        sizes: The numbers of rows, rising.
        rounds: How often each size is timed.
        training: How many rows the model is fitted on.
        say: Told what is being done.
    """
    file = folder / "scale.duckdb"
    with wml.connect(file) as session:
        connection = session.connection
        connection.execute(f"SET threads = {THREADS}")
        for size in sizes:
            say(f"scale: making {size:,} rows")
            create_rows(connection, f"t_{size}", size)
        frame, label = training_rows(connection, training)
        session.register("xgboost", fitted(WORKS["xgboost"], frame, label), sample=frame.head(2000))
        contestants = [_contestant(session, size) for size in sizes]
        yield compare(
            "scale",
            "xgboost",
            "XGBoost, 100 trees of depth 6, by rows",
            0,
            contestants,
            rounds=rounds,
            details="SELECT sum(PREDICT_PROBA('xgboost', *)) FROM t_N",
            say=say,
        )
    yield from memory(file, sizes[-1], say)


def _contestant(session: wml.Session, size: int) -> Contestant:
    def run() -> float:
        return float(session.sql(f"SELECT sum(PREDICT_PROBA('xgboost', *)) FROM t_{size}").fetchall()[0][0])

    return Contestant(str(size), f"{size:,} rows", run, exact=None)


def memory(file: Path, size: int, say: Callable[[str], None]) -> Iterator[Fact]:
    """The peak memory of processes of their own that write a table with scores, and one with plain sums."""
    source = f"FROM t_{size}"
    for key, title, value in (
        ("plain", "without a model", f"({' + '.join(FEATURES)})::DOUBLE"),
        ("scored", "with PREDICT_PROBA", "PREDICT_PROBA('xgboost', *)"),
    ):
        title = f"CREATE TABLE AS of {size:,} rows, {title}"
        say(title)
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.memory_child",
                str(file),
                f"CREATE OR REPLACE TABLE scored AS SELECT f00, {value} AS p {source}",
            ],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout)
        yield Fact("memory", f"{key}_peak", f"{title}: peak memory", found["peak"] / 2**20, "MiB")
        yield Fact("memory", f"{key}_seconds", f"{title}: time", found["seconds"], "s")
