"""The numbers of a type in their order, counted by whole numbers: a search among them is a bisection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
"""The whole numbers that count the numbers of a line."""

Truth = Callable[[Keys, NDArray[np.int64]], NDArray[np.bool_]]
"""The outcomes at some keys of some tests, by their numbers."""


@dataclass(frozen=True, slots=True)
class Line:
    """The numbers that an input of the graph can hold, NaN left out; -0.0 is 0.0.

    Attributes:
        name: The input.
        kind: Which numbers there are.
    """

    name: str
    kind: Literal["float32", "float64", "int64"]

    @property
    def ends(self) -> tuple[int, int]:
        """The keys of the smallest and the largest number."""
        if self.kind == "int64":
            return -(2**63), 2**63 - 1
        top = 0x7F800000 if self.kind == "float32" else 0x7FF0000000000000
        return -top, top

    @property
    def starts(self) -> Keys:
        """The keys at which something may begin for the input itself: infinities stand alone."""
        low, high = self.ends
        return np.array([low] if self.kind == "int64" else [low, low + 1, high], np.int64)

    def numbers(self, keys: Keys) -> NDArray[Any]:
        """The numbers of some keys, as the input is fed with them."""
        if self.kind == "int64":
            return keys
        if self.kind == "float64":
            bits = np.where(keys < 0, np.int64(-(2**63)) - keys, keys)
            return bits.view(np.float64) + 0.0
        narrow = np.where(keys < 0, np.int64(-(2**31)) - keys, keys).astype(np.int32)
        return (narrow.view(np.float32) + np.float32(0)).astype(np.float64)


def first_change(
    low: Keys, high: Keys, test: NDArray[np.int64], before: NDArray[np.bool_], truth: Truth
) -> Keys:
    """The first key at which each test has not its outcome at `low`, by bisection.

    Args:
        low: For each test a key with the old outcome.
        high: A key with the new one; all between have the old one up to somewhere, then the new one.
        test: The number of each test.
        before: Its outcome at `low`.
        truth: The outcomes of tests at keys.
    """
    while True:
        middle = (low >> 1) + (high >> 1) + (low & high & 1)  # their difference may overflow
        if (middle == low).all():
            return high
        same = truth(middle, test) == before
        low, high = np.where(same, middle, low), np.where(same, high, middle)
