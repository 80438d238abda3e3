from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import preprocessing as pp
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.agreement import assert_agrees, name_of
from warehouse_ml.exporters.scaling import TRANSFORMERS

CANCER, _ = load_breast_cancer(return_X_y=True, as_frame=True)
CANCER = CANCER.iloc[:, :8]
WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)

SCALERS = [
    pp.StandardScaler(),
    pp.StandardScaler(with_mean=False),
    pp.StandardScaler(with_std=False),
    pp.StandardScaler(with_mean=False, with_std=False),
    pp.MinMaxScaler(),
    pp.MinMaxScaler(feature_range=(-2, 3), clip=True),
    pp.MaxAbsScaler(),
    pp.MaxAbsScaler(clip=True),
    pp.RobustScaler(),
    pp.RobustScaler(with_centering=False, quantile_range=(10, 90), unit_variance=True),
    pp.RobustScaler(with_scaling=False),
]
ROWWISE = [pp.Normalizer(norm) for norm in ("l1", "l2", "max")] + [
    pp.Binarizer(),
    pp.Binarizer(threshold=0.2),
]


def hard_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that were not fitted on: far outside, zero, tiny, and with missing values."""
    rows = pd.concat([frame.iloc[::7] * 3, -frame.iloc[::9], frame.iloc[:3] * 0, frame.iloc[:3] * 1e-12])
    rows.iloc[::4, 1] = np.nan
    return rows.reset_index(drop=True)


@pytest.mark.parametrize("scaler", SCALERS, ids=name_of)
def test_scaler_agrees(scaler: Any) -> None:
    frame = CANCER.assign(constant=4.2)
    assert_agrees(scaler.fit(frame.iloc[::2]), frame, hard_rows(frame))


@pytest.mark.parametrize("transformer", ROWWISE, ids=name_of)
def test_rowwise_transformer_agrees(transformer: Any) -> None:
    assert_agrees(transformer.fit(CANCER), CANCER, hard_rows(CANCER).dropna())


SPARSE = [
    pp.StandardScaler(with_mean=False),
    pp.MaxAbsScaler(),
    pp.RobustScaler(with_centering=False),
    pp.Normalizer("l1"),
    pp.Normalizer("max"),
]


@pytest.mark.parametrize("scaler", SPARSE, ids=name_of)
def test_scaler_of_a_sparse_matrix_agrees(scaler: Any) -> None:
    counts = np.random.default_rng(0).poisson(0.5, (60, 5)) * 1.0
    pipeline = make_pipeline(pp.FunctionTransformer(csr_array, accept_sparse=True), scaler).fit(counts)
    dense = make_pipeline(pipeline[-1])
    assert_agrees(dense, counts)


def test_scaled_classifier_agrees() -> None:
    model = make_pipeline(pp.StandardScaler(), LogisticRegression(max_iter=300)).fit(WINE, CULTIVAR)
    assert_agrees(model, WINE)


def test_every_scaler_is_tested() -> None:
    tested = {f"sklearn.{type(scaler).__name__}" for scaler in SCALERS + ROWWISE}
    assert tested == set(TRANSFORMERS)
