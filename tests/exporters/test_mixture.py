import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from tests.agreement import assert_agrees

IRIS, _ = load_iris(return_X_y=True, as_frame=True)
WINE, _ = load_wine(return_X_y=True, as_frame=True)
KINDS = ["full", "tied", "diag", "spherical"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("components", [1, 2, 4])
def test_gaussian_mixture_agrees(kind: str, components: int) -> None:
    model = GaussianMixture(components, covariance_type=kind, random_state=0).fit(IRIS[::2])
    assert_agrees(model, IRIS, IRIS[1::2] * 1.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prior", ["dirichlet_process", "dirichlet_distribution"])
def test_bayesian_gaussian_mixture_agrees(kind: str, prior: str) -> None:
    model = BayesianGaussianMixture(
        n_components=3,
        covariance_type=kind,
        weight_concentration_prior_type=prior,
        random_state=0,
        max_iter=2000,
    ).fit(IRIS)
    assert_agrees(model, IRIS, IRIS * 1.1)


@pytest.mark.parametrize("kind", KINDS)
def test_features_of_other_magnitudes_agree(kind: str) -> None:
    assert_agrees(GaussianMixture(3, covariance_type=kind, random_state=0).fit(WINE), WINE)
