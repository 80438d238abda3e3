"""The kernels of `sklearn.metrics.pairwise`, between rows and fixed points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import manhattan, normalized, normalized_points, squared_euclidean
from warehouse_ml.graph.tensor import Tensor

if TYPE_CHECKING:
    from warehouse_ml.exporters.exporter import Exporter


def pairwise_kernel(
    name: Any, rows: Tensor, points: NDArray[Any], params: Mapping[str, Any], exporter: Exporter
) -> Tensor:
    """`pairwise_kernels(X, points, metric=name, filter_params=True, **params)`, [rows, points].

    Args:
        name: The kernel's name; a function of the user's own is refused.
        rows: [rows, features].
        points: [points, features].
        params: `gamma`, `degree` and `coef0`; None or absent is the kernel's own default.
        exporter: The export; it refuses rows that the kernel raises for.
    """
    gamma = params.get("gamma")
    gamma = 1.0 / points.shape[1] if gamma is None else float(gamma)
    coef0 = 1.0 if params.get("coef0") is None else float(params["coef0"])
    degree = 3.0 if params.get("degree") is None else float(params["degree"])
    if name == "linear":
        return rows @ points.T
    if name in ("poly", "polynomial"):
        return (rows @ points.T * gamma + coef0) ** degree
    if name == "sigmoid":
        return (rows @ points.T * gamma + coef0).tanh()
    if name == "rbf":
        return (squared_euclidean(rows, points) * -gamma).exp()
    if name == "laplacian":
        return (manhattan(rows, points) * -gamma).exp()
    if name == "cosine":
        return normalized(rows) @ normalized_points(points).T
    if name in ("chi2", "additive_chi2"):
        refuse_negative(rows, exporter)
        additive = _additive_chi2(rows, points)
        if name == "additive_chi2":
            return additive
        # chi2_kernel's own default for gamma is 1, not one over the number of features
        return (additive * (1.0 if params.get("gamma") is None else gamma)).exp()
    what = "a function of your own" if callable(name) else f"the kernel {name!r}"
    return exporter.unsupported(f"{what} has no form in ONNX", "Use a named kernel such as 'rbf'.")


def refuse_negative(rows: Tensor, exporter: Exporter) -> None:
    """State that the estimator raises for rows with a negative value."""
    exporter.refuse((rows < 0.0).any(), Columns.of(rows), "negative value")


def _additive_chi2(rows: Tensor, points: NDArray[Any]) -> Tensor:
    """-sum((x - y)^2 / (x + y)), where 0 / 0 counts as 0."""
    total: Tensor | None = None
    for j in range(points.shape[1]):
        x, y = rows.columns([j]), np.asarray(points[:, j]).reshape(1, -1)
        size = x + y
        difference = x - y
        empty = size.equal(0.0)
        part = empty.where(0.0, difference * difference / empty.where(1.0, size))
        total = -part if total is None else total - part
    if total is None:
        raise TypeError("a kernel needs at least one feature")  # scikit-learn fits none
    return total
