"""Every comparison in one run: tables on the terminal, a page, JSON and a chart in `docs/`."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

import warehouse_ml as wml
from benchmarks import setting
from benchmarks.chart import draw
from benchmarks.compiling import MODELS, compiling
from benchmarks.flights import flights
from benchmarks.measure import ROUNDS, Comparison, Fact
from benchmarks.queries import queries
from benchmarks.report import page, show
from benchmarks.results import Results
from benchmarks.routes import routes
from benchmarks.scale import SIZES, scale
from benchmarks.synthetic import TRAINING
from benchmarks.targets import per_day, verdicts
from benchmarks.threads import THREADS
from benchmarks.works import WORKS

DOCS = Path(__file__).parents[1] / "docs"
PARTS = ("routes", "flights", "queries", "scale", "compile")


@dataclass(frozen=True)
class Size:
    """How much of everything a run takes."""

    rows: int = 1_000_000
    training: int = TRAINING
    rounds: int = ROUNDS
    flights: int | None = None
    sizes: tuple[int, ...] = SIZES
    models: int = MODELS


FULL = Size()
QUICK = Size(100_000, 20_000, 3, 40_000, (10_000, 100_000), 50)


def run() -> None:
    """Parse the command, measure, print, write."""
    arguments = _arguments()
    console = Console()
    if not console.is_terminal:
        console = Console(width=180)  # a log has room for the tables
    if arguments.render:
        text = (arguments.output or DOCS) / "benchmarks.json"
        write(Results.from_json(text.read_text(encoding="utf-8")), arguments.output or DOCS)
        return
    size = QUICK if arguments.quick else FULL
    # what is small or only a part of the whole does not take the place of the page
    whole = not arguments.quick and not arguments.only and not arguments.works
    output = arguments.output or (DOCS if whole else None)
    results = Results(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", setting.command(), setting.machine(), setting.versions()
    )
    start = time.perf_counter()
    warnings.simplefilter("ignore")  # the peers' own: they are not what is measured
    with TemporaryDirectory() as folder, console.status("starting") as status:
        for found in measured(
            size, arguments.only or PARTS, arguments.works or tuple(WORKS), Path(folder), status.update
        ):
            results.add(found)
            console.print(f"{time.perf_counter() - start:6.0f} s  {found.title}")
            if output is not None:
                write(results, output)
    show(results, console)
    console.print(f"{time.perf_counter() - start:,.0f} s" + (f", written to {output}" if output else ""))
    wrong = [f"{found.title}: {name}" for found in results.comparisons for name in found.disagreements]
    if wrong:
        sys.exit("Another answer: " + "; ".join(wrong))


def measured(
    size: Size, parts: tuple[str, ...], works: tuple[str, ...], folder: Path, say: Callable[[str], None]
) -> Iterator[Comparison | Fact]:
    """Run the parts, one after another, on one database where they share tables and models."""
    with wml.connect(folder / "benchmarks.duckdb") as session:
        session.connection.execute(f"SET threads = {THREADS}")
        if "routes" in parts:
            yield from routes(
                session,
                folder,
                rows=size.rows,
                rounds=size.rounds,
                works=works,
                training=size.training,
                say=say,
            )
        if "flights" in parts:
            yield from flights(session, flights=size.flights, rounds=size.rounds, say=say)
        if "queries" in parts:
            yield from queries(
                session,
                rows=size.rows,
                flights=size.flights,
                rounds=size.rounds,
                training=size.training,
                say=say,
            )
    if "scale" in parts:
        yield from scale(folder, sizes=size.sizes, rounds=size.rounds, training=size.training, say=say)
    if "compile" in parts:
        yield from compiling(folder, models=size.models, rounds=size.rounds, say=say)


def write(results: Results, folder: Path) -> None:
    """The page, the figures and the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    targets = [
        {"work": v.work, "against": v.against, "measured": v.measured, "target": v.wanted, "met": v.met}
        for v in verdicts(results)
    ]
    more = {"targets": targets, "predictions_per_day": per_day(results)}
    (folder / "benchmarks.json").write_text(results.to_json(**more), encoding="utf-8")
    (folder / "benchmarks.md").write_text(page(results), encoding="utf-8")
    draw(results, folder / "benchmarks.svg")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK.rows:,} rows, {QUICK.rounds} rounds, some flights"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument(
        "--works", nargs="+", choices=tuple(WORKS), metavar="WORK", help=f"of {', '.join(WORKS)}"
    )
    parser.add_argument(
        "--output", type=Path, help="where to write; by default docs/ for a whole run, else nowhere"
    )
    parser.add_argument(
        "--render", action="store_true", help="write page and chart again from benchmarks.json"
    )
    return parser.parse_args()
