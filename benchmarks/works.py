"""The models of the routes: fitted on the synthetic rows, registered under their keys."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.threads import THREADS


@dataclass(frozen=True)
class Work:
    """A model that every route scores.

    Attributes:
        key: The name that it is registered under.
        title: What the tables call it.
        estimator: Makes it, not fitted yet.
        batch: The rows per run that onnxruntime is fastest with.
        share: The part of the training rows that it is fitted on.
    """

    key: str
    title: str
    estimator: Callable[[], Any]
    batch: int = 2048
    share: float = 1.0


def _linear() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))


def _xgboost() -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=100, max_depth=6, learning_rate=0.1, random_state=0, n_jobs=THREADS)


def _lightgbm() -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=100, random_state=0, n_jobs=THREADS, verbose=-1)


def _forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, max_depth=10, random_state=0, n_jobs=THREADS)


def _tree(depth: int) -> Callable[[], Any]:
    def make() -> Any:
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=depth, random_state=0)

    return make


def _mlp() -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), MLPClassifier((64, 64, 64), max_iter=3, random_state=0))


WORKS = {
    work.key: work
    for work in (
        Work("linear", "scaler + logistic regression", _linear, batch=8192),
        Work("xgboost", "XGBoost, 100 trees of depth 6", _xgboost),
        Work("lightgbm", "LightGBM, 100 trees", _lightgbm),
        Work("forest", "random forest, 100 trees of depth 10", _forest, share=0.3),
        Work("tree_3", "one tree of depth 3", _tree(3)),
        Work("tree_6", "one tree of depth 6", _tree(6)),
        Work("tree_10", "one tree of depth 10", _tree(10)),
        Work("mlp", "scaler + MLP, 3 x 64", _mlp, batch=8192, share=0.3),
    )
}


def fitted(work: Work, frame: Any, label: Any) -> Any:
    """Fit a work's estimator; a network that has not converged is as fast as one that has."""
    rows = int(len(frame) * work.share)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        return work.estimator().fit(frame[:rows], label[:rows])
