"""What rules may ask before they change a statement."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Method


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the engine knows of a column without reading it; bounds, not facts that must be reached.

    Attributes:
        distinct: About how many different values there are, or None.
        has_null: Whether there may be NULL.
        low: No value is below, or None.
        high: No value is above, or None.
    """

    distinct: int | None = None
    has_null: bool = True
    low: Any = None
    high: Any = None


UNKNOWN = Statistics()


class Knowledge(Protocol):
    """The engine, the registry and the costs, as rules see them. A test fills this as it likes."""

    @property
    def dialect(self) -> str:
        """Whose lexical rules and functions hold: `duckdb` or `snowflake`."""
        ...

    @property
    def device(self) -> str:
        """Where functions that are made for the statement may score: `cpu` or `cuda`."""
        ...

    def columns(self, query: str) -> list[tuple[str, str]]:
        """The names and the SQL types of a query's columns; the query does not run.

        Raises:
            ScopeError: The engine refuses the query.
        """
        ...

    def statistics(self, expressions: Sequence[str], from_clause: str) -> tuple[Statistics, ...]:
        """Statistics of expressions over what stands after FROM; `UNKNOWN` for what has none."""
        ...

    def sample(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a small query, or none where the engine refuses it. It must be cheap to run."""
        ...

    def estimated_rows(self, query: str) -> int | None:
        """How many rows the engine expects a query to give, or None."""
        ...

    def is_pure(self, functions: Collection[str]) -> bool:
        """Whether functions give the same result for the same arguments, and do nothing else."""
        ...

    def plan(self, version: ModelVersion) -> PlanFacts | None:
        """How a version is scored, as far as it was found out when it was registered."""
        ...

    def cost(self, version: ModelVersion, method: Method) -> float:
        """About how long one row takes, in nanoseconds."""
        ...

    def may_raise(self, version: ModelVersion) -> bool:
        """Whether there are rows that the version refuses."""
        ...
