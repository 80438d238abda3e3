"""A small model as one SQL expression that does for a row what the handler's function does."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warehouse_ml.backends import expression_json
from warehouse_ml.backends.finite_domain import tabulated
from warehouse_ml.backends.inline_call import LARGEST_TEXT, Call, NoSqlError, result_names
from warehouse_ml.backends.linear_form import fused, with_tables
from warehouse_ml.backends.program import Expression, Program, walk
from warehouse_ml.backends.shorter_form import shortened
from warehouse_ml.backends.sql_snowflake import SnowflakeCall
from warehouse_ml.signature import TYPES, Method, Output, Signature

LARGEST_PROGRAM = 4_000
"""How many expressions a program may have; what has more is no small model."""

DEEPEST_PROGRAM = 150
"""How many expressions may stand in each other: a writer calls itself for each, up to four functions deep."""

KEPT_TEXTS = 64
"""How many texts a form keeps, to give them again: a statement is often sent more than once."""

METHODS: tuple[Method, ...] = ("predict", "predict_proba", "try_predict")

_CALLS = {"duckdb": Call, "snowflake": SnowflakeCall}

_NANOSECONDS = {
    "linear": 0.7,
    "dot": 0.7,
    "sum": 0.5,
    "exp": 6.0,
    "log": 8.0,
    "sigmoid": 8.0,
    "tanh": 12.0,
    "cast": 1.4,
}
"""What an operator costs for a row, for each of its arguments; others cost 1."""

_PER_LEVEL = 3.0
_PER_SPLIT = 0.3
_PER_KEY = 2.0


@dataclass(frozen=True, slots=True)
class InlineForm:
    """A model's cells in the form in which SQL is written from them.

    Attributes:
        signature: What the version takes and returns.
        cells: The cells of the results `prediction` and `probabilities`, and what is `refused`.
        fused: The same with scalers fused into weights, for each result on its own; equal but for rounding
            while no number is huge.
    """

    signature: Signature
    cells: Mapping[str, tuple[Expression, ...]]
    fused: Mapping[str, tuple[Expression, ...]]
    _texts: dict[tuple[object, ...], str | None] = field(default_factory=dict, repr=False, compare=False)
    _costs: dict[Method, float] = field(default_factory=dict, repr=False, compare=False)

    def sql(
        self,
        method: Method,
        features: Sequence[str],
        types: Sequence[str | None],
        dialect: str = "duckdb",
        *,
        otherwise: str | None = None,
    ) -> str | None:
        """A method as one scalar expression.

        Args:
            method: The method.
            features: The SQL text of each feature, in the signature's order, to be written any number of
                times: a column, or an expression without side effects.
            types: The SQL type of each as DESCRIBE prints it, or None where it is unknown.
            dialect: `duckdb` or `snowflake`. For Snowflake `otherwise` is not used: every row is scored by
                SQL, and the types are those that Snowflake prints.
            otherwise: The SQL text of a call of the version's function, for the rows that are not ordinary:
                a value is missing, NaN, infinite or refused. The expression is then several times as short,
                and DuckDB plans it as much faster; without it those rows are scored by SQL too.

        Returns:
            An expression that gives for each row what the function of the version gives; it raises an error,
            with `ScoringError: ` before the sentence. None where the text would be too
            long, or not exact for these types.
        """
        if dialect not in _CALLS or self.signature.result(method) is None:
            return None
        key = (method, tuple(features), tuple(types), dialect, otherwise)
        if key not in self._texts:
            if len(self._texts) >= KEPT_TEXTS:
                self._texts.clear()
            self._texts[key] = self._written(method, features, types, dialect, otherwise)
        return self._texts[key]

    def _written(
        self,
        method: Method,
        features: Sequence[str],
        types: Sequence[str | None],
        dialect: str,
        otherwise: str | None,
    ) -> str | None:
        try:
            text = _CALLS[dialect](self, method, features, types, otherwise=otherwise).sql()
        except NoSqlError:
            return None
        return text if len(text) <= LARGEST_TEXT else None

    def cost(self, method: Method) -> float:
        """About how many nanoseconds a row takes."""
        if self.signature.result(method) is None:
            return 0.0
        if method not in self._costs:  # asked by every statement
            cells = [cell for name in result_names(method) for cell in self.fused.get(name, ())]
            self._costs[method] = 5.0 + sum(map(_cost, walk(*cells)))
        return self._costs[method]

    def to_json(self) -> str:
        """All but the signature, as JSON."""
        sizes = {name: len(cells) for name, cells in self.cells.items()}
        roots = [cell for group in (self.cells, self.fused) for cells in group.values() for cell in cells]
        facts = {"sizes": sizes, **expression_json.plain(roots)}
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, signature: Signature) -> InlineForm:
        """Read what `to_json` wrote, for the same signature."""
        facts: dict[str, Any] = json.loads(text)
        cells = iter(expression_json.expressions(facts))
        plain, fused = (
            {name: tuple(next(cells) for _ in range(size)) for name, size in facts["sizes"].items()}
            for _ in range(2)
        )
        return cls(signature, plain, fused)


def inline_form(program: Program, signature: Signature) -> InlineForm | None:
    """The form of a program from which SQL is written.

    Args:
        program: The program.
        signature: The signature of the same model.

    Returns:
        The form; None where the model is too large, or has a step without an exact form in SQL.
    """
    roots = [cell for cells in program.outputs.values() for cell in cells]
    if any(entry.transform for entry in signature.inputs) or not _is_small(roots):
        return None
    groups = {"prediction": _cells(program, signature.prediction)}
    if signature.probabilities is not None:
        groups["probabilities"] = _cells(program, signature.probabilities)
    if signature.refusals:
        groups["refused"] = program.outputs["refused"]
    tables = {name: shortened(tabulated(cells)) for name, cells in groups.items()}
    form = InlineForm(
        signature,
        {name: tuple(shortened(with_tables(cells))) for name, cells in tables.items()},
        {name: tuple(shortened(fused(cells))) for name, cells in tables.items()},
    )
    names = [f'"{feature.name}"' for feature in signature.features]
    types = [TYPES[feature.type].duckdb for feature in signature.features]
    calls = (form.sql(method, names, types, otherwise="NULL") for method in METHODS)
    return form if any(call is not None for call in calls) else None


def _is_small(roots: Sequence[Expression]) -> bool:
    """Whether a program has few expressions, and none that stand deep in each other."""
    depths: dict[int, int] = {}
    for expression in walk(*roots):
        depth = 1 + max((depths[id(part)] for part in expression.arguments), default=0)
        if depth > DEEPEST_PROGRAM or len(depths) >= LARGEST_PROGRAM:
            return False
        depths[id(expression)] = depth
    return True


def _cells(program: Program, output: Output) -> tuple[Expression, ...]:
    return tuple(program.outputs[leaf.tensor][leaf.column or 0] for leaf in output.leaves())


def _cost(expression: Expression) -> float:
    if expression.operator in ("input", "constant"):
        return 0.0
    if expression.operator == "leaf":
        forest, _ = expression.value
        splits = max(1.0, (len(forest.feature) / max(1, len(forest.roots)) - 1) / 2)
        return _PER_LEVEL * math.log2(splits + 1) + _PER_SPLIT * splits
    if expression.operator == "lookup":
        return _PER_KEY * len(expression.value.table)
    return _NANOSECONDS.get(expression.operator, 1.0) * max(1, len(expression.arguments))
