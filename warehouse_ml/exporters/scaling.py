"""Transformers that shift, scale or cut numbers, column by column or row by row."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.graph.tensor import Tensor


def _row(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64).reshape(1, -1)


def _divided(numbers: Tensor, scale: Any, sparse: bool) -> Tensor:
    """Sparse matrices are multiplied by the inverse, which rounds differently."""
    return numbers * (1.0 / _row(scale)) if sparse else numbers / _row(scale)


def standard_scaler(scaler: Any, columns: Columns, exporter: Exporter) -> Columns:
    """(X - mean_) / scale_."""
    numbers = exporter.numbers(columns)
    if scaler.with_mean and not columns.sparse:
        numbers = numbers - _row(scaler.mean_)
    if scaler.with_std:
        numbers = _divided(numbers, scaler.scale_, columns.sparse)
    return Columns.of(numbers, sparse=columns.sparse)


def min_max_scaler(scaler: Any, columns: Columns, exporter: Exporter) -> Columns:
    """X * scale_ + min_, and with `clip` not outside feature_range."""
    numbers = exporter.numbers(columns) * _row(scaler.scale_) + _row(scaler.min_)
    if scaler.clip:
        low, high = scaler.feature_range
        numbers = numbers.clip(float(low), float(high))
    return Columns.of(numbers)


def max_abs_scaler(scaler: Any, columns: Columns, exporter: Exporter) -> Columns:
    """X / scale_, and with `clip` not outside -1 and 1."""
    numbers = _divided(exporter.numbers(columns), scaler.scale_, columns.sparse)
    if getattr(scaler, "clip", False):
        numbers = numbers.clip(-1.0, 1.0)
    return Columns.of(numbers, sparse=columns.sparse)


def robust_scaler(scaler: Any, columns: Columns, exporter: Exporter) -> Columns:
    """(X - center_) / scale_."""
    numbers = exporter.numbers(columns)
    if scaler.with_centering and not columns.sparse:
        numbers = numbers - _row(scaler.center_)
    if scaler.with_scaling:
        numbers = _divided(numbers, scaler.scale_, columns.sparse)
    return Columns.of(numbers, sparse=columns.sparse)


def normalizer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """X over the norm of its row; a row whose norm is nothing stays as it is."""
    numbers = exporter.numbers(columns)
    if transformer.norm == "l1":
        norm = abs(numbers).sum()
    elif transformer.norm == "l2":
        norm = (numbers * numbers).sum().sqrt()
    else:
        norm = abs(numbers).max()
    nothing = norm.equal(0.0) if columns.sparse else norm < 10 * np.finfo(np.float64).eps
    return Columns.of(numbers / nothing.where(1.0, norm), sparse=columns.sparse)


def binarizer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """1 where X is above the threshold, else 0."""
    above = exporter.numbers(columns) > float(transformer.threshold)
    return Columns.of(above.cast("float64"), sparse=columns.sparse)


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.StandardScaler": standard_scaler,
    "sklearn.MinMaxScaler": min_max_scaler,
    "sklearn.MaxAbsScaler": max_abs_scaler,
    "sklearn.RobustScaler": robust_scaler,
    "sklearn.Normalizer": normalizer,
    "sklearn.Binarizer": binarizer,
}
