"""Isotonic regression, and the linear interpolation that it and calibration are made of."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from warehouse_ml.exporters import piecewise
from warehouse_ml.exporters.exporter import Predict, Transform
from warehouse_ml.exporters.graph import Tensor


def interpolate(x: Tensor, xs: ArrayLike, ys: ArrayLike) -> Tensor:
    """What `numpy.interp(x, xs, ys)` returns, computed as it computes it.

    Args:
        x: Values, [rows, 1]; a NaN is the result.
        xs: The points, ascending; of equal ones the last counts.
        ys: The values there; those at the ends hold outside.

    Returns:
        A float64 tensor of shape [rows, 1].
    """
    points = np.asarray(xs, dtype=np.float64)
    values = np.asarray(ys, dtype=np.float64)
    inside = x.cast("float64").clip(float(points[0]), float(points[-1]))  # infinity * 0 is NaN
    return inside.isnan().where(np.nan, piecewise.interpolate(inside, [points], [values]))


TRANSFORMERS: Mapping[str, Transform] = {}

PREDICTORS: Mapping[str, Predict] = {}
