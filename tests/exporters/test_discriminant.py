from typing import Any

import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.agreement import assert_agrees, name_of, score
from warehouse_ml.errors import UnsupportedStepError

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)

MODELS = [
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3),
    LinearDiscriminantAnalysis(n_components=1),
    QuadraticDiscriminantAnalysis(),
    QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.2),
    QuadraticDiscriminantAnalysis(reg_param=0.2, priors=[0.7, 0.3]),
]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_discriminant_analysis_agrees(model: Any, classes: int) -> None:
    kept = classes > SPECIES
    if classes == 3 and getattr(model, "priors", None) is not None:
        model = QuadraticDiscriminantAnalysis(reg_param=0.2, priors=[0.5, 0.2, 0.3])
    features, target = IRIS[kept], SPECIES[kept]
    assert_agrees(model.fit(features[::2], target[::2]), features[::2], features[1::2])


@pytest.mark.parametrize("model", [*MODELS[:2], MODELS[3]], ids=name_of)
def test_projection_agrees(model: Any) -> None:
    assert_agrees(make_pipeline(model, LogisticRegression()).fit(WINE, CULTIVAR), WINE)


def test_the_projection_that_the_estimator_lacks_is_refused() -> None:
    lacking = make_pipeline(LinearDiscriminantAnalysis(), LogisticRegression()).fit(WINE, CULTIVAR)
    lacking[0].solver = "lsqr"
    with pytest.raises(UnsupportedStepError, match="the solver 'lsqr' has no transform"):
        score(lacking, WINE)
