"""`python -m benchmarks.gpu`: CUDA against the CPU, with transfers and without; `--help` has the options."""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import setting
from benchmarks.gpu_page import Answer, Measured, Run, page, shown
from benchmarks.gpu_sessions import (
    Bound,
    NoDeviceError,
    graphics_card,
    nodes_by_provider,
    open_on,
    require_cuda,
    run_in_parts,
)
from benchmarks.gpu_works import KEYS, Graph, Work, work_of
from benchmarks.measure import timed

DOCS = Path(__file__).parents[1] / "docs"
ROWS = (1_000, 10_000, 100_000, 1_000_000)
ROUNDS = 7
PATIENCE = 30.0
"""Seconds that a way may take for its rounds; a slow one gets fewer, but at least two."""


@dataclass(frozen=True)
class Way:
    """A way to score rows.

    Attributes:
        name: What the page calls it.
        run: Scores them; what is timed.
        result: The scores of the last run, where `run` does not return them.
        on_cpu: Whether the CPU does the work.
    """

    name: str
    run: Callable[[], Any]
    result: Callable[[], Any] | None = None
    on_cpu: bool = True


def main() -> None:
    """Measure, print, write."""
    arguments = _arguments()
    try:
        if arguments.device == "cuda":
            require_cuda()
        run = measured(
            arguments.device,
            tuple(arguments.rows or ((1_000,) if arguments.quick else ROWS)),
            tuple(arguments.only or KEYS),
            quick=arguments.quick,
            say=print,
        )
    except NoDeviceError as error:
        sys.exit(str(error))
    print(shown(run))
    whole = arguments.device == "cuda" and not arguments.quick and not arguments.only and not arguments.rows
    output = arguments.output or (DOCS if whole else None)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "benchmarks_gpu.json").write_text(run.to_json(), encoding="utf-8")
        (output / "benchmarks_gpu.md").write_text(page(run), encoding="utf-8")
        print(f"Written to {output}.")
    if run.wrong:
        sys.exit("Another answer: " + "; ".join(run.wrong))


def measured(
    device: str,
    rows: Sequence[int],
    keys: Sequence[str],
    *,
    quick: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Run:
    """Everything of one run.

    Raises:
        NoDeviceError: CUDA cannot be started.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    run = Run(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        command=" ".join(["python -m benchmarks.gpu", *sys.argv[1:]]),
        device=device,
        card=graphics_card() if device == "cuda" else "",
        machine=setting.machine() | {"threads": f"{cores}", "load before": _load()},
        versions=setting.versions(),
    )
    gc.freeze()  # the collections between the rounds need not look at all that was imported
    for key in keys:
        say(f"{key}: fit and write")
        work = work_of(key, cores, quick=quick)
        if work.note:
            run.notes[work.title] = work.note
        graphs = {"registered": work.plain}
        if work.tensors is not None:
            graphs["rewritten"] = work.tensors
        few = work.feeds(8)
        run.nodes[work.title] = [
            (name, *counted)
            for name, graph in graphs.items()
            for counted in nodes_by_provider(device, graph.model, cores, graph.output, few)
        ]
        for count in rows:
            if count > (work.limit if device == "cpu" else work.most):
                continue
            say(f"{key}: {count:,} rows")
            run.results.append(_compared(work, count, device, cores, rounds=2 if quick else ROUNDS))
    gc.unfreeze()
    run.machine["load after"] = _load()
    return run


def _load() -> str:
    """How many processes wanted a core in the last minute; well above 0 before, others were at work."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _compared(work: Work, rows: int, device: str, cores: int, *, rounds: int) -> Measured:
    """The ways in turns; their answers are held against the registered graph's on the CPU."""
    feeds = work.feeds(rows)
    ways = list(_ways(work, feeds, device, cores, rows))
    few = work.first(feeds, work.limit)  # the CPU takes minutes for texts
    session = open_on("cpu", work.plain.model, cores)
    expected = run_in_parts(session, work.plain.output, few, work.axis, work.plain.rows)
    answers: list[Answer] = []
    allowed: list[int] = []
    for way in ways:
        seconds, got = _first(way)
        got = got[:, -1:] if work.column is not None and got.ndim == 2 else got
        wanted = expected if work.column is None else expected[:, work.column]
        difference = _difference(wanted, got[: len(wanted)].reshape(wanted.shape))
        answers.append(Answer(way.name, difference, work.allowed))
        allowed.append(min(rounds, max(2, math.floor(PATIENCE / max(seconds, 1e-9)))))
    for turn in range(rounds):
        for way, answer, times in zip(ways, answers, allowed, strict=True):
            if turn < times:
                answer.seconds.append(timed(way.run))
    for answer in answers:
        answer.median = median(answer.seconds)
    return Measured(work.title, rows, answers, _other_labels(work, few, device, cores))


def _other_labels(work: Work, feeds: Any, device: str, cores: int) -> int:
    """How many rows get another label: ties are broken by an operator of the device's own."""
    if work.label is None:
        return 0
    graphs = ("cpu", work.plain), (device, work.tensors or work.plain)
    wanted, got = (
        run_in_parts(open_on(where, graph.model, cores), work.label, feeds, work.axis, graph.rows)
        for where, graph in graphs
    )
    return int((wanted != got).sum())


def _first(way: Way) -> tuple[float, Any]:
    found: list[Any] = []
    seconds = timed(lambda: found.append(way.run()))
    return seconds, found[0] if way.result is None else way.result()


def _difference(expected: Any, got: Any) -> float:
    """The largest difference of two scores; they are probabilities or directions, at most 1."""
    return float(np.max(np.abs(expected.astype(np.float64) - got.astype(np.float64)), initial=0.0))


def _ways(work: Work, feeds: Any, device: str, cores: int, rows: int) -> Iterator[Way]:
    def numpy_to_numpy(name: str, graph: Graph, where: str, **options: bool) -> Way:
        session = open_on(where, graph.model, cores, **options)

        def run() -> Any:
            return run_in_parts(session, graph.output, feeds, work.axis, graph.rows)

        return Way(name, run, on_cpu=where == "cpu")

    def stays(name: str, graph: Graph, **options: bool) -> Way:
        session = open_on(device, graph.model, cores, **options)
        bound = Bound(session, device, graph.output, feeds, work.axis, graph.rows)
        return Way(name, bound.run, bound.result, on_cpu=device == "cpu")

    shown_as = device.upper() if device == "cuda" else "CPU in place of CUDA"
    best = work.tensors or work.plain
    if rows <= work.limit:
        yield numpy_to_numpy("CPU: registered graph", work.plain, "cpu")
        if work.kernel is not None:
            kernel = work.kernel
            yield Way("CPU: compiled kernel, all cores", lambda: kernel(feeds))
        if work.tensors is not None:
            yield numpy_to_numpy("CPU: tensor operators", work.tensors, "cpu")
    if work.tensors is not None:
        yield numpy_to_numpy(f"{shown_as}: registered graph, numpy to numpy", work.plain, device)
    yield numpy_to_numpy(f"{shown_as}: numpy to numpy", best, device)
    yield stays(f"{shown_as}: without transfers", best)
    if device == "cuda" and work.key == "sentences":
        yield stays(f"{shown_as}: without transfers, TF32", best, tf32=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rows", type=int, nargs="+", help=f"batch sizes; {ROWS} unless told")
    parser.add_argument("--only", choices=KEYS, nargs="+", help="the models; all unless told")
    parser.add_argument("--quick", action="store_true", help="small models and few rows: shows that it runs")
    parser.add_argument(
        "--output", type=Path, help="a folder for benchmarks_gpu.md and .json; docs/ for a whole run on CUDA"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
