"""The engine's refusal of a version's function -> an error that names the feature."""

import re
from collections.abc import Sequence

from warehouse_ml.errors import ArityError, FeatureTypeError, MissingFeatureError, SqlError
from warehouse_ml.query.bound import BoundCall, BoundStatement
from warehouse_ml.query.coerce import coerce
from warehouse_ml.query.tokens import tokenize

_NO_KEY = re.compile(r'Could not find key "(.*?)" in struct', re.DOTALL)
_FIELD = re.compile(r'"((?:[^"]|"")*)"')
_NO_MATCH = re.compile(
    r"No function matches the given name and argument types '(.*?)'\. You might", re.DOTALL
)


def translate_binder_error(message: str, bound: BoundStatement) -> SqlError | None:
    """What a BinderException of DuckDB means for a model call.

    The types of positional arguments are not known before the engine binds them, nor what a lambda's
    parameter or an alias of the select list holds.

    Args:
        message: The text of the engine's exception.
        bound: The statement that was run.

    Returns:
        The error to raise instead, or None where it is about something else.
    """
    key = _NO_KEY.search(message)
    if key:
        return _missing_field(key[1].replace('""', '"'), message, bound)
    match = _NO_MATCH.search(message)
    tree = tokenize(match[1]) if match else None
    if tree is None or not tree.is_symbol(1, "("):
        return None
    function = tree.tokens[0].name.casefold()
    if function == "struct_extract":
        return _no_struct(bound)
    parts = [part for part in tree.split(2, tree.closing[1], ",") if part[0] < part[1]]
    types = [tree.text[slice(*tree.span(*part))] for part in parts]
    for call in bound.calls:
        if function in _functions_of(call):
            error = _wrong_type(call, types)
            if error is not None:
                return error
    return None


def _functions_of(call: BoundCall) -> set[str]:
    """The functions that score a call: its version's own, or those that run its graph as registered."""
    plain = {call.version.function_of(method).casefold() for method in call.functions}
    return plain | {score.text.partition("(")[0].casefold() for score in call.scores}


def _wrong_type(call: BoundCall, types: Sequence[str]) -> FeatureTypeError | None:
    for feature, given in zip(call.version.signature.features, types, strict=False):
        try:
            coerced = coerce(call.version.reference, feature, "", given)
        except FeatureTypeError as error:
            return error
        if coerced:  # a cast would do it, and only the user can write it there
            return FeatureTypeError(call.version.reference, feature.name, feature.type, given)
    return None


def _missing_field(key: str, message: str, bound: BoundStatement) -> MissingFeatureError | None:
    """The struct of a call has no such field."""
    for call in _calls_of_one_value(bound):
        if key in call.version.signature.feature_names:
            fields = _FIELD.findall(message.partition("Candidate Entries:")[2])
            return MissingFeatureError(call.version.reference, key, fields)
    return None


def _no_struct(bound: BoundStatement) -> ArityError | None:
    """The only argument of a call for several features is no struct."""
    for call in _calls_of_one_value(bound):
        return ArityError(call.version.reference, call.version.signature.feature_names, 1)
    return None


def _calls_of_one_value(bound: BoundStatement) -> list[BoundCall]:
    """The calls whose features were taken to be the fields of a value of unknown type."""
    return [
        call
        for call in bound.calls
        if call.features and all(text.startswith("struct_extract(") for text in call.features)
    ]
