"""Regression of a transformed target: the regressor's answer, transformed back."""

from collections.abc import Mapping
from typing import Any

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.inverse import inverse_transform
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.responses import numbers


def transformed_target(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """`transformer_.inverse_transform` of what `regressor_` predicts."""
    inner = exporter.predict(model.regressor_, columns, "regressor_")
    return Prediction.regression(inverse_transform(model.transformer_, numbers(inner, exporter), exporter))


PREDICTORS: Mapping[str, Predict] = {"sklearn.TransformedTargetRegressor": transformed_target}
