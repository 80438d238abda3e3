"""Trees, forests, boosting of every library, and isolation."""

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from tests.conformance.case import Factory, case
from tests.conformance.data import (
    cancer,
    diabetes,
    digits,
    flight_numbers,
    iris,
    iris_named,
    late_flights,
    linnerud,
    wine,
)


def _late_numbers() -> tuple[pd.DataFrame, Any]:
    features, late = late_flights()
    return features.select_dtypes("number"), late


def _late_categories() -> tuple[pd.DataFrame, Any]:
    features, late = late_flights()
    texts = features.select_dtypes(object).columns
    return features.drop(columns="weekend").astype(dict.fromkeys(texts, "category")), late


def _flight_counts() -> tuple[pd.DataFrame, Any]:
    features, minutes = flight_numbers()
    return features, np.round(minutes / 10)


def _ordered_categories() -> tuple[pd.DataFrame, Any]:
    features, minutes = flight_numbers()
    seasons = pd.CategoricalDtype(["winter", "spring", "summer", "autumn"], ordered=True)
    season = features["month"].astype(int) % 12 // 3
    return features.assign(season=pd.Categorical.from_codes(season, dtype=seasons)), minutes


_TREES: Mapping[str, Factory] = {
    "tree, three classes": lambda: case(DecisionTreeClassifier(random_state=0), *iris_named()),
    "tree, two classes": lambda: case(DecisionTreeClassifier(max_depth=4, random_state=0), *cancer()),
    "tree with missing values": lambda: case(
        DecisionTreeClassifier(max_depth=6, random_state=0), *_late_numbers()
    ),
    "tree, regression": lambda: case(DecisionTreeRegressor(max_depth=6, random_state=0), *diabetes()),
    "tree, three outputs": lambda: case(DecisionTreeRegressor(max_depth=2, random_state=0), *linnerud()),
    "tree, absolute error, missing values": lambda: case(
        DecisionTreeRegressor(max_depth=5, random_state=0), *flight_numbers()
    ),
    "extra tree": lambda: case(ExtraTreeClassifier(max_depth=8, random_state=0), *digits()),
}

_FORESTS: Mapping[str, Factory] = {
    "forest, three classes": lambda: case(RandomForestClassifier(20, random_state=0), *wine()),
    "forest with missing values": lambda: case(
        RandomForestClassifier(15, max_depth=6, random_state=0), *_late_numbers()
    ),
    "forest, ten classes": lambda: case(RandomForestClassifier(10, max_depth=6, random_state=0), *digits()),
    "forest, regression": lambda: case(RandomForestRegressor(15, max_depth=6, random_state=0), *diabetes()),
    "forest, regression with missing values": lambda: case(
        RandomForestRegressor(10, max_depth=6, random_state=0), *flight_numbers()
    ),
    "forest, three outputs": lambda: case(RandomForestRegressor(10, random_state=0), *linnerud()),
    "extra trees": lambda: case(ExtraTreesClassifier(15, max_depth=6, random_state=0), *iris_named()),
    "extra trees, regression": lambda: case(
        ExtraTreesRegressor(10, max_depth=6, random_state=0), *diabetes()
    ),
}

_BOOSTING: Mapping[str, Factory] = {
    "gradient boosting, two classes": lambda: case(
        GradientBoostingClassifier(n_estimators=20, random_state=0), *cancer()
    ),
    "gradient boosting, three classes": lambda: case(
        GradientBoostingClassifier(n_estimators=10, random_state=0), *iris_named()
    ),
    "gradient boosting, exponential loss": lambda: case(
        GradientBoostingClassifier(loss="exponential", n_estimators=20, random_state=0), *cancer()
    ),
    "gradient boosting, regression": lambda: case(
        GradientBoostingRegressor(n_estimators=30, random_state=0), *diabetes()
    ),
    "gradient boosting, huber": lambda: case(
        GradientBoostingRegressor(loss="huber", n_estimators=15, random_state=0), *diabetes()
    ),
    "gradient boosting from a model": lambda: case(
        GradientBoostingClassifier(n_estimators=10, init=LogisticRegression(max_iter=5000), random_state=0),
        *iris(),
    ),
    "histogram boosting": lambda: case(HistGradientBoostingClassifier(max_iter=15, random_state=0), *wine()),
    "histogram boosting, missing values": lambda: case(
        HistGradientBoostingClassifier(max_iter=15, random_state=0), *_late_numbers()
    ),
    "histogram boosting, categories": lambda: case(
        HistGradientBoostingClassifier(max_iter=15, categorical_features="from_dtype", random_state=0),
        *_late_categories(),
    ),
    "histogram boosting, poisson": lambda: case(
        HistGradientBoostingRegressor(loss="poisson", max_iter=15, random_state=0), *_flight_counts()
    ),
    "histogram boosting, gamma": lambda: case(
        HistGradientBoostingRegressor(loss="gamma", max_iter=15, random_state=0), *flight_numbers()
    ),
    "adaboost of trees": lambda: case(AdaBoostClassifier(n_estimators=15, random_state=0), *iris_named()),
    "adaboost of trees, two classes": lambda: case(
        AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=15, random_state=0), *cancer()
    ),
    "adaboost, regression": lambda: case(AdaBoostRegressor(n_estimators=10, random_state=0), *diabetes()),
}

_BAGGING: Mapping[str, Factory] = {
    "bagging of trees": lambda: case(BaggingClassifier(n_estimators=10, random_state=0), *wine()),
    "bagging of neighbours on some features": lambda: case(
        make_pipeline(
            StandardScaler(),
            BaggingClassifier(
                KNeighborsClassifier(3), n_estimators=4, max_features=0.5, max_samples=0.5, random_state=0
            ),
        ),
        *wine(),
    ),
    "bagging, regression": lambda: case(
        BaggingRegressor(
            DecisionTreeRegressor(max_depth=5), n_estimators=8, max_features=0.7, random_state=0
        ),
        *diabetes(),
    ),
}

_ISOLATION: Mapping[str, Factory] = {
    "isolation forest": lambda: case(IsolationForest(n_estimators=20, random_state=0), wine()[0]),
    "isolation forest, contaminated": lambda: case(
        IsolationForest(n_estimators=20, contamination=0.1, max_features=0.5, random_state=0), cancer()[0]
    ),
    "isolation forest with missing values": lambda: case(
        IsolationForest(n_estimators=15, contamination=0.05, random_state=0), _late_numbers()[0]
    ),
}

_QUANTILE: Mapping[str, Factory] = {
    "quantile, gradient boosting": lambda: case(
        GradientBoostingRegressor(loss="quantile", alpha=0.9, n_estimators=20, random_state=0), *diabetes()
    ),
    "quantile, histogram boosting": lambda: case(
        HistGradientBoostingRegressor(loss="quantile", quantile=0.1, max_iter=15, random_state=0),
        *flight_numbers(),
    ),
    "quantile, XGBoost": lambda: case(
        xgboost.XGBRegressor(n_jobs=1, n_estimators=10, objective="reg:quantileerror", quantile_alpha=0.8),
        *flight_numbers(),
    ),
    "quantile, LightGBM": lambda: case(
        lightgbm.LGBMRegressor(objective="quantile", alpha=0.8, n_estimators=10, n_jobs=1, verbose=-1),
        *flight_numbers(),
    ),
}

_XGBOOST: Mapping[str, Factory] = {
    "XGBoost, two classes, missing values": lambda: case(
        xgboost.XGBClassifier(n_jobs=1, n_estimators=20, max_depth=4), *_late_numbers()
    ),
    "XGBoost, three classes": lambda: case(
        xgboost.XGBClassifier(n_jobs=1, n_estimators=8, max_depth=3), *iris()
    ),
    "XGBoost, regression": lambda: case(
        xgboost.XGBRegressor(n_jobs=1, n_estimators=20, max_depth=4), *flight_numbers()
    ),
    "XGBoost, counts": lambda: case(
        xgboost.XGBRegressor(n_jobs=1, n_estimators=10, objective="count:poisson"), *_flight_counts()
    ),
    "XGBoost, categories": lambda: case(
        xgboost.XGBClassifier(n_jobs=1, n_estimators=10, enable_categorical=True), *_late_categories()
    ),
    "XGBoost, dropped trees": lambda: case(
        xgboost.XGBClassifier(n_jobs=1, n_estimators=10, booster="dart", rate_drop=0.3, random_state=0),
        *_late_numbers(),
    ),
    "XGBoost, linear booster": lambda: case(
        xgboost.XGBRegressor(n_jobs=1, n_estimators=10, booster="gblinear", random_state=0), *diabetes()
    ),
    "XGBoost forest": lambda: case(
        xgboost.XGBRFClassifier(n_jobs=1, n_estimators=10, max_depth=4, random_state=0), *cancer()
    ),
    "XGBoost, three outputs": lambda: case(
        xgboost.XGBRegressor(n_jobs=1, n_estimators=5, max_depth=2), *linnerud()
    ),
}

_LIGHTGBM: Mapping[str, Factory] = {
    "LightGBM, two classes, missing values": lambda: case(
        lightgbm.LGBMClassifier(n_estimators=20, num_leaves=15, n_jobs=1, verbose=-1), *_late_numbers()
    ),
    "LightGBM, three classes": lambda: case(
        lightgbm.LGBMClassifier(n_estimators=8, num_leaves=7, n_jobs=1, verbose=-1), *iris_named()
    ),
    "LightGBM, regression": lambda: case(
        lightgbm.LGBMRegressor(n_estimators=20, num_leaves=15, n_jobs=1, verbose=-1), *flight_numbers()
    ),
    "LightGBM, categories": lambda: case(
        lightgbm.LGBMClassifier(n_estimators=10, num_leaves=7, min_child_samples=5, n_jobs=1, verbose=-1),
        *_late_categories(),
    ),
    "LightGBM, linear trees, ordered categories": lambda: case(
        lightgbm.LGBMRegressor(n_estimators=5, num_leaves=7, linear_tree=True, n_jobs=1, verbose=-1),
        *_ordered_categories(),
    ),
    "LightGBM, linear trees": lambda: case(
        lightgbm.LGBMRegressor(n_estimators=5, linear_tree=True, n_jobs=1, verbose=-1), *diabetes()
    ),
    "LightGBM, zero as missing": lambda: case(
        lightgbm.LGBMRegressor(n_estimators=10, zero_as_missing=True, n_jobs=1, verbose=-1), *flight_numbers()
    ),
    "LightGBM forest": lambda: case(
        lightgbm.LGBMClassifier(
            boosting_type="rf",
            n_estimators=10,
            subsample=0.7,
            subsample_freq=1,
            n_jobs=1,
            verbose=-1,
            random_state=0,
        ),
        *cancer(),
    ),
    "LightGBM, tweedie": lambda: case(
        lightgbm.LGBMRegressor(objective="tweedie", n_estimators=10, n_jobs=1, verbose=-1), *_flight_counts()
    ),
}

FAMILIES: Mapping[str, Mapping[str, Factory]] = {
    "trees": _TREES,
    "forests": _FORESTS,
    "boosting": _BOOSTING,
    "bagging": _BAGGING,
    "isolation forest": _ISOLATION,
    "quantile": _QUANTILE,
    "XGBoost": _XGBOOST,
    "LightGBM": _LIGHTGBM,
}
