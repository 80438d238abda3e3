"""The function that an engine calls for a method of a version: Arrow columns in, an Arrow column out."""

import inspect
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from warehouse_ml import errors
from warehouse_ml.engines.arrow import to_arrow
from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.engines.lazy_scorer import LazyScorer
from warehouse_ml.errors import MethodError, ScoringError, WarehouseMLError
from warehouse_ml.signature import Method, Signature
from warehouse_ml.variant import Route

_raised: deque[tuple[str, type[WarehouseMLError], dict[str, Any]]] = deque(maxlen=64)
"""What functions have raised lately: an engine carries only the class and the sentence."""

_CARRIED = re.compile(r"\b(\w+Error): (.*)", re.DOTALL)

_scorers: dict[tuple[str, Signature, Route], LazyScorer] = {}
_functions: dict[tuple[str, Signature, Method], Callable[..., Any]] = {}
_lock = threading.Lock()


def handler() -> ModuleType:
    """The module `udfs/onnx_udf.py`, loaded from the very file that a warehouse gets."""
    return load_handler("onnx_udf")


def shared_scorer(sha256: str, signature: Signature, route: Route = "best") -> LazyScorer:
    """The scorer of all versions with the same bytes and signature."""
    with _lock:
        return _scorers.setdefault((sha256, signature, route), LazyScorer(signature, route))


def shared_function(sha256: str, signature: Signature, method: Method) -> Callable[..., Any]:
    """The scoring function of a method, for all versions with the same bytes and signature.

    DuckDB's catalog points to the function, but only the connection that registered it holds it: once that
    is closed, a call from another one would crash. So functions are kept as long as the process lives.
    """
    scorer = shared_scorer(sha256, signature)
    with _lock:
        key = (sha256, signature, method)
        if key not in _functions:
            _functions[key] = scoring_function(scorer, signature, method)
        return _functions[key]


def scoring_function(scorer: LazyScorer, signature: Signature, method: Method) -> Callable[..., Any]:
    """A function of one Arrow column per feature that returns the Arrow column of a method's results.

    It has exactly as many parameters as there are features, as DuckDB wants to see.

    Raises:
        MethodError: The signature has no such method.
    """
    output = signature.result(method)
    if output is None:
        raise MethodError("", method.upper(), signature.task)

    def score(*columns: Any) -> Any:
        with remembered():
            return to_arrow(scorer.score(columns, method)[0], output)

    score.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(f"feature_{position}", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for position in range(len(signature.features))
        ]
    )
    return score


@contextmanager
def remembered() -> Iterator[None]:
    """Raise the errors of what is done within as those of this package, and keep their facts."""
    try:
        yield
    except handler().ScoringError as error:
        _raised.append((str(error), ScoringError, {}))
        raise ScoringError(str(error)) from None
    except WarehouseMLError as error:
        _raised.append((str(error), type(error), dict(vars(error))))
        raise


def carried_error(text: str) -> WarehouseMLError | None:
    """The error of this package that an engine's message carries, with its facts where they are known."""
    found = _CARRIED.search(text)
    while found is not None:
        kind = getattr(errors, found[1], None)
        if isinstance(kind, type) and issubclass(kind, WarehouseMLError):
            return _rebuilt(kind, found[2])
        found = _CARRIED.search(text, found.start(2))
    return None


def _rebuilt(kind: type[WarehouseMLError], sentence: str) -> WarehouseMLError:
    error = kind.__new__(kind)
    facts: dict[str, Any] = {}
    for text, raised, known in reversed(_raised):
        # The engine may add lines of its own below the sentence.
        if raised is kind and sentence.startswith(text):
            sentence, facts = text, known
            break
    Exception.__init__(error, sentence)
    vars(error).update(facts)
    return error
