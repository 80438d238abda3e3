"""What `predict`, `predict_proba` and `decision_function` of an estimator return, as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warehouse_ml.graph.tensor import Tensor
from warehouse_ml.signature import Task


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answers of a predictor. Parts that nobody reads cost nothing: the graph drops them.

    Attributes:
        task: What kind of answer it is.
        value: Regression: what `predict` returns, float64 of shape [rows, outputs].
        classes: Classification: for each output its classes, as `classes_` has them. An output of
            clusters has its cluster numbers, an outlier detector (-1, 1).
        labels: The positions in `classes` of what `predict` returns, int64 of shape [rows, outputs].
        probabilities: For each output what `predict_proba` returns, shape [rows, classes]; empty where
            the estimator has no such method.
        decision: What `decision_function` returns: [rows, 1] for two classes, else [rows, classes]; or
            None.
        multilabel: Whether `predict` returns an indicator matrix: every output has the classes (0, 1).
    """

    task: Task
    value: Tensor | None = None
    classes: tuple[NDArray[Any], ...] = ()
    labels: Tensor | None = None
    probabilities: tuple[Tensor, ...] = ()
    decision: Tensor | None = None
    multilabel: bool = False

    @classmethod
    def regression(cls, value: Tensor) -> Prediction:
        """A regressor's answer, of shape [rows, outputs]."""
        return cls("regression", value=value)

    @classmethod
    def classification(
        cls,
        classes: ArrayLike,
        *,
        labels: Tensor | None = None,
        probabilities: Tensor | None = None,
        decision: Tensor | None = None,
    ) -> Prediction:
        """A classifier's answer for one output.

        Args:
            classes: The classes, in the estimator's order.
            labels: Positions in the classes, [rows, 1]. By default what scikit-learn does: the decision
                where there is one (above 0 for two classes, else the largest), else the largest probability.
            probabilities: [rows, classes].
            decision: [rows, 1] for two classes, else [rows, classes].
        """
        if labels is None:
            score = probabilities if decision is None else decision
            if score is None:
                raise TypeError("a classification needs labels, probabilities or a decision")
            labels = (score > 0.0).cast("int64") if score.width == 1 else score.argmax()
        return cls(
            "classification",
            classes=(np.asarray(classes),),
            labels=labels,
            probabilities=() if probabilities is None else (probabilities,),
            decision=decision,
        )

    @classmethod
    def clustering(cls, labels: Tensor, clusters: int) -> Prediction:
        """The number of the cluster, [rows, 1], below `clusters`."""
        return cls("clustering", classes=(np.arange(clusters),), labels=labels)

    @classmethod
    def outliers(cls, decision: Tensor, inlier: Tensor) -> Prediction:
        """An outlier detector's answer: -1 or 1 by the bool `inlier`, [rows, 1]."""
        return cls(
            "outlier detection",
            classes=(np.array([-1, 1]),),
            labels=inlier.cast("int64"),
            decision=decision,
        )
