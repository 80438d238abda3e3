"""The function that an engine calls for a method of a version: Arrow columns in, an Arrow column out."""

import importlib.util
import inspect
import json
import re
import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from warehouse_ml import errors
from warehouse_ml.engines.arrow import from_arrow, to_arrow
from warehouse_ml.errors import (
    MethodError,
    RegistryError,
    ScoringError,
    SignatureMismatchError,
    WarehouseMLError,
)
from warehouse_ml.signature import METADATA_KEY, Method, Signature

Source = Callable[[Any], bytes | None]
"""Reads the bytes of a model from a connection and checks them; None where the connection is closed."""

_raised: deque[tuple[str, type[WarehouseMLError], dict[str, Any]]] = deque(maxlen=64)
"""What functions have raised lately: an engine carries only the class and the sentence."""

_CARRIED = re.compile(r"\b(\w+Error): (.*)", re.DOTALL)

_scorers: "dict[tuple[str, Signature], LazyScorer]" = {}
_functions: dict[tuple[str, Signature, Method], Callable[..., Any]] = {}
_lock = threading.Lock()


@cache
def handler() -> ModuleType:
    """The module `udfs/onnx_udf.py`, loaded from the very file that a warehouse gets."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "udfs"
    folder = inside if inside.is_dir() else package.parent / "udfs"
    spec = importlib.util.spec_from_file_location("warehouse_ml_onnx_udf", folder / "onnx_udf.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder / 'onnx_udf.py'} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class LazyScorer:
    """A scorer that is made at the first batch, and shared by the methods of a version.

    It holds the model while a connection that can read it is open.
    """

    def __init__(self, signature: Signature) -> None:
        """Prepare to load the model of a signature; `offer` says from where."""
        self._signature = signature
        self._sources: dict[int, tuple[weakref.ref[Any], Source]] = {}
        self._scorer: Any = None
        self._loading = threading.Lock()

    def offer(self, connection: Any, source: Source) -> None:
        """Name a connection to read the model from. It is held weakly: it holds the functions itself."""
        key = id(connection)
        if key not in self._sources:
            self._sources[key] = (weakref.ref(connection, lambda _: self._forget(key)), source)

    def withdraw(self, connection: Any) -> None:
        """The connection is about to be closed."""
        self._forget(id(connection))

    def get(self) -> Any:
        """The `Scorer` of `udfs/onnx_udf.py`.

        Raises:
            RegistryError: Every session that could have read the model is closed.
            CorruptModelError: The stored bytes are damaged.
            SignatureMismatchError: The stored signature is.
        """
        scorer = self._scorer
        if scorer is None:
            with self._loading:
                scorer = self._scorer
                if scorer is None:
                    facts = json.loads(self._signature.to_json())
                    scorer = handler().Scorer(self._read(), facts)
                    # the file's digest was checked, so its own copy of the signature is the registered one
                    if json.loads(scorer.metadata.get(METADATA_KEY, "null")) not in (None, facts):
                        raise SignatureMismatchError
                    self._scorer = scorer
        return scorer

    def _read(self) -> bytes:
        for reference, source in reversed(list(self._sources.values())):
            connection = reference()
            onnx: bytes | None = None if connection is None else source(connection)
            if onnx is not None:
                return onnx
        raise RegistryError(
            "The session that offered this model is closed. Use the model once in a session on this database."
        )

    def _forget(self, key: int) -> None:
        self._sources.pop(key, None)
        if not self._sources:
            self._scorer = None


def shared_scorer(sha256: str, signature: Signature) -> LazyScorer:
    """The scorer of all versions with the same bytes and signature."""
    with _lock:
        return _scorers.setdefault((sha256, signature), LazyScorer(signature))


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
    kinds = [feature.type for feature in signature.features]
    output = signature.result(method)
    if output is None:
        raise MethodError("", method.upper(), signature.task)

    def score(*columns: Any) -> Any:
        try:
            features = [from_arrow(column, kind) for column, kind in zip(columns, kinds, strict=True)]
            return to_arrow(scorer.get().score(features, method), output)
        except handler().ScoringError as error:
            _raised.append((str(error), ScoringError, {}))
            raise ScoringError(str(error)) from None
        except WarehouseMLError as error:
            _raised.append((str(error), type(error), dict(vars(error))))
            raise

    score.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(f"feature_{position}", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for position in range(len(kinds))
        ]
    )
    return score


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
