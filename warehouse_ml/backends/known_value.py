"""What is known of a feature's value in all rows that matter."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a value.

    Attributes:
        low: No number is below.
        high: No number is above.
        values: It is one of these, all of the feature's type, if it is there at all; None where that is
            not known, and no values where it is always missing.
        null: Whether it may be NULL.
        nan: Whether it may be NaN.
    """

    low: float = -math.inf
    high: float = math.inf
    values: tuple[float | int | str | bool, ...] | None = None
    null: bool = True
    nan: bool = True

    def both(self, other: Known) -> Known:
        """What is known where both hold."""
        values = self.values if other.values is None else other.values
        if self.values is not None and other.values is not None:
            values = tuple(value for value in self.values if value in other.values)
        return Known(
            max(self.low, other.low),
            min(self.high, other.high),
            values,
            self.null and other.null,
            self.nan and other.nan,
        )

    @property
    def missing(self) -> bool:
        """Whether it may be NULL or NaN."""
        return self.null or self.nan

    @property
    def constant(self) -> float | int | str | bool | None:
        """The only value that it can have, where it is never missing; else None."""
        if self.missing or self.values is None or len(self.values) != 1:
            return None
        return self.values[0]
