"""A version of a model: the facts that the registry holds of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from warehouse_ml.quoting import quoted
from warehouse_ml.signature import Feature, Method, Signature

FUNCTION_SUFFIX: Mapping[Method, str] = {"predict": "", "predict_proba": "_proba", "try_predict": "_try"}

_FUNCTION = re.compile(r"wml_(\w+)_v(\d+)_[0-9a-f]{8}(_proba|_try|)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class ModelVersion:
    """One immutable version of a model.

    Attributes:
        name: The model's name, in lower case.
        version: 1, 2, 3 and so on.
        sha256: The digest of the ONNX bytes, in which the signature is embedded.
        signature: Features and results.
        metrics: Figures of the training, by name.
        parity: The figures of the parity gate, or an empty mapping for an unproved import.
        lineage: Where it comes from: training query, rows, data fingerprint, target, library
            versions, estimator.
        tags: The user's own labels.
        comment: The user's own words.
        created_at: When, in UTC.
        created_by: Who.
        size: The length of the ONNX bytes.
    """

    name: str
    version: int
    sha256: str
    signature: Signature
    metrics: Mapping[str, float] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    created_at: datetime | None = None
    created_by: str = ""
    size: int = 0

    @property
    def reference(self) -> str:
        """The text that names it in SQL: `churn@3`."""
        return f"{self.name}@{self.version}"

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods that it has."""
        return tuple(method for method in FUNCTION_SUFFIX if self.signature.result(method) is not None)

    @property
    def function(self) -> str:
        """The engine's own function that PREDICT of this version calls."""
        return self.function_of("predict")

    def function_of(self, method: Method) -> str:
        """The engine's own function of a method.

        The digest is part of the name: a function that two attached databases both want is the same one.
        """
        return f"wml_{self.name}_v{self.version}_{self.sha256[:8]}{FUNCTION_SUFFIX[method]}"

    def __repr__(self) -> str:
        """One line; `print` shows all."""
        count = len(self.signature.features)
        return (
            f"ModelVersion({self.reference!r}, {self.signature.task} of {count} feature{'s' * (count != 1)})"
        )

    def __str__(self) -> str:
        """All of it, to be read by a person."""
        signature = self.signature
        features = ", ".join(f"{_shown(feature.name)} {feature.type}" for feature in signature.features)
        lines = [f"{self.reference}: {signature.task}", f"  functions of ({features}):"]
        for method in self.methods:
            output = signature.result(method)
            kind = "" if output is None else output.sql_type("duckdb")
            lines.append(f"    {self.function_of(method)} -> {kind}")
        lines.append("  features:")
        lines += [
            f"    {_shown(feature.name)}: {described_feature(feature)}" for feature in signature.features
        ]
        if signature.classes:
            lines.append("  classes: " + ", ".join(repr(label) for label in signature.classes))
        for title, facts in (
            ("metrics", self.metrics),
            ("parity", self.parity),
            ("lineage", self.lineage),
            ("tags", self.tags),
        ):
            if facts:
                lines.append(f"  {title}:")
                lines += [f"    {name}: {_fact(value)}" for name, value in facts.items()]
        if self.comment:
            lines.append(f"  comment: {self.comment}")
        lines.append(f"  created: {self.created_at} by {self.created_by or 'unknown'}, {self.size:,} bytes")
        lines.append(f"  sha256: {self.sha256}")
        return "\n".join(lines)


def version_of_function(function: str) -> tuple[str, int, Method] | None:
    """The model, version and method that a name of `ModelVersion.function_of` stands for, or None."""
    found = _FUNCTION.fullmatch(function)
    if found is None:
        return None
    suffix = found[3].lower()
    method = next(method for method, text in FUNCTION_SUFFIX.items() if text == suffix)
    return found[1].lower(), int(found[2]), method


def _shown(name: str) -> str:
    return name if name.isidentifier() else quoted(name)


def described_feature(feature: Feature) -> str:
    """The type of a feature, what NULL does, and its limit, in words."""
    rules = {"model": "the model takes NULL", "null": "NULL gives NULL", "error": "NULL is an error"}
    missing = rules.get(feature.missing, f"NULL becomes {feature.default!r}")
    limit = "" if feature.limit is None or feature.limit > 1e38 else f", up to {feature.limit:.6g}"
    return f"{feature.type}, {missing}{limit}"


def _fact(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(part)}" for name, part in value.items())
    return " ".join(str(value).split())
