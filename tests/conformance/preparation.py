"""What happens before a model: imputing, encoding, bending, reducing, grouping, and mixed columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn.cluster import AffinityPropagation, Birch, BisectingKMeans, KMeans, MeanShift, MiniBatchKMeans
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import (
    NMF,
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    KernelPCA,
    LatentDirichletAllocation,
    TruncatedSVD,
)
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.experimental import enable_iterative_imputer
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import AdditiveChi2Sampler, Nystroem, RBFSampler
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, NeighborhoodComponentsAnalysis
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from tests.conformance.case import Factory, case
from tests.conformance.data import (
    FLIGHT_TEXTS,
    airports,
    cancer,
    diabetes,
    digits,
    flight_numbers,
    flights,
    iris,
    late_flights,
    penguin_mass,
    penguins,
    wine,
)

__all__ = ["FAMILIES", "enable_iterative_imputer"]


_FOLDS = KFold(3, shuffle=True, random_state=0)


def _by_type(numbers: Any, texts: Any) -> ColumnTransformer:
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (texts, make_column_selector(dtype_include=object)),
        ("passthrough", make_column_selector(dtype_include=bool)),
    )


def _mixed(numbers: Any, texts: Any, model: Any) -> Pipeline:
    return make_pipeline(_by_type(numbers, texts), model)


def _filled(*steps: Any) -> Pipeline:
    return make_pipeline(SimpleImputer(), StandardScaler(), *steps)


def _awkward_names() -> tuple[pd.DataFrame, Any]:
    features, target = penguins()
    names = ["Select", 'the "island"', "bill length [mm]", "a.b", "a,b", "größe 🐧", "x'); DROP TABLE t"]
    return features.set_axis(names, axis=1), target


def _departures() -> tuple[pd.DataFrame, Any]:
    joined = flights()[:400]
    return joined[["departure", "distance", "carrier"]].astype({"carrier": object}), joined["air_time"]


def _numbers_of_late_flights() -> tuple[pd.DataFrame, Any]:
    features, late = late_flights()
    return features.select_dtypes("number"), late


def _calendar(frame: Any) -> Any:
    when = frame["departure"]
    return pd.DataFrame({"month": when.dt.month, "weekday": when.dt.day_of_week, "hour": when.dt.hour})


_IMPUTING: Mapping[str, Factory] = {
    "mean, with indicators": lambda: case(
        make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), Ridge()), *flight_numbers()
    ),
    "median": lambda: case(make_pipeline(SimpleImputer(strategy="median"), Ridge()), *flight_numbers()),
    "most frequent": lambda: case(
        make_pipeline(SimpleImputer(strategy="most_frequent"), Ridge()), *flight_numbers()
    ),
    "constant": lambda: case(
        make_pipeline(SimpleImputer(strategy="constant", fill_value=-7.0), Ridge()), *flight_numbers()
    ),
    "nearest neighbours": lambda: case(
        make_pipeline(StandardScaler(), KNNImputer(n_neighbors=4), Ridge()), *flight_numbers(300)
    ),
    "iterative": lambda: case(
        make_pipeline(StandardScaler(), IterativeImputer(max_iter=30, tol=0.05, random_state=0), Ridge()),
        *flight_numbers(300),
    ),
    "indicators beside values": lambda: case(
        make_pipeline(make_union(SimpleImputer(), MissingIndicator(features="all")), Ridge()),
        *flight_numbers(),
    ),
}

_BENDING: Mapping[str, Factory] = {
    "min-max": lambda: case(make_pipeline(MinMaxScaler((-1, 1)), Ridge()), *diabetes()),
    "robust": lambda: case(make_pipeline(RobustScaler(), KNeighborsClassifier()), *wine()),
    "largest magnitude": lambda: case(make_pipeline(MaxAbsScaler(), LogisticRegression()), *wine()),
    "rows of length one": lambda: case(make_pipeline(Normalizer(), LogisticRegression()), *iris()),
    "yeo-johnson": lambda: case(make_pipeline(PowerTransformer(), LogisticRegression()), *wine()),
    "quantiles, uniform": lambda: case(
        make_pipeline(QuantileTransformer(n_quantiles=40), LogisticRegression()), *wine()
    ),
    "quantiles, normal": lambda: case(
        make_pipeline(
            QuantileTransformer(n_quantiles=40, output_distribution="normal"), LogisticRegression()
        ),
        *wine(),
    ),
    "splines": lambda: case(make_pipeline(SplineTransformer(n_knots=4), Ridge()), *diabetes()),
    "polynomials": lambda: case(make_pipeline(PolynomialFeatures(2), Ridge()), *diabetes()),
    "bins, one column each": lambda: case(
        make_pipeline(KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), LogisticRegression()),
        *wine(),
    ),
    "bins, numbered": lambda: case(
        make_pipeline(KBinsDiscretizer(5, encode="ordinal", strategy="uniform"), LogisticRegression()),
        *iris(),
    ),
    "logarithms": lambda: case(
        make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression()), *iris()
    ),
    "thresholds": lambda: case(make_pipeline(Binarizer(threshold=8.0), LogisticRegression()), *digits()),
    "best features": lambda: case(
        make_pipeline(StandardScaler(), SelectKBest(k=4), LogisticRegression()), *wine()
    ),
    "features by a model": lambda: case(
        make_pipeline(StandardScaler(), SelectFromModel(LogisticRegression()), LogisticRegression()), *wine()
    ),
    "features by elimination": lambda: case(
        make_pipeline(
            VarianceThreshold(), StandardScaler(), RFE(LogisticRegression(), n_features_to_select=3)
        ),
        *wine(),
    ),
    "kernel map, nystroem": lambda: case(
        make_pipeline(StandardScaler(), Nystroem(n_components=20, random_state=0), LogisticRegression()),
        *wine(),
    ),
    "kernel map, random": lambda: case(
        make_pipeline(StandardScaler(), RBFSampler(n_components=20, random_state=0), LogisticRegression()),
        *wine(),
    ),
    "kernel map, chi squared": lambda: case(
        make_pipeline(AdditiveChi2Sampler(), LogisticRegression(max_iter=5000)), *iris()
    ),
}

_MIXED: Mapping[str, Factory] = {
    "flights, parts of a time": lambda: case(
        make_pipeline(
            make_column_transformer(
                (FunctionTransformer(_calendar), ["departure"]),
                (OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
                remainder="passthrough",
            ),
            HistGradientBoostingRegressor(max_iter=10),
        ),
        *_departures(),
    ),
    "flights, days since": lambda: case(
        make_pipeline(
            FunctionTransformer(
                lambda x: np.c_[(x["departure"] - pd.Timestamp("2013-01-01")).dt.days, np.log(x["distance"])]
            ),
            StandardScaler(),
            Ridge(),
        ),
        *_departures(),
    ),
    "penguins, one-hot": lambda: case(
        _mixed(_filled(), OneHotEncoder(handle_unknown="ignore"), LogisticRegression()), *penguins()
    ),
    "penguins, texts filled": lambda: case(
        _mixed(
            _filled(),
            make_pipeline(
                SimpleImputer(strategy="most_frequent", missing_values=None),
                OneHotEncoder(handle_unknown="ignore"),
            ),
            LogisticRegression(),
        ),
        *penguins(),
    ),
    "penguins, texts filled with a constant": lambda: case(
        _mixed(
            _filled(),
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="none", missing_values=None),
                OneHotEncoder(handle_unknown="ignore"),
            ),
            RandomForestClassifier(10, random_state=0),
        ),
        *penguins(),
    ),
    "penguins, unknown categories refused": lambda: case(
        _mixed(_filled(), OneHotEncoder(), LogisticRegression()), *penguins()
    ),
    "penguins, first category dropped": lambda: case(
        _mixed(
            _filled(),
            OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False),
            KNeighborsClassifier(),
        ),
        *penguins(),
    ),
    "penguins, numbered categories": lambda: case(
        _mixed(
            _filled(),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
            RandomForestClassifier(10, random_state=0),
        ),
        *penguins(),
    ),
    "penguins, awkward names": lambda: case(
        _mixed(_filled(), OneHotEncoder(handle_unknown="ignore"), LogisticRegression()), *_awkward_names()
    ),
    "penguins, mass": lambda: case(
        _mixed(_filled(), OneHotEncoder(handle_unknown="ignore"), Ridge()), *penguin_mass()
    ),
    "flights, one-hot": lambda: case(
        _mixed(_filled(), OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=1000)),
        *late_flights(),
    ),
    "flights, rare categories": lambda: case(
        _mixed(
            _filled(),
            OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20),
            LogisticRegression(max_iter=1000),
        ),
        *late_flights(),
    ),
    "flights, rare numbered categories": lambda: case(
        _mixed(
            "passthrough",
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=5),
            HistGradientBoostingRegressor(max_iter=15, random_state=0),
        ),
        *late_flights(),
    ),
    "flights, XGBoost": lambda: case(
        _mixed(
            "passthrough",
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            xgboost.XGBClassifier(n_jobs=1, n_estimators=15),
        ),
        *late_flights(),
    ),
    "flights, XGBoost after sparse columns": lambda: case(
        _mixed(
            "passthrough",
            OneHotEncoder(handle_unknown="ignore"),
            xgboost.XGBClassifier(n_jobs=1, n_estimators=15),
        ),
        *late_flights(),
    ),
    "flights, departures as numbers": lambda: case(
        make_pipeline(
            make_column_transformer(
                (StandardScaler(), ["departure"]),
                (StandardScaler(), ["distance"]),
                (OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
            ),
            Ridge(),
        ),
        *_departures(),
    ),
    "airports, remaining columns dropped": lambda: case(
        make_pipeline(make_column_transformer((StandardScaler(), ["lat", "lon"])), KNeighborsClassifier()),
        *airports(),
    ),
}

_TARGETS: Mapping[str, Factory] = {
    "target encoding, two classes": lambda: case(
        _mixed(_filled(), TargetEncoder(cv=_FOLDS), LogisticRegression(max_iter=1000)), *late_flights()
    ),
    "target encoding, three classes": lambda: case(
        _mixed(_filled(), TargetEncoder(cv=_FOLDS), LogisticRegression(max_iter=1000)), *penguins()
    ),
    "target encoding, numbers": lambda: case(
        make_pipeline(make_column_transformer((TargetEncoder(smooth=5.0, cv=_FOLDS), FLIGHT_TEXTS)), Ridge()),
        late_flights()[0][FLIGHT_TEXTS],
        flights()["air_time"][:500],
    ),
}

_REDUCING: Mapping[str, Factory] = {
    "principal components": lambda: case(make_pipeline(StandardScaler(), PCA(3)), wine()[0]),
    "principal components, whitened": lambda: case(
        make_pipeline(StandardScaler(), PCA(4, whiten=True), LogisticRegression()), *cancer()
    ),
    "singular values": lambda: case(
        make_pipeline(TruncatedSVD(10, random_state=0), LogisticRegression(max_iter=2000)), *digits()
    ),
    "non-negative factors": lambda: case(NMF(3, init="nndsvda", max_iter=2000), iris()[0]),
    "independent components": lambda: case(
        make_pipeline(
            StandardScaler(), FastICA(3, random_state=0, max_iter=2000, tol=0.01), LogisticRegression()
        ),
        *iris(),
    ),
    "kernel components": lambda: case(
        make_pipeline(StandardScaler(), KernelPCA(3, kernel="rbf"), LogisticRegression()), *wine()
    ),
    "factors": lambda: case(make_pipeline(StandardScaler(), FactorAnalysis(2), Ridge()), *diabetes()),
    "components in batches": lambda: case(
        make_pipeline(StandardScaler(), IncrementalPCA(3, batch_size=50), LogisticRegression()), *wine()
    ),
    "topics": lambda: case(LatentDirichletAllocation(3, random_state=0, max_iter=5), digits()[0]),
    "neighbourhood components": lambda: case(
        make_pipeline(
            StandardScaler(), NeighborhoodComponentsAnalysis(2, random_state=0), KNeighborsClassifier(3)
        ),
        *iris(),
    ),
}

_CLUSTERING: Mapping[str, Factory] = {
    "k-means": lambda: case(make_pipeline(StandardScaler(), KMeans(4, n_init=2, random_state=0)), wine()[0]),
    "k-means in batches": lambda: case(
        make_pipeline(StandardScaler(), MiniBatchKMeans(3, n_init=2, random_state=0)), iris()[0]
    ),
    "k-means, halved": lambda: case(
        make_pipeline(StandardScaler(), BisectingKMeans(4, random_state=0)), wine()[0]
    ),
    "mean shift": lambda: case(MeanShift(bandwidth=1.2), iris()[0]),
    "affinity": lambda: case(AffinityPropagation(random_state=0, damping=0.8), iris()[0]),
    "birch": lambda: case(make_pipeline(StandardScaler(), Birch(n_clusters=3)), wine()[0]),
    "gaussian mixture": lambda: case(GaussianMixture(3, random_state=0, reg_covar=1e-3), iris()[0]),
    "gaussian mixture, diagonal": lambda: case(
        BayesianGaussianMixture(n_components=3, covariance_type="diag", random_state=0, max_iter=300),
        iris()[0],
    ),
    "distances to centres, then logistic": lambda: case(
        make_pipeline(StandardScaler(), KMeans(5, n_init=2, random_state=0), LogisticRegression()), *wine()
    ),
    "elliptic envelope": lambda: case(EllipticEnvelope(contamination=0.1, random_state=0), iris()[0]),
}

FAMILIES: Mapping[str, Mapping[str, Factory]] = {
    "imputing": _IMPUTING,
    "bending": _BENDING,
    "mixed columns": _MIXED,
    "target encoding": _TARGETS,
    "decomposition": _REDUCING,
    "clustering": _CLUSTERING,
}
