"""The function of a variant: Arrow columns in, the scores of several versions out."""

import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from warehouse_ml.engines.arrow import arrow_type, to_arrow
from warehouse_ml.engines.scoring import handler, remembered, shared_scorer
from warehouse_ml.errors import MethodError, ScoringError
from warehouse_ml.signature import Method, Output, Signature
from warehouse_ml.variant import REFUSAL_MARK, Member, Variant

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
    members = [_MemberScorer(member, variant) for member in variant.members]
    output = variant.output

    def score(*columns: Any) -> Any:
        with remembered():
            if variant.deferred:
                return _deferred(members, columns, output)
            return _packed([member.score(columns) for member in members], output)

    score.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(f"parameter_{position}", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for position in range(len(variant.types))
        ]
    )
    return score


class _MemberScorer:
    """Scores one member of a variant out of the variant's columns."""

    def __init__(self, member: Member, variant: Variant) -> None:
        self._signature: Signature = member.version.signature
        self._parameters = member.parameters
        self._method: Method = member.method
        self._scorer = shared_scorer(member.version.sha256, self._signature, variant.route)
        output = self._signature.result(member.method)
        if output is None:
            raise MethodError(member.version.reference, member.method.upper(), self._signature.task)
        self._output = output
        if -1 in member.parameters:
            raise NotImplementedError("a variant that leaves features out")

    def score(self, columns: Sequence[Any], method: Method | None = None) -> Any:
        """The Arrow column of the member's results."""
        leaves = self._leaves(columns, self._method if method is None else method)
        return to_arrow(leaves, self._output)

    def lenient(self, columns: Sequence[Any]) -> tuple[Any, Any]:
        """The results, and for each row the sentence of its refusal or None."""
        rows = len(columns[0])
        refusals = np.full(rows, None, dtype=object)
        try:
            return self.score(columns), refusals
        except handler().ScoringError:
            pass
        # Halve until the refused rows stand alone: most batches have few.
        parts = self._halved(columns, 0, rows, refusals)
        return pa.concat_arrays(parts), refusals

    def _halved(self, columns: Sequence[Any], start: int, stop: int, refusals: Any) -> list[Any]:
        part = [column.slice(start, stop - start) for column in columns]
        try:
            return [self.score(part)]
        except handler().ScoringError as error:
            if stop - start == 1:
                refusals[start] = str(error)
                return [pa.nulls(1, arrow_type(self._output))]
        middle = (start + stop) // 2
        return [
            *self._halved(columns, start, middle, refusals),
            *self._halved(columns, middle, stop, refusals),
        ]

    def _leaves(self, columns: Sequence[Any], method: Method) -> Any:
        return self._scorer.score([columns[parameter] for parameter in self._parameters], method)


def _packed(scores: Sequence[Any], output: Output) -> Any:
    """The result of the only member, or a STRUCT of all."""
    if len(scores) == 1:
        return scores[0]
    return pa.StructArray.from_arrays(list(scores), fields=list(arrow_type(output)))


def _deferred(members: Sequence[_MemberScorer], columns: Sequence[Any], output: Output) -> Any:
    """The scores, and the first refusal among the members of each row."""
    scored = [member.lenient(columns) for member in members]
    packed = _packed([scores for scores, _ in scored], output.fields[0])
    refusals = zip(*(refused for _, refused in scored), strict=True)
    first = (next((refusal for refusal in row if refusal is not None), None) for row in refusals)
    mark = f"{REFUSAL_MARK}{ScoringError.__name__}: "
    sentences = [None if refusal is None else mark + refusal for refusal in first]
    return pa.StructArray.from_arrays(
        [packed, pa.array(sentences, pa.string())], fields=list(arrow_type(output))
    )
