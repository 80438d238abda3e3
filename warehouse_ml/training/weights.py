"""Bring sample weights and class weights to the estimator that can use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.errors import TrainError, near_miss

if TYPE_CHECKING:
    import pandas as pd

ClassWeight = Mapping[Any, float] | str


def sample_weights(name: str, column: pd.Series[Any]) -> NDArray[np.float64]:
    """A column of weights.

    Raises:
        TrainError: It holds NULLs, negative or infinite values, no numbers, or only zeros.
    """
    import pandas as pd

    if column.isna().any():
        raise TrainError(f"The weight {name!r} is NULL in {int(column.isna().sum()):,} rows.")
    try:
        values = np.asarray(pd.to_numeric(column), dtype=np.float64)
    except (ValueError, TypeError):
        raise TrainError(f"The weight {name!r} is {column.dtype}, not a number.") from None
    if not np.isfinite(values).all() or (values < 0).any():
        raise TrainError(f"The weight {name!r} holds negative or infinite values.")
    if not values.any():
        raise TrainError(f"The weight {name!r} is 0 in every row.")
    return values


def fit_parameter(estimator: Any) -> str:
    """The name under which `fit` takes weights for the last step: `sample_weight`, `clf__sample_weight`.

    Raises:
        TrainError: The last step takes none.
    """
    name = _fit_parameter(estimator)
    if name is None:
        raise TrainError(f"{type(_last(estimator)).__name__} takes no sample weights.")
    return name


def with_class_weight(
    estimator: Any, class_weight: ClassWeight, target: NDArray[Any]
) -> tuple[Any, NDArray[np.float64] | None]:
    """Apply class weights in the way that the estimator has.

    Args:
        estimator: An estimator of ours, whose parameters may be set.
        class_weight: `balanced`, or a weight for each class; classes that are not named weigh 1.
        target: The classes, of shape [rows].

    Returns:
        The estimator, with its `class_weight` set, and None; or as it was, and weights of the rows.

    Raises:
        TrainError: A name is no class, or the weight is no number.
    """
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise TrainError(f"class_weight is 'balanced' or a weight for each class, not {class_weight!r}.")
    else:
        _check(class_weight, target)
    parameter = _class_weight_parameter(estimator)
    if parameter is not None:
        return estimator.set_params(**{parameter: class_weight}), None
    from sklearn.utils.class_weight import compute_sample_weight

    given: Any = class_weight if isinstance(class_weight, str) else dict(class_weight)
    return estimator, np.asarray(compute_sample_weight(given, target), dtype=np.float64)


def _check(class_weight: Mapping[Any, float], target: NDArray[Any]) -> None:
    classes = np.unique(target).tolist()
    for name, weight in class_weight.items():
        if name not in classes:
            hint = near_miss(str(name), [str(known) for known in classes])
            listed = ", ".join(map(repr, classes[:12]))
            raise TrainError(
                f"class_weight names {name!r}, which is no class of the target.{hint} It has {listed}."
            )
        if not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise TrainError(f"The weight of the class {name!r} is {weight!r}, not a number of 0 or more.")


def _fit_parameter(estimator: Any) -> str | None:
    from sklearn.utils.validation import has_fit_parameter

    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        inner = _fit_parameter(last)
        return None if inner is None else f"{name}__{inner}"
    if hasattr(estimator, "param_grid") or hasattr(estimator, "param_distributions"):
        return _fit_parameter(estimator.estimator)
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None


def _class_weight_parameter(estimator: Any, prefix: str = "") -> str | None:
    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        return _class_weight_parameter(last, f"{prefix}{name}__")
    return f"{prefix}class_weight" if "class_weight" in estimator.get_params(deep=False) else None


def _last(estimator: Any) -> Any:
    return _last(estimator.steps[-1][1]) if hasattr(estimator, "steps") else estimator
