"""Score batches of rows with an ONNX model, inside the warehouse.

This file stands alone beside `text_analysis.py`: numpy and onnxruntime, nothing of warehouse_ml. What it
must know of a model it reads from the signature, a JSON text that is stored beside the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from text_analysis import TRANSFORMS, analyzer

NULL_TEXT = "\ufdd0NULL"
"""Stands for NULL in a text tensor; the graphs know it."""

Column = tuple[Any, Any]
"""Values, and a bool mask of the missing ones or None: float64, int64, bool, text as objects, or times as
int64 microseconds since 1970."""

CELLS_PER_RUN = 2**22
"""How many numbers one tensor of the graph should hold at most; a batch beyond it is scored in parts."""

DEVICE_CELLS_PER_RUN = 2**26
"""The same on a GPU, which wants large batches: 512 MB as float64."""

TENSOR_TREES = "warehouse_ml.tensor_trees"
"""Where a file whose trees are tensor operators says how many rows a run may have."""

INEXACT_OPTIMIZERS = ["NoopElimination", "DivMulFusion"]
"""Basic optimizations of onnxruntime that change results. The first rounds constants of a double graph to
float32 before it compares them: it drops an addition of 1e-60 and a product with 1 + 1e-9, and so the sign
that decides a label. The second computes y / x for (1 / x) * y, with another last bit."""

_TICKS_PER_SECOND = {"D": 1 / 86_400, "s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class ScoringError(Exception):
    """A row cannot be scored; the message names the feature and its value."""


class Scorer:
    """A loaded model. A session is made once and shared by all threads.

    Attributes:
        session: The onnxruntime session of its graph.
        metadata: The texts that the file carries, its signature among them.
        categories: The text features that are wanted as codes; none.
        as_stored: The features whose numbers may come in narrower types; none.
        results: What each method returns, as the signature writes it.
    """

    def __init__(
        self,
        model: bytes,
        signature: Mapping[str, Any],
        threads: int = 1,
        providers: Sequence[Any] | None = None,
        cells: int = CELLS_PER_RUN,
    ) -> None:
        """Load a model.

        Args:
            model: The ONNX file.
            signature: The signature, as parsed from its JSON.
            threads: How many threads one batch may use; the engine runs several batches at once.
            providers: See `open_session`.
            cells: How many numbers one tensor should hold at most.
        """
        self.session = open_session(model, threads, providers)
        self.categories: dict[int, list[str]] = {}
        self.as_stored: frozenset[int] = frozenset()
        self.metadata: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)
        self._features = signature["features"]
        self._refusals = signature["refusals"]
        # a tree operator says nothing of the tensors that were written in its place
        tensors = json.loads(self.metadata.get(TENSOR_TREES, '{"rows": 0, "row_size": 1}'))
        self._row_size = max(signature["row_size"], tensors["row_size"])
        self._most_rows: int = tensors["rows"] or cells
        self._cells = cells
        self._types = {entry.name: entry.type for entry in self.session.get_inputs()}
        self._inputs = [entry for entry in signature["inputs"] if entry["name"] in self._types]
        self.results = {"predict": signature["prediction"], "try_predict": signature["prediction"]}
        if signature["probabilities"] is not None:
            whole = signature["probabilities"]
            binary = len(signature["classes"]) == 2
            self.results["predict_proba"] = whole["fields"][1] if binary else whole

    def score(self, columns: Sequence[Column], method: str = "predict") -> list[Column]:
        """Score a batch.

        Args:
            columns: One column per feature, in the signature's order, all of one length.
            method: `predict`, `predict_proba`, or `try_predict`, which gives NULL where the others raise.

        Returns:
            A column for each leaf of the method's result.

        Raises:
            ScoringError: The estimator would have raised for a row, or a NULL meets the policy `error`.
        """
        return self.score_all(columns, (method,))[0]

    def score_all(self, columns: Sequence[Column], methods: Sequence[str]) -> list[list[Column]]:
        """Score a batch by several methods at once; the arguments are those of `score`.

        Returns:
            For each method a column for each leaf of its result.
        """
        rows = len(columns[0][0]) if columns else 0
        asked = [list(leaves_of(self.results[method])) for method in methods]
        if rows == 0:
            return [[empty_column(leaf["type"]) for leaf in leaves] for leaves in asked]
        with np.errstate(all="ignore"):
            results, null = self._computed(columns, asked, rows, lenient="try_predict" in methods)
        return [
            [result_column(leaf, results[leaf["tensor"]], null, rows) for leaf in leaves] for leaves in asked
        ]

    def _computed(
        self, columns: Sequence[Column], asked: Sequence[Sequence[Any]], rows: int, *, lenient: bool
    ) -> tuple[dict[str, Any], Any]:
        """The graph's outputs that hold what is asked, and the rows that get no score."""
        prepared: list[Any] = []
        null = np.zeros(rows, dtype=bool)
        for feature, (values, missing) in zip(self._features, columns, strict=True):
            ready, unscored = prepare(feature, values, missing, lenient)
            prepared.append(ready)
            if unscored is not None:
                null |= unscored
        feeds = feeds_of(self._inputs, self._types, prepared)
        wanted = tensors_of(asked)
        if self._refusals:
            wanted.append("refused")
        results = dict(zip(wanted, self._run(wanted, feeds, rows), strict=True))
        if self._refusals:
            null |= self._refused(results["refused"], null, columns, lenient)
        return results, null

    def _run(self, wanted: Sequence[str], feeds: Mapping[str, Any], rows: int) -> list[Any]:
        """Run the graph, on parts of the batch where the whole would take too much memory."""
        widest = max([self._row_size, *(feed.width for feed in feeds.values() if isinstance(feed, _Padded))])
        size = max(1, min(self._cells // widest, self._most_rows))
        parts = [
            self.session.run(wanted, {name: feed[start : start + size] for name, feed in feeds.items()})
            for start in range(0, rows, size)
        ]
        if len(parts) == 1:
            return list(parts[0])
        return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]

    def _refused(self, refused: Any, null: Any, columns: Sequence[Column], lenient: bool) -> Any:
        counted = refused & ~null[:, None]
        if counted.any() and not lenient:
            row, which = np.argwhere(counted)[0]
            refusal = self._refusals[which]
            if refusal["feature"] < 0:
                raise ScoringError(f"The model refuses a row: {refusal['reason']}.")
            values, missing = columns[refusal["feature"]]
            shown = "NULL" if missing is not None and missing[row] else repr(_plain(values[row]))
            name = self._features[refusal["feature"]]["name"]
            raise ScoringError(f"The model refuses {shown} for the feature {name!r}: {refusal['reason']}.")
        return counted.any(axis=1)


def open_session(model: bytes, threads: int = 1, providers: Sequence[Any] | None = None) -> Any:
    """An onnxruntime session that computes in the graph's own precision.

    Args:
        model: The ONNX file.
        threads: How many threads one batch may use.
        providers: The execution providers, the wanted ones first, by their names or as pairs of a name and
            its options; the session then notes which one each node goes to. None for the CPU alone.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # beyond "basic", a product of a double matrix with a constant is fused and its factor kept in float32
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # its plan takes quadratic time: 2 s for 2,000 nodes; without it a run is as fast and takes no more
    options.enable_mem_reuse = False
    if providers is None:
        providers = ["CPUExecutionProvider"]
    else:
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return onnxruntime.InferenceSession(
        model, options, providers=list(providers), disabled_optimizers=INEXACT_OPTIMIZERS
    )


def prepare(feature: Mapping[str, Any], values: Any, missing: Any, lenient: bool) -> tuple[Any, Any]:
    """Apply a feature's policy.

    Returns:
        The values as float64 (NaN is missing), int64 or text objects (`NULL_TEXT` is missing), and a mask
        of the rows that get no score, or None.
    """
    kind = feature["type"]
    if missing is None and values.dtype == np.float64 and is_ordinary(values, feature["limit"]):
        return values, None
    if missing is not None and not missing.any():
        missing = None
    if kind == "VARCHAR":
        values = np.asarray(values, dtype=object)
        if (values == NULL_TEXT).any():
            raise ScoringError(f"The feature {feature['name']!r} holds the text that is kept for NULL.")
    elif kind == "TIMESTAMP":
        values = ticks(values, feature["unit"])
    elif kind != "BIGINT":
        values = np.asarray(values, dtype=np.float64)
    unscored = None
    if kind != "VARCHAR" and kind != "BIGINT":
        nan = np.isnan(values)
        if missing is not None:
            nan |= missing
        missing = nan if nan.any() else None
        limit = feature["limit"]
        if limit is not None:
            beyond = np.abs(values) > limit
            if missing is not None:
                beyond &= ~missing
            if beyond.any():
                if not lenient:
                    raise ScoringError(
                        f"The model refuses {float(values[beyond][0])!r} for the feature "
                        f"{feature['name']!r}: its magnitude is beyond {limit:.6g}."
                    )
                unscored = beyond
                values = np.where(beyond, 0.0, values)
    if missing is None:
        return values, unscored
    policy = feature["missing"]
    if policy == "error" and not lenient:
        raise ScoringError(
            f"The feature {feature['name']!r} is NULL, and the model's policy for it is 'error'."
        )
    fill: Any = "" if kind == "VARCHAR" else 0
    if policy == "model":
        fill = NULL_TEXT if kind == "VARCHAR" else np.nan
    elif policy == "default":
        fill = feature["default"]
    filled = values.copy()
    filled[missing] = fill
    if policy in ("null", "error"):
        unscored = missing if unscored is None else unscored | missing
    return filled, unscored


def is_ordinary(values: Any, limit: float | None) -> bool:
    """Whether numbers are neither NaN nor infinite nor beyond a limit; where it is not sure it says no.

    The sum of their squares takes a tenth of the time of looking at each, and bounds the largest.
    """
    squares = float(np.dot(values, values))
    if not squares < np.inf:
        return False
    return limit is None or squares <= limit * limit or bool(max(values.max(), -values.min()) <= limit)


def ticks(values: Any, unit: str) -> Any:
    """Microseconds as float64 counts of another unit, rounded towards the past as numpy rounds."""
    microseconds = np.asarray(values, dtype=np.int64)
    if unit == "ns":
        return (microseconds * 1000).astype(np.float64)
    size = round(_TICKS_PER_SECOND["us"] / _TICKS_PER_SECOND[unit])
    return (microseconds // size).astype(np.float64)


def feeds_of(entries: Sequence[Mapping[str, Any]], types: Mapping[str, str], prepared: Any) -> dict[str, Any]:
    """What a graph is fed with.

    Args:
        entries: The inputs, as the signature lists them.
        types: Their types by name, as onnxruntime writes them.
        prepared: The ready values of each feature by its position.
    """
    counted: dict[Any, list[Mapping[Any, int]]] = {}
    return {
        entry["name"]: _fed(entry, prepared[entry["feature"]], types[entry["name"]], counted)
        for entry in entries
    }


def _fed(
    entry: Mapping[str, Any], values: Any, kind: str, counted: dict[Any, list[Mapping[Any, int]]]
) -> Any:
    """What an input of the graph is fed with; `counted` keeps the terms that its counts will need too."""
    changes = list(entry["transform"])
    last, _, settings = changes[-1].partition(":") if changes else ("", "", "")
    if not settings:
        return np.ascontiguousarray(_changed(values, changes)).reshape(-1, 1)
    key = (entry["feature"], *changes[:-1], settings)
    if key not in counted:
        texts = _changed(values, changes[:-1])
        counted[key] = analyzer(settings).counts(["" if text == NULL_TEXT else text for text in texts])
    if last == "counts":
        return _Padded([list(counts.values()) for counts in counted[key]], 0.0, np.float64)
    if kind == "tensor(string)":
        return _Padded([list(counts) for counts in counted[key]], NULL_TEXT, np.object_)
    return _Padded([list(counts) for counts in counted[key]], analyzer(settings).features, np.int64)


def _changed(values: Any, changes: Sequence[str]) -> Any:
    for name in changes:
        change = TRANSFORMS[name]
        values = np.array([v if v == NULL_TEXT else change(v) for v in values], dtype=object)
    return values


class _Padded:
    """Rows of different lengths, cut and filled up to a matrix when they are needed."""

    def __init__(self, rows: list[list[Any]], fill: Any, dtype: Any) -> None:
        self._rows, self._fill, self._dtype = rows, fill, dtype
        self.width = max(map(len, rows))

    def __getitem__(self, part: slice) -> Any:
        rows = self._rows[part]
        matrix = np.full((len(rows), max([1, *map(len, rows)])), self._fill, self._dtype)
        for index, row in enumerate(rows):
            matrix[index, : len(row)] = row
        return matrix


def leaves_of(output: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The outputs below a result that are no STRUCT, in order."""
    if output["type"] == "STRUCT":
        for field in output["fields"]:
            yield from leaves_of(field)
    else:
        yield output


def tensors_of(asked: Sequence[Sequence[Mapping[str, Any]]]) -> list[str]:
    """The graph's outputs that hold some leaves, each once."""
    return list(dict.fromkeys(leaf["tensor"] for leaves in asked for leaf in leaves))


def result_column(leaf: Mapping[str, Any], tensor: Any, null: Any, rows: int) -> Column:
    """A leaf of a result, out of the graph's output that holds it; a NaN score is NULL."""
    values = tensor if leaf["column"] is None else tensor[:, leaf["column"]]
    if len(values) != rows:
        raise ScoringError(f"The model returned {len(values)} values for {rows} rows.")
    missing = null
    if leaf["type"] == "DOUBLE":
        missing = null | np.isnan(values)
    return values, missing if missing.any() else None


def empty_column(kind: str) -> Column:
    """A leaf of a result for no rows."""
    dtype = {"DOUBLE": np.float64, "BIGINT": np.int64, "BOOLEAN": np.bool_}.get(kind, np.object_)
    return np.empty(0, dtype=dtype), None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
