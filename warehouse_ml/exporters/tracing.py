"""Follow a Python function of rows by calling it with a stand-in that writes down what it does.

`Traced` answers to what people write in a `FunctionTransformer`: arithmetic, numpy's functions of every
value, columns by name or position, parts of a time. What depends on other rows (`X.mean()`), on the data
(`if`) or on anything else that a graph has no form for raises `NotTraceableError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from warehouse_ml.exporters.calendar import PARTS, TICKS_PER_SECOND, Calendar, Span
from warehouse_ml.exporters.columns import NULL_TEXT, Columns
from warehouse_ml.graph.numpy_functions import FUNCTIONS
from warehouse_ml.graph.tensor import Tensor


class NotTraceableError(Exception):
    """The function does what a graph has no form for."""


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """A stand-in for a matrix, a frame, or one column of them."""

    def __init__(self, columns: Columns, names: Sequence[str] | None = None, *, flat: bool = False) -> None:
        """Stand in for these columns.

        Args:
            columns: What it holds.
            names: The names of a frame's columns; None for a matrix.
            flat: Whether it has one dimension: a Series, or a column of a matrix.
        """
        self.held = columns
        self._names = None if names is None else list(names)
        self._flat = flat

    def _like(self, tensor: Tensor) -> Traced:
        return Traced(Columns.of(tensor, sparse=self.held.sparse), self._names, flat=self._flat)

    @property
    def names(self) -> list[str] | None:
        """The names of a frame's columns; None for a matrix or a column."""
        return None if self._names is None else list(self._names)

    @property
    def is_frame(self) -> bool:
        """Whether it stands in for a frame."""
        return self._names is not None and not self._flat

    @property
    def is_times(self) -> bool:
        """Whether it holds times."""
        return self._unit is not None

    @property
    def _boolean(self) -> bool:
        return all(block.tensor.dtype == "bool" for block in self.held.blocks)

    @property
    def _unit(self) -> str | None:
        """What its times are counted in; None where it holds no times."""
        units = {block.unit for block in self.held.blocks}
        return units.pop() if len(units) == 1 else None

    def _numbers(self) -> Tensor:
        if any(block.unit is not None for block in self.held.blocks):
            raise NotTraceableError("computes with times")
        if self.held.is_text:
            raise NotTraceableError("computes with text")
        return self.held.matrix()

    # --- numpy's protocols ---

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        """Numpy calls this for its functions of every value, and for every operator."""
        if method != "__call__" or options:
            raise NotTraceableError(f"calls numpy.{ufunc.__name__} in a way that has no form in ONNX")
        if len(operands) == 1 and ufunc in FUNCTIONS and not self._boolean:
            return self._like(FUNCTIONS[ufunc](self._numbers()))
        if ufunc is np.subtract and any(isinstance(o, Traced) and o._unit is not None for o in operands):
            return _span(*operands)
        if len(operands) == 2 and ufunc in _BINARY:
            shaped = [operand for operand in operands if isinstance(operand, Traced)]
            if len({operand._flat for operand in shaped}) > 1:
                raise NotTraceableError("combines a column with a matrix")
            truths = len(shaped) == 2 and all(operand._boolean for operand in shaped)
            if truths and ufunc not in _OF_TRUTHS:
                raise NotTraceableError("computes with booleans")
            left, right = (_operand(operand, shaped[0]) for operand in operands)
            widest = max(shaped, key=lambda operand: operand.held.width)
            result = _BINARY[ufunc](left, right)
            return widest._like(result.cast("bool") if truths else result)
        raise NotTraceableError(f"calls numpy.{ufunc.__name__}")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Numpy calls this for its other functions."""
        if function in (np.column_stack, np.hstack) or (
            function is np.concatenate and kwargs.get("axis", args[1] if len(args) > 1 else 0) == 1
        ):
            parts = args[0]
            if not all(isinstance(part, Traced) for part in parts):
                raise NotTraceableError("joins columns with other arrays")
            if function is not np.column_stack and any(part._flat for part in parts):
                raise NotTraceableError("joins columns end to end")
            return Traced(Columns.join(part.held for part in parts))
        if function in (np.ravel, np.squeeze) and len(args) == 1 and not kwargs:
            return args[0].ravel()
        if function is np.where and len(args) == 3 and isinstance(args[0], Traced) and args[0]._boolean:
            yes, no = (_operand(value, args[0]) for value in args[1:])
            if any(isinstance(value, Traced) and value._flat != args[0]._flat for value in args[1:]):
                raise NotTraceableError("combines a column with a matrix")
            if any(isinstance(value, Traced) and value._boolean for value in args[1:]):
                raise NotTraceableError("computes with booleans")
            return args[0]._like(args[0].held.matrix("bool").where(yes, no))
        if function in (np.abs, np.clip, np.round, np.nan_to_num) and isinstance(args[0], Traced):
            return self._like(FUNCTIONS[function](args[0]._numbers(), *args[1:], **kwargs))
        raise NotTraceableError(f"calls numpy.{function.__name__}")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """There are no values yet."""
        raise NotTraceableError("looks at the values")

    def __bool__(self) -> NoReturn:
        raise NotTraceableError("decides by the values")

    def __len__(self) -> NoReturn:
        raise NotTraceableError("counts the rows")

    def __iter__(self) -> NoReturn:
        raise NotTraceableError("loops over the values")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)  # numpy asks for its protocols
        raise NotTraceableError(f"uses .{name}")

    # --- columns ---

    def __getitem__(self, key: Any) -> Traced:
        if self._names is not None and isinstance(key, str) and key in self._names:
            return self._pick(self._names.index(key))
        if self._names is not None and isinstance(key, list) and set(key) <= set(self._names):
            return self._pick([self._names.index(name) for name in key])
        if self._names is None and not self._flat:
            return self._at(key)
        raise NotTraceableError("picks rows")

    def _at(self, key: Any) -> Traced:
        """What `matrix[:, key]` and `frame.iloc[:, key]` are."""
        if not (isinstance(key, tuple) and len(key) == 2 and key[0] == slice(None)):
            raise NotTraceableError("picks rows")
        where = np.arange(self.held.width)[key[1]]
        return self._pick(where.tolist())

    def _pick(self, where: int | list[int]) -> Traced:
        if isinstance(where, int):
            return Traced(self.held.select([where]), flat=True)
        names = None if self._names is None else [self._names[index] for index in where]
        return Traced(self.held.select(where), names)

    def __setitem__(self, key: str, value: Any) -> None:
        if self._names is None or not isinstance(key, str):
            raise NotTraceableError("writes into an array")
        value = value if isinstance(value, Traced) else self._like(_filled(self, value))
        if value.held.width != 1:
            raise NotTraceableError("writes several columns at once")
        each = list(self.held.each())
        if key in self._names:
            each[self._names.index(key)] = value.held
        else:
            each.append(value.held)
            self._names.append(key)
        self.held = Columns.join(each)

    @property
    def columns(self) -> list[str]:
        """A frame's column names."""
        if self._names is None:
            raise NotTraceableError("asks a matrix for its columns")
        return list(self._names)

    @property
    def iloc(self) -> _Positions:
        """A frame's columns by position."""
        return _Positions(self)

    @property
    def values(self) -> Traced:
        """The matrix of a frame."""
        return Traced(self.held, flat=self._flat)

    def to_numpy(self) -> Traced:
        """The matrix of a frame."""
        return self.values

    def toarray(self) -> Traced:
        """The dense form of a sparse matrix."""
        return Traced(Columns(self.held.blocks))

    todense = toarray

    def copy(self, deep: bool = True) -> Traced:
        """The same values, to be written to."""
        return Traced(self.held, self._names, flat=self._flat)

    def ravel(self) -> Traced:
        """The values of one column in one dimension."""
        if self.held.width != 1:
            raise NotTraceableError("flattens several columns")
        return Traced(self.held, flat=True)

    flatten = squeeze = ravel

    def reshape(self, *shape: Any) -> Traced:
        """One column in two dimensions."""
        if self.held.width != 1 or shape not in ((-1, 1), ((-1, 1),)):
            raise NotTraceableError("reshapes the rows")
        return Traced(self.held)

    def to_frame(self) -> Traced:
        """One column in two dimensions."""
        return Traced(self.held)

    def astype(self, dtype: Any) -> Traced:
        """Numbers as doubles, which they are, or whole; times as their ticks; texts as texts."""
        if dtype in (str, "str") and all(block.tensor.dtype == "string" for block in self.held.blocks):
            blocks = tuple(replace(block, marker="nan", categories=None) for block in self.held.blocks)
            return Traced(Columns(blocks), self._names, flat=self._flat)
        if self.held.is_text:
            raise NotTraceableError("converts the values")
        if dtype in (float, np.float64, "float", "float64"):
            return self._like(self._numbers())
        if dtype in (int, np.int64, "int", "int64"):
            if self._unit is not None:
                return self._like(self.held.matrix())
            return self._like(FUNCTIONS[np.trunc](self._numbers()))
        raise NotTraceableError("converts the values")

    def apply(self, function: Callable[[Traced], Any]) -> Traced:
        """A frame of what a function makes of each column."""
        if self._names is None:
            raise NotTraceableError("applies a function to every value")
        columns = [function(Traced(column, flat=True)) for column in self.held.each()]
        if not all(isinstance(column, Traced) and column._flat for column in columns):
            raise NotTraceableError("makes something else than columns of columns")
        return Traced(Columns.join(column.held for column in columns), self._names)

    @property
    def dt(self) -> _Times:
        """The parts of the times of one column."""
        if self._unit is None or not self._flat:
            raise NotTraceableError("uses .dt")
        return _Times(Calendar(self.held.tensor(), self._unit))

    def isna(self) -> Traced:
        """Which values are missing."""
        parts = [
            block.tensor.lookup([NULL_TEXT], [1], 0).equal(1)
            if block.tensor.dtype == "string"
            else block.tensor.isnan()
            for block in self.held.blocks
        ]
        return self._like(self.held.graph.concat(parts))

    isnull = isna

    def assign(self, **columns: Any) -> Traced:
        """A frame with further columns."""
        frame = self.copy()
        for name, value in columns.items():
            frame[name] = value(frame) if callable(value) else value
        return frame

    def drop(self, *, columns: str | list[str]) -> Traced:
        """A frame without some columns."""
        gone = [columns] if isinstance(columns, str) else columns
        return self[[name for name in self.columns if name not in gone]]

    # --- values ---

    def abs(self) -> Traced:
        """Magnitudes."""
        return self._like(abs(self._numbers()))

    def clip(self, lower: float | None = None, upper: float | None = None) -> Traced:
        """Not below and not above."""
        return self._like(self._numbers().clip(lower, upper))

    def fillna(self, value: Any) -> Traced:
        """The value where one is missing."""
        if isinstance(value, str) and all(block.tensor.dtype == "string" for block in self.held.blocks):
            text = self.held.tensor()
            return self._like(text.lookup([NULL_TEXT], [1], 0).equal(1).where([[value]], text))
        if not isinstance(value, int | float):
            raise NotTraceableError("fills with something other than a number")
        numbers = self._numbers()
        return self._like(numbers.isnan().where(float(value), numbers))

    def sum(self, axis: int | None = None) -> Traced:
        """The sum of each row."""
        if axis != 1 or self._names is not None:
            raise NotTraceableError("sums over the rows")
        return Traced(Columns.of(self._numbers().sum()), flat=True)


class _Times:
    """What `.dt` of a column of times is."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def __getattr__(self, name: str) -> Traced:
        if name not in PARTS:
            raise NotTraceableError(f"uses .dt.{name}")
        return Traced(Columns.of(PARTS[name](self._calendar)), flat=True)


class _Spans:
    """The difference of two columns of times, or of one and a moment; its own `.dt`."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def dt(self) -> _Spans:
        return self

    @property
    def days(self) -> Traced:
        """Whole days."""
        return Traced(Columns.of(self._span.days), flat=True)

    def total_seconds(self) -> Traced:
        """Seconds."""
        return Traced(Columns.of(self._span.total_seconds), flat=True)

    def __truediv__(self, other: Any) -> Traced:
        seconds = float(np.timedelta64(other) / np.timedelta64(1, "s"))
        return Traced(Columns.of(self._span.total_seconds / seconds), flat=True)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotTraceableError(f"uses .{name} of a span of time")


def _span(left: Any, right: Any) -> Any:
    times = [operand for operand in (left, right) if isinstance(operand, Traced)]
    unit = times[0]._unit
    if unit is None or any(not operand._flat or operand._unit != unit for operand in times):
        raise NotTraceableError("computes with times")

    def ticks(operand: Any) -> Any:
        if isinstance(operand, Traced):
            return operand.held.tensor()
        since = np.datetime64(operand, "ns") - np.datetime64(0, "ns")
        return float(since / np.timedelta64(1, "s")) * TICKS_PER_SECOND[unit]

    return _Spans(Span(ticks(left) - ticks(right), unit))


class _Positions:
    def __init__(self, frame: Traced) -> None:
        self._frame = frame

    def __getitem__(self, key: Any) -> Traced:
        return self._frame._at(key)


def _filled(like: Traced, value: Any) -> Tensor:
    if not isinstance(value, int | float):
        raise NotTraceableError("writes something other than a number")
    return like.held.blocks[0].tensor.full_like_rows([float(value)])


def _operand(value: Any, like: Traced) -> Any:
    if isinstance(value, Traced):
        return value._numbers()
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 0 or (array.ndim == 1 and not like._flat and array.shape == (like.held.width,)):
        return like.held.graph.constant(array.reshape(1, -1))
    raise NotTraceableError("combines the rows with an array")


def _remainder(left: Tensor, right: Tensor) -> Tensor:
    """The remainder with the sign of the divisor, as numpy computes it."""
    graph = left.graph
    rest: Tensor = graph.op("Mod", left, right, dtype="float64", shape=left.shape, fmod=1)
    return ((rest * right) < 0.0).where(rest + right, rest)


def _floor_divided(left: Tensor, right: Tensor) -> Tensor:
    """The quotient rounded down as numpy computes it: 1 // 0.1 is 9, because 0.1 is more than a tenth."""
    quotient = (left - _remainder(left, right)) / right
    down = quotient.floor()
    near = (quotient - down > 0.5).where(down + 1.0, down)
    return right.equal(0.0).where(left / right, near)


_BINARY: Mapping[Any, Callable[[Any, Any], Tensor]] = {
    np.add: lambda left, right: left + right,
    np.subtract: lambda left, right: left - right,
    np.multiply: lambda left, right: left * right,
    np.divide: lambda left, right: left / right,
    np.floor_divide: _floor_divided,
    np.remainder: _remainder,
    np.power: lambda left, right: left**right,
    np.maximum: lambda left, right: left.graph.maximum(left, right),
    np.minimum: lambda left, right: left.graph.minimum(left, right),
    np.greater: lambda left, right: left > right,
    np.greater_equal: lambda left, right: left >= right,
    np.less: lambda left, right: left < right,
    np.less_equal: lambda left, right: left <= right,
}

_OF_TRUTHS = (np.multiply, np.maximum, np.minimum)
"""What gives True and False the truth value of 1 and 0; the sum of two Trues, for one, is True in numpy."""
