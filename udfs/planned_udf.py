"""Score batches of rows by a plan: sums of trees in a kernel, and the rest of the graph in onnxruntime.

A plan is made when a model is registered. It says the same as the model's graph, and was proved to. This
file stands alone beside `onnx_udf.py`: numpy and onnxruntime.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx_udf import (
    CELLS_PER_RUN,
    NULL_TEXT,
    Column,
    Scorer,
    ScoringError,
    feeds_of,
    open_session,
    prepare,
    tensors_of,
    ticks,
)

TENSORS = "tensors"
"""The entry that a GPU runs in place of all others: the model's graph, its trees as tensor operators."""

PACKED = "packed"
"""The input that holds several features, [features, rows]."""

MOST_KEPT = 2**20
"""How many numbers the memory may hold that is kept from one batch to the next."""

MISSING, BEYOND = 1, 2
"""What a kernel flags of a column: a value was missing; a value's magnitude was beyond the limit."""


def read_plan(data: bytes) -> dict[str, Any]:
    """The entries of a stored plan: numpy arrays by name. Nothing is pickled.

    The entry `TENSORS` is left out; without any other one, the graph is run as it was registered.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as entries:
        return {name: entries[name] for name in entries.files if name != TENSORS}


def tensors_of_plan(data: bytes) -> bytes:
    """The ONNX file among a plan's entries that a GPU runs; empty where there is none."""
    if not zipfile.is_zipfile(io.BytesIO(data)):  # none, or one of a form that is not known here
        return b""
    with np.load(io.BytesIO(data), allow_pickle=False) as entries:
        return bytes(entries[TENSORS].tobytes()) if TENSORS in entries.files else b""


def has_trees(plan: Mapping[str, Any]) -> bool:
    """Whether a plan needs a kernel."""
    return bool(json.loads(plan["facts"].tobytes())["sums"])


class PlannedScorer(Scorer):
    """A loaded plan.

    Attributes:
        categories: For each text feature that is wanted as codes its known texts: a text's code is its
            position, an unknown text is `len`, NULL is `len + 1`.
        as_stored: The features that only kernels read: float32 and integers of 8 to 32 bits will do.
    """

    def __init__(
        self,
        plan: Mapping[str, Any],
        signature: Mapping[str, Any],
        kernel: Any = None,
        threads: int = 1,
        providers: Sequence[Any] | None = None,
        cells: int = CELLS_PER_RUN,
    ) -> None:
        """Load a plan.

        Args:
            plan: What `read_plan` returns.
            signature: The signature, as parsed from its JSON.
            kernel: The class `TreeKernel`; needed where the plan has trees.
            threads: How many threads one batch may use.
            providers: Where the graph runs, see `onnx_udf.open_session`; a kernel runs on the CPU.
            cells: See `onnx_udf.Scorer`.
        """
        super().__init__(plan["after"].tobytes(), signature, threads, providers, cells)
        facts = json.loads(plan["facts"].tobytes())
        by_name = {entry["name"]: entry["feature"] for entry in signature["inputs"]}
        self._packed = [by_name[name] for name in facts["packed"]]
        self._matrices: list[Any] = []
        self.categories = {int(k): v for k, v in facts["categories"].items()}
        self._refusal_tables = [
            (feature, plan[f"refusal_{place}"]) for place, feature in enumerate(facts["refusals"])
        ]
        self._parts = [
            _Trees(f"trees_{place}", part, plan, signature, kernel, threads)
            for place, part in enumerate(facts["sums"])
        ]
        inputs = [*self._inputs, *(entry for part in self._parts for entry in part.inputs)]
        self._raw = sorted({entry["feature"] for entry in inputs} | set(self._packed))
        watched = {place for part in self._parts for place in part.features}
        self.as_stored = frozenset(watched - set(self._raw) - self.categories.keys())
        self._others = [
            place
            for place in range(len(self._features))
            if place not in watched and place not in self.categories and place not in self._raw
        ]

    def _computed(
        self, columns: Sequence[Column], asked: Sequence[Sequence[Any]], rows: int, *, lenient: bool
    ) -> tuple[dict[str, Any], Any]:
        """See `Scorer._computed`; a text feature of `categories` may come as codes, int32."""
        null = np.zeros(rows, dtype=bool)
        codes = {place: self._codes(place, columns[place], null) for place in self.categories}
        prepared: dict[int, Any] = {}
        for place in (*self._raw, *self._others):
            prepared[place] = self._prepared(place, columns[place], lenient, null)
        feeds = feeds_of(self._inputs, self._types, prepared)
        if self._packed:
            feeds[PACKED] = _Packed([prepared[place] for place in self._packed], self._matrices)
        for part in self._parts:
            if part.before is None:
                feeds[part.input] = self._of_features(part, columns, codes, lenient, null)
            else:
                feeds[part.input] = part.of_matrix(feeds_of(part.inputs, part.types, prepared))
        wanted = tensors_of(asked)
        by_graph = self._refusals and not self._refusal_tables
        if by_graph:
            wanted.append("refused")
        results = dict(zip(wanted, self._run(wanted, feeds, rows), strict=True))
        if self._packed:
            feeds[PACKED].give_back()
        if by_graph:
            null |= self._refused(results["refused"], null, columns, lenient)
        elif self._refusal_tables:
            refused = np.stack([table[codes[place]] for place, table in self._refusal_tables], axis=1)
            null |= self._refused(refused, null, columns, lenient)
        return results, null

    def _prepared(self, place: int, column: Column, lenient: bool, null: Any) -> Any:
        ready, unscored = prepare(self._features[place], *column, lenient)
        if unscored is not None:
            null |= unscored
        return ready

    def _of_features(
        self, part: _Trees, columns: Sequence[Column], codes: Mapping[int, Any], lenient: bool, null: Any
    ) -> Any:
        """The sums of trees that read the features themselves; a feature's policy holds where it must."""
        values: list[Any] = []
        missing: list[Any] = []
        for place in part.features:
            if place in codes:
                values.append(codes[place])
                missing.append(None)
                continue
            column, mask = columns[place]
            feature = self._features[place]
            values.append(ticks(column, feature["unit"]) if feature["type"] == "TIMESTAMP" else column)
            missing.append(mask)
        sums, flags = part.kernel.score(values, missing)
        again = False
        for position, place in enumerate(part.features):
            flag, feature = flags[position], self._features[place]
            if flag == 0 or (flag == MISSING and feature["missing"] == "model"):
                continue
            ready = self._prepared(place, columns[place], lenient, null)
            if feature["missing"] == "default" and flag & MISSING:
                values[position], missing[position], again = ready, None, True
        return part.kernel.score(values, missing)[0] if again else sums

    def _codes(self, place: int, column: Column, null: Any) -> Any:
        """A text feature as codes, with its policy for NULL."""
        values, missing = column
        texts, feature = self.categories[place], self._features[place]
        if values.dtype == object:
            values = encode(values, missing, texts)
        absent = len(texts) + 1
        if feature["missing"] == "model" or not (values == absent).any():
            return values
        if feature["missing"] == "error":
            raise ScoringError(
                f"The feature {feature['name']!r} is NULL, and the model's policy for it is 'error'."
            )
        if feature["missing"] == "default":
            default = feature["default"]
            code = texts.index(default) if default in texts else len(texts)
            return np.where(values == absent, np.int32(code), values)
        null |= values == absent
        return values


def encode(values: Any, missing: Any, texts: Sequence[str]) -> Any:
    """The codes of texts, int32 of shape [rows]: see `PlannedScorer.categories`.

    Raises:
        ScoringError: A text is the one that stands for NULL.
    """
    places = {text: place for place, text in enumerate(texts)}
    unknown = len(texts)
    codes = np.array([places.get(value, unknown) for value in values], dtype=np.int32)
    if missing is not None:
        codes[missing] = unknown + 1
    if NULL_TEXT in set(values[codes == unknown]):
        raise ScoringError("A feature holds the text that is kept for NULL.")
    return codes


class _Packed:
    """Features as one matrix, [features, rows], cut by rows when it is needed.

    The memory is that of an earlier batch where one has left it: new memory costs a page fault for every
    page, which two threads do not take side by side.
    """

    def __init__(self, features: Sequence[Any], left: list[Any]) -> None:
        """Lay features out.

        Args:
            features: float64 each, of shape [rows].
            left: Memory that batches have left, for whoever is the first to take it.
        """
        self._features, self._left = features, left
        try:
            self._cells = left.pop()
        except IndexError:
            self._cells = np.empty(0)

    def __getitem__(self, part: slice) -> Any:
        """A part of the rows; it is overwritten by the next part."""
        parts = [feature[part] for feature in self._features]
        size = len(parts) * len(parts[0])
        if size > len(self._cells):
            self._cells = np.empty(size)
        return np.stack(parts, out=self._cells[:size].reshape(len(parts), -1))

    def give_back(self) -> None:
        """Leave the memory to another batch; what was cut is then no longer valid."""
        if len(self._cells) <= MOST_KEPT:
            self._left.append(self._cells)


class _Trees:
    """Trees whose sums become one input of the graph.

    Attributes:
        input: The input's name.
        features: The features that the kernel's columns hold; empty where a graph makes the columns.
        kernel: The loaded kernel.
        before: The session of the graph that makes the columns, or None.
        inputs: The inputs of that graph, as the signature lists them.
        types: Their types by name.
    """

    def __init__(
        self,
        name: str,
        facts: Mapping[str, Any],
        plan: Mapping[str, Any],
        signature: Mapping[str, Any],
        kernel: Any,
        threads: int,
    ) -> None:
        self.input = facts["input"]
        self.features: list[int] = facts["features"]
        stem = f"{name}."
        self.kernel = kernel({key[len(stem) :]: array for key, array in plan.items() if key.startswith(stem)})
        self.before: Any = None
        self.inputs: list[Mapping[str, Any]] = []
        self.types: dict[str, str] = {}
        if facts["before"]:
            self.before = open_session(plan[f"{name}_before"].tobytes(), threads)
            self.types = {entry.name: entry.type for entry in self.before.get_inputs()}
            self.inputs = [entry for entry in signature["inputs"] if entry["name"] in self.types]

    def of_matrix(self, feeds: Mapping[str, Any]) -> Any:
        """The sums of trees that read what a graph makes of the features."""
        (matrix,) = self.before.run(None, feeds)
        columns = list(np.ascontiguousarray(matrix.T))
        return self.kernel.score(columns, [None] * len(columns))[0]
