"""A DuckDB connection with models that are plain Python functions, for the tests of the SQL side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from warehouse_ml.errors import (
    AliasNotFoundError,
    ModelNotFoundError,
    ScopeError,
    ScoringError,
    VersionNotFoundError,
)
from warehouse_ml.model import ModelVersion
from warehouse_ml.query.bind import bind
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.parse import parse
from warehouse_ml.signature import Feature, Method, Output, Signature

NUMBER = Output("prediction", "DOUBLE")


def classifier(classes: Sequence[Any], kind: str) -> dict[str, Any]:
    fields = tuple(Output(str(label), "DOUBLE") for label in classes)
    return {
        "task": "classification",
        "prediction": Output("prediction", kind),
        "probabilities": Output("probabilities", "STRUCT", fields=fields),
        "classes": tuple(classes),
    }


def signature(features: dict[str, str], **facts: Any) -> Signature:
    listed = tuple(Feature(name, kind) for name, kind in features.items())
    return Signature(**{"task": "regression", "prediction": NUMBER, "features": listed, "inputs": ()} | facts)


def plus(a: float | None, b: float | None) -> float | None:
    """The score of the model `m`."""
    return None if a is None or b is None else a + 10 * b


def churn_proba(age: float | None, plan: str | None) -> float | None:
    return None if age is None else min(1.0, age / 100 + (0.1 if plan == "pro" else 0.0))


def churn(age: float | None, plan: str | None) -> str | None:
    """Yes above 0.3, so that the predicted class is not always the more probable one."""
    p = churn_proba(age, plan)
    return None if p is None else "yes" if p > 0.3 else "no"


LENIENT: list[bool] = []
"""Whether `picky` gives an odd number where it else refuses: a test puts something in."""


def picky(a: float | None) -> float | None:
    """Refuses negative numbers."""
    if a is not None and a < 0:
        if LENIENT:
            return -12345.0
        raise ScoringError(f"The model refuses {a!r}.")
    return a


GRADES = ("it's", 'say "x"', "c")


def grade(a: float | None) -> str | None:
    return None if a is None else GRADES[int(a) % 3]


def grade_proba(a: float | None) -> dict[str, float] | None:
    if a is None:
        return None
    return {
        label: 0.5 if place == (int(a) + 1) % 3 else 0.2 + place / 100 for place, label in enumerate(GRADES)
    }


def show(*values: Any) -> str:
    return "|".join("NULL" if value is None else str(value) for value in values)


MODELS: dict[str, tuple[Signature, dict[Method, Callable[..., Any]]]] = {
    "m": (signature({"a": "DOUBLE", "b": "DOUBLE"}), {"predict": plus, "try_predict": plus}),
    "picky": (signature({"a": "DOUBLE"}), {"predict": picky}),
    "one": (signature({"a": "DOUBLE"}), {"predict": lambda a: None if a is None else a * 2}),
    "churn": (
        signature({"age": "DOUBLE", "plan": "VARCHAR"}, **classifier(["no", "yes"], "VARCHAR")),
        {"predict": churn, "try_predict": churn, "predict_proba": churn_proba},
    ),
    "grade": (
        signature({"a": "DOUBLE"}, **classifier(GRADES, "VARCHAR")),
        {"predict": grade, "predict_proba": grade_proba},
    ),
    "flag": (
        signature({"a": "DOUBLE"}, **classifier([False, True], "BOOLEAN")),
        {"predict": lambda a: a > 2, "predict_proba": lambda a: a / 10},
    ),
    "digit": (
        signature({"a": "DOUBLE"}, **classifier([3, 7], "BIGINT")),
        {"predict": lambda a: 7 if a > 2 else 3, "predict_proba": lambda a: a / 10},
    ),
    "odd": (
        signature({"my col": "DOUBLE", 'q"uote': "DOUBLE", "select": "DOUBLE"}),
        {"predict": lambda *v: float(v[0] + 10 * v[1] + 100 * v[2])},
    ),
    "kinds": (
        signature({"d": "DOUBLE", "i": "BIGINT", "f": "BOOLEAN", "s": "VARCHAR", "t": "TIMESTAMP"}),
        {"predict": lambda d, i, f, s, t: d},
    ),
    "cases": (signature({"x": "DOUBLE", "X": "DOUBLE"}), {"predict": plus}),
    "both": (
        signature(
            {"a": "DOUBLE"},
            prediction=Output("p", "STRUCT", fields=(Output("lo", "DOUBLE"), Output("hi", "DOUBLE"))),
        ),
        {"predict": lambda a: {"lo": a - 1, "hi": a + 1}},
    ),
}


@dataclass
class StubCatalog:
    """Models by name, and a connection on which their functions are registered."""

    connection: duckdb.DuckDBPyConnection
    resolved: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in MODELS:
            self._register(self.version(name))

    def version(self, name: str) -> ModelVersion:
        sha256 = "ab12cd34" + name.encode().hex().ljust(56, "0")
        return ModelVersion(name, 1, sha256, MODELS[name][0])

    def resolve(self, name: str, selector: str) -> ModelVersion:
        self.resolved.append(f"{name}@{selector}")
        if name.lower() not in MODELS:
            raise ModelNotFoundError(name, list(MODELS))
        if selector.isdigit() and selector != "1":
            raise VersionNotFoundError(name, selector, [1])
        if selector not in ("", "1", "latest", "champion") and not selector.startswith("asof:"):
            raise AliasNotFoundError(name, selector, ["champion"])
        return self.version(name.lower())

    def columns(self, query: str) -> list[tuple[str, str]]:
        self.asked.append(query)
        self.connection.abort()  # what a test has left unread
        try:
            (statement,) = self.connection.extract_statements(f"DESCRIBE {query}")
            rows = self.connection.sql(statement).fetchall()
        except duckdb.Error as error:
            raise ScopeError(str(error)) from error
        return [(row[0], row[1]) for row in rows]

    def bound(self, text: str) -> BoundStatement:
        return bind(parse(text), self)

    def sql(self, text: str) -> str:
        return self.bound(text).text

    def run(self, text: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(self.sql(text), parameters).fetchall()

    def names(self, text: str) -> list[str]:
        return [entry[0] for entry in self.connection.execute(self.sql(text)).description]

    def _register(self, version: ModelVersion) -> None:
        for method, function in MODELS[version.name][1].items():
            result = version.signature.result(method)
            self.connection.create_function(
                version.function_of(method),
                _fixed(self._counted(version.function_of(method), function), len(version.signature.features)),
                [duckdb.sqltype(feature.type) for feature in version.signature.features],
                duckdb.sqltype(result.sql_type("duckdb")),
                null_handling="special",
            )

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*values: Any) -> Any:
            self.rows[name] = self.rows.get(name, 0) + 1
            return function(*values)

        return counted


def _fixed(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """DuckDB wants a function with exactly as many parameters as the list has types."""
    return {
        1: lambda a: function(a),
        2: lambda a, b: function(a, b),
        3: lambda a, b, c: function(a, b, c),
        5: lambda a, b, c, d, e: function(a, b, c, d, e),
    }[count]


SCHEMA = """
CREATE TABLE t (id INTEGER, a DOUBLE, b DOUBLE);
INSERT INTO t VALUES (1, 1, 2), (2, 3, 4), (3, NULL, 5), (4, 0.5, 0), (5, 3, 4);
CREATE TABLE u (id INTEGER, b DOUBLE, c VARCHAR);
INSERT INTO u VALUES (1, 100, 'x'), (2, 200, 'y'), (9, 300, NULL);
CREATE TABLE customers (id INTEGER, age INTEGER, plan VARCHAR, region VARCHAR);
INSERT INTO customers
  VALUES (1, 20, 'pro', 'EU'), (2, 40, 'free', 'EU'), (3, 70, NULL, 'US'), (4, NULL, 'pro', 'US');
CREATE TABLE weird ("my col" DOUBLE, "q""uote" DOUBLE, "select" DOUBLE);
INSERT INTO weird VALUES (1, 2, 3);
"""


def catalog() -> StubCatalog:
    connection = duckdb.connect()
    connection.execute(SCHEMA)
    return StubCatalog(connection)
