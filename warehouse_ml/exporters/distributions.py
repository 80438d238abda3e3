"""Transformers that bend each column towards a normal or a uniform distribution."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.graph.elementary import expm1, log1p
from warehouse_ml.graph.piecewise import interpolate
from warehouse_ml.graph.special import normal_quantile
from warehouse_ml.graph.tensor import Tensor

_EPSILON = np.finfo(np.float64).eps
_BOUND = 1e-7
"""scikit-learn's BOUNDS_THRESHOLD: how near to a bound counts as on it."""


def power_transformer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Box-Cox or Yeo-Johnson with the fitted lambdas_, then standardised."""
    numbers = exporter.numbers(columns)
    power = np.asarray(transformer.lambdas_, dtype=np.float64).reshape(1, -1)
    if transformer.method == "box-cox":
        for column in columns.each():
            exporter.refuse(exporter.numbers(column) <= 0.0, column, "not strictly positive")
        bent = _box_cox(numbers, power)
    else:
        bent = _yeo_johnson(numbers, power)
    if transformer.standardize:
        # the scaler behind it raises where a power is too large for a double
        for index, column in enumerate(columns.each()):
            too_large = abs(bent.columns([index])).equal(np.inf)
            exporter.refuse(too_large, column, "its power is too large for a double")
        bent = (bent - transformer._scaler.mean_.reshape(1, -1)) / transformer._scaler.scale_.reshape(1, -1)
    return Columns.of(bent)


def _yeo_johnson(x: Tensor, power: Any) -> Tensor:
    """Source: scipy.stats.yeojohnson, whose form stays accurate for small powers."""
    positive = x >= 0.0
    upper = log1p(positive.where(x, 0.0))
    lower = log1p(positive.where(0.0, -x))
    return positive.where(_powered(upper, power), -_powered(lower, 2.0 - power))


def _powered(logarithm: Tensor, power: Any) -> Tensor:
    """expm1(power * logarithm) / power, or the logarithm itself where the power is 0."""
    zero = np.abs(power) < _EPSILON
    divisor = np.where(zero, 1.0, power)
    curved = expm1(logarithm * divisor) / divisor
    if not zero.any():
        return curved
    return logarithm.graph.constant(zero).where(logarithm, curved)


def _box_cox(x: Tensor, power: Any) -> Tensor:
    """Source: scipy.special.boxcox, which also splits before the exponential overflows."""
    zero = np.abs(power) < 1e-19
    divisor = np.where(zero, 1.0, power)
    logarithm = x.log()
    exponent = logarithm * divisor
    size = np.log(np.abs(divisor))
    far = (exponent - size).exp() * np.sign(divisor) - 1.0 / divisor
    curved = (exponent < 709.78).where(expm1(exponent) / divisor, far)
    return x.graph.constant(zero).where(logarithm, curved)


def quantile_transformer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The mean of the interpolations from both sides, clipped, then the normal quantile."""
    numbers = exporter.numbers(columns)
    quantiles = np.asarray(transformer.quantiles_, dtype=np.float64).T
    references = np.asarray(transformer.references_, dtype=np.float64)
    forward = interpolate(numbers, list(quantiles), [references] * len(quantiles))
    backward = interpolate(-numbers, list(-quantiles[:, ::-1]), [-references[::-1]] * len(quantiles))
    low, high = quantiles[:, :1].T, quantiles[:, -1:].T
    uniform = transformer.output_distribution == "uniform"
    result = 0.5 * (forward - backward)
    result = (numbers.equal(high) if uniform else numbers + _BOUND > high).where(1.0, result)
    result = (numbers.equal(low) if uniform else numbers - _BOUND < low).where(0.0, result)
    if not uniform:
        nearest = _BOUND - sys.float_info.epsilon  # np.spacing(1)
        result = normal_quantile(result).clip(float(norm.ppf(nearest)), float(norm.ppf(1 - nearest)))
    result = numbers.isnan().where(np.nan, result)
    if columns.sparse:
        # only stored values are transformed
        result = numbers.equal(0.0).where(0.0, result)
    return Columns.of(result, sparse=columns.sparse)


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.PowerTransformer": power_transformer,
    "sklearn.QuantileTransformer": quantile_transformer,
}
