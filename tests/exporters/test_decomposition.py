import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import (
    NMF,
    PCA,
    DictionaryLearning,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    KernelPCA,
    LatentDirichletAllocation,
    MiniBatchSparsePCA,
    SparseCoder,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import Isomap, LocallyLinearEmbedding
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from tests.agreement import assert_agrees, score
from warehouse_ml.errors import UnsupportedStepError

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)
SCALED = (WINE - WINE.mean()) / WINE.std()


@pytest.mark.parametrize(
    "model",
    [
        PCA(3),
        PCA(2, whiten=True),
        PCA(0.9, svd_solver="full"),
        PCA(4, svd_solver="randomized", random_state=0),
        IncrementalPCA(3, whiten=True, batch_size=50),
        TruncatedSVD(3, random_state=0),
        FastICA(3, random_state=0, whiten="unit-variance"),
        FastICA(3, random_state=0, whiten="arbitrary-variance"),
        FactorAnalysis(3, random_state=0),
        FactorAnalysis(2, rotation="varimax", random_state=0),
        SparsePCA(3, random_state=0, max_iter=20),
        SparsePCA(20, random_state=0, max_iter=3, ridge_alpha=0.1),
        MiniBatchSparsePCA(3, random_state=0, max_iter=20),
        GaussianRandomProjection(4, random_state=0),
        SparseRandomProjection(4, random_state=0),
        SparseRandomProjection(4, random_state=0, dense_output=True),
    ],
)
def test_linear_decompositions_agree(model: object) -> None:
    assert_agrees(model.fit(SCALED[::2]), SCALED, SCALED[1::2], rtol=1e-8)


def test_ica_agrees_without_whitening() -> None:
    white = PCA(3, whiten=True).fit_transform(SCALED)
    assert_agrees(FastICA(whiten=False, random_state=0).fit(white), white)


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid", "cosine"])
def test_kernel_pca_agrees(kernel: str) -> None:
    model = KernelPCA(3, kernel=kernel, eigen_solver="dense").fit(SCALED[::2])
    assert_agrees(model, SCALED, SCALED[1::2], rtol=1e-8)


def test_isomap_agrees() -> None:
    assert_agrees(Isomap(n_neighbors=9, n_components=3).fit(SCALED[::2]), SCALED, SCALED[1::2])


def test_thresholded_codes_agree() -> None:
    dictionary = np.linalg.qr(np.random.default_rng(0).normal(size=(13, 13)))[0][:5]
    coder = SparseCoder(dictionary, transform_algorithm="threshold", transform_alpha=0.3, split_sign=True)
    assert_agrees(coder.fit(SCALED.to_numpy()), SCALED.to_numpy())
    learned = DictionaryLearning(
        3, alpha=0.5, transform_algorithm="threshold", max_iter=3, random_state=0, positive_code=True,
        fit_algorithm="cd",
    )  # fmt: skip
    assert_agrees(learned.fit(SCALED.to_numpy()), SCALED.to_numpy())


def test_a_sparse_input_is_projected() -> None:
    text = (IRIS.mean() < IRIS).astype(str)
    steps = (OneHotEncoder(), TruncatedSVD(2, random_state=0), LogisticRegression())
    assert_agrees(make_pipeline(*steps).fit(text, SPECIES), text)


@pytest.mark.parametrize(
    "model",
    [
        LatentDirichletAllocation(4, max_iter=3, random_state=0),
        LatentDirichletAllocation(3, doc_topic_prior=1e-7, max_doc_update_iter=30, random_state=0),
        LatentDirichletAllocation(3, learning_method="online", mean_change_tol=0.0, max_doc_update_iter=5),
    ],
)
def test_topics_agree(model: object) -> None:
    digits, _ = load_digits(return_X_y=True)
    assert_agrees(model.fit(digits[:200]), digits[:200], digits[200:300])


def test_more_iterations_than_a_graph_can_hold_are_refused() -> None:
    with pytest.raises(UnsupportedStepError, match="iterates up to 1000 times"):
        score(LatentDirichletAllocation(2, max_doc_update_iter=1000, max_iter=1).fit(WINE), WINE)


@pytest.mark.parametrize(
    "model",
    [
        NMF(2, init="nndsvda", max_iter=500),
        LocallyLinearEmbedding(n_components=2, eigen_solver="dense"),
        DictionaryLearning(2, max_iter=2, fit_algorithm="cd"),
    ],
)
def test_iterative_transforms_are_refused(model: object) -> None:
    with pytest.raises(UnsupportedStepError, match=r"iterates until it converges.* Use PCA"):
        score(model.fit(WINE.to_numpy()), WINE.to_numpy())


def test_an_isomap_that_cannot_be_held_is_refused() -> None:
    with pytest.raises(UnsupportedStepError, match="within a radius"):
        score(Isomap(n_neighbors=None, radius=4.0).fit(IRIS), IRIS)
