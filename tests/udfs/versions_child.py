"""Scores batches in an environment of other versions; it stands alone beside the handler's files.

    python -I -X snowflake_import_directory=FOLDER versions_child.py HANDLERS < questions > answers

A question names a folder of imports, a method, and for each column how its values are handed over.
"""

import json
import sys
from datetime import datetime
from decimal import Decimal

import numpy as np
import onnxruntime
import pandas as pd

sys.path.insert(0, sys.argv[1])
import snowflake_udf  # type: ignore[import-not-found]


def objects(values):
    made = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        made[place] = value
    return pd.Series(made, dtype=object)


def each(change):
    return lambda values: objects([None if value is None else change(value) for value in values])


WAYS = {
    "Decimal": each(Decimal),
    "object": each(lambda value: value),
    "datetime": each(datetime.fromisoformat),
    "datetime64[ns]": lambda values: pd.Series(
        np.array(values, dtype="datetime64[us]").astype("datetime64[ns]")
    ),
    "inferred": lambda values: pd.Series(values),
}
"""What is no dtype by itself."""


def column(way, values):
    return WAYS[way](values) if way in WAYS else pd.Series(values, dtype=way)


def answer(question):
    sys._xoptions["snowflake_import_directory"] = question["folder"]
    frame = pd.concat([column(*given) for given in question["columns"]], axis=1, ignore_index=True)
    handler = getattr(snowflake_udf, question["method"])
    try:
        parts = [handler(frame[:1]), handler(frame[1:]), handler(frame[:0])]
    except snowflake_udf.ScoringError as error:
        return {"error": str(error)}
    values = [value for part in parts for value in part.tolist()]
    plain = [None if not isinstance(value, dict) and pd.isna(value) else value for value in values]
    plain = [value.item() if isinstance(value, np.generic) else value for value in plain]
    return {"dtypes": sorted({str(part.dtype) for part in parts}), "values": plain}


versions = {module.__name__: module.__version__ for module in (onnxruntime, pd, np)}
json.dump([versions, [answer(question) for question in json.load(sys.stdin)]], sys.stdout)
