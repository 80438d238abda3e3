"""Ask the estimator: its answers, row by row, and which rows it refuses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from warehouse_ml.parity.comparison import Expected, chosen, spread
from warehouse_ml.parity.rows import as_estimator_frame
from warehouse_ml.sample import Sample
from warehouse_ml.signature import Method, Signature

_RAISED_BY_ESTIMATORS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
)
"""What the libraries raise for values that they do not take. XGBoost's own error is a ValueError."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What an estimator says of some rows.

    Attributes:
        columns: An array for each leaf of the result; rows that were refused hold anything.
        refused: A bool mask of the rows for which the estimator raised.
        reason: What it said of the first of them.
    """

    columns: tuple[NDArray[Any], ...]
    refused: NDArray[np.bool_]
    reason: str = ""


class Oracle:
    """An estimator as the truth that everything else is compared with."""

    def __init__(self, estimator: Any, sample: Sample) -> None:
        """Keep the estimator and the sample that shows how it wants to be fed."""
        self._estimator = estimator
        self._sample = sample

    def trial(self, values: pd.DataFrame) -> Callable[[Mapping[str, Sequence[Any]]], bool]:
        """A function that says whether the estimator scores these rows with some columns replaced.

        The rows are put into the estimator's form once, so that many questions about a wide table are cheap.
        """
        frame = as_estimator_frame(values, self._sample)

        def accepts(replaced: Mapping[str, Sequence[Any]]) -> bool:
            changed = pd.DataFrame(replaced, index=frame.index, dtype=object)
            columns = as_estimator_frame(changed, self._sample)
            if len(replaced) > 1:
                whole = {name: columns[name] if name in replaced else frame[name] for name in frame.columns}
                return not isinstance(self._asked(self._predict, pd.DataFrame(whole)), Exception)
            trial = frame.copy(deep=False)
            for name in replaced:
                trial[name] = columns[name]
            return not isinstance(self._asked(self._predict, trial), Exception)

        return accepts

    def predict(self, values: pd.DataFrame) -> Answers:
        """What `predict` (or `transform`) returns for rows of values."""
        return self._answers(self._predict, values)

    def predict_proba(self, values: pd.DataFrame) -> Answers:
        """What `predict_proba` returns, a column for each class of each output."""
        return self._answers(self._predict_proba, values)

    def _predict(self, fed: Any) -> list[NDArray[Any]]:
        if hasattr(self._estimator, "predict"):
            return _split(self._estimator.predict(fed))
        return _split(self._estimator.transform(fed))

    def _predict_proba(self, fed: Any) -> list[NDArray[Any]]:
        result = self._estimator.predict_proba(fed)
        blocks = result if isinstance(result, list) else [result]
        return [column for block in blocks for column in _split(block)]

    def _call(self, method: Callable[[Any], list[NDArray[Any]]], values: pd.DataFrame) -> Any:
        return self._asked(method, as_estimator_frame(values, self._sample))

    def _asked(self, method: Callable[[Any], list[NDArray[Any]]], frame: pd.DataFrame) -> Any:
        fed = self._sample.fed(frame)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                return method(fed)
            except _RAISED_BY_ESTIMATORS as error:
                return error

    def _answers(self, method: Callable[[Any], list[NDArray[Any]]], values: pd.DataFrame) -> Answers:
        """All at once; where that raises, by halves, until the rows to blame stand alone."""
        result = self._call(method, values)
        if not isinstance(result, Exception):
            return Answers(tuple(result), np.zeros(len(values), dtype=bool))
        if len(values) == 1:
            return Answers((), np.ones(1, dtype=bool), str(result))
        middle = len(values) // 2
        halves = [self._answers(method, part) for part in (values.iloc[:middle], values.iloc[middle:])]
        width = max(len(half.columns) for half in halves)
        columns = tuple(
            np.concatenate([_column_or_blank(half, index) for half in halves]) for index in range(width)
        )
        reason = next((half.reason for half in halves if half.reason), "")
        return Answers(columns, np.concatenate([half.refused for half in halves]), reason)


def _split(result: Any) -> list[NDArray[Any]]:
    dense = result.toarray() if hasattr(result, "toarray") else np.asarray(result)
    return list(dense.reshape(len(dense), -1).T)


def _column_or_blank(answers: Answers, index: int) -> NDArray[Any]:
    if answers.columns:
        return answers.columns[index].astype(object)
    return np.full(len(answers.refused), None, dtype=object)


def expect(oracle: Oracle, signature: Signature, rows: pd.DataFrame) -> Expected:
    """Ask the estimator about rows of values, as the model's policies let it see them."""
    withheld = np.zeros(len(rows), dtype=bool)
    seen = rows.copy()
    for feature in signature.features:
        missing = rows[feature.name].isna().to_numpy(dtype=bool)
        if feature.missing in ("null", "error"):
            withheld |= missing
        elif feature.missing == "default":
            seen[feature.name] = seen[feature.name].where(~missing, feature.default)
    asked = seen[~withheld]
    predicted = oracle.predict(asked) if len(asked) else Answers((), np.zeros(0, dtype=bool))
    refused = np.zeros(len(rows), dtype=bool)
    refused[~withheld] = predicted.refused
    answers: dict[Method, tuple[NDArray[Any], ...]] = {"try_predict": spread(predicted.columns, ~withheld)}
    if signature.probabilities is not None:
        told = ~withheld & ~refused
        columns = oracle.predict_proba(seen[told]).columns if told.any() else ()
        answers["predict_proba"] = spread(chosen(columns, signature), told)
    return Expected(answers, withheld | refused, refused, predicted.reason)
