"""Rows in three forms: as values, as the estimator's own frame, and as the handler's columns.

A frame of *values* has dtype object everywhere and None for whatever is missing. Rows are invented and cut in
this form, because the others change their dtypes with what is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from warehouse_ml.engines.arrow import ARROW_TYPES
from warehouse_ml.sample import Sample
from warehouse_ml.signature import Feature

ArrayPair = tuple[Any, Any]


def as_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Any frame as values: objects, and None for NaN, NaT, NA and None."""
    columns: dict[Any, NDArray[Any]] = {}
    for name in frame.columns:
        values = frame[name].astype(object).to_numpy(dtype=object, copy=True)
        values[frame[name].isna().to_numpy(dtype=bool)] = None
        columns[name] = values
    return pd.DataFrame(columns, index=frame.index, dtype=object)


def as_estimator_frame(values: pd.DataFrame, sample: Sample) -> pd.DataFrame:
    """Values as the estimator would meet them: with the dtypes and the missing markers of the sample."""
    return pd.DataFrame(
        {
            name: _like(values[name], sample.frame[name], sample.markers.get(name, np.nan))
            for name in values.columns
        },
        index=values.index,
    )


def as_columns(values: pd.DataFrame, features: Sequence[Feature]) -> list[ArrayPair]:
    """Values as the handler takes them: (array, missing mask or None) for each feature."""
    columns = []
    for feature in features:
        column = values[feature.name]
        missing = column.isna().to_numpy(dtype=bool)
        columns.append((_array(column, missing, feature.type), missing if missing.any() else None))
    return columns


def as_arrow(values: pd.DataFrame, features: Sequence[Feature]) -> pa.Table:
    """Values as an Arrow table with the features' types; column i is called `f<i>`."""
    arrays = []
    for feature, (array, missing) in zip(features, as_columns(values, features), strict=True):
        if feature.type == "TIMESTAMP":
            array = array.astype("datetime64[us]")
        arrays.append(pa.array(array, type=ARROW_TYPES[feature.type], mask=missing))
    return pa.table(dict(zip([f"f{i}" for i in range(len(arrays))], arrays, strict=True)))


def _array(column: pd.Series[Any], missing: Any, kind: str) -> Any:
    if kind == "VARCHAR":
        texts = [None if gone else str(value) for value, gone in zip(column, missing, strict=True)]
        return np.array(texts, dtype=object)
    if kind == "TIMESTAMP":
        times = column.where(~missing, pd.Timestamp(0))
        return np.array([np.datetime64(value, "us") for value in times]).astype(np.int64)
    filled = column.where(~missing, 0)
    return filled.to_numpy().astype({"BIGINT": np.int64, "BOOLEAN": np.bool_}.get(kind, np.float64))


def _like(column: pd.Series[Any], model: pd.Series[Any], marker: Any) -> Any:
    dtype: Any = model.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        return _numbers_like(column.to_numpy(dtype=object), dtype)
    missing = column.isna()
    if isinstance(dtype, pd.CategoricalDtype):
        known = list(dtype.categories)
        unseen = [value for value in dict.fromkeys(column[~missing]) if value not in dtype.categories]
        if unseen:
            # what is new comes last, so that the codes of the known ones stay
            dtype = pd.CategoricalDtype(known + unseen)
        return column.astype(dtype)
    if isinstance(dtype, np.dtype):
        if dtype.kind == "b" and missing.any():
            return column
        if dtype.kind == "O":
            return column.where(~missing, marker)
    if pd.api.types.is_integer_dtype(dtype) and not _fits(column[~missing], dtype.numpy_dtype):
        return column.astype("Float64")
    return column.astype(dtype)


def _numbers_like(values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Numbers and None in a dtype of numpy; whole numbers keep it until one is missing or does not fit."""
    floats = values.astype(np.float64)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # beyond the largest number of the type is infinity
            return floats.astype(dtype)
    limits = np.iinfo(dtype)
    fits = (floats == np.floor(floats)) & (floats >= limits.min) & (floats <= limits.max)
    return values.astype(dtype) if fits.all() else floats


def _fits(numbers: pd.Series[Any], dtype: Any) -> bool:
    limits = np.iinfo(dtype)
    return all(limits.min <= value <= limits.max and float(value).is_integer() for value in numbers)
