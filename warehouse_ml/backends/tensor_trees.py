"""Rewrite tree operators as tensor operators, which a GPU runs.

onnxruntime has no tree operator for CUDA: it would copy the features back, walk the trees on the CPU, and
copy the leaves over again. `tensor_walk.py` has the ways to walk trees instead, `tensor_sums.py` the sums
of their leaves, and `tensor_kernels.py` what CUDA has.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx

from warehouse_ml.backends.read_cells import NotRowwiseError
from warehouse_ml.backends.simplify.flow import Edit, Flow, Kind, rewritten
from warehouse_ml.backends.tensor_columns import SplitColumns
from warehouse_ml.backends.tensor_forest import Chunk, Splits, chunks_of, found_leaves
from warehouse_ml.backends.tensor_sums import RunningSum, add_rounds, running_sum, split_values
from warehouse_ml.backends.tensor_walk import (
    asked_of,
    cells_per_tree,
    operators_of,
    walk_chunk,
    way_of,
)
from warehouse_ml.errors import WarehouseMLError

ROWS = 2**17
"""Rows of one run: a batch of this size fills a GPU."""

CELLS = 2**26
"""Numbers that one tensor may hold: 512 MB as float64."""

METADATA_KEY = "warehouse_ml.tensor_trees"
"""Where the file says how its trees are walked, beside the signature."""

_MOST_CELLS = 2**31 - 1
"""CUDA's operators count the elements of a tensor in int32."""

_MOST_OPERATORS = 20_000
"""A session of so many operators takes some ten seconds to make, and a run as many launches."""


class NoTensorFormError(WarehouseMLError):
    """A model's trees cannot be written as tensor operators."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The trees have no form of tensor operators: {reason}.")


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """What a rewritten file says of itself.

    Attributes:
        rows: How many rows a run may have.
        row_size: How many numbers the widest tensor that was written holds for one row.
        ways: By name of a way, how many trees are walked by it.
    """

    rows: int
    row_size: int
    ways: Mapping[str, int] = field(default_factory=dict)


def tensor_graph(model: bytes, *, rows: int = ROWS, cells: int = CELLS) -> bytes:
    """Rewrite the tree operators of a model as tensor operators.

    Every row ends in the same leaves, and leaf values are added in the same order and precision. All that
    is not a tree operator or the sum of its leaves stays as it is, and so does the metadata.

    Args:
        model: An ONNX file, as a version has it.
        rows: How many rows a run has at most; who runs the file cuts batches into parts of this size.
        cells: How many numbers a tensor may hold in a run of so many rows. Where one round of trees needs
            more, `facts_of(...).rows` is less than `rows`.

    Returns:
        The ONNX file without tree operators; the file itself where it has none.

    Raises:
        NoTensorFormError: A tree operator is of another form than the exporters' ones, the trees are too
            deep, or the graph has sub-graphs.
    """
    loaded = onnx.load_model_from_string(model)
    if not any(is_tree_operator(node) for node in loaded.graph.node):
        return model
    flow = Flow.of(loaded)
    if flow is None:
        raise NoTensorFormError("the graph has sub-graphs, functions or initializers that are inputs")
    if rows < 1 or cells < 1:
        raise ValueError("rows and cells must be positive")
    writer = _Writer(flow, max(1, min(cells, _MOST_CELLS) // rows))
    result = rewritten(flow, writer.step).build()
    fitting = max(1, min(rows, min(cells, _MOST_CELLS) // writer.row_size))
    facts = {"rows": fitting, "row_size": writer.row_size, "ways": dict(sorted(writer.ways.items()))}
    onnx.helper.set_model_props(
        result,
        {entry.key: entry.value for entry in loaded.metadata_props} | {METADATA_KEY: json.dumps(facts)},
    )
    return bytes(result.SerializeToString(deterministic=True))


def facts_of(metadata: Mapping[str, str]) -> TensorFacts | None:
    """What a file's metadata say of its trees; None where they were not rewritten."""
    text = metadata.get(METADATA_KEY)
    return None if text is None else TensorFacts(**json.loads(text))


def is_tree_operator(node: onnx.NodeProto) -> bool:
    """Whether a node is one that onnxruntime has for no GPU."""
    return node.domain == "ai.onnx.ml" and node.op_type.startswith("TreeEnsemble")


@dataclass(frozen=True, slots=True, eq=False)
class _Trees:
    """A tree operator, and what becomes of its leaf numbers.

    Attributes:
        node: The operator.
        splits: Its trees.
        total: The sum of what its leaves hold, or None where the numbers themselves are wanted.
        cast: The node that makes whole numbers of them, where that is all they are read for.
    """

    node: onnx.NodeProto
    splits: Splits
    total: RunningSum | None
    cast: onnx.NodeProto | None

    @property
    def inside(self) -> tuple[onnx.NodeProto, ...]:
        """The nodes that are written anew."""
        more = self.total.nodes if self.total is not None else (self.cast,) if self.cast is not None else ()
        return self.node, *more

    @property
    def per_round(self) -> int:
        """How many trees add once to each sum."""
        return 1 if self.total is None else self.splits.trees // self.total.rounds

    @property
    def width(self) -> int:
        """How many values a leaf holds."""
        return 1 if self.total is None else self.total.width


class _Writer:
    """Offers itself to every node; writes the trees where the last node of theirs was.

    Attributes:
        row_size: How many numbers the widest tensor that was written holds for one row.
        ways: How many trees are walked by each way.
    """

    def __init__(self, flow: Flow, per_row: int) -> None:
        self.row_size = 1
        self.ways: Counter[str] = Counter()
        self._per_row = per_row
        self._inside: dict[int, _Trees] = {}
        readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in flow.nodes:
            for name in node.input:
                readers[name].append(node)
        operators = 0
        for node in flow.nodes:
            if is_tree_operator(node):
                trees = _read(flow, readers, node)
                operators += operators_of(self._chunks(trees))
                self._inside |= {id(part): trees for part in trees.inside}
        if operators > _MOST_OPERATORS:
            raise NoTensorFormError(
                f"they are so deep and so many that they would take {operators:,} operators; limit their "
                f"depth, or allow more cells"
            )

    def step(self, node: onnx.NodeProto, flow: Flow, edit: Edit) -> bool:
        """See `simplify.flow.Step`."""
        trees = self._inside.get(id(node))
        if trees is None:
            return False
        if node is trees.inside[-1]:
            self._write(trees, flow, edit)
        return True

    def _chunks(self, trees: _Trees) -> Sequence[Chunk]:
        """The trees in parts that do not exceed the limit, however they are walked."""
        most = self._per_row // max(trees.width, 1)
        chunks = []
        for chunk in chunks_of(trees.splits, trees.per_round, most):
            size = max(trees.width, cells_per_tree(way_of(chunk)))
            if chunk.trees * size <= self._per_row:
                chunks.append(chunk)
                continue
            step = max(1, self._per_row // (size * trees.per_round)) * trees.per_round
            for first in range(chunk.first, chunk.last, step):
                chunks.append(Chunk(chunk.splits, first, min(first + step, chunk.last)))
        return chunks

    def _write(self, trees: _Trees, flow: Flow, edit: Edit) -> None:
        matrix = trees.node.input[0]
        dtype, width = _features(flow, trees.node)
        chunks = self._chunks(trees)
        asked = sorted(set().union(*(asked_of(chunk) for chunk in chunks)))
        columns = SplitColumns(edit, matrix, dtype, width, asked)
        parts: list[str] = []
        for chunk in chunks:
            way = way_of(chunk)
            self.ways[way] += chunk.trees
            size = max(trees.width, chunk.most_splits if way == "products" else 1)
            self.row_size = max(self.row_size, columns.width, chunk.trees * size)
            found = walk_chunk(edit, chunk, columns)
            if trees.total is not None:
                table = trees.total.table[found.numbers]
                parts += split_values(edit, found.place, table, chunk.trees, trees.total)
            else:
                kind = Kind("float32" if trees.cast is None else "int64", (None, chunk.trees))
                called = edit.constant(found.numbers.astype(kind.dtype))
                parts.append(edit.node("Gather", [called, found.place], kind=kind, axis=0))
        if trees.total is not None:
            add_rounds(edit, parts, trees.total)
            return
        self.row_size = max(self.row_size, trees.splits.trees)
        edit.node("Concat", parts, output=trees.inside[-1].output[0], axis=1)


def _read(flow: Flow, readers: Mapping[str, Sequence[onnx.NodeProto]], node: onnx.NodeProto) -> _Trees:
    if node.op_type != "TreeEnsembleRegressor":
        raise NoTensorFormError(f"the operator {node.op_type} is not one that the exporters write")
    try:
        dtype, width = _features(flow, node)
        asked = next(entry for entry in node.attribute if entry.name == "nodes_featureids").ints
        splits = found_leaves(node, dtype, max(asked) + 1 if width is None else width)
    except NotRowwiseError as error:
        raise NoTensorFormError(str(error)) from error
    if splits is None:
        raise NoTensorFormError("a tree operator adds up its leaves itself, which the exporters' do not")
    total = running_sum(flow, readers, node.output[0])
    if total is not None and splits.trees * total.width != total.rounds * total.outputs:
        total = None
    following = readers.get(node.output[0], ())
    cast = following[0] if len(following) == 1 and flow.readers[node.output[0]] == 1 else None
    if cast is not None and (cast.op_type != "Cast" or flow.kind(cast.output[0]).dtype != "int64"):
        cast = None
    return _Trees(node, splits, total, cast)


def _features(flow: Flow, node: onnx.NodeProto) -> tuple[str, int | None]:
    """The type of an operator's features, and how many it gets, where that is known."""
    kind = flow.kind(node.input[0])
    if kind.dtype not in ("float32", "float64"):
        raise NoTensorFormError("the type of their features is not known")
    return kind.dtype, kind.width
