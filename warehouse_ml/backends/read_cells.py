"""Tensors whose cells are expressions: numpy's rules for shapes, over one row instead of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.evaluate import apply
from warehouse_ml.backends.program import Dtype, Expression, Forest

ROWS = -(2**62)
"""Stands for the number of rows in a shape that the graph computes."""

_MOVES = 4
"""How many cells may be computed for each expression of the limit; most are expressions known before."""


class NotRowwiseError(Exception):
    """A graph cannot be read as expressions over one row; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A tensor that depends on the rows.

    Attributes:
        array: Its cells for one row, objects of shape [1, ...]; the rows are the first dimension.
        dtype: The type of each cell.
        turned: Whether the tensor is really [1, rows]; the array is then [1].
    """

    array: NDArray[np.object_]
    dtype: Dtype
    turned: bool = False

    def of(self, array: NDArray[np.object_]) -> Cells:
        """Other cells of the same type.

        Raises:
            NotRowwiseError: The first dimension is no longer one row.
        """
        if array.ndim == 0 or array.shape[0] != 1:
            raise NotRowwiseError("a step mixes rows")
        return Cells(array, self.dtype)


Value = Cells | NDArray[Any]
"""What flows along an edge of the graph: cells, or a constant."""


class Builder:
    """Makes expressions; equal ones are one object."""

    def __init__(self, limit: int) -> None:
        """Start without expressions.

        Args:
            limit: How many there may be.
        """
        self._limit = limit
        self._moves = _MOVES * limit
        self._known: dict[Any, Expression] = {}
        self._rows: dict[tuple[int, ...], tuple[Expression, ...]] = {}
        self._columns: dict[tuple[int, int], tuple[NDArray[Any], NDArray[Any]]] = {}

    def spend(self, cells: int) -> None:
        """Count cells that are about to be computed.

        Raises:
            NotRowwiseError: They are too many.
        """
        self._moves -= cells
        if self._moves < 0:
            raise NotRowwiseError(f"it takes more than {_MOVES * self._limit:,} steps for one row")

    def make(
        self, operator: str, dtype: Dtype, *arguments: Expression, value: Any = None, key: Any = None
    ) -> Expression:
        """An expression; of constants it is the constant.

        Args:
            operator: As `Expression` has it, and so are the others.
            dtype: The type of the result.
            arguments: What it is computed from.
            value: What the operator needs besides.
            key: What tells different values apart; by default the address of the value.
        """
        known = (operator, dtype, key if key is not None else id(value), *map(id, arguments))
        if known in self._known:
            return self._known[known]
        made = Expression(operator, dtype, arguments, value)
        if arguments and all(part.operator == "constant" for part in arguments):
            made = self.constant(apply(made, [np.asarray(part.value) for part in arguments])[()], dtype)
        return self._keep(known, made)

    def constant(self, value: Any, dtype: Dtype) -> Expression:
        """A constant; those that differ in a bit are two."""
        scalar = value if dtype == "string" else np.asarray(value, dtype=dtype)[()]
        known = ("constant", dtype, scalar if dtype == "string" else scalar.tobytes())
        return self._known.get(known) or self._keep(known, Expression("constant", dtype, (), scalar))

    def dot(
        self, row: tuple[Expression, ...], weights: NDArray[Any], column: int, dtype: Dtype
    ) -> Expression:
        """The sum of a row's cells times a column of a matrix; `row` must come from `row`."""
        known = ("dot", dtype, id(row), id(weights), column)
        if known in self._known:
            return self._known[known]
        return self._keep(known, Expression("dot", dtype, row, self.column(weights, column)))

    def leaf(self, forest: Forest, tree: int, row: tuple[Expression, ...]) -> Expression:
        """The number of the leaf where a row ends; `row` must come from `row`."""
        known = ("leaf", id(forest), tree, id(row))
        if known in self._known:
            return self._known[known]
        return self._keep(known, Expression("leaf", "int64", row, (forest, tree)))

    def row(self, cells: Sequence[Expression]) -> tuple[Expression, ...]:
        """Expressions as a tuple; equal ones are one object."""
        return self._rows.setdefault(tuple(map(id, cells)), tuple(cells))

    def take(self, table: NDArray[Any], column: int, place: Expression, dtype: Dtype) -> Expression:
        """The element of a column of a table [elements, columns] at a computed place."""
        return self.make("take", dtype, place, value=self.column(table, column))

    def column(self, table: NDArray[Any], column: int) -> NDArray[Any]:
        """A column of a table as an array of its own; the same one each time."""
        known = (id(table), column)
        if known not in self._columns:  # the table is kept, so that its address stays its own
            self._columns[known] = (np.ascontiguousarray(table[:, column]), table)
        return self._columns[known][0]

    def wrapped(self, value: Value) -> NDArray[np.object_]:
        """Cells, or constants as cells."""
        if isinstance(value, Cells):
            return value.array
        self.spend(value.size)
        dtype = dtype_of(value)
        cells = np.empty(value.size, dtype=object)
        cells[:] = [self.constant(cell, dtype) for cell in value.ravel().tolist()]
        return cells.reshape(value.shape)

    def elementwise(self, operator: str, dtype: Dtype | None, *values: Value) -> Value:
        """An operator on each cell, broadcast; `dtype` is None where the result has the first one's type."""
        result = dtype or dtype_of(values[0])
        if not any(isinstance(value, Cells) for value in values):
            arrays = [cast(NDArray[Any], value) for value in values]
            if any(array.dtype.kind == "i" and (array == ROWS).any() for array in arrays):
                raise NotRowwiseError("it computes with the number of rows")
            return np.asarray(apply(Expression(operator, result), arrays))
        check_broadcast(*values)
        parts = np.broadcast_arrays(*map(self.wrapped, values))
        self.spend(parts[0].size)
        cells = np.empty(parts[0].size, dtype=object)
        each = zip(*(part.ravel().tolist() for part in parts), strict=True)
        cells[:] = [self.make(operator, result, *arguments) for arguments in each]
        return Cells(cells.reshape(parts[0].shape), result)

    def each(self, value: Cells, dtype: Dtype, change: Any) -> Cells:
        """What a function makes of each cell."""
        self.spend(value.array.size)
        cells = np.empty(value.array.size, dtype=object)
        cells[:] = [change(cell) for cell in value.array.ravel().tolist()]
        return Cells(cells.reshape(value.array.shape), dtype)

    def _keep(self, known: Any, expression: Expression) -> Expression:
        if len(self._known) >= self._limit:
            raise NotRowwiseError(f"it has more than {self._limit:,} expressions")
        self._known[known] = expression
        return expression


def check_broadcast(*values: Value) -> None:
    """Check that broadcasting keeps the rows the first dimension.

    Raises:
        NotRowwiseError: It does not.
    """
    ranks = {value.array.ndim for value in values if isinstance(value, Cells)}
    if len(ranks) > 1:
        raise NotRowwiseError("a step mixes rows")
    (rank,) = ranks
    for value in values:
        if not isinstance(value, Cells) and (
            value.ndim > rank or (value.ndim == rank and value.shape[0] != 1)
        ):
            raise NotRowwiseError("a step mixes rows")


def dtype_of(value: Value) -> Dtype:
    """The type of the cells.

    Raises:
        NotRowwiseError: It is none that a program has.
    """
    if isinstance(value, Cells):
        return value.dtype
    if value.dtype.kind in "OUST":
        return "string"
    name = value.dtype.name
    if name not in ("float32", "float64", "int64", "bool"):
        raise NotRowwiseError(f"it computes with {name}")
    return cast(Dtype, name)
