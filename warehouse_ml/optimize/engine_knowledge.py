"""Knowledge from an engine, asked for a single statement; nothing is asked twice."""

import json
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.engines.base import Engine, Namespace
from warehouse_ml.errors import ScopeError
from warehouse_ml.model import ModelVersion
from warehouse_ml.optimize.knowledge import UNKNOWN, Statistics
from warehouse_ml.signature import Method

USUAL_COST = 2000.0
"""Nanoseconds per row of a version of which nothing is known."""


class EngineKnowledge:
    """Fills `Knowledge` by questions to an engine.

    Args:
        engine: The engine.
        namespace: Where tables that the database does not know are looked for.
        provide: Makes a function callable that a view or a macro names.
        plan: How a version is scored.
    """

    def __init__(
        self,
        engine: Engine,
        namespace: Namespace | None = None,
        provide: Callable[[str], bool] | None = None,
        plan: Callable[[ModelVersion], PlanFacts | None] = lambda version: None,
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._columns = partial(engine.columns, namespace=namespace, provide=provide)
        self._described: dict[str, list[tuple[str, str]] | ScopeError] = {}
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    @property
    def dialect(self) -> str:
        """The engine's dialect."""
        return self._engine.dialect

    @property
    def device(self) -> str:
        """Where functions that are made for the statement may score: `cpu` or `cuda`."""
        return self._engine.device

    def columns(self, query: str) -> list[tuple[str, str]]:
        """The names and the SQL types of a query's columns.

        Raises:
            ScopeError: The engine refuses the query.
        """
        if query not in self._described:
            try:
                self._described[query] = self._columns(query)
            except ScopeError as error:
                self._described[query] = error
        found = self._described[query]
        if isinstance(found, ScopeError):
            raise found
        return found

    def statistics(self, expressions: Sequence[str], from_clause: str) -> tuple[Statistics, ...]:
        """Statistics of expressions over what stands after FROM; they cost no scan."""
        if self.dialect != "duckdb":
            return (UNKNOWN,) * len(expressions)
        asked = ", ".join(f"stats({expression})" for expression in expressions)
        query = f"SELECT {asked} FROM {from_clause} LIMIT 1"
        rows = self._probe(query, reads=False) if expressions else []
        if not rows:
            return (UNKNOWN,) * len(expressions)
        return tuple(_statistics(found) for found in rows[0])

    def sample(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a small query, or none where the engine refuses it."""
        return self._probe(query, reads=True)

    def estimated_rows(self, query: str) -> int | None:
        """How many rows the engine expects a query to give, or None."""
        if self.dialect != "duckdb":
            return None
        rows = self._probe(f"EXPLAIN (FORMAT json) {query}", reads=False)
        try:
            plan = json.loads(rows[0][1])
        except (IndexError, TypeError, ValueError):
            return None
        return _cardinality(plan[0] if isinstance(plan, list) and plan else plan)

    def is_pure(self, functions: Collection[str]) -> bool:
        """Whether functions give the same result for the same arguments: builtin ones that say so."""
        return {name.casefold() for name in functions} <= self._engine.pure_functions()

    def plan(self, version: ModelVersion) -> PlanFacts | None:
        """How a version is scored, as far as it was found out when it was registered."""
        return self._plan(version)

    def cost(self, version: ModelVersion, method: Method) -> float:
        """About how long one row takes, in nanoseconds."""
        facts = self._plan(version)
        return USUAL_COST if facts is None else facts.nanoseconds.get(facts.route, USUAL_COST)

    def may_raise(self, version: ModelVersion) -> bool:
        """Whether there are rows that the version refuses."""
        signature = version.signature
        return bool(signature.refusals) or any(
            feature.limit is not None or feature.missing == "error" or feature.type == "VARCHAR"
            for feature in signature.features
        )

    def _probe(self, query: str, *, reads: bool) -> list[tuple[Any, ...]]:
        if query not in self._rows:
            self._rows[query] = self._engine.probe(query, reads=reads)
        return self._rows[query]


def _statistics(found: Any) -> Statistics:
    if not isinstance(found, dict):
        return UNKNOWN
    distinct = found.get("approx_unique")
    return Statistics(
        int(distinct) if distinct is not None else None,
        bool(found.get("has_null", True)),
        found.get("min"),
        found.get("max"),
    )


def _cardinality(plan: Any) -> int | None:
    """The estimate of the topmost operator that has one."""
    while isinstance(plan, dict):
        estimate = (plan.get("extra_info") or {}).get("Estimated Cardinality")
        if estimate is not None:
            return int(str(estimate).lstrip("~"))
        children = plan.get("children") or [None]
        plan = children[0]
    return None
