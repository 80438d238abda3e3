"""What has to be shown, computed from the figures of a run and never written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.results import Results

PER_DAY = 86_400


@dataclass(frozen=True)
class Target:
    """A ratio that has to be reached.

    Attributes:
        work: What is done.
        against: What it is compared with.
        at_least: The ratio of the other's time to ours.
        ratio: Computes it from the results; NaN where it was not measured.
    """

    work: str
    against: str
    at_least: float
    ratio: Callable[[Results], float]


@dataclass(frozen=True)
class Limit:
    """A figure that has to stay below something."""

    work: str
    unit: str
    below: float
    value: Callable[[Results], float]


@dataclass(frozen=True)
class Verdict:
    """A target or a limit beside what was measured."""

    work: str
    against: str
    measured: float
    wanted: str
    met: bool | None
    unit: str
    at_least: float | None


def times(section: str, key: str, *rivals: str, ours: str = "ours") -> Callable[[Results], float]:
    """How many times the fastest of some rivals' time ours goes into: above 1, we are faster."""

    def ratio(results: Results) -> float:
        found = results.find(section, key)
        if found is None:
            return math.nan
        measured = [found.median(rival) for rival in rivals if not math.isnan(found.median(rival))]
        return min(measured, default=math.nan) / found.median(ours)

    return ratio


def _growth(results: Results) -> float:
    found = results.find("scale", "xgboost")
    return math.nan if found is None else 10 * found.median("1000000") / found.median("10000000")


def _compile(results: Results) -> float:
    return 1e3 * max((found.median("1000") for found in results.of("compile")), default=math.nan)


def _memory(results: Results) -> float:
    found = results.find("scale", "xgboost")
    if found is None or math.isnan(found.median("10000000")):
        return math.nan
    return results.fact("memory", "scored_peak") - results.fact("memory", "plain_peak")


TARGETS = (
    Target("XGBoost 100 x depth 6", "inplace_predict in memory", 1.3, times("routes", "xgboost", "library")),
    Target(
        "XGBoost 100 x depth 6",
        "Arrow UDF, converter's graph",
        4,
        times("routes", "xgboost", "udf_converter"),
    ),
    Target("LightGBM 100 trees", "Booster.predict in memory", 5, times("routes", "lightgbm", "library")),
    Target(
        "random forest 100 x depth 10",
        "scikit-learn predict_proba in memory",
        3,
        times("routes", "forest", "library"),
    ),
    Target(
        "scaler + logistic regression",
        "fastest hand-written SQL",
        0.9,
        times("routes", "linear", "sql_float", "sql_double"),
    ),
    Target(
        "scaler + logistic regression",
        "Arrow UDF, converter's graph",
        4,
        times("routes", "linear", "udf_converter"),
    ),
    Target("tree of depth 6", "Arrow UDF, converter's graph", 4, times("routes", "tree_6", "udf_converter")),
    Target("MLP 3 x 64", "scikit-learn predict_proba in memory", 1.2, times("routes", "mlp", "library")),
    Target(
        "flights pipeline, XGBoost",
        "pulling out and predicting",
        4,
        times("flights", "flights_boosted", "pulled"),
    ),
    Target(
        "a call in SELECT, WHERE and ORDER BY",
        "optimizer off",
        1.8,
        times("queries", "select_where_order", "off", ours="on"),
    ),
    Target(
        "plane and airport features above the join",
        "optimizer off",
        15,
        times("queries", "plane_airport", "off", ours="on"),
    ),
    Target(
        "400 distinct inputs over the flights",
        "optimizer off",
        15,
        times("queries", "distinct_inputs", "off", ours="on"),
    ),
    Target(
        "below a filter that keeps 2 %",
        "the same call, not gathered",
        2.5,
        times("queries", "selective_filter", "rule_off", ours="on"),
    ),
    Target("10 M rows", "ten times 1 M rows", 0.95, _growth),
)

LIMITS = (
    Limit("compile a statement among 1,000 models", "ms", 15, _compile),
    Limit("memory of scoring 10 M rows, above DuckDB's own", "MiB", 1024, _memory),
)


def verdicts(results: Results) -> list[Verdict]:
    """Every target and limit with what was measured; `met` is None where nothing was."""
    found = []
    for target in TARGETS:
        ratio = target.ratio(results)
        met = None if math.isnan(ratio) else ratio >= target.at_least
        wanted = f"at least {target.at_least:g} x"
        found.append(Verdict(target.work, target.against, ratio, wanted, met, "x", target.at_least))
    for limit in LIMITS:
        value = limit.value(results)
        met = None if math.isnan(value) else value < limit.below
        wanted = f"under {limit.below:g} {limit.unit}"
        found.append(Verdict(limit.work, "", value, wanted, met, limit.unit, None))
    return found


def per_day(results: Results) -> float:
    """Predictions of the XGBoost route in a day, NaN where it was not run."""
    found = results.find("routes", "xgboost")
    return math.nan if found is None else PER_DAY * found.rows / found.median("ours")
