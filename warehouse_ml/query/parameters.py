"""Values of a statement's parameters against the features that they stand for."""

import re
from collections.abc import Mapping, Sequence

from warehouse_ml.errors import FeatureTypeError
from warehouse_ml.query.bound import BoundCall, BoundStatement

_PARAMETER = re.compile(r"[?$](\w*)")
_NOT_TEXT = frozenset({"DOUBLE", "BIGINT", "BOOLEAN"})


def check_parameters(bound: BoundStatement, values: Sequence[object] | Mapping[str, object] | None) -> None:
    """Refuse a text for a number: the engine would read the number out of the text.

    Only a parameter that alone is a feature is looked at; one within an expression is the engine's.

    Args:
        bound: The statement.
        values: The values of its parameters, by position or by name.

    Raises:
        FeatureTypeError: A value is a text, and its feature is a number or a boolean.
    """
    if not values:
        return
    for call in bound.calls:
        for place, expression in enumerate(call.features):
            feature = call.version.signature.features[place]
            found = _PARAMETER.fullmatch(expression)
            if found is None or feature.type not in _NOT_TEXT:
                continue
            value = _value(values, found[1] or str(_ordinal(bound, call, place)))
            if isinstance(value, str):
                raise FeatureTypeError(
                    call.version.reference, feature.name, feature.type, f"the text {value!r}"
                )


def _ordinal(bound: BoundStatement, call: BoundCall, place: int) -> int:
    """The number of the `?` that is the argument at a place; only positional calls keep theirs."""
    tree = bound.statement.tree
    if tree is None or place >= len(call.call.arguments):
        return 0
    last = call.call.arguments[place].last
    return sum(token.text == "?" for token in tree.tokens[:last])


def _value(values: Sequence[object] | Mapping[str, object], key: str) -> object:
    if isinstance(values, Mapping):
        return values.get(key)
    number = int(key) if key.isdigit() else 0
    return values[number - 1] if 0 < number <= len(values) else None
