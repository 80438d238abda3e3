"""A scorer that is made at the first batch, out of what the registry holds."""

import json
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from warehouse_ml.engines.arrow import Column, codes_from_arrow, from_arrow
from warehouse_ml.engines.base import Part
from warehouse_ml.engines.device import device_scorer
from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.engines.meter import SCORED
from warehouse_ml.errors import RegistryError, SignatureMismatchError
from warehouse_ml.signature import METADATA_KEY, Method, Signature
from warehouse_ml.variant import Route

Source = Callable[[Any, Part], bytes | None]
"""Reads a part of a version from a connection and checks it; None where the connection is closed. A version
without a plan has an empty one."""


NEUTRAL = {"DOUBLE": "f8", "BIGINT": "i8", "BOOLEAN": "?", "TIMESTAMP": "i8", "VARCHAR": "O"}
"""The type of the zeros that stand for a feature without influence."""


class LazyScorer:
    """A scorer that is made at the first batch, and shared by the methods of a version.

    It holds the model while a connection that can read it is open.
    """

    def __init__(self, signature: Signature, route: Route = "best") -> None:
        """Prepare to load the model of a signature; `offer` says from where."""
        self._signature = signature
        self._route = route
        self._sources: dict[int, tuple[weakref.ref[Any], Source]] = {}
        self._scorer: Any = None
        self._loading = threading.Lock()

    def offer(self, connection: Any, source: Source) -> None:
        """Name a connection to read the model from. It is held weakly: it holds the functions itself."""
        key = id(connection)
        if key not in self._sources:
            self._sources[key] = (weakref.ref(connection, lambda _: self._forget(key)), source)

    def withdraw(self, connection: Any) -> None:
        """The connection is about to be closed."""
        self._forget(id(connection))

    def get(self) -> Any:
        """The `Scorer` of `udfs/onnx_udf.py`, or a `PlannedScorer`.

        Raises:
            RegistryError: Every session that could have read the model is closed.
            CorruptModelError: The stored bytes are damaged.
            SignatureMismatchError: The stored signature is.
            DeviceError: The route is `device`, and the model does not score there as it should.
        """
        scorer = self._scorer
        if scorer is None:
            with self._loading:
                scorer = self._scorer
                if scorer is None:
                    facts = json.loads(self._signature.to_json())
                    if self._route == "device":
                        scorer = device_scorer(self._read, self._signature)
                    elif self._route == "best":
                        scorer = self._planned(facts)
                    if scorer is None:
                        scorer = load_handler("onnx_udf").Scorer(self._read("onnx"), facts)
                    # the file's digest was checked, so its own copy of the signature is the registered one
                    if json.loads(scorer.metadata.get(METADATA_KEY, "null")) not in (None, facts):
                        raise SignatureMismatchError
                    self._scorer = scorer
        return scorer

    def score(self, columns: Sequence[Any], *methods: Method) -> list[list[Column]]:
        """Score Arrow columns, one for each feature, and count them.

        Args:
            columns: `pyarrow.Array` or `ChunkedArray` each, of one length; None for a feature without
                influence.
            methods: What is asked.

        Returns:
            For each method a column for each leaf of its result.
        """
        scorer = self.get()
        rows = next((len(column) for column in columns if column is not None), 0)
        features = self._features(columns, rows, scorer.categories, scorer.as_stored)
        try:
            return SCORED.measured(rows, lambda: _scored(scorer, features, methods))
        except load_handler("onnx_udf").ScoringError:
            if not scorer.categories:
                raise
        # once more with the texts themselves, so that the sentence names the text and not its code
        return _scored(scorer, self._features(columns, rows, {}, scorer.as_stored), methods)

    def _features(
        self,
        columns: Sequence[Any],
        rows: int,
        categories: Mapping[int, Sequence[str]],
        as_stored: Collection[int],
    ) -> list[Column]:
        features: list[Column] = []
        for place, (column, feature) in enumerate(zip(columns, self._signature.features, strict=True)):
            if column is None:
                features.append((np.zeros(rows, NEUTRAL[feature.type]), None))
            elif place in categories:
                reserved = load_handler("onnx_udf").NULL_TEXT
                features.append(codes_from_arrow(column, categories[place], reserved))
            else:
                features.append(from_arrow(column, feature.type, as_stored=place in as_stored))
        return features

    def _planned(self, facts: Any) -> Any:
        data = self._read("plan")
        return planned_scorer(data, facts) if data else None

    def _read(self, part: Part) -> bytes:
        for reference, source in reversed(list(self._sources.values())):
            connection = reference()
            found: bytes | None = None if connection is None else source(connection, part)
            if found is not None:
                return found
        raise RegistryError(
            "The session that offered this model is closed. Use the model once in a session on this database."
        )

    def _forget(self, key: int) -> None:
        self._sources.pop(key, None)
        if not self._sources:
            self._scorer = None


def _scored(scorer: Any, features: Sequence[Column], methods: Sequence[Method]) -> list[list[Column]]:
    """What a handler's scorer makes of a batch, for each method."""
    scored: list[list[Column]] = scorer.score_all(features, methods)
    return scored


def planned_scorer(plan: bytes, facts: Any) -> Any:
    """The scorer of a plan; None where a library that it needs is not installed.

    Args:
        plan: The plan's bytes.
        facts: The signature, as parsed from its JSON.
    """
    handler = load_handler("planned_udf")
    entries = handler.read_plan(plan)
    if not entries:  # it only says what a GPU runs
        return None
    kernel = None
    if handler.has_trees(entries):
        try:
            kernel = load_handler("tree_kernel").TreeKernel
        except ImportError:
            return None
    return handler.PlannedScorer(entries, facts, kernel)
