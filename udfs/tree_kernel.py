"""Sums of tree leaves for batches of rows, compiled by numba.

This file stands alone: numpy and numba, nothing of warehouse_ml. Without numba it cannot be imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]
import numpy as np
from numpy.typing import NDArray

_compiled: Callable[[Any], Any] = numba.njit(nogil=True, cache=True)


@_compiled
def _walk(  # type: ignore[no-untyped-def]
    matrix, kinds, roots, feature, threshold, left, right, missing_left, category_set, sets, leaf, values, output, sums
):
    for tree in range(roots.shape[0]):
        first = output[tree]
        for row in range(matrix.shape[1]):
            node = roots[tree]
            while leaf[node] < 0:
                value = matrix[feature[node], row]
                if category_set[node] >= 0:
                    to_left = sets[category_set[node], int(value)]
                elif value != value:
                    to_left = missing_left[node]
                else:
                    to_left = value <= threshold[node]
                node = left[node] if to_left else right[node]
            for place in range(values.shape[1]):
                sums[row, first + place] += values[leaf[node], place]


class TreeKernel:
    """An ensemble of trees. One object may be used by many threads at once."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take the arrays of an ensemble."""
        self._arrays = {name: np.ascontiguousarray(entry) for name, entry in arrays.items()}

    def score(
        self, columns: Sequence[NDArray[Any]], missing: Sequence[NDArray[np.bool_] | None]
    ) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Sums [rows, outputs] and flags [columns]."""
        arrays = self._arrays
        rows = len(columns[0]) if columns else 0
        matrix = np.empty((len(columns), rows))
        flags = np.zeros(len(columns), dtype=np.uint8)
        for place, (column, gone) in enumerate(zip(columns, missing, strict=True)):
            with np.errstate(over="ignore"):
                raw = column.astype(np.float64)
                matrix[place] = column.astype(np.float32) if arrays["kinds"][place] == 1 else raw
            if gone is not None:
                matrix[place, gone] = np.nan
                raw[gone] = np.nan
            if arrays["kinds"][place] != 2:
                beyond = (np.abs(raw) > arrays["limits"][place]).any()
                flags[place] = int(np.isnan(raw).any()) | int(beyond) << 1
        base = arrays["base"]
        sums = np.repeat(base[np.newaxis], rows, axis=0)
        names = ("roots", "feature", "threshold", "left", "right", "missing_left", "category_set", "sets")
        _walk(
            matrix,
            arrays["kinds"],
            *(arrays[name] for name in names),
            arrays["leaf"],
            arrays["values"],
            arrays["output"],
            sums,
        )
        return sums, flags
