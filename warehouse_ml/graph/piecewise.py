"""Find the interval that a value lies in, and interpolate between knots, as numpy does."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from warehouse_ml.graph.tensor import Tensor


def searchsorted(values: Tensor, edges: Sequence[ArrayLike], *, right: bool = True) -> Tensor:
    """How many edges lie at or below each value: numpy.searchsorted with side="right", by bisection.

    Args:
        values: Numbers of shape [rows, columns]; a NaN is below every edge.
        edges: For each column its edges, ascending.
        right: Whether an edge that equals the value counts.

    Returns:
        Counts of shape [rows, columns], int64.
    """
    dtype = values.dtype
    arrays = [np.asarray(column, dtype=dtype).ravel() for column in edges]
    levels = max(len(column) for column in arrays).bit_length()
    size = 2**levels
    # NaN compares false: what is padded is above everything. Whole numbers are padded with the largest,
    # and cannot reach it except by being it.
    filler = np.nan if dtype.startswith("float") else np.iinfo(np.int64).max
    table = np.full((len(arrays), size), filler, dtype=dtype)
    for row, column in zip(table, arrays, strict=True):
        row[: len(column)] = column
    flat = values.graph.constant(table.ravel())
    first = np.arange(len(arrays), dtype=np.int64).reshape(1, -1) * size
    count = values.graph.constant(np.zeros((1, len(arrays)), dtype=np.int64))
    for level in reversed(range(levels)):
        candidate = count + 2**level
        edge = flat.take(candidate + (first - 1))
        below = (edge <= values) if right else (edge < values)
        count = below.where(candidate, count)
    if dtype.startswith("int"):
        count = values.graph.minimum(count, np.array([[len(column) for column in arrays]]))
    return count


def gather(tables: Sequence[NDArray[np.float64]], places: Tensor) -> Tensor:
    """From each column's table the entry at each place.

    Args:
        tables: For each column a table of float64; they may differ in length.
        places: Positions of shape [rows, columns].

    Returns:
        Entries of shape [rows, columns].
    """
    starts = np.cumsum([0, *(len(table) for table in tables[:-1])]).reshape(1, -1)
    return places.graph.constant(np.concatenate(tables)).take(places + starts)


def interpolate(
    values: Tensor, knots: Sequence[NDArray[np.float64]], heights: Sequence[NDArray[np.float64]]
) -> Tensor:
    """Linear interpolation, constant outside the knots: numpy.interp for each column.

    Args:
        values: Numbers of shape [rows, columns]; NaN gives the first height.
        knots: For each column its knots, ascending; equal ones make a jump.
        heights: For each column the value at each knot.
    """
    slopes = [_slopes(x, y) for x, y in zip(knots, heights, strict=True)]
    count = searchsorted(values, knots)
    place = values.graph.maximum(count - 1, 0)
    left, height = gather(knots, place), gather(heights, place)
    # a value on a knot has that knot's height, also where the slope is infinite
    inside = values.equal(left).where(height, gather(slopes, place) * (values - left) + height)
    return count.equal(0).where(height, inside)


def _slopes(knots: NDArray[np.float64], heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The slope of each interval; behind the last knot it is flat."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.diff(heights) / np.diff(knots)
    # a value never lies in an interval without width
    return np.append(np.where(np.diff(knots) > 0, slopes, 0.0), 0.0)
