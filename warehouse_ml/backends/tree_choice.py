"""Choose the tensors at which a graph is cut: the kernel computes them, what remains computes the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx

from warehouse_ml.backends.cut import captured
from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.tree_sums import Group, Sum, Tables, grouped, tree_nodes

Sums = Mapping[str, Sequence[Sum]]
"""By the name of a tensor its columns."""

_NODES_PER_OPERATOR = 200
"""How many nodes of trees the kernel compares in the time that onnxruntime takes for one small operator."""

_NODES_PER_KERNEL = 2000
"""And how many in the time that it takes to prepare the columns of one more kernel."""


def sums_to_cut(model: onnx.ModelProto, cells: Mapping[str, tuple[Expression, ...]]) -> Sums:
    """The tensors at which to cut.

    The nearer to the outputs, the less is left to the graph; but where several sums add up the same trees,
    these would be walked several times.

    Args:
        model: The graph.
        cells: The columns of the tensors that trees alone decide.

    Returns:
        The sums; empty where nothing can be cut.
    """
    tables = Tables()
    sums: dict[str, list[Sum]] = {}
    for name, columns in cells.items():
        found = [tables.sum(column) for column in columns]
        whole = [entry for entry in found if entry is not None and entry.terms]
        if whole and len(whole) == len(found):
            sums[name] = whole
    producers = {name: node for node in model.graph.node for name in node.output if name}
    operators = [node for node in model.graph.node if node.op_type.startswith("TreeEnsemble")]
    ends = {name for node in operators for name in node.output}
    sizes = _Sizes()
    rules: list[Callable[[str], bool]] = [
        lambda name: True,
        lambda name: sizes.walked(cells, {name: sums[name]}) == sizes.distinct({name: sums[name]}),
        lambda name: name in ends,
    ]
    choices = []
    for rule in rules:
        chosen = _nearest(model, producers, {name: entry for name, entry in sums.items() if rule(name)})
        if chosen:
            rest = _rest(model, producers, chosen)
            trees = sum(node.op_type.startswith("TreeEnsemble") for node in rest)
            kernels = _NODES_PER_KERNEL * len(groups_of(cells, chosen))
            cost = sizes.walked(cells, chosen) + kernels + _NODES_PER_OPERATOR * len(rest)
            choices.append((trees, cost, chosen))
    return min(choices, key=lambda choice: choice[:2])[2] if choices else {}


def groups_of(cells: Mapping[str, tuple[Expression, ...]], sums: Sums) -> list[Group]:
    """The sums in groups that one kernel each can compute."""
    columns = [column for name in sums for column in cells[name]]
    return grouped(columns, [entry for name in sums for entry in sums[name]])


def _nearest(model: onnx.ModelProto, producers: Mapping[str, onnx.NodeProto], sums: Sums) -> Sums:
    """Those that the outputs reach first."""
    return {name: sums[name] for name in _reached(model, producers, sums) if name in sums}


def _rest(
    model: onnx.ModelProto, producers: Mapping[str, onnx.NodeProto], chosen: Sums
) -> list[onnx.NodeProto]:
    """What is left in the graph."""
    reached = _reached(model, producers, chosen)
    nodes = [producers[name] for name in reached if name in producers and name not in chosen]
    return list({node.output[0]: node for node in nodes}.values())


def _reached(model: onnx.ModelProto, producers: Mapping[str, onnx.NodeProto], ends: Sums) -> list[str]:
    """The tensors that the outputs depend on, but for what lies behind some of them."""
    seen: dict[str, None] = {}
    stack = [output.name for output in reversed(model.graph.output)]
    while stack:
        name = stack.pop()
        if name in seen:
            continue
        seen[name] = None
        if name in producers and name not in ends:
            node = producers[name]
            stack.extend(reversed([*node.input, *captured(node)]))
    return list(seen)


class _Sizes:
    """How many nodes trees have; each is counted once."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def walked(self, cells: Mapping[str, tuple[Expression, ...]], sums: Sums) -> int:
        """How many nodes the kernels of some sums would have."""
        return sum(self._size(leaf) for group in groups_of(cells, sums) for leaf, _, _ in group.trees())

    def distinct(self, sums: Sums) -> int:
        """How many nodes their trees have."""
        leaves = [term.leaf for entries in sums.values() for entry in entries for term in entry.terms]
        return sum(map(self._size, {id(leaf): leaf for leaf in leaves}.values()))

    def _size(self, leaf: Expression) -> int:
        if id(leaf) not in self._known:
            self._known[id(leaf)] = len(tree_nodes(*leaf.value))
        return self._known[id(leaf)]
