from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils import murmurhash3_32

from tests.agreement import assert_agrees, name_of, score
from tests.handlers import murmur3, onnx_udf
from warehouse_ml.errors import UnsupportedStepError

TEXTS = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps on.",
    "A dog! A DOG? It's the dog's day; 3 cats, 12 mice & 7 foxes.",
    "Später kam der Fuchs über die Straße; Äpfel, Öl und naïve Cafés.",
    "Быстрая лиса прыгает через ленивую собаку. Лиса!",
    "素早い茶色の狐 が 怠け者の 犬 を 飛び越える",
    "el zorro rápido salta sobre el perro perezoso",
    "हिन्दी में एक छोटा वाक्य १२३ और कुछ शब्द",
    "tabs\tand\nnew  lines \u00a0 and   many    spaces the dog",
    "emoji 😀😀 are 👩‍🚀 not words ½ ² Ⅷ _under_score_ x_1",
    "to be or not to be that is the question",
]
UNSEEN = [
    "",
    " ",
    "a",
    "the the the THE",
    "dog fox dog nothing known foxes",
    "completely unheard zzz",
    "\x00 nul\x00dog dog\x00",
    "İstanbul ΣΊΣΥΦΟΣ ﬁne ẞ",
    "the quick the brown",
    *TEXTS[:3],
]
TOPIC = np.array([0, 0, 1, 1, 0, 1, 0, 1, 1, 0])

SETTINGS: list[dict[str, Any]] = [
    {},
    {"ngram_range": (1, 2)},
    {"ngram_range": (2, 3), "stop_words": ["the", "dog", "la"]},
    {"stop_words": "english", "ngram_range": (1, 3)},
    {"lowercase": False},
    {"strip_accents": "unicode"},
    {"strip_accents": "ascii", "lowercase": False},
    {"token_pattern": r"(?u)\b\w+\b"},
    {"token_pattern": r"\b[a-z]{3,}\b", "ngram_range": (1, 2)},
    {"token_pattern": r"[^\s,;]+", "binary": True},
    {"token_pattern": r"(\w)\w*", "ngram_range": (1, 2)},
    {"token_pattern": r"[A-Za-z]+(?=\s+)"},
    {"token_pattern": r"[a-z ]+", "ngram_range": (1, 2)},
    {"token_pattern": r"\w*"},
    {"analyzer": "char"},
    {"analyzer": "char", "ngram_range": (2, 4), "lowercase": False},
    {"analyzer": "char_wb", "ngram_range": (1, 3)},
    {"analyzer": "char_wb", "ngram_range": (4, 6)},
    {"binary": True, "max_features": 12},
    {"min_df": 2, "max_df": 0.5},
    {"vocabulary": ["dog", "the", "fox", "missing"]},
    {"vocabulary": {"the dog": 1, "dog": 0, "the": 2}, "ngram_range": (1, 2), "stop_words": ["dog"]},
]
WEIGHTS: list[dict[str, Any]] = [
    {},
    {"norm": None},
    {"norm": "l1"},
    {"use_idf": False},
    {"smooth_idf": False, "sublinear_tf": True},
    {"sublinear_tf": True, "binary": True},
]
HASHES: list[dict[str, Any]] = [
    {},
    {"alternate_sign": False, "norm": "l1"},
    {"norm": None, "ngram_range": (1, 3), "stop_words": "english"},
    {"binary": True},
    {"analyzer": "char_wb", "ngram_range": (3, 5)},
    {"analyzer": "char", "lowercase": False, "strip_accents": "ascii"},
]


@pytest.mark.parametrize("options", SETTINGS, ids=name_of)
def test_counts_agree(options: dict[str, Any]) -> None:
    assert_agrees(CountVectorizer(**options).fit(TEXTS), TEXTS, UNSEEN)


@pytest.mark.parametrize("options", SETTINGS, ids=name_of)
def test_tfidf_agrees(options: dict[str, Any]) -> None:
    assert_agrees(TfidfVectorizer(**options).fit(TEXTS), TEXTS, UNSEEN)


@pytest.mark.parametrize("options", WEIGHTS, ids=name_of)
def test_weights_agree(options: dict[str, Any]) -> None:
    assert_agrees(TfidfVectorizer(**options).fit(TEXTS), TEXTS, UNSEEN)


@pytest.mark.parametrize("options", WEIGHTS[:-1], ids=name_of)
def test_tfidf_transformer_agrees(options: dict[str, Any]) -> None:
    counted = make_pipeline(CountVectorizer(), TfidfTransformer(**options)).fit(TEXTS)
    assert_agrees(counted, TEXTS, UNSEEN)
    counts = pd.DataFrame(np.random.default_rng(0).poisson(0.5, (40, 6)))
    assert_agrees(TfidfTransformer(**options).fit(counts), counts)


@pytest.mark.parametrize("options", HASHES, ids=name_of)
@pytest.mark.parametrize("features", [1, 7, 256])
def test_hashes_agree(options: dict[str, Any], features: int) -> None:
    assert_agrees(HashingVectorizer(n_features=features, **options).fit(TEXTS), TEXTS, UNSEEN)


def test_a_million_hashed_features_agree() -> None:
    linear = SGDClassifier(loss="log_loss", random_state=0)
    model = make_pipeline(HashingVectorizer(), TfidfTransformer(), linear).fit(TEXTS, TOPIC)
    assert_agrees(model, TEXTS, UNSEEN)


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_murmur3_is_the_one_of_scikit_learn(texts: list[bytes]) -> None:
    assert murmur3(texts).tolist() == [murmurhash3_32(text, seed=0) for text in texts]


CHARACTERS = st.characters(codec="utf-8")
KNOWN = st.sampled_from(["the ", "dog", " ", "ß", "İ", "\u0345", "\u1680", "١", "𝟘", "\ufdd0", "क्", "a b"])
DOCUMENTS = st.lists(st.lists(CHARACTERS | KNOWN, max_size=20).map("".join), min_size=1, max_size=8)


@pytest.mark.parametrize("options", [*SETTINGS[:8], *SETTINGS[14:18]], ids=name_of)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(documents=DOCUMENTS)
def test_any_unicode_agrees(options: dict[str, Any], documents: list[str]) -> None:
    vectorizer = CountVectorizer(**options).fit([*TEXTS, "the dog", *documents])
    assert_agrees(vectorizer, TEXTS, documents)


def test_one_text_column_among_others_agrees() -> None:
    frame = pd.DataFrame({"title": TEXTS[::-1], "length": [len(t) for t in TEXTS], "body": TEXTS})
    parts = [("body", TfidfVectorizer(), "body"), ("title", CountVectorizer(binary=True), "title")]
    model = make_pipeline(ColumnTransformer(parts, remainder="passthrough"), Ridge())
    assert_agrees(model.fit(frame, TOPIC), frame)


def test_a_union_of_vectorizers_agrees() -> None:
    union = FeatureUnion([("w", TfidfVectorizer()), ("c", CountVectorizer(analyzer="char_wb"))])
    assert_agrees(make_pipeline(union, LogisticRegression()).fit(TEXTS, TOPIC), TEXTS, UNSEEN)


def test_a_batch_scored_in_parts_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_udf, "CELLS_PER_RUN", 100)
    assert_agrees(TfidfVectorizer().fit(TEXTS), TEXTS, UNSEEN)


def test_null_is_an_empty_text() -> None:
    vectorizer = CountVectorizer(lowercase=False).fit(TEXTS)
    null, empty = np.column_stack(score(vectorizer, TEXTS, pd.DataFrame({"x0": [None, ""]})))
    assert null.tolist() == empty.tolist()


class OwnVectorizer(CountVectorizer):
    pass


@pytest.mark.parametrize(
    ("vectorizer", "reason"),
    [
        (CountVectorizer(tokenizer=str.split, token_pattern=None), "its tokenizer is a Python function"),
        (CountVectorizer(preprocessor=str.upper), "its preprocessor is a Python function"),
        (CountVectorizer(analyzer=str.split), "its analyzer is a Python function"),
        (CountVectorizer(strip_accents=str.upper), "its strip_accents is a Python function"),
        (OwnVectorizer(), "a class of your own"),
    ],
    ids=str,
)
def test_python_functions_are_refused(vectorizer: Any, reason: str) -> None:
    with pytest.raises(UnsupportedStepError, match=reason):
        score(vectorizer.fit(TEXTS), TEXTS)


def test_files_are_refused() -> None:
    vectorizer = CountVectorizer().fit(TEXTS).set_params(input="filename")
    with pytest.raises(UnsupportedStepError, match="its input is a filename"):
        score(vectorizer, TEXTS)


def test_numbers_are_refused() -> None:
    with pytest.raises(UnsupportedStepError, match="not fed with one column of text"):
        score(CountVectorizer().fit(TEXTS), pd.Series([1.0, 2.0]))
