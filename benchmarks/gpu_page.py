"""The results of the GPU's benchmark: a table for the terminal, JSON, and the page in `docs/`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

ROUNDED = 1e-2
"""What TF32 may change: it keeps ten bits of a factor."""


@dataclass
class Answer:
    """One way.

    Attributes:
        name: What it is called.
        difference: The largest difference of a score from the registered graph's on the CPU.
        allowed: How large it may be.
        seconds: What was measured.
        median: Of these.
    """

    name: str
    difference: float
    allowed: float = 1e-6
    seconds: list[float] = field(default_factory=list)
    median: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether its scores are those of the CPU."""
        return self.difference <= (ROUNDED if "TF32" in self.name else self.allowed)


@dataclass
class Measured:
    """A model at a number of rows.

    Attributes:
        title: The model.
        rows: How many.
        answers: One for each way.
        other_labels: How many rows get another label on the device.
    """

    title: str
    rows: int
    answers: list[Answer]
    other_labels: int = 0

    @property
    def cpu(self) -> float:
        """The fastest median of the CPU; 0 where it was not measured."""
        return min((answer.median for answer in self.answers if answer.name.startswith("CPU: ")), default=0.0)


@dataclass
class Run:
    """Everything of one run.

    Attributes:
        date: When, in UTC.
        command: The command that was given.
        device: `cuda` or `cpu`.
        card: The GPU.
        machine: Facts about the hardware.
        versions: Of the libraries.
        results: What was measured.
        nodes: For each model the graph, the provider, the operator, and how many nodes of it are run there.
        notes: For some models what a reader must know.
    """

    date: str
    command: str
    device: str
    card: str
    machine: dict[str, str]
    versions: dict[str, str]
    results: list[Measured] = field(default_factory=list)
    nodes: dict[str, list[tuple[str, str, str, int]]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        """The ways whose scores were others, and the models with other labels."""
        labels = [
            f"{found.title}, {found.rows:,} rows: {found.other_labels:,} other labels"
            for found in self.results
            if found.other_labels
        ]
        return labels + [
            f"{found.title}, {found.rows:,} rows, {answer.name}: {answer.difference:.1g}"
            for found in self.results
            for answer in found.answers
            if not answer.agrees
        ]

    def to_json(self) -> str:
        """The figures."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def shown(run: Run) -> str:
    """What the terminal shows."""
    lines = []
    for title, columns, rows in _tables(run):
        widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
        lines += ["", title, _line(columns, widths), *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def page(run: Run) -> str:
    """docs/benchmarks_gpu.md."""
    machine = ", ".join(f"{name} {value}" for name, value in run.machine.items())
    versions = ", ".join(
        f"{name} {value}" for name, value in run.versions.items() if value != "not installed"
    )
    parts = [
        "# Benchmarks on a GPU",
        f"Written on {run.date} by `{run.command}`. Do not edit.",
        _about(run),
        f"Machine: {machine}{', GPU ' + run.card if run.card else ''}.",
        f"Versions: {versions}.",
        "All ways take turns in one process, after a warm-up in which their answers are compared; times are "
        "medians. `numpy to numpy` includes both copies; `without transfers` finds its inputs on the device "
        "and leaves its outputs there. The difference is the largest one of a score from the registered "
        "graph's on the CPU. All raw figures are in `docs/benchmarks_gpu.json`.",
    ]
    for title, columns, rows in _tables(run):
        parts.append(f"## {title}")
        if title in run.notes:
            parts.append(f"Measured with {run.notes[title]}.")
        align = "---" if title == "Where the nodes run" else "---:"
        lines = [columns, ("---", *[align] * (len(columns) - 1)), *rows]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in lines))
    return "\n\n".join(parts) + "\n"


def _about(run: Run) -> str:
    if run.device == "cuda":
        return f"**Measured on {run.card or 'a GPU without a name'}.**"
    return (
        "**No GPU was at hand: this run had `--device cpu`.** What is called `CPU in place of CUDA` is what "
        "CUDA would run, run by the CPU; it shows that the answers are right, and nothing about the speed of "
        "a GPU. A load above the number of cores means that others were at work: compare ways, not figures."
    )


Row = tuple[str, ...]


def _tables(run: Run) -> Iterator[tuple[str, Row, Sequence[Row]]]:
    for title in dict.fromkeys(found.title for found in run.results):
        rows = []
        for found in run.results:
            if found.title != title:
                continue
            for answer in found.answers:
                ratio = f"{found.cpu / answer.median:.2f} x" if found.cpu else ""
                rows.append(
                    (
                        answer.name,
                        f"{found.rows:,}",
                        _number(1e3 * answer.median),
                        _number(found.rows / answer.median),
                        ratio,
                        f"{answer.difference:.1g}" + ("" if answer.agrees else " **another answer**"),
                    )
                )
        yield title, ("way", "rows", "ms", "rows / s", "fastest CPU way / this", "difference"), rows
    places: dict[tuple[str, str, str], list[str]] = {}
    for title, counted in run.nodes.items():
        for graph, provider, operator, count in counted:
            place = title, graph, provider.removesuffix("ExecutionProvider")
            places.setdefault(place, []).append(f"{count} {operator}")
    placed = [(*place, ", ".join(operators)) for place, operators in places.items()]
    yield "Where the nodes run", ("model", "graph", "provider", "operators"), placed


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells: Row, widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
