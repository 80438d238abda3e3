"""What `inverse_transform` of the transformers does that one fits on a target."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.functions import apply_function
from warehouse_ml.graph.elementary import log1p
from warehouse_ml.graph.piecewise import interpolate
from warehouse_ml.graph.special import erf
from warehouse_ml.graph.tensor import Tensor

Inverse = Callable[[Any, Tensor, Exporter], Tensor]

_BOUND = 1e-7
"""`BOUNDS_THRESHOLD` of sklearn.preprocessing: how near to 0 or 1 a quantile counts as the bound."""


def inverse_transform(transformer: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    """What `transformer.inverse_transform` makes of a matrix of float64, [rows, columns].

    Raises:
        UnsupportedStepError: There is no converter for it.
    """
    inverse = INVERSES.get(type(transformer).__name__)
    if inverse is None:
        exporter.unsupported(
            f"there is no converter for the inverse_transform of {type(transformer).__name__}",
            "Use func and inverse_func with functions of numpy.",
        )
    return inverse(transformer, matrix, exporter)


def _columns(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64).reshape(1, -1)


def _standard_scaler(scaler: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    if scaler.with_std:
        matrix = matrix * _columns(scaler.scale_)
    return matrix + _columns(scaler.mean_) if scaler.with_mean else matrix


def _min_max_scaler(scaler: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    return (matrix - _columns(scaler.min_)) / _columns(scaler.scale_)


def _max_abs_scaler(scaler: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    return matrix * _columns(scaler.scale_)


def _robust_scaler(scaler: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    if scaler.with_scaling:
        matrix = matrix * _columns(scaler.scale_)
    return matrix + _columns(scaler.center_) if scaler.with_centering else matrix


def _power_transformer(transformer: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    if transformer.standardize:
        matrix = _standard_scaler(transformer._scaler, matrix, exporter)
    one = _inverse_box_cox if transformer.method == "box-cox" else _inverse_yeo_johnson
    parts = [
        one(matrix.columns([index]), float(lambda_)) for index, lambda_ in enumerate(transformer.lambdas_)
    ]
    return exporter.graph.concat(parts)


def _inverse_box_cox(x: Tensor, lambda_: float) -> Tensor:
    """scipy.special.inv_boxcox: exp(log1p(lambda x) / lambda), or exp(x) where lambda is 0."""
    if lambda_ == 0:
        return x.exp()
    return (log1p(x * lambda_) / lambda_).exp()


def _inverse_yeo_johnson(x: Tensor, lambda_: float) -> Tensor:
    tiny = float(np.spacing(1.0))
    above = x.exp() if abs(lambda_) < tiny else (x * lambda_ + 1.0) ** (1 / lambda_)
    if abs(lambda_ - 2) > tiny:
        below = 1.0 - (x * -(2 - lambda_) + 1.0) ** (1 / (2 - lambda_))
    else:
        below = 1.0 - (-x).exp()
    return (x >= 0.0).where(above - 1.0, below)


def _quantile_transformer(transformer: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    """The quantiles at the references, linearly interpolated; normal scores go through the normal CDF."""
    quantiles = np.asarray(transformer.quantiles_, dtype=np.float64).T
    references = np.asarray(transformer.references_, dtype=np.float64)
    if transformer.output_distribution == "normal":
        matrix = 0.5 * (1.0 + erf(matrix / math.sqrt(2.0)))
        low, high = matrix - _BOUND < 0.0, matrix + _BOUND > 1.0
    else:
        low, high = matrix <= 0.0, matrix >= 1.0  # numpy.interp holds the ends outside
    inside = interpolate(matrix, [references] * len(quantiles), list(quantiles))
    return low.where(quantiles[:, :1].T, high.where(quantiles[:, -1:].T, inside))


def _function_transformer(transformer: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    """`inverse_func`, where it is a function of numpy."""
    options = dict(transformer.inv_kw_args or {})
    return exporter.numbers(apply_function(transformer.inverse_func, options, Columns.of(matrix), exporter))


def _pipeline(pipeline: Any, matrix: Tensor, exporter: Exporter) -> Tensor:
    for _, step in reversed(pipeline.steps):
        if step is not None and not isinstance(step, str):
            matrix = inverse_transform(step, matrix, exporter)
    return matrix


INVERSES: Mapping[str, Inverse] = {
    "StandardScaler": _standard_scaler,
    "MinMaxScaler": _min_max_scaler,
    "MaxAbsScaler": _max_abs_scaler,
    "RobustScaler": _robust_scaler,
    "PowerTransformer": _power_transformer,
    "QuantileTransformer": _quantile_transformer,
    "FunctionTransformer": _function_transformer,
    "Pipeline": _pipeline,
}
"""The inverse of each transformer, by the name of its class."""
