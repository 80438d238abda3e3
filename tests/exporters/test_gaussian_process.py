import numpy as np
import pytest
from scipy.special import erf as exact_erf
from sklearn.datasets import load_diabetes, load_iris
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    PairwiseKernel,
    RationalQuadratic,
    WhiteKernel,
)

from tests.agreement import assert_agrees, score
from tests.handlers import Scorer
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.graph.graph import Graph
from warehouse_ml.graph.special import erf

DIABETES, PROGRESSION = load_diabetes(return_X_y=True, as_frame=True)
SCALED, TARGET = DIABETES.iloc[:, :4] * 20, PROGRESSION / 100
IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)


@pytest.mark.parametrize(
    "kernel",
    [
        None,
        RBF(1.5),
        RBF([1.0, 2.0, 3.0, 4.0]),
        Matern(1.0, nu=0.5),
        Matern([1.0, 2.0, 0.5, 1.0], nu=1.5),
        Matern(2.0, nu=2.5),
        Matern(2.0, nu=np.inf),
        RationalQuadratic(1.2, alpha=0.7),
        ExpSineSquared(1.5, periodicity=8.0) * RBF(2.0) + WhiteKernel(1.0),
        DotProduct(0.5) ** 2 + WhiteKernel(0.1),
        ConstantKernel(2.0) * RBF(1.0) + ConstantKernel(0.5) * Matern(1.0) + WhiteKernel(0.3),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_regressor_agrees(kernel: object, normalize: bool) -> None:
    model = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.1, normalize_y=normalize)
    assert_agrees(model.fit(SCALED[::4], TARGET[::4]), SCALED, SCALED[1::4])


def test_regressor_agrees_with_fitted_kernel_and_several_outputs() -> None:
    kernel = ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(0.5)
    model = GaussianProcessRegressor(kernel, normalize_y=True)
    assert_agrees(model.fit(SCALED[::4], np.c_[TARGET, TARGET**2][::4]), SCALED, SCALED[1::4])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "kernel", [1.0 * RBF(1.0), DotProduct(1.0) + 0.5 * Matern(1.5) ** 2 + WhiteKernel(0.1)]
)
def test_classifier_agrees(classes: int, kernel: object) -> None:
    kept = classes > SPECIES
    model = GaussianProcessClassifier(kernel, optimizer=None).fit(IRIS[kept][::8], SPECIES[kept][::8])
    assert_agrees(model, IRIS[::3], IRIS[1::3] + 0.05, rtol=1e-7)


def test_one_against_one_agrees() -> None:
    names = SPECIES.map({0: "a", 1: "b", 2: "c"})
    model = GaussianProcessClassifier(multi_class="one_vs_one", optimizer=None).fit(IRIS[::8], names[::8])
    rows = IRIS[1::3]
    assert score(model, IRIS, rows)[0].tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("kernel", [Matern(nu=0.7), PairwiseKernel(metric="linear")])
def test_other_kernels_are_refused(kernel: object) -> None:
    model = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.1).fit(SCALED[:50], TARGET[:50])
    with pytest.raises(UnsupportedStepError, match=r"Bessel|PairwiseKernel"):
        score(model, SCALED)


def test_erf_is_exact_to_rounding() -> None:
    graph = Graph()
    model = graph.build({"y": erf(graph.input("x", "float64"))})
    session = Scorer.__init__.__globals__["onnxruntime"].InferenceSession(model.SerializeToString())
    x = np.concatenate([np.linspace(-7, 7, 5001), [0.0, 1e-300, -1e300, np.inf, -np.inf, np.nan]])
    (got,) = session.run(None, {"x": x.reshape(-1, 1)})
    np.testing.assert_allclose(got.ravel(), exact_erf(x), rtol=4e-16, atol=0)
