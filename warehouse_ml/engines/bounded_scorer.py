"""A scorer whose trees are pruned by what a statement's WHERE says of the features."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.engines.lazy_scorer import LazyScorer
from warehouse_ml.signature import Signature
from warehouse_ml.variant import Bounds

MOST_LOADED = 16
"""How many scorers keep their pruned trees: each statement with other constants wants some of its own."""

_loaded: OrderedDict[int, "BoundedScorer"] = OrderedDict()
_lock = threading.Lock()


class BoundedScorer(LazyScorer):
    """A scorer whose trees are pruned; batches beyond the bounds are scored by the whole trees."""

    def __init__(self, signature: Signature, whole: LazyScorer, bounds: Sequence[Bounds | None]) -> None:
        """Prepare.

        Args:
            signature: Of the version.
            whole: The scorer of the version, which knows where the model is read from.
            bounds: What is expected of each feature.
        """
        super().__init__(signature)
        self._facts = json.loads(signature.to_json())
        self._whole, self._bounds = whole, tuple(bounds)
        self._made_beside: Any = None

    def get(self) -> Any:
        """The scorer; see `LazyScorer.get`."""
        whole = self._whole.get()
        with self._loading:
            if self._scorer is None or self._made_beside is not whole:
                self._scorer = self._bounded(whole)
                self._made_beside = whole
            scorer = self._scorer
        with _lock:
            _loaded[id(self)] = self
            _loaded.move_to_end(id(self))
            while len(_loaded) > MOST_LOADED:
                _loaded.popitem(last=False)[1]._unload()
        return scorer

    def _unload(self) -> None:
        self._scorer = self._made_beside = None

    def _bounded(self, whole: Any) -> Any:
        """The scorer with pruned trees; the whole one where it runs no trees over features."""
        if not isinstance(whole, load_handler("planned_udf").PlannedScorer):
            return whole
        data = self._whole._read("plan")
        handler = load_handler("planned_udf")
        plan = handler.read_plan(data)
        if not handler.has_trees(plan):
            return whole
        return handler.PlannedScorer(plan, self._facts, bounded_kernels(plan, self._bounds))


def bounded_kernels(
    plan: Mapping[str, Any], bounds: Sequence[Bounds | None]
) -> Callable[[Mapping[str, Any]], Any]:
    """Makes the kernels of a plan, one after another, each for its own columns.

    Args:
        plan: The entries of a plan.
        bounds: What is expected of each feature.
    """
    kernel, pruning = load_handler("tree_kernel").TreeKernel, load_handler("tree_pruning")
    facts = json.loads(plan["facts"].tobytes())
    texts: dict[int, list[str]] = {int(place): known for place, known in facts["categories"].items()}
    parts: Iterator[Mapping[str, Any]] = iter(facts["sums"])

    def made(arrays: Mapping[str, Any]) -> Any:
        part = next(parts)
        features: list[int] = part["features"]
        if part["before"] or not any(bounds[place] is not None for place in features):
            return kernel(arrays)
        numbers = [_number_bounds(bounds[place], pruning.ANY) for place in features]
        codes = [_codes(bounds[place], texts.get(place)) for place in features]
        return pruning.BoundedKernel(arrays, numbers, codes, kernel)

    return made


def _number_bounds(bound: Bounds | None, otherwise: Any) -> Any:
    if bound is None or bound.values is not None:
        return otherwise
    low = -np.inf if bound.low is None else bound.low
    high = np.inf if bound.high is None else bound.high
    return low, high, bound.missing


def _codes(bound: Bounds | None, texts: Sequence[str] | None) -> Any:
    """Which codes occur; the last two stand for an unknown text and for NULL."""
    if bound is None or bound.values is None or texts is None:
        return None
    possible = np.zeros(len(texts) + 2, dtype=bool)
    for value in bound.values:
        possible[texts.index(value) if value in texts else len(texts)] = True
    possible[len(texts) + 1] = bound.missing
    return possible
