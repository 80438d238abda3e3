"""Put the files of a version on the stage, where those of a live version stay as they are."""

import json
import warnings
from typing import Any

from warehouse_ml.engines.snowflake_ddl import deployment_json, model_files, tensors_file
from warehouse_ml.engines.snowflake_stage import Stage
from warehouse_ml.errors import KeptDeploymentWarning
from warehouse_ml.model import ModelVersion

_TENSORS = "tensors"
"""What names, in `deployment.json`, the digest of the file with tensor operators; the only fact of it that a
plan brings, and so the only one that may be another one when a version is pushed again."""


def put_model(stage: Stage, version: ModelVersion, onnx: bytes, tensors: bytes) -> None:
    """Put the files of a version that are missing, those with digests first.

    Args:
        stage: The stage.
        version: The version.
        onnx: The model's file.
        tensors: The same with tensor operators for its trees; empty where there is none.

    Raises:
        StagedFileError: A file that is there is not the one that belongs there.

    Warns:
        KeptDeploymentWarning: It was pushed with other tensor operators, or without; what is live stays.
    """
    model, facts = model_files(version)
    stage.put(model.path, onnx)
    wanted = deployment_json(version, tensors)
    live = stage.find(facts.path)
    if live is not None and live != wanted and _without_tensors(live) == _without_tensors(wanted):
        warnings.warn(KeptDeploymentWarning(version.reference), stacklevel=2)
        return
    if tensors:
        stage.put(tensors_file(version).path, tensors)
    stage.put(facts.path, wanted)


def _without_tensors(content: bytes) -> Any:
    """The facts of a `deployment.json`; nothing that any has, where it is damaged."""
    try:
        facts = json.loads(content)
    except ValueError:
        return content
    if not isinstance(facts, dict):
        return content
    return {name: fact for name, fact in facts.items() if name != _TENSORS}
