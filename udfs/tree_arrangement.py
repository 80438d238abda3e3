"""An ensemble as the compiled loops read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tree_columns import Columns
from tree_groups import grouped_trees
from tree_nodes import MOST_THRESHOLDS, Nodes, cut_levels
from tree_program import ProgramWriter

BLOCKS = (2048, 1024, 512, 256)
"""How many rows are scored together; fewer where their ranks would not stay in the cache."""

RANK_BYTES = 2**19
"""How much the ranks of a block should take."""


class Arrangement:
    """An ensemble as `score_rows` reads it.

    Attributes:
        model: The arrays that `score_rows` unpacks.
        values: The values of the leaves, in the order in which trees number them.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays
        self._nodes = Nodes(arrays)
        self._columns = Columns(arrays, self._nodes)
        self._cuts, self._heights = cut_levels(self._nodes)
        self._upper = self._nodes.split & (self._nodes.depth < self._cuts[self._nodes.tree])
        self._walked = self._cuts < self._heights
        self._block = next(
            (block for block in BLOCKS if 4 * block * len(self._columns.counts) <= RANK_BYTES), BLOCKS[-1]
        )
        # a set of categories is a row of a table of codes, where 1 goes right
        members = (~arrays["sets"]).astype(np.int32)
        self._maps: list[NDArray[Any]] = [members.reshape(-1)]
        self._map_size, self._codes = members.size, members.shape[1]
        self._derived: list[tuple[int, int, int]] = []
        self._groups: list[tuple[int, int, int, int]] = []
        self._slots: list[tuple[int, int]] = []
        self._trees: list[tuple[int, int, int, int, int, int]] = []
        self._program: list[int] = []
        self._entries: list[int] = []
        self._deepest = 0
        self._write_records()
        self._write_groups()
        widest = max((end - start for start, end, _, _ in self._groups), default=0)
        masters = self._columns.masters + len(self._derived)
        self._layout += [self._block, masters, widest, self._deepest + 1]
        self.model = (
            self._columns.rows,
            np.array(arrays["limits"], dtype=np.float64),
            self._columns.narrow,
            self._columns.wide,
            np.concatenate(self._maps).astype(np.int32),
            _rows(self._derived, 3),
            _rows(self._groups, 4),
            _rows(self._slots, 2),
            _rows(self._trees, 6),
            np.array(self._program, dtype=np.int32),
            np.array(self._entries, dtype=np.int32),
            self._records,
            self._entered,
            np.array(self._layout, dtype=np.int64),
        )
        self.values = np.ascontiguousarray(arrays["values"][np.concatenate(self._leaves)])

    def _write_records(self) -> None:
        """Pack the nodes that are walked; see `walk_lower`."""
        nodes, columns = self._nodes, self._columns
        lower = self._walked[nodes.tree] & ~self._upper
        master = np.arange(columns.masters + len(columns.sets))
        by_set = lower & nodes.split & (columns.slot >= columns.masters)
        for number in np.unique(columns.slot[by_set]).tolist():
            source, table = self._set(number)
            master[number] = columns.masters + len(self._derived)
            self._derived.append((int(master[number]), source, table))
        chosen = np.flatnonzero(lower)
        self._record = np.cumsum(lower) - 1
        child_bits = max(len(chosen), 1).bit_length()
        slot_bits = max(columns.masters + len(self._derived), 1).bit_length()
        code_bits = max([*columns.counts, 1]).bit_length()
        if child_bits + slot_bits + code_bits > 63:
            raise ValueError(f"{len(chosen)} nodes that compare with {columns.masters} columns are too many.")
        split = nodes.split[chosen]
        child = np.where(split, self._record[nodes.left[chosen]], np.arange(len(chosen)))
        slot = np.zeros(len(chosen), dtype=np.int64)
        slot[split] = master[columns.slot[chosen[split]]]
        code = np.where(split, columns.code[chosen], 2**code_bits - 1)
        self._records = child | slot << child_bits | code << (child_bits + slot_bits)
        self._entered = np.where(split, 0, np.cumsum(~split) - 1).astype(np.int32)
        self._leaves = [nodes.leaf[chosen[~split]]]
        self._leaf_count = int((~split).sum())
        self._layout = [child_bits, 2**slot_bits - 1, child_bits + slot_bits]
        self._layout += [self._block.bit_length() - 1, 2**child_bits - 1]

    def _set(self, number: int) -> tuple[int, int]:
        """Where the codes of a set of categories are, and where the set is among the maps."""
        source, row = self._columns.sets[number - self._columns.masters]
        return source, row * self._codes

    def _write_groups(self) -> None:
        """Write the programs of all trees, and what a group of them needs ranks in bytes of."""
        nodes, columns = self._nodes, self._columns
        upper = np.flatnonzero(self._upper)
        crowded = np.array(
            [count > MOST_THRESHOLDS for count in columns.counts] + [False] * len(columns.sets), dtype=bool
        )
        where = nodes.tree[upper], columns.slot[upper], columns.code[upper]
        for start, end in grouped_trees(len(self._cuts), *where, crowded):
            mine = upper[(where[0] >= start) & (where[0] < end)]
            used, local = np.unique(columns.slot[mine], return_inverse=True)
            self._groups.append((len(self._slots), len(self._slots) + len(used), start, end))
            first = nodes.bounds[start]
            slot = np.zeros(nodes.bounds[end] - first, dtype=np.int64)
            code = np.zeros(nodes.bounds[end] - first, dtype=np.int64)
            slot[mine - first] = local
            code[mine - first] = columns.code[mine]
            for place, number in enumerate(used.tolist()):
                if number >= columns.masters:
                    self._slots.append(self._set(number))
                elif not crowded[number]:
                    self._slots.append((number, -1))
                else:
                    here = mine[local == place]
                    kept, code[here - first] = np.unique(columns.code[here], return_inverse=True)
                    self._slots.append((number, self._map_size))
                    found: NDArray[Any] = np.searchsorted(kept, np.arange(columns.counts[number] + 1))
                    self._maps.append(found)
                    self._map_size += len(self._maps[-1])
            for tree in range(start, end):
                part = slice(nodes.bounds[tree] - first, nodes.bounds[tree + 1] - first)
                self._write_tree(tree, slot[part].tolist(), code[part].tolist())

    def _write_tree(self, tree: int, slots: list[int], codes: list[int]) -> None:
        """Write the program of one tree, and note where its leaves or the entries of its walk are."""
        nodes = self._nodes
        begin, end = nodes.bounds[tree], nodes.bounds[tree + 1]
        left = (nodes.left[begin:end] - begin).tolist()
        writer = ProgramWriter(left, self._upper[begin:end].tolist(), slots, codes, self._block)
        writer.write(0, 0)
        self._deepest = max(self._deepest, writer.deepest)
        entered = begin + np.array(writer.entries)
        start = len(self._program)
        self._program += writer.words
        output = int(self._arrays["output"][tree])
        if self._walked[tree]:
            steps = int(self._heights[tree] - self._cuts[tree])
            self._trees.append((start, len(self._program), len(self._entries), steps, 0, output))
            self._entries += self._record[entered].tolist()
        else:
            self._trees.append((start, len(self._program), 0, -1, self._leaf_count, output))
            self._leaves.append(nodes.leaf[entered])
            self._leaf_count += len(entered)


def _rows(found: Sequence[tuple[int, ...]], width: int) -> NDArray[np.int64]:
    return np.array(found, dtype=np.int64).reshape(-1, width)
