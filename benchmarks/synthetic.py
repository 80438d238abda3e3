"""Synthetic rows with enough structure to fill trees, generated inside DuckDB from hashes."""

from __future__ import annotations

from typing import Any

import numpy as np

FEATURES = tuple(f"f{position:02}" for position in range(28))

TRAINING = 100_000
"""Rows that models are fitted on: enough for every leaf of a tree of depth 10 to be reached."""


def create_rows(
    connection: Any, table: str, rows: int, *, features: int = len(FEATURES), first: int = 0
) -> None:
    """Create a table of FLOAT columns `f00`, `f01` and so on.

    One column in four is uniform, one logistic, one a count with many ties, one a mean of its neighbours.

    Args:
        connection: A DuckDB connection.
        table: The table's name.
        rows: How many rows.
        features: How many columns.
        first: The number of the first row; ranges that do not overlap give rows that are not the same.
    """
    columns = ", ".join(f"({_formula(position)})::FLOAT AS f{position:02}" for position in range(features))
    connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT {columns} FROM range({first}, {first + rows}) AS r(i)"
    )


def training_rows(connection: Any, rows: int = TRAINING, *, features: int = len(FEATURES)) -> tuple[Any, Any]:
    """A frame of float32 features that scoring never sees, and a label."""
    create_rows(connection, "training_rows", rows, features=features, first=10**9)
    frame = connection.sql("FROM training_rows").to_arrow_table().to_pandas()
    connection.execute("DROP TABLE training_rows")
    return frame, labels(frame)


def labels(frame: Any) -> Any:
    """A label that depends on products, waves, steps and a linear part, with noise; about half are true."""
    f = frame.to_numpy(np.float64).T
    noise = np.random.default_rng(0).normal(size=len(frame))
    signal = (
        2 * np.sin(6 * f[0]) * f[1]
        + 3 * (f[4] - 0.5) * f[5]
        + 0.02 * (f[2] - 33) * np.sign(f[9])
        + np.where(f[6] > 25, f[8] - 0.5, 0.5 - f[8])
        + 2 * np.abs(f[7] - 0.5)
        + 4 * (f[11] - 0.5)
        + 0.5 * np.tanh(f[13])
    )
    return (signal + noise > np.median(signal)).astype(np.int64)


def _formula(position: int) -> str:
    if position % 4 == 0:
        return _uniform(position)
    if position % 4 == 1:
        uniform = _uniform(position)
        return f"ln(({uniform} + 1e-9) / (1 - {uniform} + 1e-9))"
    if position % 4 == 2:
        return f"floor(100 * {_uniform(position)} * {_uniform(position)})"
    return f"({_uniform(position)} + {_uniform(position - 1)} + {_uniform(position - 2)}) / 3"


def _uniform(position: int) -> str:
    return f"(hash(i * 1024 + {position}) / 18446744073709551616.0::DOUBLE)"
