"""What a statement takes from its caller: the variables among which DuckDB looks for tables, and values."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warehouse_ml.engines.base import Namespace, Parameters

_CALL = compile("__warehouse_ml_call__()", "<warehouse_ml>", "eval")


def in_namespace(call: Callable[[], Any], namespace: Namespace | None) -> Any:
    """Make a call so that DuckDB looks for tables among the caller's variables.

    It looks only at the Python frame that calls it. Evaluated in the caller's namespace, the call gets a
    frame that shows the caller's variables and none of this package.
    """
    scope = Namespace({}, {}) if namespace is None else namespace
    return eval(_CALL, scope.globals, {**scope.locals, "__warehouse_ml_call__": call})


def plain_parameters(parameters: Parameters) -> Parameters:
    """Values as DuckDB takes them: numpy's numbers, which frames hand out, as Python's."""
    if isinstance(parameters, Mapping):
        return {name: _plain_value(value) for name, value in parameters.items()}
    return None if parameters is None else [_plain_value(value) for value in parameters]


def _plain_value(value: object) -> object:
    return value.item() if isinstance(value, np.number | np.bool_) else value
