"""Features and target from a frame, in types that scikit-learn takes without a change of meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.errors import TrainError, near_miss

if TYPE_CHECKING:
    import pandas as pd


_KINDS = {"b": "a boolean", "i": "an integer", "f": "a number", "O": "a text"}


def feature_names(
    frame: pd.DataFrame, features: Sequence[str] | None, reserved: Sequence[str]
) -> tuple[str, ...]:
    """The features: those that were asked for, else every column that is not reserved.

    Args:
        frame: The rows.
        features: The names that the caller gave.
        reserved: The targets and the column of weights.

    Raises:
        TrainError: A name is not a column, comes twice, or is reserved; or there are none.
    """
    columns = [str(name) for name in frame.columns]
    if isinstance(features, str):
        features = [features]
    chosen = [name for name in columns if name not in reserved] if features is None else list(features)
    for name in chosen:
        require_column(frame, name, "feature")
        if name in reserved:
            raise TrainError(f"{name!r} is the target or the weight, so it cannot be a feature.")
        if chosen.count(name) > 1:
            raise TrainError(f"The feature {name!r} comes twice.")
    if not chosen:
        raise TrainError("There is no feature: every column is a target or a weight.")
    return tuple(chosen)


def require_column(frame: pd.DataFrame, name: str, role: str) -> None:
    """Check that a column is there, once.

    Raises:
        TrainError: It is not.
    """
    columns = [str(column) for column in frame.columns]
    if name not in columns:
        hint = near_miss(name, columns) or f" There is {', '.join(map(repr, columns[:12]))}."
        raise TrainError(f"The {role} {name!r} is not in the data.{hint}")
    if columns.count(name) > 1:
        raise TrainError(f"The data have two columns called {name!r}; rename one in the query.")


def plain_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The same values in numpy's types where nothing is lost: decimals and nullable numbers as numbers.

    Nullable integers with a NULL become float64 with NaN, as SQL clients give them without nullable types;
    dates become times; booleans with a NULL stay nullable, so that they stay booleans.
    """
    import pandas as pd

    columns = {str(name): _plain(frame[name]) for name in frame.columns}
    return pd.DataFrame(columns).reset_index(drop=True)


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    dtype: Any = column.dtype
    types = pd.api.types
    if types.is_extension_array_dtype(dtype) and types.is_bool_dtype(dtype):
        return column if isinstance(dtype, pd.CategoricalDtype) or column.hasnans else column.astype(bool)
    if types.is_extension_array_dtype(dtype) and types.is_integer_dtype(dtype):
        return column.astype("float64" if column.hasnans else "int64")
    if types.is_extension_array_dtype(dtype) and types.is_float_dtype(dtype):
        return column.astype("float64")
    if types.is_object_dtype(dtype):
        kind = types.infer_dtype(column, skipna=True)
        if kind == "decimal":
            return column.astype("float64")
        if kind in ("date", "datetime"):
            return pd.to_datetime(column)
    return column


def target_values(frame: pd.DataFrame, targets: Sequence[str], *, classes: bool) -> NDArray[Any]:
    """The target as scikit-learn wants it; no value may be missing.

    Args:
        frame: The rows.
        targets: The columns.
        classes: Whether they are classes (text, integers or booleans), not numbers to predict.

    Returns:
        [rows] for one target, [rows, targets] for more.

    Raises:
        TrainError: A column holds what is no class or no number.
    """
    convert = _classes if classes else _numbers
    values = [convert(name, frame[name]) for name in targets]
    if len(values) == 1:
        return values[0]
    if len({column.dtype for column in values}) > 1:
        listed = ", ".join(
            f"{name!r} is {_KINDS[column.dtype.kind]}" for name, column in zip(targets, values, strict=True)
        )
        raise TrainError(f"Several targets must have one type, and {listed}; cast them in the query.")
    return np.column_stack(values)


def _numbers(name: str, column: pd.Series[Any]) -> NDArray[Any]:
    plain = _plain(column)
    if plain.dtype.kind not in "iufb":
        raise TrainError(
            f"The target {name!r} is {plain.dtype}, not a number, and the estimator is a regressor."
        )
    values = plain.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise TrainError(f"The target {name!r} holds infinite values; leave these rows out of the query.")
    return values


def _classes(name: str, column: pd.Series[Any]) -> NDArray[Any]:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    column = _plain(column)
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return column.to_numpy(dtype=bool)
    if dtype.kind in "iu":
        return column.to_numpy(dtype=np.int64)
    if dtype.kind == "f":
        values = column.to_numpy(dtype=np.float64)
        # SUM and decimals come as doubles, though they are whole numbers.
        if not (np.isfinite(values) & (values == np.round(values)) & (abs(values) <= 2**53)).all():
            raise TrainError(
                f"The target {name!r} holds fractions, and the estimator is a classifier; "
                "make classes of them in the query, or take a regressor."
            )
        return values.astype(np.int64)
    kind = pd.api.types.infer_dtype(column, skipna=False)
    if kind == "string":
        return column.to_numpy(dtype=object)
    if kind == "boolean":
        return column.to_numpy(dtype=bool)
    if kind == "integer":
        return column.to_numpy(dtype=np.int64)
    raise TrainError(f"The target {name!r} holds {kind} values; a class is a text, an integer or a boolean.")
