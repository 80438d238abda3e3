"""Isotonic regression: straight lines through the thresholds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph import piecewise
from warehouse_ml.graph.tensor import Tensor


def interpolate(x: Tensor, xs: ArrayLike, ys: ArrayLike) -> Tensor:
    """numpy.interp: straight lines between the points, flat beyond them.

    Args:
        x: Where, float64 of shape [rows, columns]. NaN stays NaN, but for a single point.
        xs: The points, ascending; of equal ones the last counts.
        ys: The values there.
    """
    points, values = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    inside = x.clip(float(points[0]), float(points[-1]))
    line = piecewise.interpolate(inside, [points] * x.width, [values] * x.width)
    return line if len(points) == 1 else x.isnan().where(np.nan, line)


def isotonic_values(model: Any, x: Tensor) -> Tensor:
    """What `IsotonicRegression.predict` returns where it does not raise, for x of shape [rows, columns]."""
    points, values = model.X_thresholds_, model.y_thresholds_
    if points.dtype != np.float32:
        result = interpolate(x.cast("float64"), points, values)
        rounded = x.cast("float64")
    else:
        rounded = x.cast("float32").cast("float64")
        result = _interpolate_in_float32(x.cast("float32"), points, values).cast("float64")
    if model.out_of_bounds == "clip" or len(values) == 1:
        return result
    return _beyond(rounded, points).where(np.nan, result)


def _interpolate_in_float32(x: Tensor, points: Any, values: Any) -> Tensor:
    """`interp1d` of scipy, which computes in float32 with points of that type, unlike numpy."""
    if len(points) == 1:
        return interpolate(x.cast("float64"), points, values)
    inside = x.graph.minimum(x.graph.maximum(x, points[0]), points[-1])
    place = x.graph.maximum(piecewise.searchsorted(inside, [points] * x.width, right=False) - 1, 0)
    slopes = np.append(np.diff(values) / np.diff(points), np.float32(0))
    start, height, slope = (x.graph.constant(table).take(place) for table in (points, values, slopes))
    return slope * (inside - start) + height


def _beyond(x: Tensor, points: Any) -> Tensor:
    return (x < float(points[0])) | (x > float(points[-1]))


def isotonic_regression(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Interpolation between the thresholds; beyond them the nearest one, NaN, or a refusal."""
    if columns.width != 1:
        exporter.unsupported("it takes one feature")
    values = exporter.numbers(columns)
    points = model.X_thresholds_
    if model.out_of_bounds == "raise" and len(points) > 1:
        rounded = values.cast(points.dtype.name).cast("float64")
        exporter.refuse(_beyond(rounded, points), columns, "out of bounds")
    return Prediction.regression(isotonic_values(model, values))


PREDICTORS: Mapping[str, Predict] = {"sklearn.IsotonicRegression": isotonic_regression}
