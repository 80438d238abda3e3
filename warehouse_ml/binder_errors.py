"""The engine's refusal of a version's function -> an error that names the feature."""

import re

from warehouse_ml.bind import BoundCall, BoundStatement
from warehouse_ml.coerce import coerce
from warehouse_ml.errors import FeatureTypeError, SqlError
from warehouse_ml.tokens import tokenize

_NO_MATCH = re.compile(
    r"No function matches the given name and argument types '(.*?)'\. You might", re.DOTALL
)


def translate_binder_error(message: str, bound: BoundStatement) -> SqlError | None:
    """What a BinderException of DuckDB means for a model call.

    The types of positional arguments are not known before the engine binds them. Its message says
    `No function matches the given name and argument types 'wml_churn_v1_ab12cd34(VARCHAR, DOUBLE)'`.

    Args:
        message: The text of the engine's exception.
        bound: The statement that was run.

    Returns:
        The error to raise instead, or None where it is about something else.
    """
    match = _NO_MATCH.search(message)
    tree = tokenize(match[1]) if match else None
    if tree is None or not tree.is_symbol(1, "("):
        return None
    calls = [call for call in bound.calls if _is_call_of(call, tree.tokens[0].name)]
    parts = [part for part in tree.split(2, tree.closing[1], ",") if part[0] < part[1]]
    types = [tree.text[slice(*tree.span(*part))] for part in parts]
    for call in calls:
        for feature, given in zip(call.version.signature.features, types, strict=False):
            try:
                coerced = coerce(call.version.reference, feature, "", given)
            except FeatureTypeError as error:
                return error
            if coerced:  # a cast would do it, and only the user can write it there
                return FeatureTypeError(call.version.reference, feature.name, feature.type, given)
    return None


def _is_call_of(call: BoundCall, function: str) -> bool:
    names = (call.version.function_of(method).casefold() for method in call.functions)
    return function.casefold() in names
