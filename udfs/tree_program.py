"""The program of a tree's upper levels, which the compiled loops run."""

from __future__ import annotations

from tree_nodes import MOST_THRESHOLDS


class ProgramWriter:
    """Writes the program of one tree's upper levels."""

    def __init__(
        self, left: list[int], upper: list[bool], slots: list[int], codes: list[int], block: int
    ) -> None:
        self.left, self.upper, self.slots, self.codes, self.block = left, upper, slots, codes, block
        self.words: list[int] = []
        self.entries: list[int] = []
        self.deepest = 0
        self.height = [0] * len(left)
        self.size = [0] * len(left)
        for node in reversed(range(len(left))):
            if upper[node]:
                below = left[node]
                self.height[node] = 1 + max(self.height[below], self.height[below + 1])
                self.size[node] = 1 + self.size[below] + self.size[below + 1]

    def write(self, node: int, base: int) -> None:
        """Have the results of a node put at a place; what lies above the place is free."""
        self.deepest = max(self.deepest, base)
        if not self.upper[node]:
            self.words += [8, base * self.block, self._enter(node)]
            return
        height, below = self.height[node], self.left[node]
        if height < 3 or (height == 3 and self.size[node] > 3):
            splits, places = self._piece(node, height)
            entries = [0 if place < 0 else self._enter(place) for place in places]
            self._operation((0, 4, 6)[height - 1], base, splits, entries)
        elif self.upper[below] and self.upper[below + 1]:
            grand = [self.left[below], self.left[below] + 1, self.left[below + 1], self.left[below + 1] + 1]
            levels = 3 if all(self.upper[place] for place in grand) else 2
            splits, places = self._piece(node, levels)
            for offset, place in enumerate(places):
                self.write(place, base + offset)
            where = [(base + offset) * self.block for offset in range(len(places))]
            self._operation(7 if levels == 3 else 5, base, splits, where)
        elif self.upper[below]:
            self.write(below, base)
            self._operation(2, base, [node], [base * self.block, self._enter(below + 1)])
        else:
            first = self._enter(below)
            self.write(below + 1, base)
            self._operation(1, base, [node], [first, base * self.block])

    def _enter(self, node: int) -> int:
        self.entries.append(node)
        return len(self.entries) - 1

    def _piece(self, node: int, levels: int) -> tuple[list[int], list[int]]:
        """The splits of a complete piece of so many levels, and the nodes below it; -1 where none is."""
        splits: list[int] = []
        level = [node]
        for _ in range(levels):
            below = []
            for place in level:
                inside = place >= 0 and self.upper[place]
                splits.append(place if inside else -1)
                below += [self.left[place], self.left[place] + 1] if inside else [place, -1]
            level = below
        return splits, level

    def _operation(self, operation: int, base: int, splits: list[int], children: list[int]) -> None:
        self.words += [operation, base * self.block]
        for node in splits:
            self.words += (
                [0, MOST_THRESHOLDS] if node < 0 else [self.slots[node] * self.block, self.codes[node]]
            )
        self.words += children
