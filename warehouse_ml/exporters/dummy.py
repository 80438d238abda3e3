"""Dummies: the same answer for every row."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction


def dummy_regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The constant that was fitted."""
    constant = np.broadcast_to(np.asarray(model.constant_, dtype=np.float64).ravel(), model.n_outputs_)
    return Prediction.regression(columns.blocks[0].tensor.full_like_rows(constant))


def dummy_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The most frequent class or the constant one; its probability is 1, or the prior."""
    strategy = model._strategy
    if strategy not in ("prior", "most_frequent", "constant"):
        exporter.unsupported(
            f"the strategy {strategy!r} is random", "Use 'prior', 'most_frequent' or 'constant'."
        )
    if model.sparse_output_:
        exporter.unsupported("its target was a sparse matrix", "Fit it on a dense one.")
    single = model.n_outputs_ == 1
    classes = [model.classes_] if single else model.classes_
    priors = [model.class_prior_] if single else model.class_prior_
    if strategy == "constant":
        constants = np.atleast_1d(model.constant).ravel()
        chosen = [
            int(np.flatnonzero(known == label)[0]) for known, label in zip(classes, constants, strict=True)
        ]
    else:
        chosen = [int(np.argmax(prior)) for prior in priors]
    rows = columns.blocks[0].tensor
    certain = [np.eye(len(known))[place] for known, place in zip(classes, chosen, strict=True)]
    return Prediction(
        "classification",
        classes=tuple(np.asarray(known) for known in classes),
        labels=rows.full_like_rows(np.array(chosen, dtype=np.int64)),
        probabilities=tuple(rows.full_like_rows(row) for row in (priors if strategy == "prior" else certain)),
    )


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.DummyClassifier": dummy_classifier,
    "sklearn.DummyRegressor": dummy_regressor,
}
