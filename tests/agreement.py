"""The oracle of the converters' tests: the estimator itself, on the same rows."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tests.handlers import Scorer
from warehouse_ml.export import export
from warehouse_ml.sample import Sample, as_frame


def score(estimator: Any, sample: Any, rows: Any = None, method: str = "predict") -> list[np.ndarray]:
    """Export the estimator and score rows with the handler: one array per leaf of the result.

    NULLs go to the graph as they are, so that the graph's own treatment of them is seen.
    """
    taken = Sample.of(estimator, sample)
    exported = export(estimator, taken)
    exported = exported.with_features(
        tuple(replace(feature, missing="model") for feature in exported.signature.features)
    )
    scorer = Scorer(exported.serialize(), json.loads(exported.signature.to_json()))
    frame = taken.frame if rows is None else as_frame(rows)[list(taken.frame.columns)]
    columns = [column_of(frame[f.name], f.type) for f in exported.signature.features]
    results = []
    for values, missing in scorer.score(columns, method):
        if missing is not None:
            values = np.where(missing, np.nan if values.dtype.kind == "f" else None, values)
        results.append(values)
    return results


def column_of(column: pd.Series, kind: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A column as the engine hands it to the handler."""
    missing = column.isna().to_numpy()
    if kind == "VARCHAR":
        values = column.astype(object).where(~missing, None).to_numpy(dtype=object)
    elif kind == "TIMESTAMP":
        values = column.to_numpy().astype("datetime64[us]").astype(np.int64)
    elif kind == "BOOLEAN":
        values = column.where(~missing, False).to_numpy(dtype=bool)
    elif kind == "BIGINT":
        values = column.where(~missing, 0).to_numpy(dtype=np.int64)
    else:
        values = column.astype(object).where(~missing, np.nan).to_numpy(dtype=np.float64)
    return values, missing if missing.any() else None


def assert_agrees(estimator: Any, sample: Any, rows: Any = None, *, rtol: float = 1e-9) -> None:
    """Every method's result equals the estimator's: labels exactly, numbers within `rtol`.

    Args:
        estimator: A fitted estimator.
        sample: Rows that show the features' types.
        rows: Rows to compare on, by default the sample.
        rtol: The tolerance, relative to the larger of the value and the mean magnitude.
    """
    taken = Sample.of(estimator, sample)
    frame = taken.frame if rows is None else as_frame(rows)[list(taken.frame.columns)]
    fed = taken.fed(frame)
    if not hasattr(estimator, "predict"):
        transformed = estimator.transform(fed)
        dense = transformed.toarray() if hasattr(transformed, "toarray") else np.asarray(transformed)
        assert_close(np.column_stack(score(estimator, sample, rows)), dense.astype(float), rtol)
        return
    expected = np.asarray(estimator.predict(fed))
    expected = expected.reshape(len(frame), -1)
    results = score(estimator, sample, rows)
    assert len(results) == expected.shape[1]
    for got, wanted in zip(results, expected.T, strict=True):
        if got.dtype.kind == "f" and wanted.dtype.kind == "f":
            assert_close(got, wanted, rtol)
        else:
            assert got.tolist() == wanted.tolist()
    if hasattr(estimator, "predict_proba"):
        wanted = estimator.predict_proba(fed)
        blocks = wanted if isinstance(wanted, list) else [wanted]
        got = np.column_stack(score(estimator, sample, rows, "predict_proba"))
        binary = got.shape[1] == 1 and blocks[0].shape[1] == 2
        if binary or (len(blocks) > 1 and got.shape[1] == len(blocks)):
            blocks = [block[:, 1:] for block in blocks]
        assert_close(got, np.column_stack(blocks), rtol)


def assert_close(got: np.ndarray, wanted: np.ndarray, rtol: float) -> None:
    """Equal within a tolerance relative to the value or the mean magnitude; NaN equals NaN."""
    assert got.shape == wanted.shape
    finite = wanted[np.isfinite(wanted)]
    scale = np.abs(finite).mean() if finite.size else 1.0
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol * scale)


def name_of(value: Any) -> str:
    """A test's name for a setting: its repr without addresses, which differ between pytest's workers."""
    return re.sub(r"<function (\w+) at 0x[0-9a-f]+>", r"\1", repr(value))
