r"""Text vectorizers: the handler takes the texts apart, the graph knows the vocabulary and the weights.

Tokens, n-grams and stop words are Python's own (`\w`, `str.lower`, `str.split` and any token pattern), so
they are found by Python's own means before the graph runs: see `udfs/text_analysis.py`. The graph
gets the different terms of each text with their counts, looks them up, weighs and normalizes them, and puts
them into the columns of the vocabulary.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns, Entries
from warehouse_ml.exporters.exporter import Exporter, Transform
from warehouse_ml.graph.tensor import Tensor


def count_vectorizer(vectorizer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """How often each term of the vocabulary occurs, or with `binary` whether."""
    return _counted(vectorizer, columns, exporter).columns()


def tfidf_vectorizer(vectorizer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Counts, weighted by the vectorizer's own TfidfTransformer."""
    return _weighted(_counted(vectorizer, columns, exporter), vectorizer._tfidf).columns()


def tfidf_transformer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """(log of count + 1) * idf, over the norm of the row; where the count is 0 it stays 0."""
    if len(columns.blocks) == 1 and columns.blocks[0].entries is not None:
        return _weighted(columns.blocks[0].entries, transformer).columns()
    values = exporter.numbers(columns)
    if transformer.sublinear_tf:
        values = values.equal(0.0).where(0.0, values.equal(0.0).where(1.0, values).log() + 1.0)
    if hasattr(transformer, "idf_"):
        values = values * np.asarray(transformer.idf_, dtype=np.float64)
    return Columns.of(_normalized(values, transformer.norm), sparse=True)


def hashing_vectorizer(vectorizer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """The sums of the signs of the terms in each bucket, over the norm of the row."""
    hashed = {"features": vectorizer.n_features, "signed": bool(vectorizer.alternate_sign)}
    places, values = _terms(vectorizer, columns, exporter, hashed)
    if vectorizer.binary:
        values = (places < vectorizer.n_features).cast("float64")
    return Entries(places, _normalized(values, vectorizer.norm), vectorizer.n_features).columns()


def _counted(vectorizer: Any, columns: Columns, exporter: Exporter) -> Entries:
    vocabulary = vectorizer.vocabulary_
    terms, counts = _terms(vectorizer, columns, exporter, {})
    size = len(vocabulary)
    places = terms.lookup(list(vocabulary), list(vocabulary.values()), default=size)
    known = (places < size).cast("float64")
    return Entries(places, known if vectorizer.binary else counts * known, size)


def _weighted(entries: Entries, transformer: Any) -> Entries:
    values = entries.values
    if transformer.sublinear_tf:
        values = (entries.places < entries.width).where(values.log() + 1.0, 0.0)
    if hasattr(transformer, "idf_"):
        values = values * values.graph.constant(np.append(transformer.idf_, 0.0), "float64").take(
            entries.places
        )
    return Entries(entries.places, _normalized(values, transformer.norm), entries.width)


def _normalized(values: Tensor, norm: str | None) -> Tensor:
    """Values over the norm of their row; a row of zeros stays as it is."""
    if norm is None:
        return values
    size = abs(values).sum() if norm == "l1" else (values * values).sum().sqrt()
    return values / size.equal(0.0).where(1.0, size)


def _terms(
    vectorizer: Any, columns: Columns, exporter: Exporter, hashed: Mapping[str, Any]
) -> tuple[Tensor, Tensor]:
    """The terms and counts of each text, as the handler finds them."""
    if not type(vectorizer).__module__.startswith("sklearn."):
        exporter.unsupported(
            "it is a class of your own, which may take texts apart in its own way",
            "Use the vectorizer of scikit-learn itself.",
        )
    for setting in ("preprocessor", "tokenizer"):
        if getattr(vectorizer, setting) is not None:
            exporter.unsupported(
                f"its {setting} is a Python function", "Use token_pattern, stop_words and ngram_range."
            )
    if callable(vectorizer.analyzer):
        exporter.unsupported("its analyzer is a Python function", "Use 'word', 'char' or 'char_wb'.")
    if callable(vectorizer.strip_accents):
        exporter.unsupported("its strip_accents is a Python function", "Use 'unicode' or 'ascii'.")
    if vectorizer.input != "content":
        exporter.unsupported(f"its input is a {vectorizer.input}", "Use input='content'.")
    if columns.width != 1 or not columns.is_text:
        exporter.unsupported("it is not fed with one column of text")
    settings: dict[str, Any] = {
        "analyzer": vectorizer.analyzer,
        "ngrams": [int(size) for size in vectorizer.ngram_range],
        **hashed,
    }
    if vectorizer.analyzer == "word":
        settings["pattern"] = vectorizer.token_pattern
        settings["stop_words"] = sorted(vectorizer.get_stop_words() or ())
    transform = ("lower",) * bool(vectorizer.lowercase)
    if vectorizer.strip_accents:
        transform = (*transform, f"strip_accents_{vectorizer.strip_accents}")
    written = json.dumps(settings, ensure_ascii=False, sort_keys=True)
    return exporter.terms(columns, transform, written, "int64" if hashed else "string")


TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.CountVectorizer": count_vectorizer,
    "sklearn.TfidfVectorizer": tfidf_vectorizer,
    "sklearn.TfidfTransformer": tfidf_transformer,
    "sklearn.HashingVectorizer": hashing_vectorizer,
}
