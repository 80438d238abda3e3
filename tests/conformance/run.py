"""Print the table of the conformance suite: `python -m tests.conformance.run [part of a name …]`.

The exit code is 1 if any pipeline is wrong, or fewer than 95 % are registered.
"""

import sys
import warnings
from collections.abc import Mapping
from itertools import chain

import warehouse_ml as wml
from tests.conformance.check import Outcome, check
from tests.conformance.pipelines import FAMILIES

REGISTERED = 0.95
"""The share of the pipelines that must be registered."""

_LINE = "{:<42} {:<9} {:>10} {:>7} {:>6} {:>6} {:>6} {:>8}"


def main(parts: list[str]) -> int:
    """Run all pipelines, or those whose family or name holds one of the parts."""
    warnings.simplefilter("ignore")  # estimators warn of the extreme rows
    outcomes: dict[str, list[Outcome]] = {}
    with wml.connect() as session:
        for family, pipelines in FAMILIES.items():
            chosen = {
                name: factory
                for name, factory in pipelines.items()
                if not parts or any(part.lower() in f"{family} {name}".lower() for part in parts)
            }
            if chosen:
                print(f"\n{family}")
                print(_LINE.format("", "", "difference", "labels", "rows", "NULL", "raise", "seconds"))
            for name, factory in chosen.items():
                outcome = check(session, name, factory)
                outcomes.setdefault(family, []).append(outcome)
                _print(outcome)
    return _total(outcomes)


def _print(outcome: Outcome) -> None:
    if outcome.status == "refused":
        print(f"{outcome.name:<42} refused   {outcome.reason[:200]}", flush=True)
        return
    difference = f"{outcome.difference:.1e}" if outcome.difference else "0"
    print(
        _LINE.format(
            outcome.name,
            outcome.status,
            difference,
            outcome.labels,
            outcome.rows,
            outcome.nulls,
            outcome.raised,
            f"{outcome.seconds:.2f}",
        ),
        flush=True,
    )
    if outcome.status == "wrong":
        print(f"    {outcome.reason[:600]}")


def _total(outcomes: Mapping[str, list[Outcome]]) -> int:
    print(f"\n{'family':<24} {'pipelines':>9} {'equal':>6} {'refused':>8} {'wrong':>6} {'seconds':>8}")
    for family, group in outcomes.items():
        print(_sums(family, group))
    everything = list(chain.from_iterable(outcomes.values()))
    print(_sums("all", everything))
    wrong = sum(outcome.status == "wrong" for outcome in everything)
    registered = sum(outcome.status == "equal" for outcome in everything) / max(1, len(everything))
    print(f"\n{registered:.1%} registered and equal, {wrong} wrong.")
    return int(wrong > 0 or registered < REGISTERED)


def _sums(title: str, group: list[Outcome]) -> str:
    counts = [sum(outcome.status == status for outcome in group) for status in ("equal", "refused", "wrong")]
    seconds = sum(outcome.seconds for outcome in group)
    return f"{title:<24} {len(group):>9} {counts[0]:>6} {counts[1]:>8} {counts[2]:>6} {seconds:>8.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
