"""An ONNX file made elsewhere -> ONNX + Signature.

The file is checked before onnxruntime sees it, run for the first time in a process of its own, and
rewritten so that every feature is an input and every result is an output of a type that SQL has.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse_ml.errors import ImportModelError, MissingDependencyError, near_miss
from warehouse_ml.signature import METADATA_KEY, Feature, MissingPolicy, Signature

if TYPE_CHECKING:
    from onnx import ModelProto

_ADDED_OPSET = 15
"""The opset of what is added to a graph that has only ai.onnx.ml operators."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A foreign model as it is registered.

    Attributes:
        onnx: The ONNX file, with the signature in its metadata.
        signature: Its features and results.
        source_sha256: The digest of the file as it was given.
    """

    onnx: bytes
    signature: Signature
    source_sha256: str = field(default="", compare=False)


def read_onnx(
    source: bytes | str | Path,
    *,
    features: Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    outputs: Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    classes: Sequence[str | int | bool] | None = None,
    missing: MissingPolicy | Mapping[str, MissingPolicy] = "null",
) -> Imported:
    """Read a foreign ONNX file. The same file and arguments give the same bytes.

    A file that `warehouse_ml` exported carries its signature and comes back as it was; the other
    arguments must then be left out.

    Args:
        source: The file's bytes, or its path.
        features: The names of the features in the order of the graph, or by the name of the input. By
            default the inputs' names, and `f0`, `f1` and so on for the columns of one tensor.
        outputs: The outputs that are used, by default all that are columns; or, by output, the names
            of its columns in the result.
        classes: The classes in the order of the probabilities, where the graph does not hold them.
        missing: What a NULL does, for all features or by feature: `null` makes the score NULL, `error`
            raises, `model` hands NaN to the model (DOUBLE features only; the others stay `null`).

    Raises:
        ImportModelError: The file is damaged, unsafe, or no model over columns.
        FormatVersionError: A newer release of warehouse_ml wrote it.
        MissingDependencyError: onnx is not installed.
    """
    try:
        import onnx  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingDependencyError("onnx", "train") from error
    from warehouse_ml.importers.checks import read_content, read_model
    from warehouse_ml.importers.own import own_signature

    content = read_content(source)
    model = read_model(content)
    own = own_signature(model)
    digest = hashlib.sha256(content).hexdigest()
    if own is None:
        return replace(_foreign(model, features, outputs, classes, missing), source_sha256=digest)
    if features is not None or outputs is not None or classes is not None or missing != "null":
        raise ImportModelError(
            "The file carries the signature that it was exported with; it cannot be given another one."
        )
    return replace(_own(content, own), source_sha256=digest)


def _own(content: bytes, signature: Signature) -> Imported:
    from warehouse_ml.importers.own import check_results
    from warehouse_ml.importers.probe import probe

    check_results(signature, probe(content))
    return Imported(content, signature)


def _foreign(
    model: "ModelProto",
    features: Sequence[str] | Mapping[str, str | Sequence[str]] | None,
    outputs: Sequence[str] | Mapping[str, str | Sequence[str]] | None,
    classes: Sequence[str | int | bool] | None,
    missing: MissingPolicy | Mapping[str, MissingPolicy],
) -> Imported:
    from onnx import helper

    from warehouse_ml.importers.classes import remove_zipmaps
    from warehouse_ml.importers.inputs import split_inputs
    from warehouse_ml.importers.outputs import read_outputs
    from warehouse_ml.importers.probe import probe

    for name in ("metadata_props", "training_info"):
        model.ClearField(name)
    if all(entry.domain not in ("", "ai.onnx") for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", _ADDED_OPSET))
    zipped = remove_zipmaps(model.graph)
    named, inputs = split_inputs(model, features)
    facts = probe(model.SerializeToString(deterministic=True))
    answers = read_outputs(model, facts, zipped, outputs, classes)
    signature = Signature(
        task=answers.task,
        features=_with_policies(named, missing),
        inputs=inputs,
        prediction=answers.prediction,
        probabilities=answers.probabilities,
        classes=answers.classes,
        row_size=_row_size(model),
    )
    helper.set_model_props(model, {METADATA_KEY: signature.to_json()})
    return Imported(model.SerializeToString(deterministic=True), signature)


def _row_size(model: "ModelProto") -> int:
    """How many numbers the widest tensor holds for one row, as far as the graph shows its shapes."""
    from onnx import shape_inference

    widest = 1
    for entry in shape_inference.infer_shapes(model).graph.value_info:
        dims = entry.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            widest = max(widest, math.prod(dim.dim_value or 1 for dim in dims[1:]))
    return widest


def _with_policies(
    features: tuple[Feature, ...], missing: MissingPolicy | Mapping[str, MissingPolicy]
) -> tuple[Feature, ...]:
    if isinstance(missing, str):
        return tuple(_with_policy(feature, missing, strict=False) for feature in features)
    known = [feature.name for feature in features]
    for name in missing:
        if name not in known:
            raise ImportModelError(f"The model has no feature {name!r}.{near_miss(name, known)}")
    return tuple(
        _with_policy(feature, missing.get(feature.name, "null"), strict=True) for feature in features
    )


def _with_policy(feature: Feature, policy: str, *, strict: bool) -> Feature:
    if policy == "model" and feature.type != "DOUBLE":
        if strict:
            raise ImportModelError(
                f"The feature {feature.name!r} is {feature.type}, for which a graph has no missing value: "
                "'null' or 'error' is possible."
            )
        return feature
    if policy == "model":
        return replace(feature, missing="model")
    if policy == "error":
        return replace(feature, missing="error")
    if policy == "null":
        return feature
    raise ImportModelError(f"{policy!r} is no policy for missing values: 'null', 'error' or 'model'.")
