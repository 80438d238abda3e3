"""Gaussian processes: the kernel between rows and training rows, times fixed weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import dense, summed_squares
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.special import erf
from warehouse_ml.graph.tensor import Tensor

_LAMBDAS = (0.41, 0.4, 0.37, 0.44, 0.39)
_COEFFICIENTS = (-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654)
"""The logistic sigmoid as a sum of error functions: Williams and Barber, 1998, appendix A."""

Kernel = Callable[[Any, Tensor, NDArray[Any], Exporter], Tensor]


def gaussian_process_regressor(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """K(X, X_train) @ alpha, scaled back: Rasmussen and Williams, 2006, algorithm 2.1."""
    points = dense(model.X_train_)
    kernel = gaussian_process_kernel(model.kernel_, exporter.numbers(columns), points, exporter)
    mean = kernel @ dense(model.alpha_).reshape(len(points), -1)
    scale, shift = dense(model._y_train_std).ravel(), dense(model._y_train_mean).ravel()
    return Prediction.regression(mean * scale + shift)


def gaussian_process_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Two classes: the Laplace approximation; more: one of these for each class or pair."""
    return exporter.predict(model.base_estimator_, columns)


def laplace_classifier(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The latent mean gives the label, and with its variance the probability: ibid., algorithm 3.2."""
    rows = exporter.numbers(columns)
    points = dense(model.X_train_)
    kernel = gaussian_process_kernel(model.kernel_, rows, points, exporter)
    mean = kernel @ (dense(model.y_train_) - dense(model.pi_)).reshape(-1, 1)
    whitening = np.linalg.solve(dense(model.L_), np.diag(dense(model.W_sr_)))
    spread = kernel @ whitening.T
    variance = kernel_diagonal(model.kernel_, rows, exporter) - (spread * spread).sum()
    alpha = 1.0 / (variance * 2.0)
    positive: Tensor | None = None
    for width, coefficient in zip(_LAMBDAS, _COEFFICIENTS, strict=True):
        integral = (
            (math.pi / alpha).sqrt()
            * erf(mean * width * (alpha / (alpha + width**2)).sqrt())
            / ((variance * 2.0 * math.pi).sqrt() * 2.0)
        )
        part = integral * coefficient
        positive = part if positive is None else positive + part
    if positive is None:
        raise TypeError("the sigmoid is a sum of five terms")
    positive = positive + 0.5 * sum(_COEFFICIENTS)
    return Prediction.classification(
        model.classes_,
        labels=(mean > 0.0).cast("int64"),
        probabilities=exporter.graph.concat([1.0 - positive, positive]),
    )


def gaussian_process_kernel(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    """The kernel between rows and points, [rows, points]."""
    for cls in type(kernel).__mro__:
        if cls.__name__ in _KERNELS:
            return _KERNELS[cls.__name__](kernel, rows, points, exporter)
    exporter.unsupported(
        f"the kernel {type(kernel).__name__} has no form in ONNX", "Use RBF, Matern or RationalQuadratic."
    )


def kernel_diagonal(kernel: Any, rows: Tensor, exporter: Exporter) -> Tensor:
    """The kernel of each row with itself, [rows, 1]."""
    name = type(kernel).__name__
    if name == "Sum":
        return kernel_diagonal(kernel.k1, rows, exporter) + kernel_diagonal(kernel.k2, rows, exporter)
    if name == "Product":
        return kernel_diagonal(kernel.k1, rows, exporter) * kernel_diagonal(kernel.k2, rows, exporter)
    if name == "Exponentiation":
        return kernel_diagonal(kernel.kernel, rows, exporter) ** float(kernel.exponent)
    if name == "DotProduct":
        return (rows * rows).sum() + float(kernel.sigma_0) ** 2
    if name == "ConstantKernel":
        return rows.full_like_rows(float(kernel.constant_value))
    if name == "WhiteKernel":
        return rows.full_like_rows(float(kernel.noise_level))
    return rows.full_like_rows(1.0)  # the others are normalised


def _constant(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    return rows.full_like_rows(np.full(len(points), float(kernel.constant_value)))


def _white(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    return rows.full_like_rows(np.zeros(len(points)))  # noise is a training row's own


def _squares(kernel: Any, rows: Tensor, points: NDArray[Any]) -> Tensor:
    """Squared distances after each feature is divided by its length scale."""
    scale = np.squeeze(np.asarray(kernel.length_scale, dtype=np.float64))
    return summed_squares(rows / scale, points / scale)


def _rbf(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    return (_squares(kernel, rows, points) * -0.5).exp()


def _matern(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    squares = _squares(kernel, rows, points)
    if kernel.nu == np.inf:
        return (squares * -0.5).exp()
    distances = squares.sqrt()
    if kernel.nu == 0.5:
        return (-distances).exp()
    if kernel.nu == 1.5:
        scaled = distances * math.sqrt(3)
        return (scaled + 1.0) * (-scaled).exp()
    if kernel.nu == 2.5:
        scaled = distances * math.sqrt(5)
        return (scaled + 1.0 + scaled * scaled / 3.0) * (-scaled).exp()
    exporter.unsupported(
        f"Matern with nu={kernel.nu} needs a Bessel function", "Use nu of 0.5, 1.5, 2.5 or infinity."
    )


def _rational_quadratic(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    scale = 2.0 * float(kernel.alpha) * float(np.ravel(kernel.length_scale)[0]) ** 2
    return (summed_squares(rows, points) / scale + 1.0) ** -float(kernel.alpha)


def _exp_sine_squared(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    sine = (summed_squares(rows, points).sqrt() * (math.pi / float(kernel.periodicity))).unary("Sin")
    scaled = sine / float(kernel.length_scale)
    return (scaled * scaled * -2.0).exp()


def _dot_product(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    return rows @ points.T + float(kernel.sigma_0) ** 2


def _sum(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    left = gaussian_process_kernel(kernel.k1, rows, points, exporter)
    return left + gaussian_process_kernel(kernel.k2, rows, points, exporter)


def _product(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    left = gaussian_process_kernel(kernel.k1, rows, points, exporter)
    return left * gaussian_process_kernel(kernel.k2, rows, points, exporter)


def _exponentiation(kernel: Any, rows: Tensor, points: NDArray[Any], exporter: Exporter) -> Tensor:
    return gaussian_process_kernel(kernel.kernel, rows, points, exporter) ** float(kernel.exponent)


_KERNELS: Mapping[str, Kernel] = {
    "ConstantKernel": _constant,
    "WhiteKernel": _white,
    "RBF": _rbf,
    "Matern": _matern,
    "RationalQuadratic": _rational_quadratic,
    "ExpSineSquared": _exp_sine_squared,
    "DotProduct": _dot_product,
    "Sum": _sum,
    "Product": _product,
    "Exponentiation": _exponentiation,
}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.GaussianProcessRegressor": gaussian_process_regressor,
    "sklearn.GaussianProcessClassifier": gaussian_process_classifier,
    "sklearn._BinaryGaussianProcessClassifierLaplace": laplace_classifier,
}
