"""A function of the engine that scores in a special way, made for one statement.

A version's own functions take every feature and raise at once; views and tools call those. A statement that
was optimized calls variants: of several methods or versions at once, of the features that matter, with
refusals handed on instead of raised, evaluated exactly once per row.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Method, Output, Signature

Route = Literal["best", "onnxruntime", "device"]

DEVICE_BATCH = 2**17
"""How many rows a GPU is given at once, where they are gathered."""

REFUSAL_MARK = "wml_refusal: "
"""What the sentences of handed-on refusals start with, so that they are known again once SQL raises them."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is expected of a parameter; a batch that does not keep to it is scored by the whole model.

    Attributes:
        low: No value is below; None is no bound.
        high: No value is above.
        values: It is one of these texts.
        missing: Whether there may be NULL (or NaN).
    """

    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None
    missing: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """One score that a variant computes.

    Attributes:
        version: The version.
        method: What is asked of it.
        parameters: For each feature of the signature the position of the variant's parameter that holds it,
            or -1 for a feature without influence, which is not passed.
    """

    version: ModelVersion
    method: Method
    parameters: tuple[int, ...]


@dataclass(frozen=True)
class Variant:
    """A function over columns.

    It returns the member's result, or with several members a STRUCT with the fields `m0`, `m1` and so on.
    Deferred, it returns a STRUCT of that as `score`, and `refusal`: NULL, or the sentence that the version's
    own function would raise for the row.

    Attributes:
        members: The scores.
        types: The SQL type of each parameter: that of a feature's column, where the handler takes it.
        bounds: What is expected of each parameter, or empty.
        deferred: Whether refusals are handed on.
        volatile: Whether the engine must take the call for one with side effects, so that it computes it
            exactly where it stands and as often as it is written.
        route: `best`, or `onnxruntime` on the graph as it was registered, or `device` on the session's GPU.
        gathered: Whether it takes lists: a single parameter, of STRUCTs with the fields `p0`, `p1` and so on,
            and gives a list of the results of each list's elements.
    """

    members: tuple[Member, ...]
    types: tuple[str, ...]
    bounds: tuple[Bounds | None, ...] = ()
    deferred: bool = False
    volatile: bool = False
    route: Route = "best"
    gathered: bool = False

    @cached_property
    def name(self) -> str:
        """The function's name; equal names are equal functions."""
        facts = [
            [
                [m.version.sha256, _json(m.version.sha256, m.version.signature), m.method, m.parameters]
                for m in self.members
            ],
            self.types,
            [None if b is None else [repr(b.low), repr(b.high), b.values, b.missing] for b in self.bounds],
            self.deferred,
            self.volatile,
            self.route,
            self.gathered,
        ]
        return f"wml_variant_{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The SQL types of what the function takes."""
        if not self.gathered:
            return self.types
        fields = ", ".join(f"p{place} {kind}" for place, kind in enumerate(self.types))
        return (f"STRUCT({fields})[]",)

    @property
    def result_type(self) -> str:
        """The SQL type of what the function returns."""
        return self.output.sql_type("duckdb") + ("[]" if self.gathered else "")

    @property
    def output(self) -> Output:
        """What it returns, for one row."""
        results = [member.version.signature.result(member.method) for member in self.members]
        fields = tuple(
            Output(f"m{place}", result.type, result.tensor, result.column, result.fields)
            for place, result in enumerate(results)
            if result is not None
        )
        score = fields[0] if len(fields) == 1 else Output("score", "STRUCT", fields=fields)
        if not self.deferred:
            return score
        named = Output("score", score.type, score.tensor, score.column, score.fields)
        return Output("deferred", "STRUCT", fields=(named, Output("refusal", "VARCHAR")))


@lru_cache(maxsize=256)
def _json(sha256: str, signature: Signature) -> str:
    """A signature as JSON, which takes a millisecond where there are many features.

    Signatures are equal whose classes are 1 and 1.0; of the same bytes, they are the same.
    """
    return signature.to_json()
