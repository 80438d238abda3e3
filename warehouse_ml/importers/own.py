"""Take back a file that warehouse_ml exported: its signature lies in its metadata."""

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from warehouse_ml.errors import ImportModelError
from warehouse_ml.importers.inputs import ELEMENTS
from warehouse_ml.importers.probe import OutputFacts
from warehouse_ml.signature import METADATA_KEY, TYPES, Feature, GraphInput, Output, Signature

if TYPE_CHECKING:
    from onnx import ModelProto

_KINDS = {"DOUBLE": "f", "BIGINT": "i", "BOOLEAN": "bi", "VARCHAR": "s", "TIMESTAMP": ""}
_POLICIES = ("model", "null", "error", "default")
_TRANSFORMS = ("lower", "strip_accents_unicode", "strip_accents_ascii")
_MATRICES = {"terms": ("string", "int64"), "counts": ("double",)}
"""The element types of what a text vectorizer is fed with: [rows, terms]."""

_UNITS = ("ns", "us", "ms", "s", "D")
_VALUES: Mapping[str, tuple[type, ...]] = {
    "DOUBLE": (int, float),
    "BIGINT": (int, float),
    "BOOLEAN": (bool, int, float),
    "VARCHAR": (str,),
    "TIMESTAMP": (int, float),
}
"""What the value of the policy `default` may be, by the feature's type."""

_SETTINGS: Mapping[str, Callable[[Any], bool]] = {
    "analyzer": lambda value: value in ("word", "char", "char_wb"),
    "ngrams": lambda value: len(value) == 2 and 0 < int(value[0]) <= int(value[1]),
    "pattern": lambda value: bool(re.compile(value)),
    "stop_words": lambda value: all(isinstance(word, str) for word in value),
    "features": lambda value: 0 < int(value) < 2**31,
    "signed": lambda value: isinstance(value, bool),
}
"""What the handler's `Analyzer` may be told."""


def own_signature(model: "ModelProto") -> Signature | None:
    """The signature that the file carries, or None.

    Raises:
        ImportModelError: It cannot be read, or does not fit the graph's inputs.
        FormatVersionError: A newer release wrote it.
    """
    texts = [entry.value for entry in model.metadata_props if entry.key == METADATA_KEY]
    if not texts:
        return None
    try:
        signature = Signature.from_json(texts[-1])
        problem = _inputs_problem(signature, model)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, re.error):
        problem = "it cannot be read"
    if problem:
        raise _damaged(problem)
    return signature


def check_results(signature: Signature, facts: Mapping[str, OutputFacts]) -> None:
    """Check that the graph's outputs are those of the signature.

    Raises:
        ImportModelError: They are not.
    """
    leaves = [*signature.prediction.leaves()]
    if signature.probabilities is not None:
        leaves += signature.probabilities.leaves()
        fields = signature.probabilities.fields
        if signature.classes and len(fields) != len(signature.classes):
            raise _damaged(f"it has {len(signature.classes)} classes and {len(fields)} probabilities")
    for leaf in leaves:
        problem = _leaf_problem(leaf, facts.get(leaf.tensor))
        if problem:
            raise _damaged(problem)
    refused = facts.get("refused")
    if signature.refusals and (refused is None or refused.width != len(signature.refusals)):
        raise _damaged("the output 'refused' is not there, or has another width")


def _inputs_problem(signature: Signature, model: "ModelProto") -> str:
    for feature in signature.features:
        if not isinstance(feature.name, str) or feature.missing not in _POLICIES:
            return f"the feature {feature.name!r} is not described as it should be"
        if feature.type not in TYPES:
            return f"the feature {feature.name!r} has the unknown type {feature.type!r}"
        if not _is_complete(feature):
            return f"the feature {feature.name!r} has a limit, a unit or a default that it cannot have"
    constants = {tensor.name for tensor in model.graph.initializer}
    entries = {entry.name: entry.type for entry in model.graph.input if entry.name not in constants}
    if sorted(entries) != sorted(entry.name for entry in signature.inputs):
        return "the graph has other inputs"
    for entry in signature.inputs:
        problem = _input_problem(entry, signature, entries[entry.name].tensor_type)
        if problem:
            return f"the input {entry.name!r} {problem}"
    if any(not -1 <= refusal.feature < len(signature.features) for refusal in signature.refusals):
        return "a refusal names a feature that is not there"
    if not isinstance(signature.row_size, int) or signature.row_size < 1:
        return "the size of a row is no positive number"
    return ""


def _input_problem(entry: GraphInput, signature: Signature, tensor: Any) -> str:
    transform, width = entry.transform, 1
    kinds: tuple[str, ...] = ()
    kind, _, settings = transform[-1].partition(":") if transform else ("", "", "")
    if kind in _MATRICES:
        transform, kinds, width = transform[:-1], _MATRICES[kind], 0
        if not isinstance(json.loads(settings), dict):
            return "is not described as it should be"
    if not 0 <= entry.feature < len(signature.features) or not set(transform) <= set(_TRANSFORMS):
        return "is not described as it should be"
    if width:
        kinds = (TYPES[signature.features[entry.feature].type].onnx,)
    shape = tensor.shape.dim
    if tensor.elem_type not in [ELEMENTS[kind] for kind in kinds] or len(shape) != 2:
        return "has another type or shape"
    if shape[1].dim_value != width:
        return "has another type or shape"
    if shape[0].HasField("dim_value"):
        return f"is fixed to {shape[0].dim_value} rows"
    return "" if width or _is_settings(json.loads(settings)) else "is not described as it should be"


def _is_complete(feature: Feature) -> bool:
    """Whether a feature has what the handler asks of its type and its policy."""
    number = isinstance(feature.limit, int | float) and feature.limit >= 0
    unit = feature.unit in _UNITS if feature.type == "TIMESTAMP" else feature.unit is None
    default = feature.missing != "default" or isinstance(feature.default, _VALUES[feature.type])
    return (feature.limit is None or number) and unit and default


def _is_settings(settings: Mapping[str, Any]) -> bool:
    """Whether the handler's `Analyzer` can work with them."""
    needed = {"analyzer", "ngrams", *(["pattern"] if settings.get("analyzer") == "word" else [])}
    return needed <= settings.keys() <= _SETTINGS.keys() and all(
        _SETTINGS[name](value) for name, value in settings.items()
    )


def _leaf_problem(leaf: Output, facts: OutputFacts | None) -> str:
    if facts is None or facts.shape is None or not facts.rowwise:
        return f"the graph has no output {leaf.tensor!r} of one row per row"
    if facts.dtype[:1] not in (_KINDS.get(leaf.type) or "-"):
        return f"the output {leaf.tensor!r} is {facts.dtype}, not {leaf.type}"
    if (leaf.column is None) != (len(facts.shape) == 1) or not 0 <= (leaf.column or 0) < facts.width:
        return f"the output {leaf.tensor!r} has another shape"
    return ""


def _damaged(problem: str) -> ImportModelError:
    return ImportModelError(f"The file's own signature is damaged or not its own: {problem}.")
