"""The results for a person: tables on the terminal, and the page in `docs/`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Comparison, Timing
from benchmarks.results import Results
from benchmarks.targets import Verdict, per_day, verdicts
from benchmarks.threads import THREADS

Row = tuple[str, ...]

TITLES = {
    "targets": "What had to be shown",
    "routes": "Routes to the sum of a model's probabilities",
    "flights": "336,776 real flights, joined with weather and planes",
    "queries": "Statements that a rewriter can make cheaper",
    "scale": "By the number of rows",
    "memory": "Memory",
    "compile": "Compiling a statement",
}

ABOUT = {
    "targets": "The ratio is the other's time divided by ours: above 1, SQL with `PREDICT` is faster.",
    "routes": "A DuckDB table of 28 FLOAT columns. SQL is timed as the whole statement; what is in memory is "
    "timed as the predict call alone, on a float32 matrix that is already there. The difference is that of "
    "the sums, relative; graphs in float32 and models fitted anew may differ.",
    "flights": "Both sides run the same joins; the other side then takes the rows out as a frame and calls "
    "`predict_proba`.",
    "queries": "The same statement with the rules of the optimizer switched on and off.",
    "scale": "`SELECT sum(PREDICT_PROBA('xgboost', *))` over tables that were generated alike.",
    "memory": "Peaks of resident memory of two processes of their own.",
    "compile": "Parse, bind and optimize, by `session.compile`.",
}


def show(results: Results, console: Console) -> None:
    """Print every table."""
    for section, columns, rows in tables(results):
        table = Table(title=section, title_justify="left")
        for position, column in enumerate(columns):
            table.add_column(column, justify="right" if 0 < position < len(columns) - 1 else "left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    console.print(headline(results))


def headline(results: Results) -> str:
    """Predictions per day of the XGBoost route."""
    count = per_day(results)
    if math.isnan(count):
        return "The XGBoost route was not run."
    found = results.find("routes", "xgboost")
    rate = count / 86_400 / 1e6
    return (
        f"{count / 1e9:,.0f} billion predictions a day on {THREADS} cores: "
        f"{found.title if found else ''}, {rate:.2f} M rows per second."
    )


def page(results: Results) -> str:
    """docs/benchmarks.md."""
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    libraries = ", ".join(f"{name} {value}" for name, value in results.versions.items())
    parts = [
        "# Benchmarks",
        f"Written on {results.date} by `{results.command}`. Do not edit: `make bench` writes it.",
        f"**{headline(results)}**",
        "![Ratios of the other's time to ours, by work](benchmarks.svg)",
        "Contestants take turns in one process, after a warm-up in which their answers are compared; figures "
        "are medians, with the fastest and the slowest round beside them, and garbage is collected between. "
        "All raw figures are in `docs/benchmarks.json`.",
        f"Machine: {machine}.",
        f"Versions: {libraries}.",
    ]
    section = ""
    for title, columns, rows in tables(results):
        name, _, work = title.partition(": ")
        if name != section:
            section = name
            about = next(about for key, about in ABOUT.items() if TITLES[key] == name)
            parts += [f"## {name}", about]
        if work:
            parts.append(f"### {work}")
        parts.append(markdown(columns, rows))
    return "\n\n".join(parts) + "\n"


def tables(results: Results) -> Iterator[tuple[str, Row, list[Row]]]:
    """Title, columns and rows of every table that has rows."""
    rows = [_verdict(verdict) for verdict in verdicts(results) if verdict.met is not None]
    if rows:
        yield TITLES["targets"], ("work", "against", "measured", "target", "met"), rows
    for section in ("routes", "flights"):
        for comparison in results.of(section):
            yield (
                f"{TITLES[section]}: {comparison.title}",
                ROUTE,
                [_route(comparison, t) for t in comparison.timings],
            )
    if results.of("queries"):
        yield (
            TITLES["queries"],
            QUERY,
            [_query(found, t) for found in results.of("queries") for t in found.timings],
        )
    for comparison in results.of("scale"):
        columns = ("rows", "seconds", "fastest .. slowest", "M rows / s")
        yield TITLES["scale"], columns, [_size(timing) for timing in comparison.timings]
    compiled = [_compiled(found, timing) for found in results.of("compile") for timing in found.timings]
    for section in ("memory", "compile"):
        facts: list[Row] = [
            (fact.title, f"{fact.value:,.1f}", fact.unit) for fact in results.facts if fact.section == section
        ]
        facts += compiled if section == "compile" else []
        if facts:
            yield TITLES[section], ("what", "figure", "unit"), facts


ROUTE = ("route", "ms", "fastest .. slowest", "M rows / s", "other / ours", "difference", "note")

QUERY = ("statement", "rows", "optimizer", "ms", "fastest .. slowest", "other / on", "difference", "note")


def _route(comparison: Comparison, timing: Timing) -> Row:
    ours = comparison.median("ours")
    return (
        timing.name,
        _number(1e3 * timing.median),
        _range(timing, 1e3),
        _number(comparison.rows / timing.median / 1e6),
        _number(timing.median / ours),
        _difference(timing),
        timing.note,
    )


def _query(comparison: Comparison, timing: Timing) -> Row:
    first = timing.key == "on"
    return (
        comparison.title if first else "",
        f"{comparison.rows:,}" if first else "",
        timing.name,
        _number(1e3 * timing.median),
        _range(timing, 1e3),
        _number(timing.median / comparison.median("on")),
        _difference(timing),
        timing.note,
    )


def _size(timing: Timing) -> Row:
    rate = int(timing.key) / timing.median / 1e6
    return f"{int(timing.key):,}", _number(timing.median), _range(timing, 1), _number(rate)


def _compiled(comparison: Comparison, timing: Timing) -> Row:
    return f"{comparison.title}, {timing.name}", _number(1e3 * timing.median), "ms"


def _verdict(verdict: Verdict) -> Row:
    return (
        verdict.work,
        verdict.against,
        f"{_number(verdict.measured)} {verdict.unit}",
        verdict.wanted,
        "yes" if verdict.met else "**no**",
    )


def _difference(timing: Timing) -> str:
    if timing.difference is None:
        return ""
    return "0" if timing.difference == 0 else f"{timing.difference:.0e}"


def _range(timing: Timing, factor: float) -> str:
    if not timing.seconds:
        return ""
    return f"{_number(factor * min(timing.seconds))} .. {_number(factor * max(timing.seconds))}"


def _number(value: float) -> str:
    """Three digits that count."""
    if math.isnan(value):
        return ""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(digits, 3)}f}"


def markdown(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A table of a Markdown page."""
    rule = ["---", *["---:"] * (len(columns) - 2), "---"]
    lines = [columns, rule, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
