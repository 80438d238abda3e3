"""Choose among equally near rows as scikit-learn's heap of the k nearest does.

A row at the distance of the farthest one kept is not taken, so of equals the first visited stay; but a
nearer row that comes later pushes out the one at the top of the heap, and which of several equals
stands there hangs on all that went before (`heap_push` in `sklearn/utils/_heap.pyx`). Here the pushes are
made one after another, for a whole batch of rows at once, of those training rows alone that can enter.
"""

from __future__ import annotations

from warehouse_ml.graph.graph import Graph
from warehouse_ml.graph.tensor import Shape, Tensor

LARGEST_SIMULATION = 8_000
"""The most nodes to spend; above it the first visited of equals are kept."""

_FIRST_BLOCK = 16


def candidates(k: int) -> int:
    """How many training rows are pushed; rows of a batch that would need more keep the first visited."""
    return 5 * k + 40


def can_settle(k: int) -> bool:
    """Whether a heap of k is small enough to be written out."""
    return candidates(k) * 16 * (k.bit_length() - 1) <= LARGEST_SIMULATION


def settle(distances: Tensor, k: int, first_visited: Tensor) -> Tensor:
    """The places of the k nearest that a heap ends with, in any order.

    Args:
        distances: [rows, points], the points in the order in which they are visited.
        k: How many to keep; not more than there are points.
        first_visited: The places [rows, k] to answer with where too many points could enter.
    """
    graph, width = distances.graph, distances.width
    possible = _can_enter(distances, k)
    size = min(candidates(k), width)
    place = graph.constant(range(width), "float64").reshape(1, width)
    keys, _ = possible.where(place, float(width)).topk(size, largest=False)
    pushed = keys.binary("Min", float(width - 1)).cast("int64")
    values = (keys < float(width)).where(distances.take_along(pushed), float("inf"))
    kept = _pushed(graph, values, pushed, k)
    fits = possible.cast("float64").sum() <= float(size)
    return fits.where(kept, first_visited)


def _can_enter(distances: Tensor, k: int) -> Tensor:
    """False where the k nearest of the blocks before are at least as near: bool [rows, points]."""
    width = distances.width
    end = min(max(2 * k, _FIRST_BLOCK), width)
    kept, _ = distances.columns(range(end)).topk(k, largest=False)
    masks = [distances.columns(range(end)) < float("inf")]
    step = max(2 * _FIRST_BLOCK, width // 64)
    while end < width:
        start, end = end, min(end + min(step, max(end // 2, 1)), width)
        block = distances.columns(range(start, end))
        masks.append(block < kept.columns([k - 1]))
        kept, _ = distances.graph.concat([kept, block]).topk(k, largest=False)
    return distances.graph.concat(masks)


def _pushed(graph: Graph, values: Tensor, places: Tensor, k: int) -> Tensor:
    """The places in a heap of k after every value is pushed.

    A level of the heap is a tensor: first the left children of the level above, then the right ones.
    Nodes beyond k hold minus infinity, which no value goes below.
    """
    slots = [[0]]
    while 2 * min(slots[-1]) + 1 < k:
        slots.append([2 * node + 1 for node in slots[-1]] + [2 * node + 2 for node in slots[-1]])
    heap = [
        values.full_like_rows([float("inf") if node < k else float("-inf") for node in level])
        for level in slots
    ]
    held = [values.full_like_rows([0] * len(level), "int64") for level in slots]
    for index in range(values.width):
        value, place = values.columns([index]), places.columns([index])
        enters = value < heap[0]
        for depth in range(len(slots) - 1):
            left, right = _halves(heap[depth + 1])
            held_left, held_right = _halves(held[depth + 1])
            leftward = left >= right
            larger = graph.maximum(left, right)
            sinks = enters & (larger > value)
            heap[depth] = enters.where(graph.maximum(larger, value), heap[depth])
            risen = sinks.where(leftward.where(held_left, held_right), place)
            held[depth] = enters.where(risen, held[depth])
            enters = graph.concat([sinks & leftward, sinks & ~leftward])
        heap[-1] = enters.where(value, heap[-1])
        held[-1] = enters.where(place, held[-1])
    real = [
        held[depth].columns([i for i, node in enumerate(level) if node < k])
        for depth, level in enumerate(slots)
    ]
    return graph.concat(real)


def _halves(level: Tensor) -> tuple[Tensor, Tensor]:
    half = level.width // 2
    shapes: list[Shape | None] = [(None, half), (None, half)]
    left, right = level.graph.op("Split", level, dtype=[level.dtype] * 2, shape=shapes, axis=1)
    return left, right
