"""Topics of a document by latent Dirichlet allocation: a fixed-point iteration, written out."""

from __future__ import annotations

from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.distances import dense
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.exporters.pairwise_kernels import refuse_negative
from warehouse_ml.graph.tensor import Tensor

MOST_ITERATIONS = 200
"""Each iteration is about sixty nodes of the graph."""


def latent_dirichlet_allocation(model: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The E step of Hoffman et al., 2010, until a document's own topics move less than the tolerance.

    A document that has settled keeps its topics while the others of the batch go on, so the result does
    not depend on the batch; that is also how `_update_doc_distribution` goes through the documents.
    """
    if model.max_doc_update_iter > MOST_ITERATIONS:
        exporter.unsupported(
            f"it iterates up to {model.max_doc_update_iter} times for a document",
            f"Set max_doc_update_iter to at most {MOST_ITERATIONS}.",
        )
    counts = exporter.numbers(columns)
    refuse_negative(counts, exporter)
    words = dense(model.exp_dirichlet_component_)
    topics = len(words)
    prior = float(model.doc_topic_prior_)
    spread = counts.full_like_rows(np.ones(topics))
    weights = _expectation(spread)
    moving: Tensor | None = None
    for _ in range(model.max_doc_update_iter):
        share = counts / (weights @ words + np.finfo(np.float64).eps)
        updated = weights * (share @ words.T) + prior
        change = abs(updated - spread).sum() / float(topics)
        if moving is not None:
            updated = moving.where(updated, spread)
        settled = change < float(model.mean_change_tol)
        moving = ~settled if moving is None else moving & ~settled
        spread, weights = updated, _expectation(updated)
    return Columns.of(spread / spread.sum())


def _expectation(spread: Tensor) -> Tensor:
    """exp(psi(x) - psi(sum of x)) along the columns."""
    topics = spread.width
    both = _digamma(spread.graph.concat([spread, spread.sum()]))
    return (both.columns(range(topics)) - both.columns([topics])).exp()


def _digamma(x: Tensor) -> Tensor:
    """The digamma function as `_online_lda_fast.pyx` approximates it, for positive arguments."""
    tiny = x <= 1e-6
    shifted, result = tiny.where(1.0, x), x * 0.0
    for _ in range(6):
        below = shifted < 6.0
        result = result - below.where(1.0 / shifted, 0.0)
        shifted = shifted + below.cast("float64")
    inverse = 1.0 / shifted
    square = inverse * inverse
    series = square * (-(square * (-(square * (1.0 / 252.0)) + 1.0 / 120.0)) + 1.0 / 12.0)
    result = result + (shifted.log() - inverse * 0.5) - series
    return tiny.where(-(1.0 / x) - np.euler_gamma, result)
