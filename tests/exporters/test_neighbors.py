import numpy as np
import pandas as pd
import pytest
from palmerpenguins import load_penguins
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestCentroid,
    NeighborhoodComponentsAnalysis,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)
from sklearn.pipeline import make_pipeline

from tests.agreement import assert_agrees, score
from tests.handlers import ScoringError
from warehouse_ml.errors import UnsupportedStepError

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)
DIABETES, PROGRESSION = load_diabetes(return_X_y=True, as_frame=True)
TREES = ["kd_tree", "ball_tree", "brute"]


def shifted(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows, the rows between them, and some far outside: exact hits, ordinary and lonely ones."""
    return pd.concat([frame, (frame + frame.shift(1)).dropna() / 2, frame[::10] * 3], ignore_index=True)


@pytest.mark.parametrize("algorithm", TREES)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_classifier_agrees_on_ties(algorithm: str, weights: str) -> None:
    model = KNeighborsClassifier(5, weights=weights, algorithm=algorithm).fit(IRIS, SPECIES)
    assert_agrees(model, IRIS, shifted(IRIS), rtol=1e-5 if algorithm == "brute" else 1e-9)


@pytest.mark.parametrize("algorithm", TREES)
def test_the_first_visited_of_equally_near_rows_are_found(algorithm: str) -> None:
    far = IRIS + 1e17  # there every training row is at the same distance
    assert_agrees(KNeighborsClassifier(5, algorithm=algorithm).fit(IRIS, SPECIES), IRIS, far)


@pytest.mark.parametrize(
    ("metric", "params"),
    [
        ("manhattan", None),
        ("chebyshev", None),
        ("minkowski", {"p": 3}),
        ("minkowski", {"p": 1.5, "w": np.arange(1.0, 14.0)}),
        ("cosine", None),
        ("canberra", None),
        ("braycurtis", None),
        ("seuclidean", {"V": WINE.var().to_numpy()}),
        ("mahalanobis", {"VI": np.linalg.inv(np.cov(WINE.T))}),
    ],
)
@pytest.mark.filterwarnings("ignore:Parameter p is found")
def test_metrics_agree(metric: str, params: dict | None) -> None:
    model = KNeighborsRegressor(7, weights="distance", metric=metric, metric_params=params)
    held_out = (WINE[1:] + WINE[:-1].to_numpy()) / 2
    assert_agrees(model.fit(WINE[::2], WINE["alcohol"][::2]), WINE, held_out)


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "minkowski"])
@pytest.mark.parametrize("algorithm", TREES)
def test_metrics_agree_in_every_search(metric: str, algorithm: str) -> None:
    model = KNeighborsClassifier(4, metric=metric, algorithm=algorithm, p=3, leaf_size=5)
    assert_agrees(model.fit(IRIS, SPECIES), IRIS)


def test_many_columns_are_searched_by_force() -> None:
    features, digits = load_digits(return_X_y=True, as_frame=True)
    model = KNeighborsClassifier(3).fit(features[:600], digits[:600])
    assert_agrees(model, features[:600], features[600:900])


def test_several_outputs_agree() -> None:
    targets = pd.DataFrame({"long": IRIS.iloc[:, 2] > 4, "species": SPECIES})
    assert_agrees(KNeighborsClassifier(3).fit(IRIS, targets.astype(int)), IRIS)
    regressor = KNeighborsRegressor(3, weights="distance").fit(DIABETES, np.c_[PROGRESSION, PROGRESSION**2])
    assert_agrees(regressor, DIABETES)


@pytest.mark.parametrize("kind", [str, bool])
def test_labels_keep_their_type(kind: type) -> None:
    labels = SPECIES.map({0: "a", 1: "b", 2: "c"}) if kind is str else SPECIES > 0
    assert_agrees(KNeighborsClassifier(3).fit(IRIS, labels), IRIS)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("algorithm", TREES)
def test_radius_classifier_agrees(weights: str, algorithm: str) -> None:
    penguins = load_penguins().dropna()
    features = penguins[["bill_length_mm", "bill_depth_mm"]]
    model = RadiusNeighborsClassifier(
        1.53, weights=weights, algorithm=algorithm, outlier_label="most_frequent"
    ).fit(features, penguins["species"])
    assert_agrees(model, features, shifted(features), rtol=1e-5)


def test_radius_classifier_agrees_on_hamming_distance() -> None:
    grid = (
        load_penguins()
        .dropna()[["island", "sex", "year"]]
        .apply(lambda column: column.astype("category").cat.codes)
    )
    model = RadiusNeighborsClassifier(0.4, metric="hamming").fit(grid, grid["island"] + grid["year"])
    assert_agrees(model, grid)


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
@pytest.mark.parametrize("k", [1, 4, 9])
def test_categories_that_tie_agree(algorithm: str, k: int) -> None:
    digits = np.random.default_rng(0).integers(0, 3, (400, 4)).astype(float)
    target = np.arange(400) % 7  # so that the choice among equals is seen
    model = KNeighborsRegressor(k, algorithm=algorithm, leaf_size=12).fit(digits, target)
    assert_agrees(model, digits, digits[::3] + 0.25)


def test_radius_classifier_agrees_on_several_outputs() -> None:
    targets = np.c_[SPECIES, SPECIES > 1]
    model = RadiusNeighborsClassifier(0.6, outlier_label=[2, 0]).fit(IRIS, targets)
    assert_agrees(model, IRIS, shifted(IRIS))


@pytest.mark.filterwarnings("ignore:Outlier label")
def test_an_outlier_label_may_be_none_of_the_classes() -> None:
    model = RadiusNeighborsClassifier(0.5, outlier_label=-1).fit(IRIS[:100], SPECIES[:100])
    assert_agrees(model, IRIS, shifted(IRIS))


def test_rows_without_neighbours_are_refused() -> None:
    model = RadiusNeighborsClassifier(1.0).fit(IRIS, SPECIES)
    assert_agrees(model, IRIS)
    with pytest.raises(ScoringError, match="no neighbours within the radius"):
        score(model, IRIS, IRIS * 10)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.filterwarnings("ignore:One or more samples have no neighbors", "ignore:invalid value")
def test_radius_regressor_agrees(weights: str, whole: bool) -> None:
    target = WINE["proline"].astype(int if whole else float)
    features = WINE[["alcohol", "malic_acid", "ash"]]
    model = RadiusNeighborsRegressor(0.7, weights=weights).fit(features, target)
    assert_agrees(model, features, shifted(features))


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("priors", ["uniform", "empirical", [0.2, 0.3, 0.5]])
@pytest.mark.parametrize("shrink", [None, 0.5])
def test_nearest_centroid_agrees(metric: str, priors: object, shrink: float | None) -> None:
    model = NearestCentroid(metric=metric, priors=priors, shrink_threshold=shrink).fit(WINE, CULTIVAR)
    assert_agrees(model, WINE)


@pytest.mark.parametrize("algorithm", TREES)
def test_local_outlier_factor_agrees(algorithm: str) -> None:
    model = LocalOutlierFactor(15, novelty=True, algorithm=algorithm, contamination=0.1)
    assert_agrees(model.fit(WINE[::2].to_numpy()), WINE.to_numpy())


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_missing_values_agree_where_the_metric_takes_them(weights: str) -> None:
    random = np.random.default_rng(0)
    gappy = WINE.where(random.random(WINE.shape) > 0.2)
    model = KNeighborsRegressor(4, metric="nan_euclidean", weights=weights).fit(gappy[::2], CULTIVAR[::2])
    assert_agrees(model, gappy, gappy[1::2])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_row_of_one_value_among_gaps_has_the_neighbours_that_the_estimator_finds(
    weights: str, value: float
) -> None:
    gappy = WINE.mask(np.random.default_rng(1).random(WINE.shape) < 0.2)
    gappy.iloc[0] = np.where(np.arange(WINE.shape[1]) % 2, np.nan, WINE.iloc[0])
    model = KNeighborsRegressor(4, metric="nan_euclidean", weights=weights).fit(gappy, CULTIVAR)
    alone = pd.DataFrame([[value] * WINE.shape[1]], columns=WINE.columns)
    assert_agrees(model, gappy, pd.concat([gappy[:9], alone], ignore_index=True), rtol=1e-7)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_texts_without_a_known_word_agree(metric: str) -> None:
    texts = load_penguins().dropna().apply(lambda row: f"{row.island} {row.sex} {row.year}", axis=1)
    species = load_penguins().dropna()["species"]
    model = make_pipeline(TfidfVectorizer(), KNeighborsClassifier(5, metric=metric)).fit(
        texts[::40], species[::40]
    )
    assert (
        score(model, texts, pd.Series(["", "unseen", "x y"]))[0].tolist() == model.predict([""]).tolist() * 3
    )


def test_neighborhood_components_agree() -> None:
    analysis = NeighborhoodComponentsAnalysis(2, random_state=0, max_iter=10).fit(IRIS, SPECIES)
    assert_agrees(analysis, IRIS)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (KNeighborsClassifier(weights=np.exp), "its weights are a function"),
        (KNeighborsClassifier(metric=lambda a, b: abs(a - b).sum()), "a function of your own has no form"),
        (KNeighborsClassifier(metric="correlation"), "the metric 'correlation'"),
        (
            make_pipeline(KNeighborsTransformer(), KNeighborsClassifier(metric="precomputed")),
            "a graph over the training rows",
        ),
    ],
)
def test_what_has_no_faithful_form_is_refused(model: object, reason: str) -> None:
    with pytest.raises(UnsupportedStepError, match=reason):
        score(model.fit(IRIS, SPECIES), IRIS)


def test_a_search_that_overflows_raises_as_the_estimator_does() -> None:
    model = KNeighborsClassifier(3, weights="distance", algorithm="kd_tree").fit(IRIS, SPECIES)
    with pytest.raises(ScoringError, match="weight zero"), np.errstate(over="ignore"):
        score(model, IRIS, IRIS * 1e200)
