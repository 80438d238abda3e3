"""Probabilities of classes from those of every pair of classes."""

from itertools import combinations

import numpy as np

from warehouse_ml.graph.tensor import Tensor

ROUNDS = 10
"""How often LIBSVM's loop is unrolled. It stops at a coarse tolerance: over random and extreme pairs of up
to ten classes it never took more than four rounds."""


def coupled_probabilities(pairwise: Tensor, classes: int) -> Tensor:
    """LIBSVM's `multiclass_probability`, stopping where it stops: shape [rows, classes].

    Source: Wu, Lin and Weng, Probability Estimates for Multi-class Classification by Pairwise Coupling,
    JMLR 5 (2004), algorithm 2.

    Args:
        pairwise: For each pair of classes (0, 1), (0, 2), … the probability of the first, [rows, pairs].
        classes: The number of classes.
    """
    order = np.zeros((classes, classes), dtype=np.int64)
    count = classes * (classes - 1) // 2
    order[:] = 2 * count  # the diagonal is zero
    for place, (first, second) in enumerate(combinations(range(classes), 2)):
        order[first, second], order[second, first] = place, count + place
    graph = pairwise.graph
    zero = pairwise.full_like_rows([0.0], "float64")
    both = graph.concat([pairwise, 1.0 - pairwise, zero])
    ahead = both.columns(order.ravel().tolist()).reshape(None, classes, classes)
    behind = both.columns(order.T.ravel().tolist()).reshape(None, classes, classes)
    matrix = (ahead * ahead).sum(1) * np.eye(classes) - ahead * behind
    rows = [matrix.take(place, axis=1) for place in range(classes)]
    chances = pairwise.full_like_rows(np.full(classes, 1.0 / classes))
    running: Tensor | None = None
    for _ in range(ROUNDS):
        products = (matrix * chances.expand_dims(1)).sum(2, keepdims=False)
        total = (chances * products).sum()
        apart = abs(products - total).max() >= 0.005 / classes
        running = apart if running is None else running & apart
        chances = running.where(_improved(chances, products, total, rows), chances)
    return chances


def _improved(chances: Tensor, products: Tensor, total: Tensor, rows: list[Tensor]) -> Tensor:
    """One round: each class in turn gets the best probability that the others leave it."""
    for place, row in enumerate(rows):
        one = np.eye(len(rows))[[place]]
        diagonal, product = row.columns([place]), products.columns([place])
        step = (total - product) / diagonal
        grown = step + 1.0
        total = (total + step * (step * diagonal + product * 2.0)) / grown / grown
        products = (products + step * row) / grown
        chances = (chances + step * one) / grown
    return chances
