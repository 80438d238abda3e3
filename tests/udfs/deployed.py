"""Folders of imports as a push leaves them on a stage, and the handler over them."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from warehouse_ml.engines.handler_files import load_handler
from warehouse_ml.signature import Method, Signature

snowflake_udf = load_handler("snowflake_udf")


def write_imports(
    folder: Path, onnx: bytes, signature: Signature, *, packed: bool = False, plan: bytes = b""
) -> Path:
    """The files of a version beside the handlers: what `snowflake_import_directory` names."""
    folder.mkdir(exist_ok=True, parents=True)
    facts = {
        "sha256": hashlib.sha256(onnx).hexdigest(),
        "signature": json.loads(signature.to_json()),
        "packed": packed,
    }
    if plan:
        facts["plan"] = hashlib.sha256(plan).hexdigest()
        (folder / "plan.npz").write_bytes(plan)
    (folder / "model.onnx").write_bytes(onnx)
    (folder / "deployment.json").write_text(json.dumps(facts))
    return folder


def call(folder: Path, frame: pd.DataFrame, method: Method = "predict") -> pd.Series:
    """What a method of the version in a folder gives for a batch."""
    kept = dict(sys._xoptions)
    sys._xoptions["snowflake_import_directory"] = str(folder)
    try:
        return getattr(snowflake_udf, method)(frame)
    finally:
        sys._xoptions.clear()
        sys._xoptions.update(kept)


def by_place(*columns: Any) -> pd.DataFrame:
    """A batch as Snowflake hands it over: columns of their own dtypes, called 0, 1, …"""
    return pd.concat([pd.Series(column) for column in columns], axis=1, ignore_index=True)


def objects(*values: Any) -> pd.Series:
    """A column of Python objects, whatever pandas would make of them."""
    made = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        made[place] = value
    return pd.Series(made, dtype=object)


def plain(column: pd.Series) -> list[Any]:
    """The values that SQL gets: None for NULL."""
    return [None if pd.api.types.is_scalar(value) and pd.isna(value) else value for value in column.tolist()]


def handed_over(frame: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """Rows as Snowflake hands them to a function of this signature, whose arguments it has converted."""
    dtypes = {"DOUBLE": "float64", "BIGINT": "Int64", "BOOLEAN": "boolean", "VARCHAR": "string"}
    made = []
    for feature in signature.features:
        column = frame[feature.name]
        if feature.type == "VARCHAR":
            column = column.astype(object).where(column.notna(), None)
        made.append(column.astype(dtypes.get(feature.type, "datetime64[ns]")))
    return by_place(*made)
