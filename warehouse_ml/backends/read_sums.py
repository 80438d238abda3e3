"""Find the tensors of a graph that hold sums of trees: there the graph can be cut."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from warehouse_ml.backends.program import Expression
from warehouse_ml.backends.read_cells import Cells, Value

if TYPE_CHECKING:
    import onnx


def sums_of_trees(
    nodes: Sequence[onnx.NodeProto], known: Mapping[str, Value], outputs: Collection[str]
) -> dict[str, tuple[Expression, ...]]:
    """The columns of the tensors [rows, k] or [rows] all of whose cells are sums of tree leaves.

    A tensor that is only used to make a longer such sum, or the same one in another shape, is left out.
    What names an output of the graph is none; the tensor with that content before it is.

    Args:
        nodes: The nodes of the graph.
        known: What each tensor holds.
        outputs: The names of the graph's outputs.
    """
    verdicts: dict[int, bool] = {}
    sums = {
        name for node in nodes for name in node.output if name in known and _holds_sums(known[name], verdicts)
    }
    used = set(outputs)
    for node in nodes:
        if node.op_type == "Identity" or not sums.intersection(node.output):
            used.update(node.input)
    named = {name for node in nodes if node.op_type == "Identity" for name in node.output}
    found = {}
    for node in nodes:
        for name in node.output:
            value = known.get(name)
            wanted = name in sums and name in used and name not in named
            if wanted and isinstance(value, Cells) and value.array.ndim <= 2:
                found[name] = tuple(value.array.ravel().tolist())
    return found


def _holds_sums(value: Value, verdicts: dict[int, bool]) -> bool:
    if not isinstance(value, Cells) or not value.dtype.startswith("float"):
        return False
    cells = value.array.ravel().tolist()
    return all(_is_sum(cell, verdicts) for cell in cells) and any(cell.arguments for cell in cells)


def _is_sum(root: Expression, verdicts: dict[int, bool]) -> bool:
    """Whether it is `take(table, leaf)`, a constant, or a sum of such a sum and one more `take`."""
    chain: list[Expression] = []
    expression = root
    while (
        id(expression) not in verdicts and expression.operator == "add" and _is_value(expression.arguments[1])
    ):
        chain.append(expression)
        expression = expression.arguments[0]
    if id(expression) not in verdicts:
        verdicts[id(expression)] = expression.operator == "constant" or _is_value(expression)
    verdict = verdicts[id(expression)]
    verdicts.update((id(link), verdict) for link in chain)
    return verdict


def _is_value(expression: Expression) -> bool:
    return expression.operator == "take" and expression.arguments[0].operator == "leaf"
