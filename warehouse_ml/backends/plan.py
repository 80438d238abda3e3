"""What a query must know of the plan that is stored beside a version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warehouse_ml.errors import SignatureMismatchError
from warehouse_ml.signature import Signature

if TYPE_CHECKING:
    from warehouse_ml.backends.inline import InlineForm

FORMAT_VERSION = 1
"""The form of the JSON; a plan of another form is not used."""


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a query must know of a version's plan.

    Attributes:
        route: What the version's functions run: `trees`, `graph`, or `onnxruntime` on the graph as it was
            registered.
        reason: Why, in words, with figures.
        nanoseconds: For each route what a row takes, measured on one thread when the version was registered.
        differences: For each route the largest relative difference from the registered graph that was
            measured then.
        inline: The version as SQL expressions, or None where it has no such form.
        idle: The positions of features without influence on any score; their NULLs still count.
        others: For each route that was not taken why, in words.
        operators: How many operators a GPU would run: of `tensors`, which is the graph with its trees as
            tensor operators, of `graph`, or of `onnxruntime`; empty where it should run none of them.
        signed_zeros: Whether a score may depend on the sign of a zero; see `tells_zeros_apart`.
    """

    route: str
    reason: str
    nanoseconds: Mapping[str, float] = field(default_factory=dict)
    differences: Mapping[str, float] = field(default_factory=dict)
    inline: InlineForm | None = None
    idle: tuple[int, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)
    operators: Mapping[str, int] = field(default_factory=dict)
    signed_zeros: bool = True

    def to_json(self, signature: Signature) -> str:
        """The facts as JSON, for a version of this signature."""
        facts = {
            "format_version": FORMAT_VERSION,
            "signature": _digest(signature),
            "route": self.route,
            "reason": self.reason,
            "nanoseconds": dict(self.nanoseconds),
            "differences": dict(self.differences),
            "inline": None if self.inline is None else self.inline.to_json(),
            "idle": self.idle,
            "others": dict(self.others),
            "operators": dict(self.operators),
            "signed_zeros": self.signed_zeros,
        }
        return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, signature: Signature) -> PlanFacts | None:
        """Read what `to_json` wrote; None where another release wrote it in another form.

        Raises:
            SignatureMismatchError: It was written for another signature.
        """
        facts = json.loads(text)
        if facts["format_version"] != FORMAT_VERSION:
            return None
        if facts["signature"] != _digest(signature):
            raise SignatureMismatchError
        from warehouse_ml.backends.inline import InlineForm  # numpy is not loaded before it is needed

        inline = facts["inline"]
        return cls(
            facts["route"],
            facts["reason"],
            facts["nanoseconds"],
            facts["differences"],
            None if inline is None else InlineForm.from_json(inline, signature),
            tuple(facts["idle"]),
            facts["others"],
            facts.get("operators", {}),
            facts.get("signed_zeros", True),
        )


def _digest(signature: Signature) -> str:
    return hashlib.sha256(signature.to_json().encode()).hexdigest()
