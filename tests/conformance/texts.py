"""Text: bags of words and characters, weighted, hashed, and beside other columns."""

from collections.abc import Mapping

from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tests.conformance.case import Factory, case
from tests.conformance.data import airports, sentences

_TEXT: Mapping[str, Factory] = {
    "words counted": lambda: case(make_pipeline(CountVectorizer(), MultinomialNB()), *sentences()),
    "words present": lambda: case(
        make_pipeline(CountVectorizer(binary=True, min_df=2), LogisticRegression()), *sentences()
    ),
    "words weighted": lambda: case(make_pipeline(TfidfVectorizer(), LogisticRegression()), *sentences()),
    "words without stop words, and pairs": lambda: case(
        make_pipeline(
            TfidfVectorizer(stop_words="english", ngram_range=(1, 2), sublinear_tf=True), LinearSVC()
        ),
        *sentences(),
    ),
    "characters": lambda: case(
        make_pipeline(
            TfidfVectorizer(analyzer="char", ngram_range=(2, 3), max_features=300), LogisticRegression()
        ),
        *sentences(),
    ),
    "characters within words": lambda: case(
        make_pipeline(
            CountVectorizer(analyzer="char_wb", ngram_range=(3, 3), max_features=300), ComplementNB()
        ),
        *sentences(),
    ),
    "words hashed": lambda: case(
        make_pipeline(HashingVectorizer(n_features=256), SGDClassifier(random_state=0)), *sentences()
    ),
    "accents stripped": lambda: case(
        make_pipeline(CountVectorizer(strip_accents="unicode"), TfidfTransformer(), LogisticRegression()),
        *sentences(),
    ),
    "words reduced": lambda: case(
        make_pipeline(TfidfVectorizer(), TruncatedSVD(10, random_state=0), LogisticRegression()), *sentences()
    ),
    "words and characters": lambda: case(
        make_pipeline(
            make_union(TfidfVectorizer(), CountVectorizer(analyzer="char", max_features=40)),
            LogisticRegression(max_iter=500),
        ),
        *sentences(),
    ),
    "names beside numbers": lambda: case(
        make_pipeline(
            make_column_transformer((TfidfVectorizer(), "name"), (StandardScaler(), ["lat", "lon", "alt"])),
            LogisticRegression(),
        ),
        *airports(),
    ),
}

FAMILIES: Mapping[str, Mapping[str, Factory]] = {"text": _TEXT}
