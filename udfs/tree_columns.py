"""What is known of the columns of an ensemble: their thresholds, and the rank of each node among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tree_nodes import Nodes


class Columns:
    """What is known of the columns: tables of thresholds, and the rank of each node among them."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], nodes: Nodes) -> None:
        kinds = arrays["kinds"]
        feature = np.where(nodes.split, arrays["feature"][nodes.place], -1)
        if len(feature) and not -1 <= feature.min() <= feature.max() < len(kinds):
            raise ValueError(f"A split asks for a column beyond the {len(kinds)} columns.")
        members = arrays["category_set"][nodes.place]
        threshold = arrays["threshold"][nodes.place]
        goes_left = arrays["missing_left"][nodes.place]
        if np.isnan(threshold[nodes.split & (members < 0)]).any():
            raise ValueError("A threshold is NaN.")
        self.rows = np.zeros((len(kinds), 8), dtype=np.int64)
        self.slot = np.zeros(len(feature), dtype=np.int64)
        """Of each node: where its ranks are; sets of categories are numbered after `masters`."""
        self.code = np.zeros(len(feature), dtype=np.int64)
        self.counts: list[int] = []
        self.sets: list[tuple[int, int]] = []
        tables: list[NDArray[np.float64]] = []
        size = 0
        by_column = np.argsort(feature, kind="stable")
        bounds = np.searchsorted(feature[by_column], np.arange(len(kinds) + 1))
        pending = []
        for column, kind in enumerate(kinds.tolist()):
            mine = by_column[bounds[column] : bounds[column + 1]]
            row = self.rows[column]
            row[:] = [kind == 2, kind == 1, size, 0, 0, -1, -1, 0]
            if not len(mine):
                continue
            if kind == 2:
                row[5] = self._slot(arrays["sets"].shape[1])
                pending.append((int(row[5]), mine))
                continue
            distinct, self.code[mine] = np.unique(threshold[mine], return_inverse=True)
            steps = max(3, len(distinct).bit_length())
            row[3:5] = steps, len(distinct)
            tables.append(np.append(distinct, np.full(2**steps - 1 - len(distinct), np.inf)))
            size += len(tables[-1])
            for place, missing_left in ((5, False), (6, True)):
                nodes_of = mine[goes_left[mine] == missing_left]
                if len(nodes_of):
                    row[place] = self._slot(len(distinct))
                    self.slot[nodes_of] = row[place]
        self.masters = len(self.counts)
        for source, mine in pending:
            used, which = np.unique(members[mine], return_inverse=True)
            self.slot[mine] = self.masters + len(self.sets) + which
            self.sets += [(source, int(entry)) for entry in used]
        self.wide = np.concatenate([*tables, np.zeros(1)])
        self.narrow = _floor(self.wide)

    def _slot(self, count: int) -> int:
        self.counts.append(count)
        return len(self.counts) - 1


def _floor(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 numbers that are not above some float64 numbers: `x <= t` is the same for both."""
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)
