"""Stand-ins for pandas and numpy within a function that is followed: they take `Traced` columns too.

`pandas.DataFrame`, `pandas.concat` and `numpy.c_` ask for values, which a stand-in for rows does not have.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.tracing import NotTraceableError, Traced


def followable(function: Any) -> Any:
    """A Python function with the stand-ins where it names the libraries; anything else as it is."""
    if not isinstance(function, types.FunctionType):
        return function
    names = {
        name: _STAND_INS[value.__name__]
        for name, value in function.__globals__.items()
        if isinstance(value, types.ModuleType) and value.__name__ in _STAND_INS
    }
    followed = types.FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    followed.__kwdefaults__ = function.__kwdefaults__
    return followed


class _StandIn:
    """A library, some of whose names are others."""

    def __init__(self, library: types.ModuleType, names: Mapping[str, Any]) -> None:
        self._library = library
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return self._names[name] if name in self._names else getattr(self._library, name)


class _IsFrame(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, pd.DataFrame) or (isinstance(instance, Traced) and instance.is_frame)


class _DataFrame(metaclass=_IsFrame):
    """`pandas.DataFrame` of traced columns, or of anything else."""

    def __new__(
        cls, data: Any = None, *args: Any, columns: Any = None, index: Any = None, **rest: Any
    ) -> Any:
        if isinstance(data, dict) and any(isinstance(value, Traced) for value in data.values()):
            if not all(isinstance(value, Traced) for value in data.values()) or args or columns is not None:
                raise NotTraceableError("makes a frame of columns and something else")
            return Traced(Columns.join(value.held for value in data.values()), [str(name) for name in data])
        if isinstance(data, Traced):
            if columns is None:
                return data.copy()
            return Traced(data.held, columns) if data.names is None else data[list(columns)]
        return pd.DataFrame(data, index, columns, *args, **rest)


def _concat(objs: Any, *, axis: Any = 0, **rest: Any) -> Any:
    parts = list(objs)
    if not any(isinstance(part, Traced) for part in parts):
        return pd.concat(parts, axis=axis, **rest)
    if axis not in (1, "columns") or not all(isinstance(part, Traced) for part in parts):
        raise NotTraceableError("joins rows")
    names = [part.names for part in parts]
    known = None if any(name is None for name in names) else [n for part in names for n in part or ()]
    return Traced(Columns.join(part.held for part in parts), known)


def _to_datetime(values: Any, *args: Any, **options: Any) -> Any:
    if not isinstance(values, Traced):
        return pd.to_datetime(values, *args, **options)
    if args or options or not values.is_times:
        raise NotTraceableError("reads times from text or numbers")
    return values


class _Columns:
    """`numpy.c_`: columns side by side."""

    def __getitem__(self, parts: Any) -> Any:
        each = parts if isinstance(parts, tuple) else (parts,)
        if not any(isinstance(part, Traced) for part in each):
            return np.c_[parts]
        return np.column_stack(each)


_STAND_INS: Mapping[str, _StandIn] = {
    "pandas": _StandIn(pd, {"DataFrame": _DataFrame, "concat": _concat, "to_datetime": _to_datetime}),
    "numpy": _StandIn(np, {"c_": _Columns()}),
}
