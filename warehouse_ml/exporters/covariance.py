"""Outliers by a robust covariance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction


def elliptic_envelope(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Minus the squared Mahalanobis distance minus the offset; an inlier is not below zero."""
    centered = exporter.numbers(columns) - np.asarray(model.location_, dtype=np.float64)
    distance = ((centered @ np.asarray(model.get_precision(), dtype=np.float64)) * centered).sum()
    decision = -distance - float(model.offset_)
    return Prediction.outliers(decision, decision >= 0.0)


PREDICTORS: Mapping[str, Predict] = {"sklearn.EllipticEnvelope": elliptic_envelope}
