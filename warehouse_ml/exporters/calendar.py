"""Parts of a time, as pandas' `.dt` has them: year, month, hour, day of the week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from warehouse_ml.graph.tensor import Tensor

TICKS_PER_SECOND: Mapping[str, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""How many ticks of a numpy unit are a second."""

_DAY = 86_400.0


def _quotient(value: Tensor, divisor: float) -> Tensor:
    return (value / divisor).floor()


def _rest(value: Tensor, divisor: float) -> Tensor:
    return value - _quotient(value, divisor) * divisor


@dataclass(frozen=True)
class Calendar:
    """The proleptic Gregorian calendar of some times; NaN stays NaN.

    Source: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, civil_from_days.

    Attributes:
        ticks: Ticks since 1970, float64.
        unit: The numpy unit that they are counted in.
    """

    ticks: Tensor
    unit: str

    @cached_property
    def seconds(self) -> Tensor:
        """Whole seconds since 1970."""
        return _quotient(self.ticks, TICKS_PER_SECOND[self.unit])

    @cached_property
    def days(self) -> Tensor:
        """Whole days since 1970."""
        return _quotient(self.seconds, _DAY)

    @cached_property
    def second_of_day(self) -> Tensor:
        """Whole seconds since midnight."""
        return self.seconds - self.days * _DAY

    @cached_property
    def _since_march(self) -> tuple[Tensor, Tensor]:
        """The year that begins in March, and the day of it from 0."""
        shifted = self.days + 719_468.0
        era = _quotient(shifted, 146_097.0)
        day = shifted - era * 146_097.0
        leaps = _quotient(day, 1460.0) - _quotient(day, 36_524.0) + _quotient(day, 146_096.0)
        year = _quotient(day - leaps, 365.0)
        start = year * 365.0 + _quotient(year, 4.0) - _quotient(year, 100.0)
        return year + era * 400.0, day - start

    @cached_property
    def _month_since_march(self) -> Tensor:
        return _quotient(self._since_march[1] * 5.0 + 2.0, 153.0)

    @cached_property
    def month(self) -> Tensor:
        """1 to 12."""
        month = self._month_since_march
        return (month >= 10.0).where(month - 9.0, month + 3.0)

    @cached_property
    def year(self) -> Tensor:
        """The year."""
        return self._since_march[0] + (self.month <= 2.0).cast("float64")

    @cached_property
    def day(self) -> Tensor:
        """1 to 31."""
        return self._since_march[1] - _quotient(self._month_since_march * 153.0 + 2.0, 5.0) + 1.0

    @cached_property
    def day_of_year(self) -> Tensor:
        """1 to 366."""
        year, day = self._since_march
        fourth, hundredth, all_400 = (
            _rest(year, period).equal(0.0).cast("float64") for period in (4.0, 100.0, 400.0)
        )
        return (day >= 306.0).where(day - 305.0, day + fourth - hundredth + all_400 + 60.0)

    @cached_property
    def day_of_week(self) -> Tensor:
        """0 for Monday to 6."""
        return _rest(self.days + 3.0, 7.0)


@dataclass(frozen=True)
class Span:
    """How long it is from one time to another, as pandas has it.

    Attributes:
        ticks: Ticks, float64.
        unit: The numpy unit that they are counted in.
    """

    ticks: Tensor
    unit: str

    @cached_property
    def days(self) -> Tensor:
        """Whole days, rounded down."""
        return _quotient(self.ticks, TICKS_PER_SECOND[self.unit] * _DAY)

    @cached_property
    def total_seconds(self) -> Tensor:
        """Seconds with their fraction."""
        return self.ticks / TICKS_PER_SECOND[self.unit]


PARTS: Mapping[str, Callable[[Calendar], Tensor]] = {
    "year": lambda times: times.year,
    "month": lambda times: times.month,
    "day": lambda times: times.day,
    "hour": lambda times: _quotient(times.second_of_day, 3600.0),
    "minute": lambda times: _rest(_quotient(times.second_of_day, 60.0), 60.0),
    "second": lambda times: _rest(times.second_of_day, 60.0),
    "quarter": lambda times: _quotient(times.month + 2.0, 3.0),
    "dayofweek": lambda times: times.day_of_week,
    "day_of_week": lambda times: times.day_of_week,
    "weekday": lambda times: times.day_of_week,
    "dayofyear": lambda times: times.day_of_year,
    "day_of_year": lambda times: times.day_of_year,
}
"""The numbers that `.dt` has."""
