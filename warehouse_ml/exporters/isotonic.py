"""Isotonic regression: straight lines through the thresholds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.exporters.tensor import Tensor


def interpolate(x: Tensor, xs: ArrayLike, ys: ArrayLike) -> Tensor:
    """numpy.interp: straight lines between the points, flat beyond them.

    Args:
        x: Where, float64 of any shape. NaN stays NaN, but for a single point.
        xs: The points, ascending; of equal ones the last counts.
        ys: The values there.
    """
    points, values = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    graph = x.graph
    if len(points) == 1:
        return x.isnan().where(float(values[0]), float(values[0]))
    inside = x.clip(float(points[0]), float(points[-1]))
    steps = np.diff(points)
    slopes = np.append(np.diff(values) / np.where(steps > 0, steps, 1.0), 0.0)
    place = last_not_above(inside, points)
    start, height, slope = (graph.constant(table).take(place) for table in (points, values, slopes))
    return slope * (inside - start) + height


def last_not_above(x: Tensor, points: ArrayLike, *, strict: bool = False) -> Tensor:
    """The position of the last of some increasing points that is not above x; 0 where all are.

    A binary search: comparing each x with each point would take too much memory.

    Args:
        x: Floats of any shape.
        points: The points, of the type of x.
        strict: Whether a point equal to x counts as above it.
    """
    ordered = np.asarray(points)
    graph = x.graph
    rounds = max(1, len(ordered) - 1).bit_length()
    # no finite x reaches the padding
    padding = np.full(2**rounds - len(ordered), np.inf, dtype=ordered.dtype)
    table = graph.constant(np.append(ordered, padding))
    place = (x > np.inf).cast("int64")  # nowhere: the first point
    for step in (2**power for power in reversed(range(rounds))):
        further = place + step
        point = table.take(further)
        place = (point < x if strict else point <= x).where(further, place)
    return graph.minimum(place, len(ordered) - 1)


def isotonic_values(model: Any, x: Tensor) -> Tensor:
    """What `IsotonicRegression.predict` returns where it does not raise, for x of any shape."""
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
    place = last_not_above(inside, points, strict=True)
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
