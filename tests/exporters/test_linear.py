import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.agreement import assert_agrees


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_agrees(classes: int) -> None:
    features, target = load_iris(return_X_y=True, as_frame=True)
    kept = target < classes
    model = LogisticRegression(max_iter=500).fit(features[kept], target[kept])
    assert_agrees(model, features)


def test_linear_regression_agrees() -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    assert_agrees(LinearRegression().fit(features, target), features)
