import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    Nystroem,
    PolynomialCountSketch,
    RBFSampler,
    SkewedChi2Sampler,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KernelCenterer, StandardScaler

from tests.agreement import assert_agrees, score
from tests.handlers import ScoringError
from warehouse_ml.errors import UnsupportedStepError

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)
DIABETES, PROGRESSION = load_diabetes(return_X_y=True, as_frame=True)
WITH_ZEROS = WINE * (WINE.median() < WINE)


@pytest.mark.parametrize(
    "sampler",
    [
        RBFSampler(gamma=0.3, n_components=40, random_state=0),
        RBFSampler(gamma="scale", n_components=5, random_state=0),
        SkewedChi2Sampler(n_components=30, random_state=0),
        AdditiveChi2Sampler(),
        AdditiveChi2Sampler(sample_steps=1),
        AdditiveChi2Sampler(sample_steps=4, sample_interval=0.35),
        PolynomialCountSketch(n_components=25, random_state=0),
        PolynomialCountSketch(degree=3, coef0=2, gamma=0.5, n_components=16, random_state=0),
    ],
)
def test_samplers_agree(sampler: object) -> None:
    assert_agrees(sampler.fit(WITH_ZEROS), WITH_ZEROS)


@pytest.mark.parametrize(
    "kernel", ["linear", "poly", "rbf", "sigmoid", "cosine", "laplacian", "chi2", "additive_chi2"]
)
def test_nystroem_agrees(kernel: str) -> None:
    scaled = (IRIS / IRIS.max()).to_numpy(copy=True)
    assert_agrees(
        Nystroem(kernel, n_components=20, random_state=0).fit(scaled[::2]), scaled, scaled[1::2], rtol=1e-7
    )


def test_nystroem_agrees_with_parameters() -> None:
    map_ = Nystroem("poly", gamma=0.1, degree=2, coef0=0.5, n_components=10, random_state=0)
    model = make_pipeline(StandardScaler(), map_, LogisticRegression(max_iter=500)).fit(IRIS, SPECIES)
    assert_agrees(model, IRIS, rtol=1e-7)


@pytest.mark.parametrize("kernel", ["linear", "polynomial", "rbf", "sigmoid", "cosine", "laplacian"])
def test_kernel_ridge_agrees(kernel: str) -> None:
    model = KernelRidge(kernel=kernel, alpha=0.5).fit(DIABETES[::2], PROGRESSION[::2])
    assert_agrees(model, DIABETES, DIABETES[1::2])


def test_kernel_ridge_agrees_on_several_outputs() -> None:
    model = KernelRidge(kernel="rbf", gamma=3.0).fit(DIABETES, np.c_[PROGRESSION, -PROGRESSION])
    assert_agrees(model, DIABETES)


def test_kernel_centerer_agrees() -> None:
    kernel = IRIS.to_numpy() @ IRIS.to_numpy()[:20].T
    assert_agrees(KernelCenterer().fit(kernel[:20]), kernel)


@pytest.mark.parametrize("model", [SkewedChi2Sampler(skewedness=0.1), Nystroem("chi2", n_components=5)])
def test_values_that_the_estimator_raises_for_are_refused(model: object) -> None:
    with pytest.raises(ScoringError, match="value"):
        score(model.fit(IRIS), IRIS, -IRIS)


def test_a_kernel_of_the_users_own_is_refused() -> None:
    model = KernelRidge(kernel=lambda a, b: a @ b).fit(DIABETES[:50], PROGRESSION[:50])
    with pytest.raises(UnsupportedStepError, match="a function of your own has no form"):
        score(model, DIABETES)
