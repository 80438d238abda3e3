"""Sums of tree leaves for batches of rows, compiled by numba.

The files of the kernel stand alone: numpy and numba. Without numba they cannot be imported.

A batch is scored in blocks of some hundred rows. First every value is replaced by its rank among the
thresholds of its column, so that all that follows compares small integers, exactly. Then each tree is
evaluated for the whole block:

* Its upper levels bottom-up, without any walking: the result of a node is a vector of bytes, one per row,
  chosen between the vectors of its two children by comparing a vector of ranks with the node's rank. The
  vector at the root numbers the place where each row leaves the upper levels. Up to three levels are
  evaluated at once, in registers.
* What lies below, if anything, row after row: eight rows at once, a node per step.

A small tree has upper levels only. The ranks of upper levels fit in bytes: trees are put in groups, in
each of which a column has at most 255 thresholds.

Numba would give up on vectors where arrays might overlap, so the inner loops are written in LLVM's own
instructions on vectors, which it translates for whatever processor it meets.

In the order in which they are read: `tree_arrangement` writes an ensemble down, from its nodes
(`tree_nodes`), its columns (`tree_columns`), groups of trees (`tree_groups`) and a program for each tree
(`tree_program`). `tree_loops` reads that and scores rows, in instructions (`tree_instructions`) on vectors
(`tree_vectors`), compiled once and kept on disk (`tree_compiled`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tree_arrangement import Arrangement
from tree_loops import DTYPES, score_rows


class TreeKernel:
    """An ensemble of trees. One object may be used by many threads at once."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Arrange an ensemble for scoring.

        Args:
            arrays: The nodes of all trees one after another; children are positions among all nodes.
                `roots` int64 [trees]; `feature` int32 [nodes], -1 at a leaf; `threshold` float64 [nodes];
                `left`, `right` int32 [nodes]; `missing_left` bool [nodes]; `category_set` int32 [nodes], a
                row of `sets` or -1; `sets` bool [sets, codes], true where a code goes left; `leaf` int32
                [nodes], a row of `values` or -1; `values` float32 or float64 [leaves, width]; `output` int32
                [trees], where a tree's values start among the sums; `base` [outputs], where the sums start;
                `kinds` uint8 [columns]: 0 compared as float64, 1 as float32, 2 a category's code; `limits`
                float64 [columns], magnitudes beyond which are flagged.

        Raises:
            ValueError: A threshold is NaN, a split asks for a column that is not there, or trees share nodes.
        """
        given = {name: np.asarray(entry) for name, entry in arrays.items()}
        arrangement = Arrangement(given)
        self._kinds: list[int] = given["kinds"].tolist()
        self._model, self._values = arrangement.model, arrangement.values
        self._base = np.array(given["base"], dtype=self._values.dtype)

    def score(
        self, columns: Sequence[NDArray[Any]], missing: Sequence[NDArray[np.bool_] | None]
    ) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Score a batch.

        Args:
            columns: The columns, all of one length [rows]: numbers or bool, and int32 codes of categories,
                which must be among those of the sets.
            missing: A mask [rows] of the missing values of each column, or None.

        Returns:
            The sums [rows, outputs], in the type of `values`; and flags [columns]: bit 0 is set where a value
            was missing (masked or NaN), bit 1 where the magnitude of another was beyond the column's limit.

        Raises:
            ValueError: The columns and masks are not of one length.
        """
        rows = len(columns[0]) if columns else 0
        ready: list[NDArray[Any]] = []
        masks: list[NDArray[Any] | None] = []
        for kind, column, gone in zip(self._kinds, columns, missing, strict=True):
            if kind == 2 and column.dtype != np.int32:
                column = column.astype(np.int32)
            if column.dtype not in DTYPES:
                column = column.astype(np.float64)
            if gone is not None and not (gone.dtype == bool and gone.flags.c_contiguous):
                gone = np.ascontiguousarray(gone, dtype=bool)
            ready.append(column if column.flags.c_contiguous else np.ascontiguousarray(column))
            masks.append(gone)
        if any(len(entry) != rows for entry in (*ready, *(gone for gone in masks if gone is not None))):
            raise ValueError(f"A column or a mask has not the {rows} rows of the first column.")
        sources = [DTYPES[column.dtype] for column in ready]
        sources += [id(column) for column in ready]
        sources += [0 if gone is None else id(gone) for gone in masks]
        sums = np.empty((rows, len(self._base)), dtype=self._base.dtype)
        flags = np.zeros(len(ready), dtype=np.uint8)
        found = np.array(sources, dtype=np.int64).reshape(3, -1)
        score_rows(self._model, self._values, self._base, found, sums, flags)
        return sums, flags
