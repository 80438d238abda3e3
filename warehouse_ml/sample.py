"""Sample rows, and how the estimator wants to be fed: a frame, a matrix, or a list of texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from warehouse_ml.errors import MissingDependencyError, SampleError
from warehouse_ml.markers import with_fitted_markers
from warehouse_ml.signature import Feature

if TYPE_CHECKING:
    import pandas as pd

Feeding = Literal["frame", "matrix", "texts"]

EXACT_INTEGER = 2**53
"""Whole numbers up to here are exact in a double."""

_TEXT_VECTORIZERS = frozenset({"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows that the estimator can be asked about.

    Attributes:
        frame: A pandas frame with exactly the estimator's features, in its order.
        feeding: What the estimator was fitted on.
        features: The features, with their types; policies are still to be chosen.
        markers: For each object column what a missing value looks like: None, NaN or NA.
    """

    frame: pd.DataFrame
    feeding: Feeding
    features: tuple[Feature, ...]
    markers: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, estimator: Any, data: Any) -> Sample:
        """Make a sample of whatever the user has.

        Args:
            estimator: The fitted estimator; its feature names say which columns are needed.
            data: A pandas, polars or Arrow table, a numpy matrix, or a sequence of texts; at least one row.

        Raises:
            SampleError: It is empty, or its columns are not those that the estimator was fitted on.
        """
        frame = as_frame(data)
        if len(frame) == 0:
            raise SampleError("The sample is empty; parity needs at least one row.")
        feeding: Feeding = "frame"
        names = fitted_names(estimator)
        if takes_texts(estimator):
            feeding = "texts"
            if frame.shape[1] != 1:
                raise SampleError(
                    f"{type(estimator).__name__} takes one column of texts; the sample has {frame.shape[1]}."
                )
        elif names is not None:
            names = _with_spaces(names, [str(column) for column in frame.columns])
            frame = _in_order(frame, names, type(estimator).__name__)
        else:
            width = getattr(estimator, "n_features_in_", None)
            if width is not None:
                feeding = "matrix"
                if frame.shape[1] != width:
                    raise SampleError(
                        f"{type(estimator).__name__} was fitted on {width} features; "
                        f"the sample has {frame.shape[1]} columns."
                    )
        if frame.columns.duplicated().any():
            twice = frame.columns[frame.columns.duplicated()][0]
            raise SampleError(f"The sample has two columns called {twice!r}.")
        frame, markers = with_fitted_markers(frame, estimator)
        return cls(frame, feeding, tuple(_feature(name, frame[name]) for name in frame.columns), markers)

    def fed(self, frame: pd.DataFrame) -> Any:
        """Rows in the form that the estimator was fitted on."""
        if self.feeding == "texts":
            return frame.iloc[:, 0]
        if self.feeding == "matrix":
            return frame.to_numpy(copy=True)  # some compiled loops of scikit-learn take no read-only array
        return frame


def as_frame(data: Any) -> pd.DataFrame:
    """Any table as a pandas frame; columns without names are called x0, x1 and so on.

    Raises:
        MissingDependencyError: pandas is not installed.
        SampleError: It is not a table.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingDependencyError("pandas", "train") from None

    if isinstance(data, pd.DataFrame):
        return data.rename(columns=str)
    if isinstance(data, pd.Series):
        return data.to_frame(name="x0" if data.name is None else str(data.name))
    if hasattr(data, "to_pandas"):  # polars and Arrow
        return as_frame(data.to_pandas())
    if hasattr(data, "toarray"):  # scipy's sparse matrices
        data = data.toarray()
    array = np.asarray(data, dtype=object if _is_text(data) else None)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        raise SampleError(f"A sample is a table; this has {array.ndim} dimensions.")
    frame = pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])
    return frame.infer_objects() if array.dtype == object else frame


def fitted_names(estimator: Any) -> list[str] | None:
    """The names of the features that the estimator was fitted on, or None if it saw a matrix."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return None
    if type(estimator).__module__.startswith("lightgbm") and list(names) == [
        f"Column_{i}" for i in range(len(names))
    ]:
        return None  # LightGBM's own names for the columns of a matrix
    return [str(name) for name in names]


def takes_texts(estimator: Any) -> bool:
    """Whether the first thing that sees the rows is a text vectorizer."""
    for attribute in ("best_estimator_", "estimator", "regressor"):
        if hasattr(estimator, attribute) and not hasattr(estimator, "feature_names_in_"):
            inner = getattr(estimator, attribute)
            if takes_texts(inner):
                return True
    if isinstance(getattr(estimator, "estimators", None), list):  # voting and stacking
        return any(takes_texts(part) for _, part in estimator.estimators)
    if hasattr(estimator, "steps") and estimator.steps:
        return takes_texts(estimator.steps[0][1])
    if hasattr(estimator, "transformer_list"):
        return any(takes_texts(part) for _, part in estimator.transformer_list)
    return type(estimator).__name__ in _TEXT_VECTORIZERS


def _with_spaces(names: list[str], columns: list[str]) -> list[str]:
    """The names as the sample has them: LightGBM keeps an underscore for every space of a name."""
    spaced = {column.replace(" ", "_"): column for column in columns if " " in column}
    return [name if name in columns else spaced.get(name, name) for name in names]


def _in_order(frame: pd.DataFrame, names: list[str], estimator: str) -> pd.DataFrame:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        near = get_close_matches(missing[0], list(frame.columns), n=1)
        hint = f" Did you mean its {near[0]!r}?" if near else ""
        raise SampleError(
            f"{estimator} was fitted on the feature {missing[0]!r}, which the sample lacks.{hint}"
        )
    extra = [name for name in frame.columns if name not in names]
    if extra:
        raise SampleError(
            f"The sample has the column {extra[0]!r}, which {estimator} was not fitted on; leave it out."
        )
    return frame[names]


def _is_text(data: Any) -> bool:
    return isinstance(data, list | tuple) and any(isinstance(value, str) for value in data)


def _feature(name: str, column: pd.Series[Any]) -> Feature:
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _feature(name, pd.Series(dtype.categories))
    if pd.api.types.is_bool_dtype(dtype):
        return Feature(name, "BOOLEAN")
    if pd.api.types.is_integer_dtype(dtype):
        known = column.dropna()
        large = len(known) > 0 and max(abs(int(known.max())), abs(int(known.min()))) > EXACT_INTEGER
        return Feature(name, "BIGINT" if large else "DOUBLE")
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return Feature(name, "DOUBLE")
    if isinstance(dtype, pd.DatetimeTZDtype):
        raise SampleError(
            f"The column {name!r} holds times with a time zone. Fit the estimator on times without one: "
            "frame[name].dt.tz_convert('UTC').dt.tz_localize(None)."
        )
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return Feature(name, "TIMESTAMP", unit=str(np.datetime_data(column.to_numpy().dtype)[0]))
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in {"string", "empty"}:
        return Feature(name, "VARCHAR")
    if kind == "boolean":
        return Feature(name, "BOOLEAN")
    if kind in {"integer", "floating", "mixed-integer-float", "decimal"}:
        return Feature(name, "DOUBLE")
    raise SampleError(
        f"The column {name!r} holds {kind} values; a feature is a number, a text, a boolean or a time."
        f"{' Make it a time with pandas.to_datetime, and fit again.' if kind == 'date' else ''}"
    )
