"""SQL against pulling the data out, on 336,776 real flights, in one process and in turns.

`make bench` prints the tables; `python benchmarks/flights.py --write` also writes docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

import warehouse_ml as wml
from warehouse_ml.demo import FEATURES, late_pipeline, load_flights, rival_pipeline
from warehouse_ml.engines import open_engine
from warehouse_ml.registry.registry import Registry
from warehouse_ml.signature import Signature
from warehouse_ml.statements import statement

RUNS = 5
VERSIONS = 1_000
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
LIBRARIES = ("warehouse-ml", "duckdb", "onnxruntime", "scikit-learn", "xgboost", "pandas", "sqlglot")

SCORING = ("estimator", "SQL, s", "pulled, s", "ratio", "rows/s, SQL", "difference")
COMPILING = ("versions", "open the file, ms", "first compile, ms", "compile, ms")

Row = tuple[str, ...]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--write", action="store_true", help=f"write {PAGE.parent.name}/{PAGE.name}")
    write = arguments.parse_args().write

    console = Console()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "flights.duckdb"
        with console.status("loading flights, training and proving two models"), wml.connect(file) as session:
            estimators = prepare(session)
            signature = session.describe("boosted").signature
        with console.status(f"scoring {RUNS} times each way"), wml.connect(file, read_only=True) as session:
            scoring = [score(session, name, estimator) for name, estimator in estimators.items()]
        with console.status(f"compiling among 1 and {VERSIONS:,} versions"):
            compile_among(2, signature, folder)  # warms up
            compiling = [compile_among(count, signature, folder) for count in (1, VERSIONS)]

    console.print(setting())
    console.print(shown("The mean risk of 336,776 flights, by SQL and by pulling them out", SCORING, scoring))
    console.print(shown("SELECT PREDICT('m', *) FROM t", COMPILING, compiling))
    if write:
        PAGE.write_text(page(scoring, compiling), encoding="utf-8")
        console.print(f"written to {PAGE}")


def prepare(session: wml.Session) -> dict[str, object]:
    """Load the flights and register two fitted pipelines; the estimators by the name of the model."""
    load_flights(session)
    rows = session.sql(statement("demo", "late_rows")).arrow().to_pandas()
    estimators = {"boosted": late_pipeline(), "linear": rival_pipeline()}
    for name, estimator in estimators.items():
        estimator.fit(rows[FEATURES], rows["late"])
        session.register(name, estimator, sample=rows[FEATURES].head(2000))
    return estimators


def score(session: wml.Session, name: str, estimator: object) -> Row:
    """The same mean both ways, in turns."""
    ((rows,),) = session.sql("SELECT count(*) FROM flight_features").fetchall()

    def by_sql() -> float:
        query = f"SELECT avg(PREDICT_PROBA('{name}', *)) FROM flight_features"
        return float(session.sql(query).fetchall()[0][0])

    def pulled() -> float:
        # DuckDB's own .df() has nullable integers, which scikit-learn refuses to pass through.
        frame = session.sql(statement("demo", "feature_rows")).arrow().to_pandas()
        return float(estimator.predict_proba(frame[FEATURES])[:, 1].mean(dtype=float))

    difference = abs(by_sql() - pulled())  # and both are warm
    sql_seconds, pulled_seconds = [], []
    for _ in range(RUNS):
        sql_seconds.append(seconds(by_sql))
        pulled_seconds.append(seconds(pulled))
    in_sql, outside = median(sql_seconds), median(pulled_seconds)
    return (
        type(estimator[-1]).__name__,
        f"{in_sql:.2f}",
        f"{outside:.2f}",
        f"{in_sql / outside:.2f}",
        f"{rows / in_sql:,.0f}",
        f"{difference:.0e}",
    )


def compile_among(count: int, signature: Signature, folder: str) -> Row:
    """How long a file with that many versions takes to open, and a statement to compile."""
    file = Path(folder) / f"versions_{count}.duckdb"
    engine = open_engine(file)
    registry = Registry(engine)
    for number in range(count):
        registry.register("m", f"never loaded: {number}".encode(), signature)
    columns = ", ".join(f"{feature.name} {feature.type}" for feature in signature.features)
    engine.connection.execute(f"CREATE TABLE t ({columns})")
    engine.close()

    start = time.perf_counter()
    with wml.connect(file, read_only=True) as session:
        opened = time.perf_counter() - start
        query = "SELECT PREDICT('m', *) FROM t"
        first = seconds(lambda: session.compile(query))
        again = median(seconds(lambda: session.compile(query)) for _ in range(50))
    return f"{count:,}", *(f"{1000 * value:.1f}" for value in (opened, first, again))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def setting() -> str:
    """The machine and the versions, on two lines."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(
            (line.partition(": ")[2] for line in lines if line.startswith("model name")), processor
        )
    libraries = ", ".join(f"{name} {library_version(name)}" for name in LIBRARIES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{processor}, {cores} cores, {platform.system()}; medians of {RUNS} runs in turns\n"
        f"Python {platform.python_version()}, {libraries}"
    )


def shown(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left")
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if position else "left")
    for row in rows:
        table.add_row(*row)
    return table


def page(scoring: Sequence[Row], compiling: Sequence[Row]) -> str:
    """docs/benchmarks.md."""
    return "\n\n".join(
        (
            "# Benchmarks",
            f"Written on {datetime.now(UTC):%Y-%m-%d} by `python benchmarks/flights.py --write`.",
            setting().replace("\n", "\n\n"),
            "## Scoring every flight",
            "`SELECT avg(PREDICT_PROBA('m', *)) FROM flight_features` against "
            "`.arrow().to_pandas()` of the features and `predict_proba`. The view joins flights, weather and "
            "planes both times. A ratio below 1 says that SQL is faster.",
            markdown(SCORING, scoring),
            "## Compiling a statement",
            "`session.compile(\"SELECT PREDICT('m', *) FROM t\")` of a model with 15 features, in a file "
            "that was just opened, and again.",
            markdown(COMPILING, compiling) + "\n",
        )
    )


def markdown(columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
