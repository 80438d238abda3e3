"""What a statement's model calls were resolved to, for a person to read."""

from dataclasses import dataclass

from warehouse_ml.model import described_feature
from warehouse_ml.query.bind import BoundCall, BoundStatement


@dataclass(frozen=True, slots=True)
class Explanation:
    """A statement as it is run.

    Attributes:
        calls: The model calls, an inner one before the one around it.
        sql: The text that is sent to the engine.
        dialect: The engine's dialect.
    """

    calls: tuple[BoundCall, ...]
    sql: str
    dialect: str

    def __str__(self) -> str:
        lines = []
        for call in self.calls:
            lines += _explained(call, self.dialect)
        if not self.calls:
            lines.append("No model call: the text is sent as it is.")
        return "\n".join([*lines, "SQL sent:", self.sql.strip("\n")])

    def __repr__(self) -> str:
        return str(self)


def explain(bound: BoundStatement, dialect: str) -> Explanation:
    """Say what a bound statement's calls stand for.

    Args:
        bound: The statement.
        dialect: How result types are written.
    """
    return Explanation(bound.calls, bound.text, dialect)


def _explained(call: BoundCall, dialect: str) -> list[str]:
    signature = call.version.signature
    result = signature.result(call.method)
    lines = [
        " ".join(call.call.text.split()),
        f"  version: {call.version.reference}, {signature.task}",
        f"  functions: {', '.join(call.version.function_of(method) for method in call.functions)}",
        f"  result: {'' if result is None else result.sql_type(dialect)}",
        "  features:",
    ]
    given = call.features or ("by name from a value that is computed once",) * len(signature.features)
    for feature, expression in zip(signature.features, given, strict=True):
        lines.append(f"    {feature.name} <- {' '.join(expression.split())}; {described_feature(feature)}")
    return lines
