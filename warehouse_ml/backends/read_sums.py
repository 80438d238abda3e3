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

    A tensor that is only used to make a longer such sum, or the same one in another shape, is left out, and
    so is one whose trees the graph needs for something else too. What names an output of the graph is none;
    the tensor with that content before it is.

    Args:
        nodes: The nodes of the graph.
        known: What each tensor holds.
        outputs: The names of the graph's outputs.
    """
    verdicts: dict[int, bool] = {}
    sums = {
        name for node in nodes for name in node.output if name in known and _holds_sums(known[name], verdicts)
    }
    needed = set(outputs).union(*(node.input for node in nodes))
    used = set(outputs)
    for node in nodes:
        if node.op_type == "Identity" or not sums.intersection(node.output):
            used.update(node.input)
    found: dict[str, tuple[Expression, ...]] = {}
    at_hand: dict[str, set[int]] = {}
    for node in nodes:
        below = [name for name in node.input if isinstance(known.get(name), Cells)]
        derived: set[int] = set()
        if at_hand.keys() >= set(below):
            derived = derived.union(*(at_hand[name] for name in below))
        for name in sums.intersection(node.output):
            cells = _cells(known[name])
            if derived.issuperset(map(id, cells)):
                at_hand[name] = derived  # only chosen or moved from what is found
            elif (
                name in used
                and _rank(known[name]) <= 2
                and node.op_type != "Identity"
                and len(needed.intersection(node.output)) == 1  # else the trees would stay in the graph
            ):
                found[name] = cells
                at_hand[name] = set(map(id, cells))
    return _relieving(nodes, known, outputs, found)


def _relieving(
    nodes: Sequence[onnx.NodeProto],
    known: Mapping[str, Value],
    outputs: Collection[str],
    found: dict[str, tuple[Expression, ...]],
) -> dict[str, tuple[Expression, ...]]:
    """Those that spare the graph their trees: where it must still walk them, nothing is won by a cut."""
    while True:
        needed = set(outputs) - found.keys()
        left: set[int] = set()
        for node in reversed(nodes):
            if needed.intersection(node.output):
                needed.update(name for name in node.input if name not in found)
                if node.op_type.startswith("TreeEnsemble"):
                    left.update(*(_forests(_cells(known[name])) for name in node.output if name in known))
        kept = {name: cells for name, cells in found.items() if left.isdisjoint(_forests(cells))}
        if len(kept) == len(found):
            return found
        found = kept


def _forests(cells: Sequence[Expression]) -> set[int]:
    """The addresses of the forests whose leaves some cells depend on, other than by a forest's columns."""
    found: set[int] = set()
    seen: set[int] = set()
    stack = list(cells)
    while stack:
        cell = stack.pop()
        if id(cell) in seen:
            continue
        seen.add(id(cell))
        if cell.operator == "leaf":
            found.add(id(cell.value[0]))
        else:
            stack.extend(cell.arguments)
    return found


def _cells(value: Value) -> tuple[Expression, ...]:
    return tuple(value.array.ravel().tolist()) if isinstance(value, Cells) else ()


def _rank(value: Value) -> int:
    return value.array.ndim if isinstance(value, Cells) else value.ndim


def _holds_sums(value: Value, verdicts: dict[int, bool]) -> bool:
    if not isinstance(value, Cells) or not value.dtype.startswith("float"):
        return False
    cells = _cells(value)
    return all(_is_sum(cell, verdicts) for cell in cells) and any(cell.arguments for cell in cells)


def _is_sum(root: Expression, verdicts: dict[int, bool]) -> bool:
    """Whether it is `take(table, leaf)`, a constant, or a sum of such a sum and one more `take`."""
    chain: list[Expression] = []
    expression = root
    while id(expression) not in verdicts and _adds_value(expression):
        chain.append(expression)
        expression = expression.arguments[0]
    if id(expression) not in verdicts:
        verdicts[id(expression)] = expression.operator == "constant" or _is_value(expression)
    verdict = verdicts[id(expression)]
    verdicts.update((id(link), verdict) for link in chain)
    return verdict


def _adds_value(expression: Expression) -> bool:
    return expression.operator == "add" and _is_value(expression.arguments[1])


def _is_value(expression: Expression) -> bool:
    return expression.operator == "take" and expression.arguments[0].operator == "leaf"
