"""Register a pipeline, score its rows in SQL, and compare each with the estimator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.conformance.case import Case, Factory
from warehouse_ml.errors import ExportError, ParityError, ScoringError
from warehouse_ml.model import ModelVersion

RELATIVE = 1e-5
"""How far two floats may lie apart, as a share of the estimator's; plus 1e-9 of the mean magnitude."""

Row = tuple[Any, ...] | None
"""The leaves of one row's score; None where the estimator raises."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one pipeline.

    Attributes:
        name: The pipeline.
        status: Registered and equal, refused with a reason, or wrong.
        reason: Why it was refused, or the first row that is wrong.
        difference: The largest difference of two floats, relative to the larger of value and mean magnitude.
        labels: How many labels differ.
        rows: How many rows the estimator scores.
        nulls: How many of them are NULL in SQL because a feature's policy says so.
        raised: For how many more rows the estimator raises.
        seconds: How long registering and scoring took.
    """

    name: str
    status: Literal["equal", "refused", "wrong"]
    reason: str = ""
    difference: float = 0.0
    labels: int = 0
    rows: int = 0
    nulls: int = 0
    raised: int = 0
    seconds: float = 0.0


def check(
    session: Any, name: str, factory: Factory, then: Callable[[ModelVersion], object] = lambda version: None
) -> Outcome:
    """Register under a name of its own, score, compare.

    Args:
        session: Where to.
        name: The pipeline.
        factory: Makes the pipeline and its rows.
        then: Called with the version while it is there, and with it the tables `all_rows` and `kept_rows`,
            which are the rows that the estimator scores.
    """
    case = factory()
    start = perf_counter()
    model = (
        "m_" + "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name).lower()
    )
    try:
        version = session.register(model, case.estimator, sample=case.sample)
    except (ExportError, ParityError) as error:
        return Outcome(name, "refused", " ".join(str(error).split()), seconds=perf_counter() - start)
    rows = case.rows.reset_index(drop=True)
    wanted = _answers(case, rows, "predict" if hasattr(case.estimator, "predict") else "transform")
    kept = [index for index, answer in enumerate(wanted) if answer is not None]
    _store(session, "all_rows", rows)
    _store(session, "kept_rows", rows.iloc[kept])
    tally = _Tally(version, rows)
    tried = _scores(session, f"SELECT TRY_PREDICT('{model}', *) AS p FROM all_rows")
    tally.compare(range(len(rows)), tried, wanted)
    try:
        plain = _scores(session, f"SELECT PREDICT('{model}', *) AS p FROM kept_rows")
        tally.compare(kept, plain, [wanted[index] for index in kept])
    except ScoringError as error:
        tally.fail(f"the estimator raises for none of these rows, SQL says: {error}")
    if hasattr(case.estimator, "predict_proba") and not tally.problem:
        if version.signature.probabilities is None:
            tally.fail("the estimator has predict_proba, the model has no PREDICT_PROBA")
        else:
            shares = _scores(session, f"SELECT PREDICT_PROBA('{model}', *) AS p FROM kept_rows")
            answers = _answers(case, rows.iloc[kept], "predict_proba")
            tally.compare(
                kept,
                shares,
                [_as_returned(answer, share) for answer, share in zip(answers, shares, strict=True)],
            )
    then(version)
    session.drop_model(model)
    return Outcome(
        name,
        "wrong" if tally.problem else "equal",
        tally.problem,
        tally.difference,
        tally.labels,
        len(kept),
        len(tally.nulls),
        len(rows) - len(kept),
        perf_counter() - start,
    )


class _Tally:
    """What was found so far."""

    def __init__(self, version: ModelVersion, rows: pd.DataFrame) -> None:
        self.problem = ""
        self.difference = 0.0
        self.labels = 0
        self.nulls: set[int] = set()
        self._rows = rows
        null_policy = [f.name for f in version.signature.features if f.missing == "null"]
        self._nullable = (
            rows[null_policy].isna().any(axis=1).to_numpy() if null_policy else np.zeros(len(rows), bool)
        )

    def fail(self, problem: str) -> None:
        """Keep the first problem."""
        self.problem = self.problem or problem

    def compare(self, places: Any, scores: list[tuple[Any, ...]], wanted: list[Row]) -> None:
        """Compare the scores of the rows at these places."""
        floats = [abs(v) for row in wanted for v in row or () if isinstance(v, float) and np.isfinite(v)]
        scale = float(np.mean(floats)) if floats else 1.0
        if len(scores) != len(wanted):
            self.fail(f"{len(scores)} scores for {len(wanted)} rows")
            return
        for place, score, answer in zip(places, scores, wanted, strict=True):
            empty = all(value is None for value in score)
            if answer is None and not empty:
                self.fail(f"the estimator raises for {self._shown(place)}, SQL says {score}")
            elif answer is not None and empty and self._nullable[place]:
                self.nulls.add(place)
            elif answer is not None and not self._same(score, answer, scale):
                self.fail(f"SQL says {score}, the estimator {answer} for {self._shown(place)}")

    def _same(self, score: tuple[Any, ...], answer: tuple[Any, ...], scale: float) -> bool:
        if len(score) != len(answer):
            return False
        same = True
        for got, want in zip(score, answer, strict=True):
            if isinstance(want, float) and (got is None or isinstance(got, float)):
                same = self._near(got, want, scale) and same
            elif got != want or isinstance(got, bool) != isinstance(want, bool):
                self.labels += 1
                same = False
        return same

    def _near(self, got: float | None, want: float, scale: float) -> bool:
        if got is None or got == want:
            return got == want or want != want
        self.difference = max(self.difference, abs(got - want) / max(abs(want), scale))
        return abs(got - want) <= RELATIVE * abs(want) + 1e-9 * scale

    def _shown(self, place: int) -> str:
        return str(dict(list(self._rows.iloc[place].to_dict().items())[:12]))


def _answers(case: Case, rows: pd.DataFrame, method: str) -> list[Row]:
    """What the estimator says of each row: of all together, or where that raises of each alone."""
    whole = [name for name in rows if case.sample[name].dtype.kind == "b"]
    typed = rows[whole].notna().all(axis=1)  # a boolean that is missing makes the column one of objects
    answers: list[Row] = [None] * len(rows)
    groups = [np.flatnonzero(typed), *np.flatnonzero(~typed).reshape(-1, 1)]
    for group in groups:
        together = _ask(case, rows.iloc[group], whole, method)
        if together is None:
            alone = [_ask(case, rows.iloc[[place]], whole, method) for place in group]
            group = np.array(
                [place for place, row in zip(group, alone, strict=True) if row is not None], dtype=int
            )
            together = _ask(case, rows.iloc[group], whole, method) if len(group) else []
            together = together or [row[0] for row in alone if row is not None]
        for place, row in zip(group, together, strict=True):
            answers[place] = row
    return answers


def _ask(case: Case, rows: pd.DataFrame, booleans: list[str], method: str) -> list[tuple[Any, ...]] | None:
    if rows[booleans].notna().all(axis=None):
        rows = rows.astype(dict.fromkeys(booleans, bool))
    try:
        answer = getattr(case.estimator, method)(case.fed(rows))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):  # what a row may raise
        return None
    if isinstance(answer, list):
        answer = np.hstack(answer)
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    return [tuple(row) for row in np.asarray(answer).reshape(len(rows), -1).tolist()]


def _as_returned(answer: Row, score: tuple[Any, ...]) -> Row:
    """Probabilities as PREDICT_PROBA gives them: of two classes, or of a label, the second's alone."""
    if answer is not None and len(answer) == 2 * len(score):
        return answer[1::2]
    return answer


def _store(session: Any, table: str, rows: pd.DataFrame) -> None:
    """Make a table of rows; what is missing becomes NULL, a pandas category its value."""
    plain = rows.astype(
        {
            name: rows[name].cat.categories.dtype
            for name in rows
            if isinstance(rows[name].dtype, pd.CategoricalDtype)
        }
    )
    session.connection.register("rows_to_store", pa.Table.from_pandas(plain, preserve_index=False))
    session.connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM rows_to_store")
    session.connection.unregister("rows_to_store")


def _scores(session: Any, query: str) -> list[tuple[Any, ...]]:
    return [tuple(_leaves(value)) for (value,) in session.sql(query).fetchall()]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _leaves(part)
    else:
        yield value
