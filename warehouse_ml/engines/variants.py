"""The function of a variant: Arrow columns in, the scores of several versions out."""

import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse_ml.engines.arrow import arrow_type, to_arrow
from warehouse_ml.engines.bounded_scorer import BoundedScorer
from warehouse_ml.engines.scoring import handler, remembered, shared_scorer
from warehouse_ml.errors import MethodError, ScoringError
from warehouse_ml.signature import Method, Output
from warehouse_ml.variant import DEVICE_BATCH, REFUSAL_MARK, Member, Variant

_functions: dict[str, Callable[..., Any]] = {}
_lock = threading.Lock()


def shared_variant(variant: Variant) -> Callable[..., Any]:
    """The function of a variant; kept as long as the process lives, see `scoring.shared_function`."""
    with _lock:
        if variant.name not in _functions:
            _functions[variant.name] = variant_function(variant)
        return _functions[variant.name]


def variant_function(variant: Variant) -> Callable[..., Any]:
    """A function of one Arrow column per parameter that returns the Arrow column of the variant's output."""
    works = _works(variant)
    if variant.gathered:
        return _of_lists(works, variant)
    output = variant.output
    score_output = output.fields[0] if variant.deferred else output

    def score(*columns: Any) -> Any:
        with remembered():
            if variant.deferred:
                return _deferred(works, columns, output)
            return _packed([part for work in works for part in work.score(columns)], score_output)

    score.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(f"parameter_{position}", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for position in range(len(variant.types))
        ]
    )
    return score


def _of_lists(works: Sequence["_Work"], variant: Variant) -> Callable[[Any], Any]:
    """A function of lists of rows that returns a list of results for each; it scores them in full batches."""

    def score(rows: Any) -> Any:
        with remembered():
            lists = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
            columns = lists.flatten().flatten()
            count = len(columns[0])
            parts = [
                _packed([part for work in works for part in work.score(batch)], variant.output)
                for start in range(0, max(count, 1), DEVICE_BATCH)
                for batch in [[column.slice(start, DEVICE_BATCH) for column in columns]]
            ]
            sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
            offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
            scores = pa.concat_arrays(parts) if len(parts) > 1 else parts[0]
            return pa.ListArray.from_arrays(pa.array(offsets), scores)

    return score


def _works(variant: Variant) -> list["_Work"]:
    """The members of a variant, neighbours of one version over the same parameters as one piece of work."""
    groups: list[list[Member]] = []
    for member in variant.members:
        last = groups[-1][-1] if groups else None
        if last is not None and (last.version.sha256, last.parameters) == (
            member.version.sha256,
            member.parameters,
        ):
            groups[-1].append(member)
        else:
            groups.append([member])
    return [_Work(group, variant) for group in groups]


class _Work:
    """Scores the methods of one version out of a variant's columns, all in one run of the model."""

    def __init__(self, members: Sequence[Member], variant: Variant) -> None:
        version = members[0].version
        self._parameters = members[0].parameters
        self._methods: list[Method] = [member.method for member in members]
        self._scorer = shared_scorer(version.sha256, version.signature, variant.route)
        bounds = [variant.bounds[at] if variant.bounds and at >= 0 else None for at in self._parameters]
        if any(bounds):
            self._scorer = BoundedScorer(version.signature, self._scorer, bounds)
        self._outputs: list[Output] = []
        for method in self._methods:
            output = version.signature.result(method)
            if output is None:
                raise MethodError(version.reference, method.upper(), version.signature.task)
            self._outputs.append(output)

    def score(self, columns: Sequence[Any]) -> list[Any]:
        """The Arrow columns of the methods' results."""
        given = [None if place < 0 else columns[place] for place in self._parameters]
        scored = self._scorer.score(given, *self._methods)
        return [to_arrow(leaves, output) for leaves, output in zip(scored, self._outputs, strict=True)]

    def lenient(self, columns: Sequence[Any]) -> tuple[list[Any], Any]:
        """The results, and for each row the sentence of its refusal or None."""
        rows = len(columns[0])
        refusals = np.full(rows, None, dtype=object)
        try:
            return self.score(columns), refusals
        except handler().ScoringError:
            pass
        # Halve until the refused rows stand alone: most batches have few.
        parts = self._halved(columns, 0, rows, refusals)
        return [pa.concat_arrays(pieces) for pieces in zip(*parts, strict=True)], refusals

    def _halved(self, columns: Sequence[Any], start: int, stop: int, refusals: Any) -> list[list[Any]]:
        part = [column.slice(start, stop - start) for column in columns]
        try:
            return [self.score(part)]
        except handler().ScoringError as error:
            if stop - start == 1:
                refusals[start] = str(error)
                return [[pa.nulls(1, arrow_type(output)) for output in self._outputs]]
        middle = (start + stop) // 2
        return [
            *self._halved(columns, start, middle, refusals),
            *self._halved(columns, middle, stop, refusals),
        ]


def _packed(scores: Sequence[Any], output: Output) -> Any:
    """The result of the only member, or a STRUCT of all."""
    if len(scores) == 1:
        return scores[0]
    return pa.StructArray.from_arrays(list(scores), fields=list(arrow_type(output)))


def _deferred(works: Sequence[_Work], columns: Sequence[Any], output: Output) -> Any:
    """The scores, and the first refusal among the members of each row."""
    scored = [work.lenient(columns) for work in works]
    packed = _packed([part for parts, _ in scored for part in parts], output.fields[0])
    refusals = zip(*(refused for _, refused in scored), strict=True)
    first = (next((refusal for refusal in row if refusal is not None), None) for row in refusals)
    mark = f"{REFUSAL_MARK}{ScoringError.__name__}: "
    sentences = [None if refusal is None else mark + refusal for refusal in first]
    return pa.StructArray.from_arrays(
        [packed, pa.array(sentences, pa.string())], fields=list(arrow_type(output))
    )
