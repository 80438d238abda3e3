import numpy as np
import pytest
from sklearn.cluster import (
    AffinityPropagation,
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.agreement import assert_agrees, score
from warehouse_ml.errors import UnsupportedStepError

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)


@pytest.mark.parametrize(
    "model",
    [
        KMeans(4, n_init=1, random_state=0),
        MiniBatchKMeans(5, n_init=1, random_state=0),
        BisectingKMeans(6, random_state=0),
        BisectingKMeans(1, random_state=0),
        Birch(n_clusters=4, threshold=0.3),
        Birch(n_clusters=None),
        MeanShift(bandwidth=1.0),
        AffinityPropagation(random_state=0),
    ],
)
def test_clusters_agree(model: object) -> None:
    assert_agrees(model.fit(IRIS[::2]), IRIS, IRIS[1::2])


@pytest.mark.parametrize(
    "model",
    [
        KMeans(4, n_init=1, random_state=0),
        MiniBatchKMeans(5, n_init=1, random_state=0),
        BisectingKMeans(4, random_state=0),
        Birch(n_clusters=4, threshold=0.3),
    ],
)
def test_distances_to_the_centres_agree(model: object) -> None:
    pipeline = make_pipeline(model, LogisticRegression(max_iter=2000))
    assert_agrees(pipeline.fit(IRIS[::2], SPECIES[::2]), IRIS, IRIS[1::2], rtol=1e-7)


def test_affinity_propagation_that_did_not_converge_agrees() -> None:
    model = AffinityPropagation(max_iter=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(IRIS)
    with pytest.warns(ConvergenceWarning):
        assert_agrees(model, IRIS)


@pytest.mark.parametrize("pool", [np.mean, np.max, np.min, np.sum, np.median])
def test_feature_agglomeration_agrees(pool: object) -> None:
    assert_agrees(FeatureAgglomeration(4, pooling_func=pool).fit(WINE), WINE)


def test_pooling_by_a_function_of_the_users_own_is_refused() -> None:
    model = FeatureAgglomeration(4, pooling_func=np.prod).fit(WINE)
    with pytest.raises(UnsupportedStepError, match="pools features by a function"):
        score(model, WINE)
