from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.datasets import load_diabetes, load_iris

import warehouse_ml as wml

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
IRIS.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
DIABETES, PROGRESS = load_diabetes(return_X_y=True, as_frame=True)


def scored(model: Any, rows: pd.DataFrame) -> np.ndarray:
    with wml.connect() as session:
        session.register("m", model, rows)
        session.sql("CREATE TABLE given AS FROM rows")
        found = [row[0] for row in session.sql("SELECT PREDICT('m', *) FROM given").fetchall()]
    return np.array([list(value.values()) if isinstance(value, dict) else value for value in found])


@pytest.mark.parametrize(
    "options", [{}, {"objective": "binary:logistic"}, {"objective": "multi:softprob", "num_class": 3}]
)
def test_an_xgboost_booster_scores_as_its_predict(options: dict[str, Any]) -> None:
    target = (SPECIES > 0).astype(int) if "num_class" not in options else SPECIES
    rows = xgboost.DMatrix(IRIS, target)
    booster = xgboost.train(options, rows, num_boost_round=15)
    np.testing.assert_array_equal(scored(booster, IRIS), booster.predict(xgboost.DMatrix(IRIS)))


def test_a_booster_that_stopped_early_uses_all_its_trees() -> None:
    train, test = (
        xgboost.DMatrix(DIABETES[:300], PROGRESS[:300]),
        xgboost.DMatrix(DIABETES[300:], PROGRESS[300:]),
    )
    booster = xgboost.train(
        {"eta": 0.5}, train, 60, evals=[(test, "t")], early_stopping_rounds=4, verbose_eval=False
    )
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    np.testing.assert_array_equal(scored(booster, DIABETES), booster.predict(xgboost.DMatrix(DIABETES)))


def test_a_booster_of_a_matrix_has_numbered_features() -> None:
    booster = xgboost.train({}, xgboost.DMatrix(DIABETES.to_numpy(), PROGRESS), 5)
    with wml.connect() as session:
        version = session.register("m", booster, DIABETES.to_numpy())
    assert version.signature.feature_names[:2] == ("x0", "x1")


@pytest.mark.parametrize("options", [{}, {"objective": "multiclass", "num_class": 3}])
def test_a_lightgbm_booster_scores_as_its_predict(options: dict[str, Any]) -> None:
    booster = lightgbm.train({"verbose": -1, **options}, lightgbm.Dataset(IRIS, SPECIES), 10)
    np.testing.assert_allclose(scored(booster, IRIS), booster.predict(IRIS), rtol=1e-12)
