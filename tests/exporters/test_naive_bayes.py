from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline

from tests.agreement import assert_agrees, name_of, score
from tests.handlers import ScoringError

DIGITS, FIGURE = load_digits(return_X_y=True, as_frame=True)
MODELS = [
    MultinomialNB(),
    MultinomialNB(alpha=0.1, fit_prior=False),
    ComplementNB(),
    ComplementNB(norm=True),
    BernoulliNB(),
    BernoulliNB(binarize=8.0, alpha=0.5),
    GaussianNB(),
    GaussianNB(var_smoothing=1e-3),
]


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_naive_bayes_agrees(model: Any, classes: int) -> None:
    kept = classes > FIGURE
    features, target = DIGITS[kept], FIGURE[kept]
    assert_agrees(model.fit(features[::4], target[::4]), features[::4], features[1::4])


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_gaussian_agrees(load: Any) -> None:
    features, target = load(return_X_y=True, as_frame=True)
    names = np.array(["setosa", "versicolor", "virginica"])[target]
    assert_agrees(GaussianNB(priors=None).fit(features, names), features)


@pytest.mark.parametrize("model", [ComplementNB(), MultinomialNB(), GaussianNB()], ids=name_of)
def test_a_single_class_agrees(model: Any) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):
        assert_agrees(model.fit(DIGITS[:30] + 1.0, ["same"] * 30), DIGITS[:30] + 1.0)


def test_gaussian_with_a_prior_of_zero_agrees() -> None:
    features, target = load_iris(return_X_y=True, as_frame=True)
    model = GaussianNB(priors=[0.0, 0.5, 0.5]).fit(features, target)
    with np.errstate(divide="ignore"):
        assert_agrees(model, features)


TEXTS = ["the dog barks", "a cat sleeps", "dogs and cats", "the cat the dog", "nothing else"]


@pytest.mark.parametrize("vectorizer", [CountVectorizer(), TfidfVectorizer()], ids=name_of)
@pytest.mark.parametrize(
    "model", [MultinomialNB(), ComplementNB(), BernoulliNB(), BernoulliNB(binarize=0.4)], ids=repr
)
def test_texts_agree(vectorizer: Any, model: Any) -> None:
    pipeline = make_pipeline(vectorizer, model).fit(TEXTS, [0, 1, 0, 1, 1])
    assert_agrees(pipeline, TEXTS, [*TEXTS, "", "unseen words", "dog dog dog cat"])


def test_bernoulli_of_prepared_bits_agrees() -> None:
    bits = (DIGITS > 7).astype(int)
    assert_agrees(BernoulliNB(binarize=None).fit(bits[::4], FIGURE[::4]), bits[::4], bits[1::4])


def categories() -> tuple[pd.DataFrame, np.ndarray]:
    draws = np.random.default_rng(0).integers(0, [3, 4, 2], size=(60, 3))
    return pd.DataFrame(draws, columns=["colour", "shape", "flag"]), draws[:, 0] + draws[:, 2]


@pytest.mark.parametrize("model", [CategoricalNB(), CategoricalNB(alpha=0.2, min_categories=6)], ids=name_of)
def test_categorical_agrees(model: Any) -> None:
    features, target = categories()
    rows = features.astype(float) + 0.25  # the estimator cuts fractions off
    assert_agrees(model.fit(features, target), features, rows)


@pytest.mark.parametrize("value", [-1.0, 4.0, 1e12])
def test_a_category_that_the_estimator_refuses_is_refused(value: float) -> None:
    features, target = categories()
    model = CategoricalNB().fit(features, target)
    rows = features[:3].astype(float)
    rows.loc[1, "shape"] = value
    with pytest.raises((ValueError, IndexError)):
        model.predict(rows)
    with pytest.raises(ScoringError, match="for the feature 'shape': unknown category"):
        score(model, features, rows)
