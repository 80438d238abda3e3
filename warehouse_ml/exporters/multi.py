"""Several classes from binary estimators: one against the rest, one against one, output codes."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.responses import (
    binary_score,
    binary_threshold,
    decision,
    numbers,
    probabilities,
    running_sum,
)
from warehouse_ml.graph.tensor import Tensor


def _binaries(model: Any, columns: Columns, exporter: Exporter) -> list[Prediction]:
    return [
        exporter.predict(estimator, columns, f"estimators_[{index}]")
        for index, estimator in enumerate(model.estimators_)
    ]


def _scores(model: Any, parts: list[Prediction], exporter: Exporter) -> Tensor:
    """The `_predict_binary` of every estimator, [rows, estimators]."""
    return exporter.graph.concat(
        [
            binary_score(estimator, part, exporter)
            for estimator, part in zip(model.estimators_, parts, strict=True)
        ]
    )


def one_vs_rest(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The class with the largest score; of two classes, or of labels, every score above a threshold."""
    parts = _binaries(model, columns, exporter)
    scores = _scores(model, parts, exporter)
    kind = model.label_binarizer_.y_type_
    if kind == "multiclass":
        labels = scores.argmax()
    elif kind == "binary" and len(model.classes_) != 2:
        exporter.unsupported("it was fitted on a single class", "Use a constant in the query.")
    else:
        labels = (scores > binary_threshold(model.estimators_[0])).cast("int64")
    table: Tensor | None = None
    if hasattr(model, "predict_proba"):
        table = exporter.graph.concat([probabilities(part, exporter).columns([1]) for part in parts])
        if len(parts) == 1:
            table = exporter.graph.concat([1.0 - table, table])
        if not model.multilabel_:
            total = running_sum([table.columns([index]) for index in range(table.width)])
            table = table / total.equal(0.0).where(1.0, total)
    decisions: Tensor | None = None
    if hasattr(model, "decision_function") and all(part.decision is not None for part in parts):
        decisions = exporter.graph.concat([decision(part, exporter) for part in parts])
    if not model.multilabel_:
        return Prediction.classification(
            model.classes_, labels=labels, probabilities=table, decision=decisions
        )
    each = (
        ()
        if table is None
        else tuple(
            exporter.graph.concat([1.0 - table.columns([index]), table.columns([index])])
            for index in range(table.width)
        )
    )
    classes = (np.array([0, 1]),) * len(parts)
    return Prediction(
        "classification",
        classes=classes,
        labels=labels,
        probabilities=each,
        decision=decisions,
        multilabel=True,
    )


def one_vs_one(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Votes of every pair of classes; the sum of confidences c, as c / (3 (|c| + 1)), breaks ties.

    Source: `sklearn.utils.multiclass._ovr_decision_function`.
    """
    if model.pairwise_indices_ is not None:
        exporter.unsupported("its kernel is precomputed", "Use a kernel by name.")
    parts = _binaries(model, columns.as_array(), exporter)
    confidences = _scores(model, parts, exporter)
    predictions = exporter.graph.concat([numbers(part, exporter) for part in parts])
    width = len(model.classes_)
    pairs = list(combinations(range(width), 2))
    first = np.array([[float(i == c) for c in range(width)] for i, _ in pairs])
    second = np.array([[float(j == c) for c in range(width)] for _, j in pairs])
    votes = predictions.equal(0.0).cast("float64") @ first + predictions.equal(1.0).cast("float64") @ second
    sums = []
    for c in range(width):
        mine = [place for place, pair in enumerate(pairs) if c in pair]
        signs = np.array([[-1.0 if pairs[place][0] == c else 1.0 for place in mine]])
        sums.append((confidences.columns(mine) * signs).sequential_sum())
    total = exporter.graph.concat(sums)
    table = votes + total / (3.0 * (abs(total) + 1.0))
    if width != 2:
        return Prediction.classification(model.classes_, decision=table)
    table = table.columns([1])
    labels = (table > binary_threshold(model.estimators_[0])).cast("int64")
    return Prediction.classification(model.classes_, labels=labels, decision=table)


def output_code(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The class whose code is nearest: the first minimum of max(0, x² - 2xy + y²).

    Equally near codes are common, so each term is rounded as scikit-learn rounds it: the products are
    added one after another.
    """
    scores = _scores(model, _binaries(model, columns, exporter), exporter)
    code = np.asarray(model.code_book_, dtype=np.float64)
    each = [scores.columns([index]) for index in range(scores.width)]
    products = running_sum([column * code[:, index].reshape(1, -1) for index, column in enumerate(each)])
    distances = (_norms(scores) + -2.0 * products) + (code * code).sum(axis=1).reshape(1, -1)
    return Prediction.classification(model.classes_, labels=distances.clip(low=0.0).argmin())


_SPLITTER = 2.0**27 + 1.0


def _norms(rows: Tensor) -> Tensor:
    """The sum of the squares of each row, each product and addition rounded once: BLAS uses FMA for it.

    Source: Dekker's product and Knuth's sum give what rounding takes away; T. J. Dekker, 1971.
    """
    scaled = rows * _SPLITTER
    high = scaled - (scaled - rows)
    low = rows - high
    squares = rows * rows
    lost = ((high * high - squares) + 2.0 * (high * low)) + low * low
    total = squares.columns([0])
    for index in range(1, rows.width):
        square = squares.columns([index])
        added = total + square
        part = added - total
        total = added + (((total - (added - part)) + (square - part)) + lost.columns([index]))
    return total


def constant_predictor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """What stands for a binary estimator that saw one class only: that class, always."""
    rows = columns.blocks[0].tensor
    label = float(model.y_[0])
    constant = rows.full_like_rows([label], "float64")
    return Prediction.classification(
        np.asarray(model.y_),
        labels=rows.full_like_rows([0], "int64"),
        probabilities=exporter.graph.concat([1.0 - constant, constant]),
        decision=constant,
    )


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.OneVsRestClassifier": one_vs_rest,
    "sklearn.OneVsOneClassifier": one_vs_one,
    "sklearn.OutputCodeClassifier": output_code,
    "sklearn._ConstantPredictor": constant_predictor,
}
