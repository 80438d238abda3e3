"""Selectors of features: whatever says with get_support which columns stay."""

from collections.abc import Mapping
from typing import Any

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.prediction import Prediction


def selector(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The selected columns as they are, text too."""
    kept = transformer.get_support(indices=True).tolist()
    if not kept:
        exporter.unsupported("it selects no feature", "Loosen its threshold.")
    return columns.select(kept)


def eliminator(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Recursive feature elimination predicts with the estimator that it fitted on the selected columns."""
    return exporter.predict(model.estimator_, selector(model, columns, exporter), "estimator_")


TRANSFORMERS: Mapping[str, Transform] = {"sklearn.SelectorMixin": selector}

PREDICTORS: Mapping[str, Predict] = {"sklearn.RFE": eliminator}
