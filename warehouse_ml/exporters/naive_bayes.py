"""Naive Bayes: the class with the largest joint log likelihood."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from warehouse_ml.exporters.columns import Columns, Entries
from warehouse_ml.exporters.exporter import Exporter, Predict
from warehouse_ml.exporters.prediction import Prediction
from warehouse_ml.graph.tensor import Tensor


def gaussian(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The log of the prior, and of a normal density for each feature."""
    values = exporter.numbers(columns)
    likelihoods = []
    with np.errstate(divide="ignore"):  # a prior may be 0
        priors = np.log(model.class_prior_)
    for prior, mean, variance in zip(priors, model.theta_, model.var_, strict=True):
        spread = -0.5 * np.sum(np.log(2.0 * np.pi * variance))
        distance = ((values - mean) * (values - mean) / variance).sum()
        likelihoods.append((spread - distance * 0.5) + prior)
    return _most_likely(model, exporter.graph.concat(likelihoods))


def multinomial(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """X @ the log probabilities of the features, plus the log prior."""
    scores = exporter.product(columns, model.feature_log_prob_.T)
    return _most_likely(model, scores + model.class_log_prior_)


def complement(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """X @ the weights of the other classes; the prior counts only where there is one class."""
    scores = exporter.product(columns, model.feature_log_prob_.T)
    if len(model.classes_) == 1:
        scores = scores + model.class_log_prior_
    return _most_likely(model, scores)


def bernoulli(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The log probabilities of the features that are present and of those that are not."""
    with np.errstate(divide="ignore"):
        absent = np.log(1.0 - np.exp(model.feature_log_prob_))
    weights = (model.feature_log_prob_ - absent).T
    if model.binarize is not None:
        columns = _binarized(columns, float(model.binarize), exporter)
    scores = exporter.product(columns, weights)
    return _most_likely(model, scores + (model.class_log_prior_ + absent.sum(axis=1)))


def categorical(model: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """The log probability of each feature's category; an index that was not seen is refused."""
    scores: Tensor | None = None
    for column, table in zip(columns.each(), model.feature_log_prob_, strict=True):
        index = exporter.numbers(column).cast("int64")  # a fraction is cut off, as numpy does
        categories = table.shape[1]
        exporter.refuse((index < 0) | (index >= categories), column, "unknown category")
        inside = index.clip(0, categories - 1).reshape(None)
        part = exporter.graph.constant(table.T).take(inside)
        scores = part if scores is None else scores + part
    if scores is None:
        exporter.unsupported("it has no features")
    return _most_likely(model, scores + model.class_log_prior_)


def _binarized(columns: Columns, threshold: float, exporter: Exporter) -> Columns:
    if len(columns.blocks) == 1 and columns.blocks[0].entries is not None and threshold >= 0.0:
        entries = columns.blocks[0].entries
        above = (entries.values > threshold).cast("float64")
        return Entries(entries.places, above, entries.width).columns()
    return Columns.of((exporter.numbers(columns) > threshold).cast("float64"))


def _most_likely(model: Any, likelihoods: Tensor) -> Prediction:
    return Prediction.classification(
        model.classes_, labels=likelihoods.argmax(), probabilities=likelihoods.softmax()
    )


PREDICTORS: Mapping[str, Predict] = {
    "sklearn.GaussianNB": gaussian,
    "sklearn.MultinomialNB": multinomial,
    "sklearn.ComplementNB": complement,
    "sklearn.BernoulliNB": bernoulli,
    "sklearn.CategoricalNB": categorical,
}
