"""Estimators around others: calibrated, stacked, voting, searched, chained; and every kind of label."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PowerTransformer, QuantileTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.conformance.case import Factory, case
from tests.conformance.data import (
    cancer,
    diabetes,
    digits,
    flight_numbers,
    iris,
    iris_named,
    late_flights,
    linnerud,
    penguins,
    wine,
)


def _scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def _labelled(first: Any, second: Any) -> tuple[pd.DataFrame, Any]:
    features, target = cancer()
    return features, np.where(target == 1, second, first)


def _several_labels() -> tuple[pd.DataFrame, Any]:
    features, target = wine()
    strong = (features["alcohol"] > 13).astype(int)
    return features.drop(columns="alcohol"), np.column_stack([target == 0, strong, target != 2]).astype(int)


def _several_kinds() -> tuple[pd.DataFrame, Any]:
    features, species = penguins()
    known = features[["bill_length_mm", "sex"]].notna().all(axis=1)
    numbers = features.loc[known, ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]]
    kinds = pd.concat([species[known], features.loc[known, "sex"]], axis=1)
    return numbers, kinds.to_numpy()


def _early_or_late() -> tuple[pd.DataFrame, Any]:
    features, late = late_flights()
    return features[["hour", "distance", "month"]].astype(float), late


def _half_labelled() -> tuple[pd.DataFrame, Any]:
    features, target = iris()
    return features, np.where(np.arange(len(target)) % 2, target, -1)


def _fitted_logistic() -> Any:
    return FrozenEstimator(_scaled(LogisticRegression()).fit(*iris_named()))


_MEMBERS = [
    ("tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
    ("bayes", GaussianNB()),
    ("near", KNeighborsClassifier()),
]
_REGRESSORS = [("tree", DecisionTreeRegressor(max_depth=3, random_state=0)), ("line", LinearRegression())]

_CALIBRATION: Mapping[str, Factory] = {
    "calibrated, sigmoid": lambda: case(CalibratedClassifierCV(GaussianNB(), cv=3), *cancer()),
    "calibrated, isotonic": lambda: case(
        CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3), *cancer()
    ),
    "calibrated, isotonic, three classes": lambda: case(
        CalibratedClassifierCV(_scaled(LinearSVC()), method="isotonic", cv=3), *iris_named()
    ),
    "calibrated, temperature": lambda: case(
        CalibratedClassifierCV(_scaled(LogisticRegression()), method="temperature", cv=3), *wine()
    ),
    "calibrated once": lambda: case(CalibratedClassifierCV(_scaled(SVC()), ensemble=False, cv=3), *wine()),
    "calibrated forest": lambda: case(
        CalibratedClassifierCV(
            RandomForestClassifier(8, max_depth=4, random_state=0), method="isotonic", cv=2
        ),
        *wine(),
    ),
    "calibrated, fitted before": lambda: case(CalibratedClassifierCV(_fitted_logistic()), *iris_named()),
    "threshold, tuned": lambda: case(
        TunedThresholdClassifierCV(_scaled(LogisticRegression()), cv=3), *cancer()
    ),
    "threshold, fixed": lambda: case(
        FixedThresholdClassifier(RandomForestClassifier(10, random_state=0), threshold=0.3), *cancer()
    ),
}

_STACKING: Mapping[str, Factory] = {
    "stacked": lambda: case(StackingClassifier(_MEMBERS, LogisticRegression(), cv=3), *iris_named()),
    "stacked, two classes, features passed": lambda: case(
        StackingClassifier(_MEMBERS, _scaled(LogisticRegression()), cv=3, passthrough=True), *cancer()
    ),
    "stacked decisions": lambda: case(
        StackingClassifier([("svc", _scaled(SVC())), ("ridge", RidgeClassifier())], cv=3), *cancer()
    ),
    "stacked regressors": lambda: case(StackingRegressor(_REGRESSORS, Ridge(), cv=3), *diabetes()),
    "stacked under a forest": lambda: case(
        StackingRegressor(
            _REGRESSORS, RandomForestRegressor(8, max_depth=4, random_state=0), cv=3, passthrough=True
        ),
        *diabetes(),
    ),
}

_VOTING: Mapping[str, Factory] = {
    "voting, hard": lambda: case(VotingClassifier(_MEMBERS), *iris_named()),
    "voting, hard, weighted": lambda: case(VotingClassifier(_MEMBERS, weights=[2, 1, 1]), *wine()),
    "voting, soft": lambda: case(VotingClassifier(_MEMBERS, voting="soft"), *wine()),
    "voting, soft, one dropped": lambda: case(
        VotingClassifier([*_MEMBERS, ("none", "drop")], voting="soft", weights=[1, 2, 3, 9]), *cancer()
    ),
    "voting regressors": lambda: case(VotingRegressor(_REGRESSORS, weights=[1, 3]), *diabetes()),
}

_SEVERAL_CLASSES: Mapping[str, Factory] = {
    "one against the rest": lambda: case(OneVsRestClassifier(_scaled(LinearSVC())), *wine()),
    "one against the rest, probabilities": lambda: case(OneVsRestClassifier(GaussianNB()), *iris_named()),
    "one against one": lambda: case(OneVsOneClassifier(_scaled(LogisticRegression())), *wine()),
    "one against one, trees": lambda: case(
        OneVsOneClassifier(DecisionTreeClassifier(max_depth=3, random_state=0)), *digits()
    ),
    "output codes": lambda: case(
        OutputCodeClassifier(_scaled(LogisticRegression()), random_state=0), *iris_named()
    ),
    "output codes of trees": lambda: case(
        OutputCodeClassifier(
            DecisionTreeClassifier(max_depth=4, random_state=0), code_size=2.0, random_state=0
        ),
        *wine(),
    ),
}

_CHAINS: Mapping[str, Factory] = {
    "chain of labels": lambda: case(
        _scaled(ClassifierChain(LogisticRegression(), order=[2, 0, 1])), *_several_labels()
    ),
    "chain of probabilities": lambda: case(
        _scaled(ClassifierChain(LogisticRegression(), chain_method="predict_proba", cv=3)), *_several_labels()
    ),
    "chain of trees": lambda: case(
        ClassifierChain(DecisionTreeClassifier(max_depth=3, random_state=0)), *_several_labels()
    ),
    "chain of numbers": lambda: case(RegressorChain(Ridge(), order=[1, 2, 0]), *linnerud()),
}

_SEVERAL_OUTPUTS: Mapping[str, Factory] = {
    "several outputs, numbers": lambda: case(
        MultiOutputRegressor(HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=3)), *linnerud()
    ),
    "several outputs, texts": lambda: case(
        MultiOutputClassifier(_scaled(LogisticRegression())), *_several_kinds()
    ),
    "several outputs, forest": lambda: case(
        RandomForestClassifier(8, max_depth=4, random_state=0), *_several_kinds()
    ),
}

_SEVERAL_LABELS: Mapping[str, Factory] = {
    "several labels, one against the rest": lambda: case(
        OneVsRestClassifier(_scaled(LogisticRegression())), *_several_labels()
    ),
    "several labels, network": lambda: case(
        _scaled(MLPClassifier((5,), solver="lbfgs", alpha=1.0, max_iter=2000, random_state=0)),
        *_several_labels(),
    ),
    "several labels, trees": lambda: case(
        ExtraTreesClassifier(8, max_depth=4, random_state=0), *_several_labels()
    ),
    "several labels, neighbours": lambda: case(_scaled(KNeighborsClassifier(3)), *_several_labels()),
    "several labels, ridge": lambda: case(_scaled(RidgeClassifier()), *_several_labels()),
    "several labels, one model each": lambda: case(MultiOutputClassifier(GaussianNB()), *_several_labels()),
}

_LABELS: Mapping[str, Factory] = {
    "labels, true and false": lambda: case(_scaled(LogisticRegression()), *_early_or_late()),
    "labels, true and false, forest": lambda: case(
        RandomForestClassifier(8, max_depth=5, random_state=0), *_early_or_late()
    ),
    "labels, -1 and 1": lambda: case(_scaled(SVC(kernel="linear")), *_labelled(-1, 1)),
    "labels, large integers": lambda: case(GaussianNB(), *_labelled(2**40, 2**53 + 1)),
    "labels, texts with quotes": lambda: case(_scaled(LogisticRegression()), *_labelled("it's", 'so "good"')),
    "labels, emoji and the empty text": lambda: case(
        DecisionTreeClassifier(max_depth=3), *_labelled("", "👍 naïve")
    ),
    "labels, fractions": lambda: case(KNeighborsClassifier(), *_labelled(1.0, 2.0)),
}

_TARGETS: Mapping[str, Factory] = {
    "target, logarithm": lambda: case(
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1), *diabetes()
    ),
    "target, quantiles": lambda: case(
        TransformedTargetRegressor(
            Ridge(), transformer=QuantileTransformer(n_quantiles=50, output_distribution="normal")
        ),
        *diabetes(),
    ),
    "target, power": lambda: case(
        TransformedTargetRegressor(
            DecisionTreeRegressor(max_depth=5, random_state=0), transformer=PowerTransformer()
        ),
        *flight_numbers(),
    ),
    "target, three outputs": lambda: case(
        TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler()), *linnerud()
    ),
}

_OTHER: Mapping[str, Factory] = {
    "grid search": lambda: case(GridSearchCV(_scaled(SVC()), {"svc__C": [0.1, 1.0]}, cv=2), *iris_named()),
    "self-training": lambda: case(SelfTrainingClassifier(_scaled(LogisticRegression())), *_half_labelled()),
    "dummy, most frequent": lambda: case(DummyClassifier(), *iris_named()),
    "dummy, prior": lambda: case(DummyClassifier(strategy="prior"), *cancer()),
    "dummy, median": lambda: case(DummyRegressor(strategy="median"), *diabetes()),
}

FAMILIES: Mapping[str, Mapping[str, Factory]] = {
    "calibration": _CALIBRATION,
    "stacking": _STACKING,
    "voting": _VOTING,
    "one-vs-rest": _SEVERAL_CLASSES,
    "chains": _CHAINS,
    "multi-output": _SEVERAL_OUTPUTS,
    "multi-label": _SEVERAL_LABELS,
    "labels": _LABELS,
    "transformed target": _TARGETS,
    "other": _OTHER,
}
