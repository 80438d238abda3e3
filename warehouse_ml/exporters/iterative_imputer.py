"""The imputer that predicts each feature from the others, round by round."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Block, Columns
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.exporters.imputers import missing_mask, never, with_indicator
from warehouse_ml.exporters.responses import numbers
from warehouse_ml.graph.tensor import Tensor


def iterative_imputer(imputer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The initial imputation, then the predictions of imputation_sequence_ in order.

    A batch in which every value is missing keeps the initial imputation in scikit-learn, whatever it would
    give to those rows in company; here they get what they get in company.
    """
    if imputer.sample_posterior:
        exporter.unsupported("it draws from the posterior", "Fit it with sample_posterior=False.")
    numbers = exporter.numbers(columns)
    missing = missing_mask(Block(numbers, columns.features), imputer.missing_values, computes=True)
    if missing is None:
        missing = never(numbers)
    given = Columns.of(numbers)
    initial = exporter.numbers(exporter.transform(imputer.initial_imputer_, given, "initial_imputer_"))
    empty = np.asarray(imputer._is_empty_feature, dtype=bool)
    kept = np.arange(numbers.width) if imputer.keep_empty_features else np.flatnonzero(~empty)
    filled = {place: initial.columns([place]) for place in range(len(kept))}
    if imputer.n_iter_:
        _predict_rounds(imputer, filled, missing, kept, empty, exporter)
    result: list[Tensor] = []
    for place, index in enumerate(kept):
        value = initial.columns([place]) if empty[index] else numbers.columns([int(index)])
        result.append(value if empty[index] else missing.columns([int(index)]).where(filled[place], value))
    return with_indicator(imputer, Columns.of(exporter.graph.concat(result)), columns, computes=True)


def _predict_rounds(
    imputer: Any, filled: dict[int, Tensor], missing: Tensor, kept: Any, empty: Any, exporter: Exporter
) -> None:
    for number, step in enumerate(imputer.imputation_sequence_):
        index = int(kept[step.feat_idx])
        if empty[index]:
            continue
        neighbors = exporter.graph.concat([filled[int(place)] for place in step.neighbor_feat_idx])
        prediction = exporter.predict(
            step.estimator, Columns.of(neighbors), f"imputation_sequence_[{number}]"
        )
        low, high = (float(limits[step.feat_idx]) for limits in (imputer._min_value, imputer._max_value))
        predicted = numbers(prediction, exporter).clip(low, high)
        filled[step.feat_idx] = missing.columns([index]).where(predicted, filled[step.feat_idx])


TRANSFORMERS: Mapping[str, Transform] = {"sklearn.IterativeImputer": iterative_imputer}
