"""The models of `sql_catalog` as SQL functions of the emulated Snowflake, for the tests of its dialect."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.query.sql_catalog import MODELS, StubCatalog
from warehouse_ml.engines.snowflake import SnowflakeEngine
from warehouse_ml.model import ModelVersion
from warehouse_ml.query.bind import bind
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.query.dialect import SNOWFLAKE
from warehouse_ml.query.parse import parse
from warehouse_ml.signature import TYPES, Method
from warehouse_ml.testing.snowflake import emulated_snowflake

_CHURN = "LEAST(1::FLOAT, {0} / 100 + CASE WHEN {1} = 'pro' THEN 0.1::FLOAT ELSE 0::FLOAT END)"
_GRADE = """CASE MOD(FLOOR({0})::INT, 3) WHEN 0 THEN 'it''s' WHEN 1 THEN 'say "x"' ELSE 'c' END"""
_GRADES = (
    "PARSE_JSON(CASE MOD(FLOOR({0})::INT, 3) "
    """WHEN 0 THEN '{{"it''s": 0.2, "say \\\\"x\\\\"": 0.5, "c": 0.22}}' """
    """WHEN 1 THEN '{{"it''s": 0.2, "say \\\\"x\\\\"": 0.21, "c": 0.5}}' """
    """ELSE '{{"it''s": 0.5, "say \\\\"x\\\\"": 0.21, "c": 0.22}}' END)::OBJECT"""
)

BODIES: dict[tuple[str, Method], str] = {
    ("m", "predict"): "{0} + 10 * {1}",
    ("m", "try_predict"): "{0} + 10 * {1}",
    ("picky", "predict"): "{0}",
    ("one", "predict"): "{0} * 2",
    (
        "churn",
        "predict",
    ): f"CASE WHEN {{0}} IS NULL THEN NULL WHEN {_CHURN} > 0.3::FLOAT THEN 'yes' ELSE 'no' END",
    (
        "churn",
        "try_predict",
    ): f"CASE WHEN {{0}} IS NULL THEN NULL WHEN {_CHURN} > 0.3 THEN 'yes' ELSE 'no' END",
    ("churn", "predict_proba"): f"CASE WHEN {{0}} IS NULL THEN NULL ELSE {_CHURN} END",
    ("grade", "predict"): f"CASE WHEN {{0}} IS NOT NULL THEN {_GRADE} END",
    ("grade", "predict_proba"): f"CASE WHEN {{0}} IS NOT NULL THEN {_GRADES} END",
    ("flag", "predict"): "{0} > 2",
    ("flag", "predict_proba"): "{0} / 10",
    ("digit", "predict"): "CASE WHEN {0} > 2 THEN 7 ELSE 3 END",
    ("digit", "predict_proba"): "{0} / 10",
    ("odd", "predict"): "{0} + 10 * {1} + 100 * {2}",
    ("kinds", "predict"): "{0}",
    ("cases", "predict"): "{0} + 10 * {1}",
}

TABLES = """
CREATE TABLE t (id INTEGER, a FLOAT, b FLOAT);
INSERT INTO t VALUES (1, 1, 2), (2, 3, 4), (3, NULL, 5), (4, 0.5, 0), (5, 3, 4);
CREATE TABLE u (id INTEGER, b FLOAT, c VARCHAR);
INSERT INTO u VALUES (1, 100, 'x'), (2, 200, 'y'), (9, 300, NULL);
CREATE TABLE customers (id INTEGER, age INTEGER, plan VARCHAR, region VARCHAR);
INSERT INTO customers
  VALUES (1, 20, 'pro', 'EU'), (2, 40, 'free', 'EU'), (3, 70, NULL, 'US'), (4, NULL, 'pro', 'US');
CREATE TABLE weird ("my col" FLOAT, "q""uote" FLOAT, "select" FLOAT);
INSERT INTO weird VALUES (1, 2, 3);
CREATE TABLE packed (id INTEGER, x OBJECT, v VARIANT);
INSERT INTO packed
  SELECT 1, OBJECT_CONSTRUCT('age', 40, 'plan', 'pro'), PARSE_JSON('{"age": 70, "plan": "free"}')
"""


class SnowflakeCatalog:
    """Models by name, and an emulated session that has their functions."""

    def __init__(self, session: Any) -> None:
        self.engine = SnowflakeEngine(session)
        self.asked: list[str] = []
        self._cursor = session.connection.cursor()
        self._cursor.execute("CREATE SCHEMA IF NOT EXISTS warehouse_ml")
        for (name, method), body in BODIES.items():
            self._cursor.execute(create_function(StubCatalog.version(self, name), method, body))  # type: ignore[arg-type]
        for statement in TABLES.split(";"):
            self._cursor.execute(statement)

    def resolve(self, name: str, selector: str) -> ModelVersion:
        self.resolved: list[str] = []
        return StubCatalog.resolve(self, name, selector)  # type: ignore[arg-type]

    def version(self, name: str) -> ModelVersion:
        return StubCatalog.version(self, name)  # type: ignore[arg-type]

    def columns(self, query: str) -> list[tuple[str, str]]:
        self.asked.append(query)
        return self.engine.columns(query)

    def bound(self, text: str) -> BoundStatement:
        return bind(parse(text, "snowflake"), self, SNOWFLAKE)

    def sql(self, text: str) -> str:
        return self.bound(text).text

    def run(self, text: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return [tuple(map(read, row)) for row in self._cursor.execute(self.sql(text), parameters).fetchall()]

    def undone(self, text: str) -> list[tuple[Any, ...]]:
        """Run a text as it is, and undo what it changes."""
        self.execute("BEGIN")
        try:
            return self.execute(text)
        finally:
            self.execute("ROLLBACK")

    def execute(self, text: str) -> list[tuple[Any, ...]]:
        """Run a text as it is."""
        return [tuple(map(read, row)) for row in self._cursor.execute(text).fetchall()]


def create_function(version: ModelVersion, method: Method, body: str) -> str:
    """A function of a version as a SQL function."""
    features = version.signature.features
    names = [f"feature_{place}" for place in range(len(features))]
    declared = ", ".join(
        f"{name} {TYPES[feature.type].snowflake}" for name, feature in zip(names, features, strict=True)
    )
    result = version.signature.result(method)
    kind = "" if result is None else result.sql_type("snowflake")
    name = SNOWFLAKE.function(version, method)
    return f"CREATE OR REPLACE FUNCTION {name}({declared}) RETURNS {kind} AS $${body.format(*names)}$$"


def read(value: Any) -> Any:
    """A value of a row; an OBJECT or a VARIANT comes as JSON."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value


@contextmanager
def snowflake_catalog() -> Iterator[SnowflakeCatalog]:
    with emulated_snowflake() as emulation:
        yield SnowflakeCatalog(emulation.session())


assert {name for name, _ in BODIES} <= set(MODELS)
