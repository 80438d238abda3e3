"""Isotonic regression, and the linear interpolation that it and others are made of."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from warehouse_ml.exporters.exporter import Predict, Transform
from warehouse_ml.exporters.graph import Tensor

_ONE_LOOK = 512
"""Up to this many points every row is compared with all of them; above, first with every k-th."""


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
    widths = np.diff(points)
    with np.errstate(all="ignore"):
        slopes = np.where(widths > 0, np.diff(values) / np.where(widths > 0, widths, 1.0), 0.0)
    table = np.column_stack([points, values, np.append(slopes, 0.0)])
    inside = x.cast("float64").clip(float(points[0]), float(points[-1]))
    place = last_not_above(inside, points)
    row = x.graph.constant(table).take(place.reshape(None))
    start, value, slope = (row.columns([column]) for column in range(3))
    return inside.equal(start).where(value, slope * (inside - start) + value)


def last_not_above(x: Tensor, points: ArrayLike) -> Tensor:
    """The position of the last of ascending points that is not above x, or 0: int64 [rows, 1]."""
    known = np.asarray(points, dtype=np.float64)
    if len(known) <= _ONE_LOOK:
        return _count_not_above(x, x.graph.constant(known.reshape(1, -1))).clip(low=0)
    size = int(np.ceil(np.sqrt(len(known))))
    padded = np.full(size * size, np.inf)
    padded[: len(known)] = known
    blocks = padded.reshape(size, size)
    block = _count_not_above(x, x.graph.constant(blocks[:, 0].reshape(1, -1))).clip(low=0)
    within = _count_not_above(x, x.graph.constant(blocks).take(block.reshape(None)))
    return (block * size + within).clip(low=0, high=len(known) - 1)


def _count_not_above(x: Tensor, points: Tensor) -> Tensor:
    """The number of points not above x, less one."""
    return (x >= points).cast("int64").sum() - 1


TRANSFORMERS: Mapping[str, Transform] = {}

PREDICTORS: Mapping[str, Predict] = {}
