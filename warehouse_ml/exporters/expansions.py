"""Transformers that make several columns of one: powers and products, splines, bins."""

from collections.abc import Mapping
from itertools import combinations, combinations_with_replacement
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.graph.piecewise import searchsorted
from warehouse_ml.graph.tensor import Tensor


def polynomial_features(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Products of up to `degree` columns, each degree from the one below as scikit-learn does."""
    numbers = exporter.numbers(columns)
    choose = combinations if transformer.interaction_only else combinations_with_replacement
    lowest, highest = transformer._min_degree, transformer._max_degree
    parts: list[Tensor] = []
    if transformer.include_bias:
        parts.append(numbers.full_like_rows([1.0]))
    terms = list(choose(range(numbers.width), 1))
    products = numbers
    for degree in range(1, highest + 1):
        if degree > 1:
            place = {term: index for index, term in enumerate(terms)}
            terms = list(choose(range(numbers.width), degree))
            if not terms:
                break
            rest = products.take([place[term[1:]] for term in terms], axis=1)
            products = rest * numbers.take([term[0] for term in terms], axis=1)
        if degree >= lowest:
            parts.append(products)
    if not parts:
        exporter.unsupported("it makes no columns")
    return Columns.of(exporter.graph.concat(parts), sparse=columns.sparse)


def bins_discretizer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The number of inner edges at or below X, as it is or one-hot."""
    numbers = exporter.numbers(columns)
    if transformer.dtype is not None:
        numbers = numbers.cast(np.dtype(transformer.dtype).name).cast("float64")
    bins = searchsorted(numbers, [edges[1:-1] for edges in transformer.bin_edges_])
    if transformer.encode == "ordinal":
        return Columns.of(bins.cast("float64"))
    parts = [
        bins.columns([index]).one_hot(int(size)) for index, size in enumerate(transformer.n_bins_) if size
    ]
    return Columns.of(exporter.graph.concat(parts), sparse=transformer.encode == "onehot")


def spline_transformer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The B-spline basis of each column, as polynomials between the knots."""
    parts = []
    degree = transformer.degree
    for spline, column in zip(transformer.bsplines_, columns.each(), strict=True):
        x = exporter.numbers(column)
        if transformer.extrapolation in ("constant", "linear"):
            basis, degree = _bounded(transformer, spline, x, column, degree, exporter)
        else:
            basis = _unbounded(transformer, spline, x, column, exporter)
        # a missing value is all zeros, where the transformer accepts it
        basis = x.isnan().where(0.0, basis)
        parts.append(basis if transformer.include_bias else basis.columns(range(basis.width - 1)))
    return Columns.of(exporter.graph.concat(parts), sparse=bool(transformer.sparse_output))


def _unbounded(transformer: Any, spline: Any, x: Tensor, column: Columns, exporter: Exporter) -> Tensor:
    low, high = _base_interval(spline)
    if transformer.extrapolation == "periodic":
        period = high - low
        x = low + _modulo(x - low, period) if period > 0 else x * 0.0
    elif transformer.extrapolation == "error":
        exporter.refuse((x < low) | (x > high), column, "beyond the limits of the knots")
    return _basis(spline, x)


def _bounded(
    transformer: Any, spline: Any, x: Tensor, column: Columns, degree: int, exporter: Exporter
) -> tuple[Tensor, int]:
    """The basis within the knots, and beyond them its values or its tangents at the ends.

    scikit-learn raises a degree below 2 while it extrapolates, for all columns that follow too; so the
    degree is handed on.
    """
    low, high = float(spline.t[degree]), float(spline.t[-degree - 1])
    below, above = x < low, x > high
    at_low, at_high = spline(low).reshape(1, -1), spline(high).reshape(1, -1)
    width = at_low.shape[1]
    place = np.arange(width).reshape(1, -1)
    inside = _basis(spline, x.clip(low, high))
    if transformer.extrapolation == "constant":
        if degree == 0 and width > 1:
            exporter.refuse(above, column, "beyond the limits of the knots")
        first, last = place < degree, place >= width - degree
        under, over = np.where(first, at_low, 0.0), np.where(last, at_high, 0.0)
        return below.where(under, above.where(over, inside)), degree
    slope_low, slope_high = spline(low, nu=1).reshape(1, -1), spline(high, nu=1).reshape(1, -1)
    degree = degree + 1 if degree <= 1 else degree
    first, last = place < degree, place >= width - degree
    under_low = np.where(first, at_low, 0.0) + (x - low) * np.where(first, slope_low, 0.0)
    over_high = np.where(last, at_high, 0.0) + (x - high) * np.where(last, slope_high, 0.0)
    return below.where(under_low, above.where(over_high, inside)), degree


def _base_interval(spline: Any) -> tuple[float, float]:
    return float(spline.t[spline.k]), float(spline.t[len(spline.t) - spline.k - 1])


def _basis(spline: Any, x: Tensor) -> Tensor:
    """Every basis function at x [rows, 1], continued beyond the knots by the outermost polynomials."""
    first, last = spline.k, len(spline.t) - spline.k - 1
    knots: NDArray[np.float64] = np.asarray(spline.t[first : last + 1], dtype=np.float64)
    if spline.extrapolate and knots[0] == knots[1]:
        # scipy continues the empty first interval, which is another polynomial than that after it
        knots = np.append(2.0 * knots[0] - knots[-1], knots)
    powers = range(spline.k, -1, -1)
    pieces = [spline(knots[:-1], nu=power) / factorial(power) for power in powers]  # Taylor, at each left end
    graph = x.graph
    place = graph.minimum(graph.maximum(searchsorted(x, [knots]) - 1, 0), len(knots) - 2).reshape(None)
    offset = x - graph.constant(knots).take(place).expand_dims(1)
    result: Tensor | None = None
    for coefficients in pieces:
        chosen = graph.constant(coefficients).take(place)
        result = chosen if result is None else result * offset + chosen
    if result is None:
        raise TypeError("a spline has a polynomial in every interval")
    return result


def _modulo(x: Tensor, divisor: float) -> Tensor:
    """The remainder with the sign of the divisor, which is positive, as numpy computes it."""
    remainder: Tensor = x.graph.op(
        "Mod", x, x.graph.constant(divisor, "float64"), dtype="float64", shape=x.shape, fmod=1
    )
    return (remainder < 0.0).where(remainder + divisor, remainder)


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.PolynomialFeatures": polynomial_features,
    "sklearn.SplineTransformer": spline_transformer,
    "sklearn.KBinsDiscretizer": bins_discretizer,
}
