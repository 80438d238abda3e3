"""Linear and kernel decompositions, and random projections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import dense
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.exporters.kernels import centered
from warehouse_ml.exporters.latent_dirichlet import latent_dirichlet_allocation
from warehouse_ml.exporters.neighbor_search import Search
from warehouse_ml.exporters.pairwise_kernels import pairwise_kernel
from warehouse_ml.graph.tensor import Tensor

LARGEST_GEODESIC_MATRIX = 2_000
"""Isomap keeps a square matrix of its training rows; beyond this many it would be more than 32 MB."""


def pca(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """X @ components.T - mean @ components.T, over the standard deviations where it whitens."""
    components = dense(model.components_)
    projected = exporter.product(columns, components.T)
    if model.mean_ is not None:
        projected = projected - dense(model.mean_).reshape(1, -1) @ components.T
    if model.whiten:
        scale = np.sqrt(dense(model.explained_variance_))
        projected = projected / np.maximum(scale, np.finfo(np.float64).eps)
    return Columns.of(projected)


def linear_map(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """X @ components.T: truncated SVD, random projections, neighbourhood components."""
    keeps_zeros = getattr(model, "dense_output", None) is False  # SparseRandomProjection
    product = exporter.product(columns, dense(model.components_).T)
    return Columns.of(product, sparse=columns.sparse and keeps_zeros)


def fast_ica(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """(X - mean) @ components.T, the mean only where it whitened."""
    rows = exporter.numbers(columns)
    if model.whiten:
        rows = rows - dense(model.mean_)
    return Columns.of(rows @ dense(model.components_).T)


def factor_analysis(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The expected latent variables: Barber, Bayesian Reasoning and Machine Learning, 21.2.33."""
    components = dense(model.components_)
    weighted = components / dense(model.noise_variance_)
    covariance = np.linalg.inv(np.eye(len(components)) + weighted @ components.T)
    return Columns.of((exporter.numbers(columns) - dense(model.mean_)) @ weighted.T @ covariance)


def sparse_pca(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The ridge regression of X - mean on the components: one fixed matrix."""
    components = dense(model.components_)
    gram = components @ components.T + float(model.ridge_alpha) * np.eye(len(components))
    return Columns.of((exporter.numbers(columns) - dense(model.mean_)) @ np.linalg.solve(gram, components).T)


def kernel_pca(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The centred kernel with the training rows, times the scaled eigenvectors."""
    params = {"gamma": model.gamma_, "degree": model.degree, "coef0": model.coef0}
    points = dense(model.X_fit_)
    kernel = pairwise_kernel(model.kernel, exporter.numbers(columns), points, params, exporter)
    return Columns.of(_project(model, kernel))


def _project(model: Any, kernel: Tensor) -> Tensor:
    """`KernelPCA.transform` from the kernel on."""
    eigenvalues, scaled = dense(model.eigenvalues_), np.zeros_like(dense(model.eigenvectors_))
    used = np.flatnonzero(eigenvalues)
    scaled[:, used] = dense(model.eigenvectors_)[:, used] / np.sqrt(eigenvalues[used])
    return centered(model._centerer, kernel) @ scaled


def isomap(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The shortest way to each training row through the nearest neighbours: Tenenbaum et al., 2000."""
    geodesic = dense(model.dist_matrix_)
    if model.n_neighbors is None:
        exporter.unsupported("it links rows within a radius", "Set n_neighbors instead of radius.")
    if len(geodesic) > LARGEST_GEODESIC_MATRIX:
        exporter.unsupported(
            f"its matrix of {len(geodesic)} x {len(geodesic)} distances is too large for a model",
            f"Fit it on at most {LARGEST_GEODESIC_MATRIX} rows.",
        )
    found = Search.of(model.nbrs_, exporter).nearest(exporter.numbers(columns), model.n_neighbors)
    table = exporter.graph.constant(geodesic)
    shortest: Tensor | None = None
    for j in range(model.n_neighbors):
        way = table.take(found.indices.columns([j]).reshape(None)) + found.distances.columns([j])
        shortest = way if shortest is None else exporter.graph.minimum(shortest, way)
    if shortest is None:
        raise TypeError("a search returns at least one neighbour")  # scikit-learn fits no other
    return Columns.of(_project(model.kernel_pca_, shortest * shortest * -0.5))


def sparse_coding(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Soft thresholding of X @ dictionary.T; the other algorithms iterate until they converge."""
    if model.transform_algorithm != "threshold":
        _iterative(model, columns, exporter)
    alpha = getattr(model, "alpha", None) if model.transform_alpha is None else model.transform_alpha
    alpha = 1.0 if alpha is None else float(alpha)
    dictionary = dense(model.components_ if hasattr(model, "components_") else model.dictionary)
    code = exporter.numbers(columns) @ dictionary.T
    shrunk = (abs(code) - alpha).clip(0.0) * code.unary("Sign")
    if model.positive_code:
        shrunk = shrunk.clip(0.0)
    if model.split_sign:
        shrunk = exporter.graph.concat([shrunk.clip(0.0), (-shrunk).clip(0.0)])
    return Columns.of(shrunk)


def _iterative(model: Any, columns: Columns, exporter: Exporter) -> NoReturn:
    """Transforms that iterate until a whole batch converges: a row's value depends on its neighbours."""
    exporter.unsupported(
        "its transform iterates until it converges, which an ONNX graph without loops cannot",
        "Use PCA, TruncatedSVD or another decomposition with a fixed projection.",
    )


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.PCA": pca,
    "sklearn.IncrementalPCA": pca,
    "sklearn.TruncatedSVD": linear_map,
    "sklearn.GaussianRandomProjection": linear_map,
    "sklearn.SparseRandomProjection": linear_map,
    "sklearn.NeighborhoodComponentsAnalysis": linear_map,
    "sklearn.FastICA": fast_ica,
    "sklearn.FactorAnalysis": factor_analysis,
    "sklearn.SparsePCA": sparse_pca,
    "sklearn.MiniBatchSparsePCA": sparse_pca,
    "sklearn.KernelPCA": kernel_pca,
    "sklearn.Isomap": isomap,
    "sklearn.DictionaryLearning": sparse_coding,
    "sklearn.MiniBatchDictionaryLearning": sparse_coding,
    "sklearn.SparseCoder": sparse_coding,
    "sklearn.NMF": _iterative,
    "sklearn.MiniBatchNMF": _iterative,
    "sklearn.LatentDirichletAllocation": latent_dirichlet_allocation,
    "sklearn.LocallyLinearEmbedding": _iterative,
}
