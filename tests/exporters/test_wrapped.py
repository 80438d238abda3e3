"""Every wrapper around every kind of classifier: with probabilities, a decision, both, or neither."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_wine
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.agreement import assert_agrees

_INNER = {
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "bayes": GaussianNB(),
    "vectors": make_pipeline(StandardScaler(), SVC()),
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(3)),
    "centroid": make_pipeline(StandardScaler(), NearestCentroid()),
    "boosted": LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1),
}

_WRAPPERS = {
    "isotonic": lambda inner: CalibratedClassifierCV(inner, method="isotonic", cv=2),
    "temperature": lambda inner: CalibratedClassifierCV(inner, method="temperature", cv=2),
    "bagging": lambda inner: BaggingClassifier(inner, n_estimators=3, max_features=0.7, random_state=0),
    "adaboost": lambda inner: AdaBoostClassifier(inner, n_estimators=3, random_state=0),
    "voting": lambda inner: VotingClassifier([("one", inner), ("two", DecisionTreeClassifier(max_depth=2))]),
    "stacking": lambda inner: StackingClassifier([("one", inner), ("two", GaussianNB())], cv=2),
    "stacked upon": lambda inner: StackingClassifier([("one", GaussianNB())], inner, cv=2),
    "one against the rest": OneVsRestClassifier,
    "one against one": OneVsOneClassifier,
    "output codes": lambda inner: OutputCodeClassifier(inner, random_state=1),
}

_LABELLERS = {
    "rest": OneVsRestClassifier,
    "each": MultiOutputClassifier,
    "chain": ClassifierChain,
    "stacking": lambda inner: StackingClassifier(
        [("one", MultiOutputClassifier(inner))], DecisionTreeClassifier(max_depth=3), cv=2
    ),
}

_NO_WEIGHTS = {"vectors", "neighbours", "centroid"}
"""A pipeline takes no sample weights, so AdaBoost does not take it."""


def _wine() -> tuple[pd.DataFrame, Any]:
    frame = load_wine(as_frame=True).frame.sample(frac=1.0, random_state=0).reset_index(drop=True)
    return frame.iloc[:, :6], frame["target"]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("wrapper", "inner"),
    [
        (wrapper, inner)
        for wrapper in _WRAPPERS
        for inner in _INNER
        if wrapper != "adaboost" or inner not in _NO_WEIGHTS
    ],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_wrapped_classifier_agrees(wrapper: str, inner: str, classes: int) -> None:
    features, grower = _wine()
    kept = grower < classes
    names = np.array(["a", "b", "c"])[grower[kept]]
    model = _WRAPPERS[wrapper](clone(_INNER[inner])).fit(features[kept][::2], names[::2])
    assert_agrees(model, features[kept], rtol=1e-5)


@pytest.mark.parametrize("labeller", _LABELLERS)
@pytest.mark.parametrize("inner", _INNER)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_wrapped_labels_agree(labeller: str, inner: str) -> None:
    features, grower = _wine()
    labels = np.column_stack([grower == 0, features["alcohol"] > 13, grower != 2]).astype(int)
    model = _LABELLERS[labeller](clone(_INNER[inner])).fit(features[::2], labels[::2])
    assert_agrees(model, features)


def test_votes_over_texts_agree() -> None:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    texts = ["red wine", "white wine", "red grapes", "white grapes and wine", "no wine at all"] * 4
    members = [
        ("words", make_pipeline(CountVectorizer(), LogisticRegression())),
        ("rare", make_pipeline(TfidfVectorizer(), LogisticRegression())),
    ]
    model = VotingClassifier(members, voting="soft").fit(pd.Series(texts), [0, 1, 0, 1, 2] * 4)
    assert_agrees(model, texts)
