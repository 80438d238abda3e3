"""Steps that apply a function to every value: one of numpy, or a Python function of rows."""

import functools
from collections.abc import Hashable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.exporters.stand_ins import followable
from warehouse_ml.exporters.tracing import NotTraceableError, Traced
from warehouse_ml.graph.numpy_functions import FUNCTIONS

_ADVICE = (
    "Use one of numpy's functions (np.log1p, np.clip with kw_args, …), columns by name, .dt or .fillna, or "
    "do it in SQL before the model."
)


_RAISED_BY_FUNCTIONS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RuntimeError)
"""What a function raises that meets something else than an array."""

_IDENTITIES = (None, np.asarray, np.array, np.asanyarray)


def function_transformer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The function of every value: one that is known, or what a Python function is seen to do."""
    options = dict(transformer.kw_args or {})
    names = None if transformer.validate else getattr(transformer, "feature_names_in_", None)
    return apply_function(transformer.func, options, columns, exporter, names)


def apply_function(
    function: Any,
    options: dict[str, Any],
    columns: Columns,
    exporter: Exporter,
    names: Sequence[str] | None = None,
) -> Columns:
    """A function of numpy, or a Python function of rows, on columns.

    Args:
        function: The function, or a partial of it; None for none.
        options: Its keyword arguments.
        columns: What it is given.
        exporter: The export.
        names: The names of the columns, where it is given a frame.

    Raises:
        UnsupportedStepError: The function does what has no form in ONNX.
    """
    while isinstance(function, functools.partial) and not function.args:
        function, options = function.func, {**function.keywords, **options}
    if any(function is identity for identity in _IDENTITIES) and not options:
        return columns
    written = FUNCTIONS.get(function) if isinstance(function, Hashable) else None
    if written is None:
        return _traced(function, options, Traced(columns, names), exporter)
    if not options.keys() <= signature(written).parameters.keys() - {"x"}:
        exporter.unsupported(f"its kw_args {sorted(options)} have no form in ONNX", _ADVICE)
    return Columns.of(written(exporter.numbers(columns), **options), sparse=columns.sparse)


def _traced(function: Any, options: dict[str, Any], rows: Traced, exporter: Exporter) -> Columns:
    name = getattr(function, "__name__", repr(function))
    try:
        result = followable(function)(rows, **options)
    except NotTraceableError as error:
        exporter.unsupported(f"its function {name!r} {error}", _ADVICE)
    except _RAISED_BY_FUNCTIONS:
        exporter.unsupported(f"its function {name!r} is Python code", _ADVICE)
    if not isinstance(result, Traced):
        exporter.unsupported(f"its function {name!r} is Python code", _ADVICE)
    return result.held


TRANSFORMERS: Mapping[str, Transform] = {"sklearn.FunctionTransformer": function_transformer}
