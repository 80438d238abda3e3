"""A single tree without the branches that no row reaches, from what is known of its columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warehouse_ml.backends.program import Expression, Forest


def without_unreached(
    expression: Expression, forest: Forest, tree: int, known: Sequence[tuple[float, float, bool]]
) -> Expression:
    """The leaf where a row ends, of a tree without the branches that no row reaches.

    Args:
        expression: The expression `leaf`.
        forest: Its forest.
        tree: Its tree.
        known: For each column the smallest and the largest number in the forest's precision, the first one
            above the second one where it is always missing, and whether it may be missing.
    """
    threshold = forest.threshold.astype(forest.precision)

    def outcome(node: int) -> bool | None:
        low, high, missing = known[int(forest.feature[node])]
        bound, goes_left = threshold[node], bool(forest.missing_left[node])
        below = high < bound if forest.comparison == "<" else high <= bound
        above = low >= bound if forest.comparison == "<" else low > bound
        if low > high:
            return goes_left if missing else None
        if below and (goes_left or not missing):
            return True
        if above and (not goes_left or not missing):
            return False
        return None

    def reached(node: int) -> int:
        while forest.feature[node] >= 0:
            decided = outcome(node)
            if decided is None:
                return node
            node = int(forest.left[node] if decided else forest.right[node])
        return node

    nodes = [reached(int(forest.roots[tree]))]
    children: list[tuple[int, int]] = []
    for node in nodes:  # grows while it is read
        if forest.feature[node] < 0:
            children.append((-1, -1))
            continue
        pair = [reached(int(forest.left[node])), reached(int(forest.right[node]))]
        children.append((len(nodes), len(nodes) + 1))
        nodes += pair
    if len(nodes) == 1:
        return Expression("constant", expression.dtype, (), int(forest.leaf[nodes[0]]))
    columns = sorted({int(forest.feature[node]) for node in nodes if forest.feature[node] >= 0})
    if len(columns) == len(expression.arguments) and len(nodes) == node_count(forest, tree):
        return expression
    index = np.array(nodes)
    places = {column: place for place, column in enumerate(columns)} | {-1: -1}
    cut = Forest(
        np.zeros(1, np.int64),
        np.array([places[int(column)] for column in forest.feature[index]], np.int64),
        forest.threshold[index],
        np.array([left for left, _ in children], np.int64),
        np.array([right for _, right in children], np.int64),
        forest.missing_left[index],
        forest.leaf[index],
        forest.comparison,
        forest.precision,
    )
    arguments = tuple(expression.arguments[column] for column in columns)
    return Expression("leaf", expression.dtype, arguments, (cut, 0))


def node_count(forest: Forest, tree: int) -> int:
    """How many nodes a tree has."""
    stack, size = [int(forest.roots[tree])], 0
    while stack:
        node = stack.pop()
        size += 1
        if forest.feature[node] >= 0:
            stack += [int(forest.left[node]), int(forest.right[node])]
    return size
