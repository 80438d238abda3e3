"""The rows of a training: features, target and weights that belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.errors import TrainError
from warehouse_ml.sample import takes_texts
from warehouse_ml.training.weights import fit_parameter

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Data:
    """Rows to fit on or to measure with.

    Attributes:
        features: A frame of the features.
        target: [rows] or [rows, targets]; None for what learns without one.
        weights: The weight of each row, or None.
    """

    features: pd.DataFrame
    target: NDArray[Any] | None
    weights: NDArray[np.float64] | None

    def take(self, rows: NDArray[np.int64]) -> Data:
        """Some of the rows."""
        return replace(
            self,
            features=self.features.iloc[rows].reset_index(drop=True),
            target=None if self.target is None else self.target[rows],
            weights=None if self.weights is None else self.weights[rows],
        )

    def fed(self, estimator: Any) -> Any:
        """The features as the estimator takes them: a column of texts for a text vectorizer."""
        if takes_texts(estimator) and self.features.shape[1] == 1:
            return self.features.iloc[:, 0]
        return self.features

    def fit(self, estimator: Any) -> Any:
        """Fit an estimator on all rows.

        Raises:
            TrainError: It cannot be fitted on them, or takes no weights.
        """
        options = {} if self.weights is None else {fit_parameter(estimator): self.weights}
        arguments = [self.fed(estimator), *([] if self.target is None else [self.target])]
        try:
            return estimator.fit(*arguments, **options)
        except (ValueError, TypeError) as error:
            reason = next(
                (line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__
            )
            raise TrainError(
                f"{type(estimator).__name__} cannot be fitted on these rows: {reason}"
            ) from error
