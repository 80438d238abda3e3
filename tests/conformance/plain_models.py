"""Models that compute with numbers and distances: linear, kernels, neighbours, densities, networks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, DotProduct, Matern, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    LarsCV,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR, OneClassSVM

from tests.conformance.case import Factory, case
from tests.conformance.data import cancer, diabetes, digits, iris, iris_named, linnerud, wine

_SCALED = StandardScaler


def _gappy() -> tuple[pd.DataFrame, Any]:
    features, target = diabetes()
    return features.mask(np.random.default_rng(0).random(features.shape) < 0.1), target


_LINEAR: Mapping[str, Factory] = {
    "logistic, two classes": lambda: case(make_pipeline(_SCALED(), LogisticRegression()), *cancer()),
    "logistic, three classes": lambda: case(make_pipeline(_SCALED(), LogisticRegression()), *wine()),
    "logistic, ten classes": lambda: case(make_pipeline(MinMaxScaler(), LogisticRegression()), *digits()),
    "logistic, sparse coefficients": lambda: case(
        make_pipeline(_SCALED(), LogisticRegression(l1_ratio=1.0, solver="liblinear", C=0.1)), *cancer()
    ),
    "logistic, cross-validated": lambda: case(
        make_pipeline(
            _SCALED(),
            LogisticRegressionCV(Cs=3, cv=3, l1_ratios=(0,), use_legacy_attributes=False, scoring="accuracy"),
        ),
        *iris_named(),
    ),
    "logistic on a matrix": lambda: case(
        make_pipeline(_SCALED(), LogisticRegression()), iris()[0].to_numpy(), iris()[1]
    ),
    "ridge classifier": lambda: case(make_pipeline(_SCALED(), RidgeClassifier()), *wine()),
    "stochastic gradient, hinge": lambda: case(
        make_pipeline(_SCALED(), SGDClassifier(random_state=0)), *iris_named()
    ),
    "stochastic gradient, log loss": lambda: case(
        make_pipeline(_SCALED(), SGDClassifier(loss="log_loss", random_state=0)), *wine()
    ),
    "stochastic gradient, modified huber": lambda: case(
        make_pipeline(_SCALED(), SGDClassifier(loss="modified_huber", random_state=0)), *wine()
    ),
    "perceptron": lambda: case(make_pipeline(_SCALED(), Perceptron(random_state=0)), *wine()),
    "least squares": lambda: case(LinearRegression(), *diabetes()),
    "least squares, three outputs": lambda: case(LinearRegression(), *linnerud()),
    "ridge": lambda: case(Ridge(0.5), *diabetes()),
    "lasso": lambda: case(Lasso(0.1), *diabetes()),
    "elastic net": lambda: case(make_pipeline(_SCALED(), ElasticNet(0.1)), *diabetes()),
    "least angles": lambda: case(LarsCV(cv=3), *diabetes()),
    "bayesian ridge": lambda: case(BayesianRidge(), *diabetes()),
    "relevance determination": lambda: case(ARDRegression(), *diabetes()),
    "huber": lambda: case(HuberRegressor(max_iter=500), *diabetes()),
    "random consensus": lambda: case(RANSACRegressor(random_state=0), *diabetes()),
    "theil-sen": lambda: case(TheilSenRegressor(random_state=0, max_subpopulation=200), *diabetes()),
    "stochastic gradient regression": lambda: case(
        make_pipeline(_SCALED(), SGDRegressor(random_state=0)), *diabetes()
    ),
}

_GENERALIZED: Mapping[str, Factory] = {
    "poisson": lambda: case(make_pipeline(_SCALED(), PoissonRegressor()), *diabetes()),
    "gamma": lambda: case(make_pipeline(_SCALED(), GammaRegressor()), *diabetes()),
    "tweedie, log link": lambda: case(
        make_pipeline(_SCALED(), TweedieRegressor(power=1.5, link="log")), *diabetes()
    ),
    "tweedie, identity": lambda: case(make_pipeline(_SCALED(), TweedieRegressor()), *diabetes()),
}

_SVM: Mapping[str, Factory] = {
    "support vectors, rbf": lambda: case(make_pipeline(_SCALED(), SVC()), *wine()),
    "support vectors, polynomial": lambda: case(
        make_pipeline(_SCALED(), SVC(kernel="poly", degree=2, coef0=1.0)), *iris_named()
    ),
    "support vectors, linear, two classes": lambda: case(
        make_pipeline(_SCALED(), SVC(kernel="linear")), *cancer()
    ),
    "support vectors, sigmoid": lambda: case(make_pipeline(_SCALED(), SVC(kernel="sigmoid")), *wine()),
    "support vectors, one against one": lambda: case(
        make_pipeline(_SCALED(), SVC(decision_function_shape="ovo", break_ties=False)), *digits()
    ),
    "support vectors, nu": lambda: case(make_pipeline(_SCALED(), NuSVC(nu=0.3)), *wine()),
    "support vectors, linear loss": lambda: case(
        make_pipeline(_SCALED(), LinearSVC(random_state=0)), *iris_named()
    ),
    "support vector regression": lambda: case(make_pipeline(_SCALED(), SVR(C=20.0)), *diabetes()),
    "support vector regression, nu": lambda: case(
        make_pipeline(_SCALED(), NuSVR(kernel="poly", C=5.0)), *diabetes()
    ),
    "support vector regression, linear": lambda: case(
        make_pipeline(_SCALED(), LinearSVR(random_state=0, max_iter=5000)), *diabetes()
    ),
    "one-class support vectors": lambda: case(make_pipeline(_SCALED(), OneClassSVM(nu=0.1)), wine()[0]),
    "kernel ridge": lambda: case(make_pipeline(_SCALED(), KernelRidge(kernel="rbf")), *diabetes()),
}

_NEIGHBOURS: Mapping[str, Factory] = {
    "neighbours, uniform": lambda: case(KNeighborsClassifier(5), *iris()),
    "neighbours, by distance": lambda: case(
        make_pipeline(_SCALED(), KNeighborsClassifier(7, weights="distance")), *wine()
    ),
    "neighbours, manhattan": lambda: case(
        make_pipeline(_SCALED(), KNeighborsClassifier(3, metric="manhattan")), *iris_named()
    ),
    "neighbours, regression": lambda: case(KNeighborsRegressor(5), *diabetes()),
    "neighbours, regression by distance": lambda: case(
        KNeighborsRegressor(9, weights="distance", p=1), *diabetes()
    ),
    "neighbours, missing values": lambda: case(KNeighborsRegressor(5, metric="nan_euclidean"), *_gappy()),
    "neighbours, three outputs": lambda: case(KNeighborsRegressor(3), *linnerud()),
    "neighbours in a radius": lambda: case(
        make_pipeline(_SCALED(), RadiusNeighborsRegressor(1e6, weights="uniform")), *diabetes()
    ),
    "nearest centroid": lambda: case(make_pipeline(_SCALED(), NearestCentroid()), *wine()),
    "local outliers": lambda: case(make_pipeline(_SCALED(), LocalOutlierFactor(10, novelty=True)), iris()[0]),
}

_BAYES: Mapping[str, Factory] = {
    "naive bayes, gaussian": lambda: case(GaussianNB(), *iris_named()),
    "naive bayes, gaussian, two classes": lambda: case(GaussianNB(), *cancer()),
    "naive bayes, multinomial": lambda: case(
        make_pipeline(MinMaxScaler(clip=True), MultinomialNB()), *wine()
    ),
    "naive bayes, complement": lambda: case(make_pipeline(MinMaxScaler(clip=True), ComplementNB()), *wine()),
    "naive bayes, bernoulli": lambda: case(BernoulliNB(binarize=8.0), *digits()),
}

_DISCRIMINANT: Mapping[str, Factory] = {
    "linear discriminant": lambda: case(LinearDiscriminantAnalysis(), *wine()),
    "linear discriminant, shrunk": lambda: case(
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"), *cancer()
    ),
    "quadratic discriminant": lambda: case(QuadraticDiscriminantAnalysis(reg_param=0.05), *iris_named()),
    "discriminant axes, then logistic": lambda: case(
        make_pipeline(LinearDiscriminantAnalysis(n_components=2), LogisticRegression()), *wine()
    ),
}

_GAUSSIAN: Mapping[str, Factory] = {
    "gaussian process": lambda: case(
        make_pipeline(_SCALED(), GaussianProcessRegressor(RBF(2.0) + WhiteKernel(1.0), optimizer=None)),
        *diabetes(),
    ),
    "gaussian process, normalised": lambda: case(
        make_pipeline(
            _SCALED(),
            GaussianProcessRegressor(
                Matern(2.0, nu=1.5) + DotProduct(), alpha=0.1, normalize_y=True, optimizer=None
            ),
        ),
        *diabetes(),
    ),
    "gaussian process, two classes": lambda: case(
        make_pipeline(_SCALED(), GaussianProcessClassifier(RBF(2.0), optimizer=None)), *cancer()
    ),
}

_NETWORKS: Mapping[str, Factory] = {
    "network, two classes": lambda: case(
        make_pipeline(
            _SCALED(), MLPClassifier((8,), solver="lbfgs", max_iter=300, random_state=0, alpha=1.0)
        ),
        *cancer(),
    ),
    "network, three classes": lambda: case(
        make_pipeline(
            _SCALED(),
            MLPClassifier((6, 4), activation="tanh", solver="lbfgs", max_iter=300, random_state=0, alpha=1.0),
        ),
        *iris_named(),
    ),
    "network, regression": lambda: case(
        make_pipeline(
            _SCALED(),
            MLPRegressor(
                hidden_layer_sizes=(6,),
                activation="logistic",
                solver="lbfgs",
                max_iter=2000,
                random_state=0,
                alpha=1.0,
            ),
        ),
        *diabetes(),
    ),
    "network, three outputs": lambda: case(
        make_pipeline(
            _SCALED(),
            MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=2000, random_state=0, alpha=10.0),
        ),
        *linnerud(),
    ),
}

_QUANTILE: Mapping[str, Factory] = {
    "quantile, linear": lambda: case(QuantileRegressor(quantile=0.8, alpha=0.01), *diabetes()),
}

FAMILIES: Mapping[str, Mapping[str, Factory]] = {
    "linear": _LINEAR,
    "generalized linear": _GENERALIZED,
    "support vectors": _SVM,
    "neighbours": _NEIGHBOURS,
    "naive Bayes": _BAYES,
    "discriminant": _DISCRIMINANT,
    "Gaussian process": _GAUSSIAN,
    "networks": _NETWORKS,
    "quantile": _QUANTILE,
}
