"""Kernel approximations, kernel ridge regression and the centring of kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import dense
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.pairwise_kernels import pairwise_kernel, refuse_negative
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor


def rbf_sampler(sampler: Any, columns: Columns, exporter: Exporter) -> Columns:
    """cos(X w + b) sqrt(2 / components): random Fourier features of Rahimi and Recht, 2007."""
    projection = exporter.numbers(columns) @ dense(sampler.random_weights_) + dense(sampler.random_offset_)
    return Columns.of(_cosine(projection) * (2.0 / sampler.n_components) ** 0.5)


def skewed_chi2_sampler(sampler: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The same of log(X + skewedness); a value not above -skewedness is refused."""
    rows = exporter.numbers(columns)
    shift = float(sampler.skewedness)
    exporter.refuse((rows <= -shift).any(), Columns.of(rows), "value not above -skewedness")
    projection = (rows + shift).log() @ dense(sampler.random_weights_) + dense(sampler.random_offset_)
    return Columns.of(_cosine(projection) * (np.sqrt(2.0) / np.sqrt(sampler.n_components)))


def additive_chi2_sampler(sampler: Any, columns: Columns, exporter: Exporter) -> Columns:
    """sqrt(x L), and sqrt(2 x L / cosh(pi j L)) times cos and sin of j L log(x).

    Vedaldi and Zisserman, 2010.
    """
    rows = exporter.numbers(columns)
    refuse_negative(rows, exporter)
    interval = sampler.sample_interval
    if interval is None:
        interval = {1: 0.8, 2: 0.5, 3: 0.4}[sampler.sample_steps]
    present = ~rows.equal(0.0)
    log = present.where(rows, 1.0).log() * interval
    parts = [(rows * interval).sqrt()]
    for j in range(1, sampler.sample_steps):
        factor = (rows * 2.0 * interval / np.cosh(np.pi * j * interval)).sqrt()
        parts.append(present.where(factor * _cosine(log * float(j)), 0.0))
        parts.append(present.where(factor * (log * float(j)).unary("Sin"), 0.0))
    return Columns.of(exporter.graph.concat(parts), sparse=columns.sparse)


def polynomial_count_sketch(sketch: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The circular convolution of `degree` count sketches: Pham and Pagh, 2013.

    scikit-learn convolves by FFT; here the same discrete Fourier transform is a matrix product.
    """
    rows = exporter.numbers(columns) * float(np.sqrt(sketch.gamma))
    if sketch.coef0 != 0:
        rows = exporter.graph.concat([rows, rows.full_like_rows(float(np.sqrt(sketch.coef0)))])
    size = sketch.n_components
    angles = 2.0 * np.pi * (np.outer(np.arange(size), np.arange(size)) % size) / size
    real: Tensor | None = None
    imaginary: Tensor | None = None
    for hashes, signs in zip(sketch.indexHash_, sketch.bitHash_, strict=True):
        counts = np.zeros((len(hashes), size))
        counts[np.arange(len(hashes)), hashes] = signs
        sketched = rows @ counts
        cosine, sine = sketched @ np.cos(angles), sketched @ -np.sin(angles)
        if real is None or imaginary is None:
            real, imaginary = cosine, sine
        else:
            real, imaginary = real * cosine - imaginary * sine, real * sine + imaginary * cosine
    if real is None or imaginary is None:
        raise TypeError("a sketch has at least degree 1")  # scikit-learn fits no other
    return Columns.of((real @ np.cos(angles) - imaginary @ np.sin(angles)) / float(size))


def nystroem(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """K(X, components) @ normalization.T: Williams and Seeger, 2001."""
    params = {**(model.kernel_params or {})}
    for name in ("gamma", "coef0", "degree"):
        if getattr(model, name) is not None:
            params[name] = getattr(model, name)
    points = dense(model.components_)
    kernel = pairwise_kernel(model.kernel, exporter.numbers(columns), points, params, exporter)
    return Columns.of(kernel @ dense(model.normalization_).T)


def kernel_centerer(centerer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The kernel of centred features."""
    return Columns.of(centered(centerer, exporter.numbers(columns)))


def centered(centerer: Any, kernel: Tensor) -> Tensor:
    """K minus its fitted column means and its own row means, plus the fitted grand mean."""
    fitted = np.asarray(centerer.K_fit_rows_, dtype=np.float64)
    mean = kernel.sum(1) / float(len(fitted))
    return kernel - fitted - mean + float(centerer.K_fit_all_)


def kernel_ridge(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """K(X, X_fit) @ dual_coef."""
    params = {"gamma": model.gamma, "degree": model.degree, "coef0": model.coef0}
    points = dense(model.X_fit_)
    kernel = pairwise_kernel(model.kernel, exporter.numbers(columns), points, params, exporter)
    weights = dense(model.dual_coef_).reshape(len(points), -1)
    return Prediction.regression(kernel @ weights)


def _cosine(angle: Tensor) -> Tensor:
    return angle.unary("Cos")


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.RBFSampler": rbf_sampler,
    "sklearn.SkewedChi2Sampler": skewed_chi2_sampler,
    "sklearn.AdditiveChi2Sampler": additive_chi2_sampler,
    "sklearn.PolynomialCountSketch": polynomial_count_sketch,
    "sklearn.Nystroem": nystroem,
    "sklearn.KernelCenterer": kernel_centerer,
}

PREDICTORS: Mapping[str, Predict] = {"sklearn.KernelRidge": kernel_ridge}
