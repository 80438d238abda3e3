import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier

from tests.agreement import assert_agrees, score
from warehouse_ml.errors import UnsupportedStepError

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
PARTLY = SPECIES.where(np.arange(len(SPECIES)) % 4 == 0, -1)
BETWEEN = (IRIS[1:] + IRIS[:-1].to_numpy()) / 2 + 0.013


@pytest.mark.parametrize("model", [LabelPropagation, LabelSpreading])
@pytest.mark.parametrize("kernel", ["rbf", "knn"])
@pytest.mark.filterwarnings("ignore:max_iter")
def test_label_propagation_agrees(model: type, kernel: str) -> None:
    assert_agrees(model(kernel=kernel, gamma=5, n_neighbors=6, max_iter=300).fit(IRIS, PARTLY), IRIS, BETWEEN)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_rows_far_from_all_get_the_first_class() -> None:
    model = LabelSpreading(gamma=20).fit(IRIS, PARTLY)
    assert_agrees(model, IRIS, IRIS * 50)


def test_self_training_agrees() -> None:
    assert_agrees(SelfTrainingClassifier(LogisticRegression(max_iter=500)).fit(IRIS, PARTLY), IRIS)


def test_a_kernel_of_the_users_own_is_refused() -> None:
    model = LabelPropagation(kernel=lambda a, b: np.exp(-((a[:, None] - b) ** 2).sum(-1))).fit(IRIS, PARTLY)
    with pytest.raises(UnsupportedStepError, match="a function of your own"):
        score(model, IRIS)
