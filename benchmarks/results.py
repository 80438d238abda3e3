"""What a run has measured, and its JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measure import Comparison, Fact, Timing

SECTIONS = ("routes", "flights", "queries", "scale", "memory", "compile")


@dataclass
class Results:
    """Everything of one run.

    Attributes:
        date: When, in UTC.
        command: The command that was given.
        machine: Facts about the hardware.
        versions: Of the libraries.
        comparisons: In the order in which they were measured.
        facts: Figures that are no comparison.
    """

    date: str
    command: str
    machine: dict[str, str]
    versions: dict[str, str]
    comparisons: list[Comparison] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def add(self, found: Comparison | Fact) -> None:
        """Keep what was measured."""
        if isinstance(found, Fact):
            self.facts.append(found)
        else:
            self.comparisons.append(found)

    def of(self, section: str) -> list[Comparison]:
        """The comparisons of a section."""
        return [comparison for comparison in self.comparisons if comparison.section == section]

    def find(self, section: str, key: str) -> Comparison | None:
        """One comparison, or None where it was not run."""
        return next((found for found in self.of(section) if found.key == key), None)

    def fact(self, section: str, key: str) -> float:
        """One figure, NaN where it was not measured."""
        return next(
            (fact.value for fact in self.facts if (fact.section, fact.key) == (section, key)), math.nan
        )

    def to_json(self, **more: Any) -> str:
        """The figures, with the medians beside them."""
        document = asdict(self)
        for comparison in document["comparisons"]:
            for timing in comparison["timings"]:
                timing["median"] = Timing(**timing).median if timing["seconds"] else None
        return json.dumps(_plain({**document, **more}), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """The figures of an earlier run."""
        document = json.loads(text)
        results = cls(document["date"], document["command"], document["machine"], document["versions"])
        results.facts = [Fact(**fact) for fact in document["facts"]]
        for found in document["comparisons"]:
            timings = []
            for timing in found.pop("timings"):
                timing.pop("median")
                timings.append(Timing(**{**timing, "seconds": tuple(timing["seconds"])}))
            results.comparisons.append(Comparison(**found, timings=tuple(timings)))
        return results


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
