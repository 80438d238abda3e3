"""How long a statement takes to be parsed, bound and optimized, among one model and among a thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import warehouse_ml as wml
from benchmarks.measure import Comparison, Contestant, Fact, compare, timed
from benchmarks.synthetic import FEATURES, training_rows
from benchmarks.works import WORKS

MODELS = 1_000
REPEATS = 20
"""Compilations that are timed together: one takes a few milliseconds."""

STATEMENTS = {
    "one_call": ("one call", "SELECT PREDICT('linear', *) FROM t"),
    "three_calls": (
        "three calls of two models, a filter and an order",
        "SELECT f00, PREDICT_PROBA('boosted', *) AS p FROM t "
        "WHERE PREDICT_PROBA('boosted', *) > 0.5 AND PREDICT('linear', *) = 1 AND f02 > 3 ORDER BY p",
    ),
}


def compiling(
    folder: Path, *, models: int = MODELS, rounds: int, say: Callable[[str], None] = lambda _: None
) -> Iterator[Comparison | Fact]:
    """A comparison for each statement, and how long a file takes to open.

    Args:
        folder: Where the database files are made.
        models: How many models the fuller file holds.
        rounds: How often each side is timed.
        say: Told what is being done.
    """
    files = {count: folder / f"models_{count}.duckdb" for count in (2, models)}
    for count, file in files.items():
        say(f"compile: registering {count:,} models")
        with wml.connect(file) as session:
            _register(session, count)
    for count, file in files.items():
        yield Fact(
            "compile", f"open_{count}", f"open a file of {count:,} models", 1e3 * timed(_opened(file)), "ms"
        )
    sessions = {count: wml.connect(file, read_only=True) for count, file in files.items()}
    for key, (title, text) in STATEMENTS.items():
        for count, session in sessions.items():
            first = timed(partial(session.compile, text))
            yield Fact(
                "compile",
                f"first_{key}_{count}",
                f"first compile among {count:,}: {title}",
                1e3 * first,
                "ms",
            )
        contestants = [_contestant(count, session, text) for count, session in sessions.items()]
        yield compare(
            "compile", key, f"compile: {title}", 0, contestants, rounds=rounds, details=text, say=say
        )
    for session in sessions.values():
        session.close()


def _contestant(count: int, session: wml.Session, text: str) -> Contestant:
    def run() -> Any:
        for _ in range(REPEATS):
            session.compile(text)
        return 0.0

    return Contestant(str(count), f"among {count:,} models", run, exact=None, scale=1 / REPEATS)


def _register(session: wml.Session, models: int) -> None:
    """Two models that the statements name, and small ones beside them, each with weights of its own."""
    from sklearn.linear_model import LogisticRegression

    frame, label = training_rows(session.connection, 3000)
    session.connection.execute(f"CREATE TABLE t ({', '.join(f'{name} FLOAT' for name in FEATURES)})")
    boosted = WORKS["xgboost"].estimator().fit(frame, label)
    session.register("boosted", boosted, sample=frame.head(200))
    linear = WORKS["linear"].estimator().fit(frame, label)
    session.register("linear", linear, sample=frame.head(200))
    small = frame.iloc[:200, :4].astype(float)
    for number in range(models - 2):
        model = LogisticRegression(C=1 + number).fit(small, label[:200])
        session.register(f"m{number}", model, sample=small.head(5), proof_rows=0)


def _opened(file: Path) -> Callable[[], None]:
    def run() -> None:
        wml.connect(file, read_only=True).close()

    return run
