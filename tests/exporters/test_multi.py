from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier

from tests.agreement import assert_agrees

_INNER = [LogisticRegression(max_iter=100, tol=0.1), RidgeClassifier(), Ridge()]


def _labelled(classes: int, names: Any = ("a", "b", "c")) -> tuple[pd.DataFrame, np.ndarray]:
    loaded = load_iris if classes == 3 else load_breast_cancer
    features, target = loaded(return_X_y=True, as_frame=True)
    scaled = (features - features.mean()) / features.std()
    return scaled.iloc[:, :4], np.array(names[:classes])[target]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("inner", _INNER)
def test_one_vs_rest_agrees(classes: int, inner: Any) -> None:
    features, target = _labelled(classes)
    assert_agrees(OneVsRestClassifier(inner).fit(features, target), features)


@pytest.mark.parametrize("inner", _INNER)
def test_one_vs_rest_of_several_labels_agrees(inner: Any) -> None:
    features, target = load_wine(return_X_y=True, as_frame=True)
    scaled = (features - features.mean()) / features.std()
    labels = np.column_stack([target == 0, target != 1, scaled["alcohol"] > 0.5]).astype(int)
    assert_agrees(OneVsRestClassifier(inner).fit(scaled, labels), scaled)


@pytest.mark.parametrize("constant", [0, 1])
@pytest.mark.parametrize("first", [True, False])
def test_one_vs_rest_with_a_label_that_never_changes_agrees(constant: int, first: bool) -> None:
    features, target = _labelled(3, (0, 1, 2))
    columns = [np.full(len(target), constant), target == 0, target == 1]
    labels = np.column_stack(columns if first else columns[::-1]).astype(int)
    with pytest.warns(UserWarning, match="present in all training examples"):
        model = OneVsRestClassifier(LogisticRegression()).fit(features, labels)
    assert_agrees(model, features)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("inner", _INNER)
def test_one_vs_one_agrees(classes: int, inner: Any) -> None:
    features, target = _labelled(classes)
    assert_agrees(OneVsOneClassifier(inner).fit(features, target), features)


def test_one_vs_one_of_ten_classes_agrees() -> None:
    features, target = load_digits(return_X_y=True, as_frame=True)
    model = OneVsOneClassifier(RidgeClassifier()).fit(features[:400], target[:400])
    assert_agrees(model, features[400:800])


@pytest.mark.parametrize("inner", [LogisticRegression(max_iter=100, tol=0.1), RidgeClassifier()])
@pytest.mark.parametrize("size", [0.7, 1.5, 4.0])
def test_output_codes_agree(inner: Any, size: float) -> None:
    features, target = load_wine(return_X_y=True, as_frame=True)
    scaled = (features - features.mean()) / features.std()
    model = OutputCodeClassifier(inner, code_size=size, random_state=3).fit(scaled, target)
    assert_agrees(model, scaled)
