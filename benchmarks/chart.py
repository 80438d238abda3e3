"""One chart of the targets: how many times faster, by work."""

from __future__ import annotations

from pathlib import Path

from benchmarks.results import Results
from benchmarks.targets import verdicts

INK = "#7a8490"
"""A grey that can be read on white and on a dark page."""

FAST, SLOW = "#2f81f7", "#d9822b"


def draw(results: Results, path: Path) -> None:
    """Write the chart as SVG, on a transparent ground.

    A bar is the other's time divided by ours, a tick its target. The axis is logarithmic: a half and a double
    are equally far from 1.
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.family": "sans-serif"}
    )
    from matplotlib import pyplot

    shown = [verdict for verdict in verdicts(results) if verdict.unit == "x" and verdict.met is not None]
    shown.reverse()
    ratios = [verdict.measured for verdict in shown]
    targets = [verdict.at_least or 1.0 for verdict in shown]
    figure, axes = pyplot.subplots(figsize=(9, 0.8 + 0.42 * max(1, len(shown))))
    for place, (verdict, ratio, target) in enumerate(zip(shown, ratios, targets, strict=True)):
        axes.barh(place, ratio - 1, left=1, height=0.55, color=FAST if verdict.met else SLOW)
        axes.plot([target] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=2)
        axes.annotate(
            f"{ratio:.1f} x" if ratio < 10 else f"{ratio:.0f} x",
            (max(ratio, target, 1), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
        )
    axes.set_yticks(range(len(shown)), [f"{v.work}\nagainst {v.against}" for v in shown], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(min([0.5, *ratios]) * 0.9, max([20, *ratios]) * 1.6)
    marks = [
        mark for mark in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if _inside(mark, axes.get_xlim())
    ]
    axes.set_xticks(marks, [f"{mark:g} x" for mark in marks])
    axes.minorticks_off()
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_title(
        "Times faster than the other way (tick: target, orange: missed)", loc="left", color=INK, fontsize=10
    )
    axes.tick_params(colors=INK, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
    pyplot.close(figure)


def _inside(mark: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= mark <= limits[1]
