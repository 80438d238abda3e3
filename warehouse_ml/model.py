"""A version of a model: the facts that the registry holds of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from warehouse_ml.signature import Method, Signature

FUNCTION_SUFFIX: Mapping[Method, str] = {"predict": "", "predict_proba": "_proba", "try_predict": "_try"}


@dataclass(frozen=True, slots=True)
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
    def function(self) -> str:
        """The engine's own function that PREDICT of this version calls."""
        return self.function_of("predict")

    def function_of(self, method: Method) -> str:
        """The engine's own function of a method.

        The digest is part of the name: a function that two attached databases both want is the same one.
        """
        return f"wml_{self.name}_v{self.version}_{self.sha256[:8]}{FUNCTION_SUFFIX[method]}"
