"""Rows with the estimator's answers, kept beside a version to verify it without the estimator."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from warehouse_ml.parity.comparison import Expected, Score, compare
from warehouse_ml.parity.report import ParityReport, summarise
from warehouse_ml.signature import Method, Signature

PROOF_ROWS = 200
"""How many rows are kept by default."""

_FLAGS = ("null", "refused")


@dataclass(frozen=True, slots=True)
class Proof:
    """Some of the rows that a version was proved on.

    Attributes:
        rows: The features, one column each, in order.
        expected: What the estimator says of them.
        sample_rows: How many of them come from the sample; these come first.
    """

    rows: pa.Table
    expected: Expected
    sample_rows: int

    def to_bytes(self) -> bytes:
        """The proof as an Arrow IPC stream: nothing is pickled."""
        columns: dict[str, Any] = {f"row.{i}": column for i, column in enumerate(self.rows.columns)}
        for method, answers in self.expected.answers.items():
            for index, answer in enumerate(answers):
                columns[f"{method}.{index}"] = pa.array(_plain(answer))
        columns["null"] = pa.array(self.expected.null)
        columns["refused"] = pa.array(self.expected.refused)
        table = pa.table(columns).replace_schema_metadata({"sample_rows": str(self.sample_rows)})
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Proof:
        """Read what `to_bytes` wrote."""
        table = pa.ipc.open_stream(data).read_all()
        answers: dict[Any, list[NDArray[Any]]] = {}
        rows = []
        for name in table.column_names:
            kind, _, _ = name.partition(".")
            if kind == "row":
                rows.append(table.column(name))
            elif kind not in _FLAGS:
                values = np.array(table.column(name).to_pylist(), dtype=object)
                answers.setdefault(kind, []).append(values)
        frozen: Mapping[Method, tuple[NDArray[Any], ...]] = {m: tuple(a) for m, a in answers.items()}
        null, refused = (table.column(name).to_numpy() for name in _FLAGS)
        features = pa.table(rows, names=[f"f{i}" for i in range(len(rows))])
        return cls(features, Expected(frozen, null, refused, ""), int(table.schema.metadata[b"sample_rows"]))

    def where(self, chosen: NDArray[np.bool_]) -> Proof:
        """Only some of the rows."""
        answers = {
            method: tuple(a[chosen] for a in columns) for method, columns in self.expected.answers.items()
        }
        expected = Expected(
            answers, self.expected.null[chosen], self.expected.refused[chosen], self.expected.reason
        )
        return Proof(self.rows.filter(pa.array(chosen)), expected, int(chosen[: self.sample_rows].sum()))

    def verify(self, score: Score, signature: Signature, tolerance: float) -> ParityReport:
        """Score the rows again and compare.

        Args:
            score: Scores rows given by their positions in `rows`.
            signature: The model's.
            tolerance: How far a number may be off.
        """
        positions = np.arange(len(self.rows))
        found = compare(score, signature, positions, self.expected, tolerance, self.sample_rows)
        names = signature.feature_names

        def features_of(row: int) -> dict[str, Any]:
            values = [column[row].as_py() for column in self.rows.columns]
            return dict(zip(names, values, strict=True))

        return summarise(found, self.expected, self.sample_rows, tolerance, features_of)


def thinned(rows: pa.Table, expected: Expected, sample_rows: int, limit: int = PROOF_ROWS) -> Proof:
    """A proof of at most `limit` rows, evenly taken from the sample and from the hard rows."""
    count = len(rows)
    kept = np.arange(count)
    if count > limit:
        kept = np.unique(np.linspace(0, count - 1, limit).round().astype(int))
    answers = {method: tuple(a[kept] for a in columns) for method, columns in expected.answers.items()}
    part = Expected(answers, expected.null[kept], expected.refused[kept], expected.reason)
    return Proof(rows.take(kept), part, int((kept < sample_rows).sum()))


def _plain(values: NDArray[Any]) -> list[Any]:
    return [value.item() if isinstance(value, np.generic) else value for value in values]
