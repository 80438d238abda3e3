"""What a missing text looks like to an estimator: None, NaN or NA. Its encoders tell them apart.

A table of polars, Arrow or SQL has NULL only, and pandas makes NaN of it. An estimator that was fitted on
None knows None as a category of its own, and NaN as one that it has never seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


_UNKNOWN = object()


def with_fitted_markers(frame: pd.DataFrame, estimator: Any) -> tuple[pd.DataFrame, Mapping[str, Any]]:
    """A sample whose missing texts look as they did when the estimator was fitted.

    Args:
        frame: The sample.
        estimator: The fitted estimator.

    Returns:
        The frame, where columns of text that were fitted on None hold None; and for each object column
        what a missing value looks like, also where it holds none.
    """
    texts = [name for name in frame.columns if frame[name].dtype == object or str(frame[name].dtype) == "str"]
    shown = {name: _shown(frame[name]) for name in texts}
    fitted = fitted_markers(estimator) if any(marker is not None for marker in shown.values()) else {}
    # what was made with None in one column is made with None in the others
    usual = None if any(marker is None for marker in (*shown.values(), *fitted.values())) else np.nan
    markers: dict[str, Any] = {}
    changed: dict[str, pd.Series[Any]] = {}
    for name in texts:
        column = frame[name]
        markers[name] = shown[name]
        if shown[name] is _UNKNOWN or column.dtype != object:
            markers[name] = fitted.get(name, usual)
            if markers[name] is None:
                changed[name] = column.astype(object).where(column.notna(), None)
    return (frame.assign(**changed) if changed else frame), markers


def fitted_markers(estimator: Any) -> Mapping[str, Any]:
    """For each feature's name what its encoder or imputer takes for missing; of those with both, NaN.

    Args:
        estimator: A fitted estimator; its parts are looked at, however deep.
    """
    found: dict[str, Any] = {}
    for part, names in _parts(estimator, (), set()):
        for name, marker in zip(names, _markers(part, len(names)), strict=True):
            if marker is not _UNKNOWN and not (name in found and found[name] is not None):
                found[str(name)] = marker
    return found


def _shown(column: pd.Series[Any]) -> Any:
    """What the first missing value of a column looks like."""
    gone = column[column.isna()]
    return gone.iloc[0] if len(gone) else _UNKNOWN


def _markers(part: Any, width: int) -> list[Any]:
    """What each column of an encoder or an imputer is missing as."""
    categories = getattr(part, "categories_", None)
    if isinstance(categories, list) and len(categories) == width:
        return [_marker_among(known) for known in categories]
    if type(part).__name__ == "SimpleImputer":
        return [part.missing_values if part.missing_values is None else _UNKNOWN] * width
    return [_UNKNOWN] * width


def _marker_among(categories: Any) -> Any:
    known = list(categories)
    if any(isinstance(value, float) and value != value for value in known):
        return np.nan
    return None if any(value is None for value in known) else _UNKNOWN


def _parts(value: Any, names: Sequence[str], seen: set[int]) -> Iterator[tuple[Any, Sequence[str]]]:
    """An estimator and all estimators that it holds, with the names of the columns that each is fed.

    An imputer hands a matrix to the encoder after it, whose columns are still those of the frame before.
    """
    if id(value) in seen:
        return
    if isinstance(value, list | tuple):
        held: Any = value
    elif isinstance(value, dict):
        held = value.values()
    elif hasattr(value, "get_params") and not isinstance(value, type):
        own = getattr(value, "feature_names_in_", None)
        if own is not None:
            names = own
        if getattr(value, "n_features_in_", len(names)) == len(names):
            yield value, names
        held = vars(value).values()
    else:
        return
    seen.add(id(value))
    for inner in held:
        yield from _parts(inner, names, seen)
