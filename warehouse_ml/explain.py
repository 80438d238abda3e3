"""What a statement's model calls were resolved to and how they are scored, for a person to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.engines.meter import Reading
from warehouse_ml.model import ModelVersion, described_feature
from warehouse_ml.query.blocks import is_query
from warehouse_ml.query.bound import Applied, BoundCall, BoundStatement
from warehouse_ml.query.tokens import tokenize

Plans = Callable[[ModelVersion], PlanFacts | None]


@dataclass(frozen=True, slots=True)
class Request:
    """`EXPLAIN PREDICT` or `EXPLAIN ANALYZE PREDICT`, and the statement after it."""

    text: str
    analyze: bool = False


def read_request(text: str, dialect: str = "duckdb") -> Request | None:
    """The request that a text makes; None where it is another statement."""
    tree = tokenize(text, dialect) if "explain" in text.casefold() else None
    if tree is None or not tree.tokens or tree.word(0) != "EXPLAIN":
        return None
    analyze = len(tree.tokens) > 1 and tree.word(1) == "ANALYZE"
    place = 1 + analyze
    if len(tree.tokens) < place + 2 or tree.word(place) != "PREDICT":
        return None
    if tree.is_symbol(place + 1, "(") and not is_query(tree, place + 1):
        return None
    return Request(text[tree.tokens[place].end :].strip(), analyze)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A statement as it is run.

    Attributes:
        calls: The model calls, an inner one before the one around it.
        applied: What the rules of the optimizer did.
        sql: The text that is sent to the engine.
        dialect: The engine's dialect.
        plans: How versions are scored, by their references.
        estimated_rows: How many rows the engine expects; None where it does not say.
        rows: How many rows came; None where the statement was not run.
        seconds: How long it took.
        scored: What was scored meanwhile.
    """

    calls: tuple[BoundCall, ...]
    applied: tuple[Applied, ...]
    sql: str
    dialect: str
    plans: dict[str, PlanFacts | None]
    estimated_rows: int | None = None
    rows: int | None = None
    seconds: float = 0.0
    scored: Reading = field(default_factory=Reading)

    def sections(self) -> list[tuple[str, str]]:
        """Titles and texts, in order."""
        found = [
            (f"call {number}", "\n".join(self._explained(call)))
            for number, call in enumerate(self.calls, start=1)
        ]
        if not self.calls:
            found.append(("call", "No model call: the text is sent as it is."))
        if self.applied:
            lines = [f"{done.rule}: {done.call}: {done.effect}" for done in self.applied]
            found.append(("rules", "\n".join(lines)))
        if self.estimated_rows is not None:
            found.append(("estimated rows", f"{self.estimated_rows:,}"))
        if self.rows is not None:
            found.append(("measured", "\n".join(self._measured(self.rows))))
        found.append(("SQL sent", self.sql.strip("\n")))
        return found

    def __str__(self) -> str:
        lines: list[str] = []
        for title, text in self.sections():
            if title.startswith("call"):
                lines.append(text)
            elif title == "SQL sent":
                lines += [f"{title}:", text]
            elif "\n" in text or title == "rules":
                lines += [f"{title}:", *(f"  {line}" for line in text.splitlines())]
            else:
                lines.append(f"{title}: {text}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _explained(self, call: BoundCall) -> list[str]:
        signature = call.version.signature
        result = signature.result(call.method)
        plan = self.plans.get(call.version.reference)
        lines = [
            " ".join(call.call.text.split()),
            f"  version: {call.version.reference}, {signature.task}",
            f"  functions: {', '.join(call.version.function_of(method) for method in call.functions)}",
            f"  result: {'' if result is None else result.sql_type(self.dialect)}",
            f"  back end: {self._back_end(call, plan)}",
            "  features:",
        ]
        given = call.features or ("by name from a value that is computed once",) * len(signature.features)
        idle = () if plan is None else plan.idle
        for place, (feature, expression) in enumerate(zip(signature.features, given, strict=True)):
            binding = f"    {feature.name} <- {' '.join(expression.split())}; {described_feature(feature)}"
            lines.append(binding + ("; has no influence" if place in idle else ""))
        return lines

    def _back_end(self, call: BoundCall, plan: PlanFacts | None) -> str:
        shown = " ".join(call.call.text.split())
        for done in self.applied:
            if done.rule == "inline_scores" and done.call == shown:
                return f"inline, {done.effect}"
            if done.rule in ("gather_batches", "use_device") and done.call == shown and "cuda" in done.effect:
                return done.effect
        if plan is None:
            return "onnxruntime; the version has no plan, register it again to have one made"
        times = ", ".join(f"{name} {time:,.0f} ns" for name, time in sorted(plan.nanoseconds.items()))
        rest = "".join(f"; {name}: {reason}" for name, reason in plan.others.items() if name != plan.route)
        return f"{plan.route}, {plan.reason}; a row took: {times}{rest}"

    def _measured(self, rows: int) -> list[str]:
        scored = self.scored
        return [
            f"rows: {rows:,}",
            f"rows scored by functions: {scored.rows:,} in {scored.batches:,} calls",
            f"time: {self.seconds:.3f} s",
            f"time in the model, all threads together: {scored.seconds:.3f} s",
        ]


def explain(
    bound: BoundStatement, dialect: str, plans: Plans, estimated_rows: int | None = None
) -> Explanation:
    """Say what a bound statement's calls stand for.

    Args:
        bound: The statement.
        dialect: How result types are written.
        plans: How a version is scored.
        estimated_rows: How many rows the engine expects.
    """
    known = {call.version.reference: plans(call.version) for call in bound.calls}
    return Explanation(bound.calls, bound.applied, bound.text, dialect, known, estimated_rows)
