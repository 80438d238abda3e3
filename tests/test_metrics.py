import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_breast_cancer, load_iris, make_blobs
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from warehouse_ml.metrics import SILHOUETTE_ROWS, evaluate, mean_and_std, task_of

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
TWO_X, TWO = load_breast_cancer(return_X_y=True)
TWO_X = TWO_X[:, :4]


@pytest.mark.parametrize(
    ("estimator", "task"),
    [
        (LogisticRegression(), "classification"),
        (make_pipeline(StandardScaler(), LinearRegression()), "regression"),
        (KMeans(), "clustering"),
        (IsolationForest(), "outlier detection"),
        (PCA(), "transformation"),
    ],
)
def test_task_is_read_from_the_estimator(estimator, task):
    assert task_of(estimator) == task


def test_two_classes_are_measured_as_scikit_learn_does():
    estimator = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(TWO_X, TWO)
    predicted, positive = estimator.predict(TWO_X), estimator.predict_proba(TWO_X)[:, 1]
    assert evaluate(estimator, TWO_X, TWO) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(TWO, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(TWO, predicted),
            "f1_macro": metrics.f1_score(TWO, predicted, average="macro"),
            "log_loss": metrics.log_loss(TWO, positive),
            "brier": metrics.brier_score_loss(TWO, positive),
            "roc_auc": metrics.roc_auc_score(TWO, positive),
        }
    )


def test_several_classes_are_measured_as_scikit_learn_does():
    estimator = LogisticRegression(C=0.01, max_iter=500).fit(X, NAMES)
    probabilities = estimator.predict_proba(X)
    figures = evaluate(estimator, X, NAMES)
    assert figures["log_loss"] == pytest.approx(metrics.log_loss(NAMES, probabilities))
    assert figures["roc_auc"] == pytest.approx(metrics.roc_auc_score(NAMES, probabilities, multi_class="ovr"))
    assert "brier" not in figures


def test_labels_without_probabilities_have_no_figures_of_them():
    assert set(evaluate(RidgeClassifier().fit(X, NAMES), X, NAMES)) == {
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
    }


def test_rows_of_one_class_have_no_curve():
    estimator = LogisticRegression(max_iter=500).fit(X, NAMES)
    figures = evaluate(estimator, X[:20], NAMES[:20])
    assert "roc_auc" not in figures
    assert figures["balanced_accuracy"] == figures["accuracy"]


def test_a_class_that_the_estimator_never_saw_has_no_probability():
    estimator = LogisticRegression(max_iter=500).fit(X[:100], NAMES[:100])
    assert "log_loss" not in evaluate(estimator, X, NAMES)
    assert evaluate(estimator, X, NAMES)["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("target", [X[:, 0], X[:, :2]])
def test_numbers_are_measured_as_scikit_learn_does(target):
    estimator = LinearRegression().fit(X[:, 2:], target)
    predicted = estimator.predict(X[:, 2:])
    assert evaluate(estimator, X[:, 2:], target) == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(target, predicted),
            "rmse": metrics.root_mean_squared_error(target, predicted),
            "r2": metrics.r2_score(target, predicted),
        }
    )


def test_one_row_has_no_variance_to_explain():
    assert evaluate(DummyRegressor().fit(X, X[:, 0]), X[:1], X[:1, 0]).keys() == {"mae", "rmse"}


def test_figures_that_are_no_numbers_are_left_out():
    class Lost(DummyRegressor):
        def predict(self, X):
            return np.full(len(X), np.nan)

    assert evaluate(Lost().fit(X, X[:, 0]), X, X[:, 0]) == {}


def test_several_outputs_are_measured_by_their_means():
    target = np.column_stack([NAMES, np.where(Y == 1, "yes", "no")]).astype(object)
    estimator = MultiOutputClassifier(RandomForestClassifier(3, max_depth=1, random_state=0)).fit(X, target)
    single = [
        evaluate(inner, X, target[:, place].astype(str)) for place, inner in enumerate(estimator.estimators_)
    ]
    figures = evaluate(estimator, X, target)
    for name in ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"):
        assert figures[name] == pytest.approx((single[0][name] + single[1][name]) / 2)


def test_several_outputs_without_probabilities_are_measured():
    estimator = MultiOutputClassifier(RidgeClassifier()).fit(X, np.column_stack([Y, Y]))
    assert set(evaluate(estimator, X, np.column_stack([Y, Y]))) == {
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
    }


def test_clusters_are_measured_in_the_space_that_they_were_found_in():
    estimator = make_pipeline(StandardScaler(), KMeans(3, random_state=0)).fit(X)
    expected = metrics.silhouette_score(StandardScaler().fit_transform(X), estimator.predict(X))
    assert evaluate(estimator, X, None) == {"silhouette": pytest.approx(expected)}


def test_clusters_of_many_rows_are_measured_on_some():
    rows, _ = make_blobs(SILHOUETTE_ROWS * 2, centers=3, random_state=0)
    estimator = KMeans(3, random_state=0).fit(rows)
    expected = metrics.silhouette_score(rows, estimator.predict(rows))
    assert evaluate(estimator, rows, None)["silhouette"] == pytest.approx(expected, abs=0.03)
    frame = pd.DataFrame(rows, columns=["a", "b"])
    named = KMeans(3, random_state=0).fit(frame)
    assert evaluate(named, frame, None) == evaluate(named, frame, None, seed=0)


def test_one_cluster_and_clusters_that_cannot_predict_have_no_figure():
    assert evaluate(KMeans(1, random_state=0).fit(X), X, None) == {}
    assert evaluate(DBSCAN().fit(X), X, None) == {}


def test_outliers_are_counted():
    estimator = IsolationForest(n_estimators=10, contamination=0.2, random_state=0).fit(X)
    assert evaluate(estimator, X, None) == {"outlier_share": pytest.approx(0.2)}


def test_booleans_that_come_back_as_numbers_are_the_same():
    estimator = DummyClassifier(strategy="constant", constant=1).fit(X, (Y == 1).astype(int))
    assert evaluate(estimator, X, Y == 1)["accuracy"] == pytest.approx(1 / 3)


def test_folds_are_put_together_by_mean_and_deviation():
    folds = [{"r2": 0.5, "mae": 1.0}, {"r2": 1.0}]
    assert mean_and_std(folds) == {"cv_r2_mean": 0.75, "cv_r2_std": 0.25}
