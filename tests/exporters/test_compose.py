import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from palmerpenguins import load_penguins
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv
from sklearn.feature_selection import RFE, SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from tests.agreement import assert_agrees, score
from tests.handlers import ScoringError

assert enable_halving_search_cv  # its import is its effect

PENGUINS = load_penguins()
SPECIES = PENGUINS["species"]
FRAME = PENGUINS.drop(columns=["species", "year"]).assign(
    year=PENGUINS["year"].astype(int), tagged=PENGUINS["year"] > 2007
)
TEXT = ["island", "sex"]
NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "year"]
UNSEEN = FRAME.iloc[:5].assign(
    island=["Atlantis", "", "Dream", "?", "dream"], body_mass_g=[np.nan, 0, -1, 1e9, 4]
)


def none_for_nan(frame: pd.DataFrame) -> pd.DataFrame:
    """The same frame with objects, and None where text is missing."""
    objects = {name: frame[name].astype(object).where(frame[name].notna(), None) for name in TEXT}
    return frame.astype(dict.fromkeys(TEXT, object)).assign(**objects)


def fitted(model: Any, frame: pd.DataFrame, target: Any = SPECIES) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(frame, target)


def agrees(model: Any, frame: pd.DataFrame, rows: pd.DataFrame | None = None, target: Any = SPECIES) -> None:
    """The fitted model agrees on rows, also where it warns of unknown categories."""
    fitted(model, frame, target)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found unknown categories")
        assert_agrees(model, frame, rows)


def typical(text: Any, numbers: Any, **options: Any) -> Any:
    return ColumnTransformer([("text", text, TEXT), ("numbers", numbers, NUMBERS)], **options)


def impute_and_encode(**options: Any) -> Any:
    return make_pipeline(SimpleImputer(**options), OneHotEncoder(handle_unknown="ignore"))


SCALED = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
CLASSIFIER = LogisticRegression(max_iter=300)
IGNORING = OneHotEncoder(handle_unknown="ignore")
PREPROCESSORS = {
    "impute and encode": typical(impute_and_encode(strategy="most_frequent"), SCALED),
    "impute a constant": typical(impute_and_encode(strategy="constant", fill_value="none"), SCALED),
    "missing as a category": typical(IGNORING, SCALED, sparse_threshold=0),
    "dropped category": typical(OneHotEncoder(drop="if_binary", handle_unknown="ignore"), SCALED),
    "passthrough of booleans": typical(IGNORING, SCALED, remainder="passthrough"),
    "scaled remainder": ColumnTransformer([("text", IGNORING, TEXT)], remainder=SCALED),
    "weights": typical(IGNORING, SCALED, transformer_weights={"text": 0.5, "numbers": 3}),
    "infrequent": typical(
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=60),
        make_pipeline(KNNImputer(), MinMaxScaler()),
    ),
    "target encoding": typical(TargetEncoder(cv=3), SCALED),
    "ordinal encoding": typical(
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2), SCALED
    ),
    "bins": typical(IGNORING, make_pipeline(SimpleImputer(), KBinsDiscretizer(3, strategy="uniform"))),
    "splines": typical(
        IGNORING, make_pipeline(SimpleImputer(), SplineTransformer(n_knots=3), StandardScaler())
    ),
    "polynomials": typical(IGNORING, make_pipeline(SCALED, PolynomialFeatures(2, include_bias=False))),
    "logarithms": typical(
        IGNORING, make_pipeline(SimpleImputer(), FunctionTransformer(np.log), StandardScaler())
    ),
    "power": typical(IGNORING, make_pipeline(SimpleImputer(), PowerTransformer())),
    "quantiles": typical(IGNORING, make_pipeline(SimpleImputer(), QuantileTransformer(n_quantiles=50))),
    "indicator union": typical(IGNORING, make_union(SCALED, MissingIndicator())),
    "selection": make_pipeline(typical(IGNORING, SCALED), VarianceThreshold(0.1), SelectKBest(k=4)),
    "nested": make_pipeline(ColumnTransformer([("inner", typical(IGNORING, SCALED), TEXT + NUMBERS)])),
    "by dtype": make_column_transformer(
        (IGNORING, make_column_selector(dtype_exclude="number")),
        (SCALED, make_column_selector(dtype_include="number")),
    ),
    "by pattern": make_column_transformer((SCALED, make_column_selector("_mm$")), (IGNORING, [0, 5])),
    "unused": typical(IGNORING, SCALED, remainder="drop"),
}


@pytest.mark.parametrize("spelling", [lambda frame: frame, none_for_nan], ids=["nan", "none"])
@pytest.mark.parametrize("name", PREPROCESSORS)
def test_typical_pipeline_agrees(name: str, spelling: Any) -> None:
    frame, unseen = spelling(FRAME), spelling(UNSEEN)
    rows = pd.concat([frame.iloc[::9], unseen])
    if name == "logarithms":
        rows = rows[~(rows["body_mass_g"] <= 0)]
    agrees(make_pipeline(PREPROCESSORS[name], CLASSIFIER), frame, rows)


def test_pandas_output_agrees() -> None:
    columns = typical(
        OneHotEncoder(sparse_output=False, handle_unknown="ignore"), SCALED, remainder="passthrough"
    )
    second = make_column_transformer(
        (StandardScaler(), ["numbers__year", "text__sex_male"]), (MinMaxScaler(), ["remainder__tagged"])
    )
    agrees(make_pipeline(columns, second, CLASSIFIER).set_output(transform="pandas"), FRAME)


def test_pandas_output_without_prefixes_agrees() -> None:
    columns = make_column_transformer(
        (SimpleImputer(strategy="most_frequent"), TEXT),
        (SimpleImputer(), NUMBERS),
        remainder="drop",
        verbose_feature_names_out=False,
    )
    second = make_column_transformer((IGNORING, ["island"]), (StandardScaler(), ["year", "body_mass_g"]))
    agrees(make_pipeline(columns.set_output(transform="pandas"), second, CLASSIFIER), FRAME)


def test_awkward_column_names_agree() -> None:
    names = ["", " ", "a.b", 'x"y', "ünï ☃", "select", "a' OR 1=1 --"]
    frame = FRAME[[*TEXT, *NUMBERS]].set_axis(names, axis=1)
    columns = ColumnTransformer([("text", IGNORING, names[:2]), ("numbers", SCALED, names[2:])])
    agrees(make_pipeline(columns, CLASSIFIER), frame)


@pytest.mark.parametrize(
    "dtypes",
    [
        {"island": "category", "sex": "category"},
        {"year": "category"},
        {"year": "Int64", "tagged": "boolean", "body_mass_g": "Float64"},
        {"year": "float32", "bill_length_mm": "float32"},
        {"island": "string"},
        {"year": "int8"},
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_every_dtype_agrees(dtypes: Any) -> None:
    frame = FRAME.assign(year=FRAME["year"] - 2000).astype(dtypes)
    columns = ColumnTransformer(
        [("text", IGNORING, ["island", "sex", "year", "tagged"]), ("numbers", SCALED, NUMBERS[:4])]
    )
    model = fitted(make_pipeline(columns, CLASSIFIER), frame)
    assert_agrees(model, frame, rtol=1e-5 if "float32" in dtypes.values() else 1e-9)


def test_doubles_are_rounded_where_the_frame_holds_float32() -> None:
    frame = pd.DataFrame({"x": pd.Series([0.1, 0.3, 0.1], dtype="float32")})
    encoder = OneHotEncoder().fit(frame)
    assert score(encoder, frame, pd.DataFrame({"x": [0.1]}))[0].tolist() == [1.0]


def test_times_as_numbers_agree() -> None:
    days = pd.Series(pd.date_range("2026-01-01", periods=len(FRAME), freq="7h"))
    frame = pd.DataFrame({"day": days.where(days.dt.hour > 4), "again": days.astype("datetime64[s]")})
    columns = make_column_transformer((StandardScaler(), ["day"]), (StandardScaler(), ["again"]))
    assert_agrees(make_pipeline(columns, Ridge()).fit(frame, FRAME["year"]), frame)


@pytest.mark.parametrize(
    "target", [SPECIES == "Gentoo", SPECIES.astype("category"), SPECIES.factorize()[0] * 7]
)
def test_every_label_type_agrees(target: Any) -> None:
    agrees(make_pipeline(PREPROCESSORS["passthrough of booleans"], CLASSIFIER), FRAME, target=target)


def test_passthrough_agrees() -> None:
    frame = FRAME[["year", "tagged"]]
    steps = [("none", None), ("same", "passthrough"), ("model", CLASSIFIER)]
    agrees(Pipeline(steps), frame)
    union = FeatureUnion([("same", "passthrough"), ("none", "drop"), ("scaled", StandardScaler())])
    agrees(make_pipeline(union, CLASSIFIER), frame)
    weighted = FeatureUnion([("scaled", MinMaxScaler())], transformer_weights={"scaled": 2.0})
    agrees(make_pipeline(weighted, CLASSIFIER), frame)


def test_column_without_a_category_left_agrees() -> None:
    frame = FRAME.assign(constant="x")
    columns = ColumnTransformer(
        [
            ("none", OneHotEncoder(drop="first"), ["constant"]),
            ("numbers", SCALED, NUMBERS),
            ("nobody", SCALED, []),
        ],
        transformer_weights={"none": 2.0},
    )
    agrees(make_pipeline(columns, CLASSIFIER), frame)


def test_matrix_of_mixed_values_agrees() -> None:
    matrix = FRAME[[*TEXT, "year"]].to_numpy(dtype=object)
    columns = ColumnTransformer(
        [("text", impute_and_encode(strategy="most_frequent"), [0, 1])], remainder="passthrough"
    )
    agrees(make_pipeline(columns, StandardScaler(with_mean=False), CLASSIFIER), matrix)


def test_forest_of_a_frame_agrees() -> None:
    agrees(
        make_pipeline(PREPROCESSORS["impute and encode"], RandomForestClassifier(5, random_state=0)),
        FRAME,
        UNSEEN,
    )


GRID = {"ridge__alpha": [0.1, 1.0]}
SEARCHES = [
    GridSearchCV(make_pipeline(SCALED, Ridge()), GRID, cv=2),
    RandomizedSearchCV(make_pipeline(SCALED, Ridge()), GRID, n_iter=2, cv=2, random_state=0),
    HalvingGridSearchCV(make_pipeline(SCALED, Ridge()), GRID, cv=2),
]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: type(search).__name__)
def test_search_agrees(search: Any) -> None:
    agrees(search, FRAME[NUMBERS[:3]], target=FRAME["year"])


def test_search_of_a_transformer_agrees() -> None:
    search = GridSearchCV(
        make_pipeline(SCALED, SelectKBest()), {"selectkbest__k": [2]}, scoring=lambda *_: 0.0, cv=2
    )
    agrees(search, FRAME[NUMBERS])


def test_frozen_estimator_agrees() -> None:
    frame = FRAME[NUMBERS].fillna(0)
    agrees(FrozenEstimator(LinearRegression().fit(frame, FRAME["tagged"])), frame)
    agrees(make_pipeline(FrozenEstimator(StandardScaler().fit(frame)), CLASSIFIER), frame)
    agrees(FrozenEstimator(RandomForestClassifier(3, random_state=0).fit(frame, FRAME["tagged"])), frame)
    agrees(FrozenEstimator(RFE(Ridge(), n_features_to_select=1).fit(frame, FRAME["tagged"])), frame)


@pytest.mark.parametrize("spelling", [lambda frame: frame, none_for_nan], ids=["nan", "none"])
def test_unknown_category_is_refused_with_its_value(spelling: Any) -> None:
    frame = spelling(FRAME)
    model = fitted(make_pipeline(typical(OneHotEncoder(), SCALED), CLASSIFIER), frame)
    assert_agrees(model, frame)
    with pytest.raises(ScoringError, match="'Atlantis' for the feature 'island': unknown category"):
        score(model, frame, spelling(UNSEEN))
    lenient = score(model, frame, spelling(UNSEEN), "try_predict")[0]
    assert [value is None for value in lenient] == [True, True, False, True, True]
