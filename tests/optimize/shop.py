"""Models that are plain Python functions, on tables small enough to think about, under the optimizer."""

import inspect
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from tests.query.sql_catalog import MODELS, SCHEMA, StubCatalog
from warehouse_ml import optimize
from warehouse_ml.engines.duckdb import DuckDBEngine
from warehouse_ml.errors import ScoringError
from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize import distinct_inputs, gather_rows, narrow_types, score_before_join
from warehouse_ml.optimize.engine_knowledge import EngineKnowledge
from warehouse_ml.query.bound import BoundStatement
from warehouse_ml.signature import Method
from warehouse_ml.variant import REFUSAL_MARK, Variant


class ShopKnowledge(EngineKnowledge):
    """What a real engine tells, but for what a test says."""

    raising: Collection[str] = ()

    def cost(self, version: ModelVersion, method: Method) -> float:
        return 1e6

    def may_raise(self, version: ModelVersion) -> bool:
        return version.name in self.raising


@dataclass(repr=False)
class Shop(StubCatalog):
    """A connection on which statements are optimized and run, and the rows counted that are scored.

    Attributes:
        rules: The names of the rules that are on; None for all.
        raising: The models that refuse rows: those with a negative `a`.
    """

    rules: Collection[str] | None = None
    raising: Collection[str] = ()

    def __repr__(self) -> str:
        return f"Shop(rules={self.rules})"

    def optimized(self, text: str) -> BoundStatement:
        knowledge = ShopKnowledge(DuckDBEngine(self.connection, owned=False))
        knowledge.raising = self.raising
        on = {rule.__name__ for rule in optimize.RULES}
        disabled = set() if self.rules is None else on - set(self.rules)
        bound = optimize.optimize(self.bound(text), knowledge, disabled - {"use_plans"})
        for variant in bound.variants:
            self._make(variant)
        return bound

    def sql(self, text: str) -> str:
        return self.optimized(text).text

    def plain(self, text: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(self.bound(text).text).fetchall()

    def scored(self, text: str) -> int:
        """How many rows are scored for a statement, by any model."""
        self.rows.clear()
        self.run(text)
        return sum(self.rows.values())

    def applied(self, text: str) -> list[str]:
        return [applied.rule for applied in self.optimized(text).applied]

    def _make(self, variant: Variant) -> None:
        with suppress(duckdb.NotImplementedException):  # it is there already
            self.connection.create_function(
                variant.name,
                _function(variant, self._counted),
                [duckdb.sqltype(kind) for kind in variant.types],
                duckdb.sqltype(variant.output.sql_type("duckdb")),
                null_handling="special",
                side_effects=variant.volatile,
            )


def _function(variant: Variant, counted: Callable[..., Any]) -> Callable[..., Any]:
    functions = [
        counted(f"{m.version.name}.{m.method}", MODELS[m.version.name][1][m.method]) for m in variant.members
    ]

    def score(*values: Any) -> Any:
        refusal, scores = None, []
        for member, function in zip(variant.members, functions, strict=True):
            try:
                scores.append(function(*(values[place] for place in member.parameters)))
            except ScoringError as error:
                if not variant.deferred:
                    raise
                refusal = f"{REFUSAL_MARK}ScoringError: {error}"
                scores.append(None)
        result = scores[0] if len(scores) == 1 else {f"m{place}": one for place, one in enumerate(scores)}
        return {"score": result, "refusal": refusal} if variant.deferred else result

    score.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(f"p{place}", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for place in range(len(variant.types))
        ]
    )
    return score


def make_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rules think that everything is worth it."""
    for module in (distinct_inputs, gather_rows, score_before_join):
        monkeypatch.setitem(module.__globals__, "ROWS_WORTH_ASKING", 0)
    monkeypatch.setitem(score_before_join.__globals__, "SHARE", 1e9)
    monkeypatch.setitem(distinct_inputs.__globals__, "MOST_INPUTS", 1e9)
    monkeypatch.setitem(distinct_inputs.__globals__, "ROW_NANOSECONDS", -1e9)
    monkeypatch.setitem(gather_rows.__globals__, "_calls_and_rows", lambda *arguments: (1e6, 1.0))
    monkeypatch.setitem(narrow_types.__globals__, "LEAST_FEATURES", 1)


TABLES = """
CREATE TABLE big AS SELECT range AS id, range % 7 AS k, range * 1.5 AS a, (range * 37 % 100)::DOUBLE AS b,
  range % 13 = 0 AS rare FROM range(1000);
CREATE TABLE kinds AS SELECT range AS k, range * 10.0 AS c, 'kind ' || range AS name FROM range(5);
"""


def shop(*rules: str, raising: Collection[str] = ()) -> Shop:
    connection = duckdb.connect()
    connection.execute(SCHEMA)
    connection.execute(TABLES)
    return Shop(connection, rules=rules or None, raising=raising)
