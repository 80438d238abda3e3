"""What splits compare, as one matrix: a column for each feature and for each way to treat what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warehouse_ml.backends.simplify.flow import Edit, Kind
from warehouse_ml.backends.tensor_forest import ALWAYS, MISSING_LEFT, MISSING_ONLY, PLAIN


class SplitColumns:
    """The columns that the splits of some trees compare with their thresholds.

    Where NaN goes is decided here, once per column, not at every split.

    Attributes:
        name: The matrix [rows, width].
        width: How many columns it has.
    """

    def __init__(
        self, edit: Edit, matrix: str, dtype: str, width: int | None, asked: Sequence[tuple[int, int]]
    ) -> None:
        """Write the matrix.

        Args:
            edit: The graph.
            matrix: The features, [rows, width].
            dtype: Their type.
            width: How many there are, where that is known.
            asked: The pairs of a column and how it is asked for; of `ALWAYS` the column does not count.
        """
        self._edit, self._matrix, self._dtype, self._all = edit, matrix, dtype, width
        self._places: dict[tuple[int, int], int] = {}
        self.width = 0
        parts = []
        for kind in (PLAIN, MISSING_LEFT, MISSING_ONLY, ALWAYS):
            columns = sorted({column for column, way in asked if way == kind})
            if not columns:
                continue
            if kind == ALWAYS:
                columns = [0]
            elif kind == PLAIN:
                # as they are, where that is known: then nothing is copied
                columns = list(range(columns[-1] + 1 if width is None else width))
            self._places |= {(column, kind): self.width + place for place, column in enumerate(columns)}
            self.width += len(columns)
            parts.append(self._part(kind, columns))
        if len(parts) == 1:
            self.name = parts[0]
        else:
            self.name = edit.node("Concat", parts, kind=self._kind(self.width), axis=1)

    def places(self, columns: NDArray[np.int64], kinds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the matrix has what some splits ask for."""
        always = kinds == ALWAYS
        table = np.zeros((1 + max(column for column, _ in self._places), 4), np.int64)
        for (column, kind), place in self._places.items():
            table[column, kind] = place
        return np.where(always, table[0, ALWAYS], table[np.where(always, 0, columns), kinds])

    def _part(self, kind: int, columns: Sequence[int]) -> str:
        edit, whole = self._edit, self._kind(len(columns))
        taken = self._matrix
        if self._all is None or len(columns) < self._all:
            where = edit.constant(np.array(columns, np.int64))
            taken = edit.node("Gather", [taken, where], kind=whole, axis=1)
        if kind == PLAIN:
            return taken
        missing = edit.node("IsNaN", [taken], kind=Kind("bool", (None, len(columns))))
        number = np.dtype(self._dtype).type
        if kind == MISSING_LEFT:
            lowest = edit.constant(np.array(-np.inf, number))
            return edit.node("Where", [missing, lowest, taken], kind=whole)
        low, high = (edit.constant(np.array(value, number)) for value in (0, 0 if kind == ALWAYS else 1))
        return edit.node("Where", [missing, low, high], kind=whole)

    def _kind(self, columns: int) -> Kind:
        return Kind(self._dtype, (None, columns))
