"""Every route to the sum of a model's probabilities over a DuckDB table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

import warehouse_ml as wml
from benchmarks.measure import Comparison, Contestant, compare
from benchmarks.peers import peers
from benchmarks.rivals import Table, packed, rivals, scalar
from benchmarks.switches import without_optimizer
from benchmarks.synthetic import FEATURES, TRAINING, create_rows, training_rows
from benchmarks.works import WORKS, fitted


def routes(
    session: wml.Session,
    folder: Path,
    *,
    rows: int,
    rounds: int,
    works: Sequence[str] = tuple(WORKS),
    training: int = TRAINING,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Comparison]:
    """A comparison for each work; the models stay registered in the session under their keys.

    Args:
        session: A session on an empty database; it gets a table `t` of the synthetic rows.
        folder: Where files may be written.
        rows: How many rows `t` has.
        rounds: How often each contestant is timed.
        works: Which works.
        training: How many rows the models are fitted on.
        say: Told what is being done.
    """
    connection = session.connection
    create_rows(connection, "t", rows)
    create_rows(connection, "t_part", max(1, rows // 10))
    arrow = connection.sql("FROM t").to_arrow_table()
    matrix = packed(*(column.combine_chunks() for column in arrow.columns))
    table = Table(connection, "t", "t_part", rows, np.ascontiguousarray(matrix))
    frame, label = training_rows(connection, training)
    for key in works:
        work = WORKS[key]
        say(f"{work.title}: fitting")
        estimator = fitted(work, frame, label)
        say(f"{work.title}: registering")
        session.register(key, estimator, sample=frame.head(2000))
        contestants = [
            *ours(session, key, table),
            *rivals(work, estimator, table),
            *peers(work, estimator, table, (frame, label), folder),
        ]
        yield compare(
            "routes",
            key,
            work.title,
            rows,
            contestants,
            rounds=rounds,
            details=statement_of(key, table),
            say=say,
        )


def statement_of(model: str, table: Table) -> str:
    """The statement that stands for our side."""
    return f"SELECT sum(PREDICT_PROBA('{model}', *)) FROM {table.name}"


def ours(session: wml.Session, model: str, table: Table) -> list[Contestant]:
    """Our statement, with the optimizer and without, and the scan that no route can be faster than."""
    text = statement_of(model, table)

    def run() -> float:
        return float(session.sql(text).fetchall()[0][0])

    def run_plain() -> float:
        with without_optimizer(session):
            return run()

    scan = f"SELECT sum({' + '.join(FEATURES)}) FROM {table.name}"
    return [
        Contestant("ours", "SQL: PREDICT_PROBA", run),
        Contestant("ours_plain", "SQL: PREDICT_PROBA, optimizer off", run_plain),
        Contestant("scan", "no model: scan and sum of the features", lambda: scalar(table, scan), exact=None),
    ]
