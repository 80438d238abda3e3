import importlib
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.class_weight import compute_sample_weight

from warehouse_ml.errors import MissingDependencyError, TrainError
from warehouse_ml.train import fit

CANCER = load_breast_cancer(as_frame=True).frame.iloc[:, [0, 1, 2, 3, -1]]
DIABETES = load_diabetes(as_frame=True).frame
IRIS = load_iris(as_frame=True).frame
IRIS["kind"] = np.array(["setosa", "versicolor", "virginica"])[IRIS.pop("target")]
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())


def held_out(training, frame, target):
    """The target of the held-out rows, found by their features."""
    keys = [*training.test.columns]
    return training.test.merge(frame.drop_duplicates(keys), on=keys, how="left")[target]


def test_a_clone_is_fitted_and_the_estimator_is_not_changed():
    estimator = LogisticRegression(C=0.5)
    training = fit(estimator, IRIS, target="kind", class_weight="balanced")
    assert not hasattr(estimator, "classes_")
    assert estimator.class_weight is None
    assert training.estimator.C == 0.5
    assert training.estimator.classes_.tolist() == ["setosa", "versicolor", "virginica"]


def test_fitting_the_training_rows_by_hand_gives_the_same_model():
    training = fit(LOGISTIC, CANCER, target="target", seed=3)
    keys = [*training.train.columns]
    target = training.train.merge(CANCER.drop_duplicates(keys), on=keys, how="left")["target"]
    by_hand = make_pipeline(StandardScaler(), LogisticRegression()).fit(training.train, target)
    np.testing.assert_array_equal(by_hand[-1].coef_, training.estimator[-1].coef_)


def test_metrics_are_those_of_the_held_out_rows():
    training = fit(LOGISTIC, CANCER, target="target")
    predicted = training.estimator.predict(training.test)
    assert training.metrics["accuracy"] == accuracy_score(held_out(training, CANCER, "target"), predicted)
    training = fit(Ridge(), DIABETES, target="target")
    predicted = training.estimator.predict(training.test)
    assert training.metrics["r2"] == pytest.approx(
        r2_score(held_out(training, DIABETES, "target"), predicted)
    )


def test_rows_are_divided_by_the_share_and_keep_the_shares_of_the_classes():
    training = fit(LOGISTIC, IRIS, target="kind", test_fraction=0.4)
    assert (len(training.train), len(training.test)) == (90, 60)
    duplicates = IRIS.drop_duplicates([*training.test.columns])
    assert held_out(training, duplicates, "kind").value_counts().tolist() == [20, 20, 20]
    assert training.lineage["stratified"] is True


def test_the_same_seed_gives_the_same_split_and_another_another():
    one, same, other = (fit(LOGISTIC, IRIS, target="kind", seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.test, same.test)
    pd.testing.assert_frame_equal(one.sample, same.sample)
    assert not one.test.equals(other.test)


def test_a_class_of_one_row_ends_the_stratification_which_the_lineage_tells():
    frame = pd.concat([IRIS, IRIS.head(1).assign(kind="rare")])
    assert fit(LOGISTIC, frame, target="kind").lineage["stratified"] is False


def test_no_rows_are_held_out_on_request():
    training = fit(LOGISTIC, IRIS, target="kind", test_fraction=0, cross_validation=3)
    assert (len(training.train), len(training.test)) == (150, 0)
    assert "accuracy" not in training.metrics
    assert training.metrics["cv_accuracy_mean"] > 0.9


def test_rows_without_a_target_are_left_out_and_counted():
    frame = IRIS.copy()
    frame.loc[:9, "kind"] = None
    training = fit(LOGISTIC, frame, target="kind")
    assert (training.lineage["rows"], training.lineage["rows_without_target"]) == (150, 10)
    assert len(training.train) + len(training.test) == 140


def test_features_are_all_other_columns_or_those_named():
    frame = IRIS.assign(weight=1.0)
    assert fit(LOGISTIC, frame, target="kind", sample_weight="weight").lineage["features"] == [
        *IRIS.columns[:4]
    ]
    assert fit(Ridge(), DIABETES, target="target", features="bmi").lineage["features"] == ["bmi"]
    chosen = ["petal width (cm)", "sepal length (cm)"]
    training = fit(LOGISTIC, IRIS, target="kind", features=chosen)
    assert [*training.sample.columns] == training.estimator.feature_names_in_.tolist() == chosen


def test_sample_holds_a_thousand_rows_at_most():
    frame = pd.concat([IRIS] * 10, ignore_index=True)
    assert len(fit(LOGISTIC, frame, target="kind").sample) == 1000
    assert len(fit(LOGISTIC, IRIS, target="kind").sample) == 150


# --- weights --------------------------------------------------------------------------------------


def recorded(training) -> np.ndarray:
    """The weights that `Recorder` was fitted with."""
    return training.estimator[-1].seen_


class Recorder(DecisionTreeClassifier):
    def fit(self, X, y, sample_weight=None):
        self.seen_ = sample_weight
        self.target_ = y
        return super().fit(X, y, sample_weight=sample_weight)


class Unweighable(Recorder):
    """A classifier without class_weight, as XGBoost's."""

    def __init__(self, max_depth=None):
        super().__init__(max_depth=max_depth)


def test_sample_weights_reach_the_last_step_with_their_rows():
    frame = IRIS.assign(weight=IRIS["sepal length (cm)"])
    training = fit(make_pipeline(StandardScaler(), Recorder()), frame, target="kind", sample_weight="weight")
    np.testing.assert_array_equal(recorded(training), training.train["sepal length (cm)"])


def test_sample_weights_reach_a_nested_pipeline():
    estimator = make_pipeline(StandardScaler(), make_pipeline(PCA(2), Recorder()))
    training = fit(estimator, IRIS.assign(w=2.0), target="kind", sample_weight="w")
    assert set(training.estimator[-1][-1].seen_) == {2.0}


def test_sample_weights_reach_a_search():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2
    )
    frame = IRIS.assign(w=np.where(IRIS["kind"] == "setosa", 0.0, 1.0))
    weighted = fit(search, frame, target="kind", sample_weight="w").estimator
    assert "setosa" not in weighted.predict(IRIS.drop(columns="kind"))


def test_an_estimator_that_takes_no_weights_says_so():
    with pytest.raises(TrainError, match="KNeighborsClassifier takes no sample weights"):
        fit(make_pipeline(KNeighborsClassifier()), IRIS.assign(w=1.0), target="kind", sample_weight="w")


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([None] + [1.0] * 149, "'w' is NULL in 1 rows"),
        (["a"] * 150, "'w' is .*, not a number"),
        ([-1.0] + [1.0] * 149, "negative or infinite"),
        ([0.0] * 150, "is 0 in every row"),
    ],
)
def test_weights_that_are_none_are_refused(weight, message):
    with pytest.raises(TrainError, match=message):
        fit(LOGISTIC, IRIS.assign(w=weight), target="kind", sample_weight="w")


def test_class_weights_are_set_on_the_last_step_that_has_them():
    training = fit(LOGISTIC, IRIS, target="kind", class_weight={"setosa": 3.0})
    assert training.estimator[-1].class_weight == {"setosa": 3.0}


@pytest.mark.parametrize("class_weight", ["balanced", {"setosa": 3.0, "virginica": 0.5}])
def test_class_weights_become_weights_of_rows_where_there_is_no_parameter(class_weight):
    frame = IRIS.iloc[30:]
    estimator = make_pipeline(StandardScaler(), Unweighable())
    training = fit(estimator, frame, target="kind", class_weight=class_weight)
    full = dict(zip(frame["kind"], compute_sample_weight(class_weight, frame["kind"]), strict=True))
    assert recorded(training).tolist() == [full[kind] for kind in training.estimator[-1].target_]


def test_class_weights_and_sample_weights_multiply():
    estimator = make_pipeline(StandardScaler(), Unweighable())
    frame = IRIS.assign(w=2.0)
    training = fit(estimator, frame, target="kind", class_weight={"setosa": 3.0}, sample_weight="w")
    assert set(recorded(training)) == {2.0, 6.0}


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"setose": 1}, "names 'setose', which is no class of the target. Did you mean 'setosa'"),
        ({"setosa": "much"}, "is 'much', not a number"),
        ("even", "is 'balanced' or a weight for each class, not 'even'"),
    ],
)
def test_class_weights_that_do_not_fit_are_refused(class_weight, message):
    with pytest.raises(TrainError, match=message):
        fit(LOGISTIC, IRIS, target="kind", class_weight=class_weight)


def test_class_weights_of_a_regressor_are_refused():
    with pytest.raises(TrainError, match="for a classifier of one target"):
        fit(Ridge(), DIABETES, target="target", class_weight="balanced")


# --- cross-validation -----------------------------------------------------------------------------


def test_cross_validation_with_a_splitter_is_that_of_scikit_learn():
    splitter = TimeSeriesSplit(4)
    training = fit(Ridge(), DIABETES, target="target", cross_validation=splitter)
    keys = [*training.train.columns]
    target = training.train.merge(DIABETES, on=keys)["target"]
    expected = cross_val_score(Ridge(), training.train, target, cv=splitter, scoring="r2")
    assert training.metrics["cv_r2_mean"] == pytest.approx(expected.mean())
    assert training.metrics["cv_r2_std"] == pytest.approx(expected.std())


def test_cross_validation_by_number_keeps_the_shares_of_the_classes():
    frame = IRIS.sort_values("kind")
    metrics = fit(LOGISTIC, frame, target="kind", cross_validation=5).metrics
    assert metrics["cv_accuracy_mean"] > 0.9
    assert metrics["cv_roc_auc_mean"] > 0.9


def test_cross_validation_uses_the_weights_of_its_rows():
    frame = IRIS.assign(w=np.where(IRIS["kind"] == "setosa", 1e-9, 1.0))
    metrics = fit(
        LogisticRegression(C=1e-3), frame, target="kind", cross_validation=3, sample_weight="w"
    ).metrics
    assert metrics["cv_accuracy_mean"] < 0.7


@pytest.mark.parametrize(
    ("cross_validation", "message"),
    [
        (1, "number of folds from 2 on, or a splitter, not 1"),
        (True, "not True"),
        ("five", "not 'five'"),
        (60, "60 folds need 60 training rows of the rarest class; there are 40"),
        (TimeSeriesSplit(500), "cannot split the training rows"),
    ],
)
def test_cross_validation_that_is_none_is_refused(cross_validation, message):
    with pytest.raises(TrainError, match=message):
        fit(LOGISTIC, IRIS, target="kind", cross_validation=cross_validation)


# --- what SQL gives -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "classes"),
    [
        (pd.Series([True, False, None] * 10, dtype="boolean"), [False, True]),
        (pd.Series([7, 9, None] * 10, dtype="Int32"), [7, 9]),
        (pd.Series([1.0, 2.0, np.nan] * 10), [1, 2]),
        (pd.Series([Decimal("1"), Decimal("2"), None] * 10), [1, 2]),
        (pd.Series(["a", "b", None] * 10, dtype="str"), ["a", "b"]),
        (pd.Series(["a", "b", None] * 10, dtype="object"), ["a", "b"]),
        (pd.Series(["a", "b", None] * 10, dtype="category"), ["a", "b"]),
        (pd.Series([True, False, None] * 10, dtype="object"), [False, True]),
        (pd.Series([2**60, 3, None] * 10, dtype="object"), [3, 2**60]),
    ],
)
def test_classes_come_in_any_type_that_sql_gives(target, classes):
    frame = pd.DataFrame({"x": np.arange(30.0), "y": target})
    found = fit(LogisticRegression(), frame, target="y").estimator.classes_
    assert found.tolist() == classes
    assert type(found.tolist()[0]) is type(classes[0])


@pytest.mark.parametrize(
    "target",
    [
        pd.Series([Decimal("1.5"), Decimal("2.5"), None] * 10),
        pd.Series([1, 2, None] * 10, dtype="Int64"),
        pd.Series([1.5, 2.5, None] * 10, dtype="Float64"),
        pd.Series([True, False, None] * 10, dtype="boolean"),
    ],
)
def test_numbers_come_in_any_type_that_sql_gives(target):
    frame = pd.DataFrame({"x": np.arange(30.0), "y": target})
    expected = LinearRegression().fit([[0.0], [1.0]] * 10, target.dropna().astype(float))
    training = fit(LinearRegression(), frame.assign(x=[0.0, 1.0, 0.0] * 10), target="y", test_fraction=0)
    np.testing.assert_allclose(training.estimator.coef_, expected.coef_)


def test_features_come_in_numpys_types_where_nothing_is_lost():
    import datetime

    frame = pd.DataFrame(
        {
            "whole": pd.Series([1, 2] * 5, dtype="Int64"),
            "hole": pd.Series([1, None] * 5, dtype="Int64"),
            "real": pd.Series([1.5, None] * 5, dtype="Float32"),
            "money": [Decimal("1.5"), None] * 5,
            "day": [datetime.date(2024, 1, 1), None] * 5,
            "flag": pd.Series([True, False] * 5, dtype="boolean"),
            "maybe": pd.Series([True, None] * 5, dtype="boolean"),
            "text": ["a", None] * 5,
            "kind": pd.Series(["a", "b"] * 5, dtype="category"),
            "y": range(10),
        }
    )
    dtypes = fit(PCA(), frame[["whole", "y"]], features=["whole"]).sample.dtypes.astype(str).to_dict()
    assert dtypes == {"whole": "int64"}
    estimator = make_pipeline(make_column_transformer(("passthrough", ["whole"])), LinearRegression())
    dtypes = fit(estimator, frame, target="y").sample.dtypes.astype(str)
    assert dtypes.to_dict() == {
        "whole": "int64",
        "hole": "float64",
        "real": "float64",
        "money": "float64",
        "day": "datetime64[s]",
        "flag": "bool",
        "maybe": "boolean",
        "text": "str",
        "kind": "category",
    }


def test_a_frame_of_polars_and_of_arrow_is_a_frame():
    import polars
    import pyarrow

    expected = fit(LOGISTIC, IRIS, target="kind").metrics
    assert fit(LOGISTIC, polars.from_pandas(IRIS), target="kind").metrics == expected
    assert fit(LOGISTIC, pyarrow.Table.from_pandas(IRIS), target="kind").metrics == expected


def test_mixed_columns_and_texts_are_fed_as_the_estimator_wants_them():
    frame = IRIS.rename(columns={"petal width (cm)": "width"})[["width", "kind"]].assign(late=IRIS.index % 2)
    encode = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    assert fit(make_pipeline(encode, LogisticRegression()), frame, target="late").metrics["accuracy"] >= 0
    texts = pd.DataFrame({"text": ["red car", "blue boat"] * 20, "y": ["car", "boat"] * 20})
    training = fit(
        make_pipeline(TfidfVectorizer(), LogisticRegression()), texts, target="y", cross_validation=2
    )
    assert training.metrics["accuracy"] == training.metrics["cv_accuracy_mean"] == 1.0


# --- other tasks ----------------------------------------------------------------------------------


def test_several_targets_are_fitted_together():
    frame = DIABETES.assign(double=DIABETES["target"] * 2)
    training = fit(LinearRegression(), frame, target=["target", "double"], features=["bmi", "bp"])
    assert training.estimator.coef_.shape == (2, 2)
    assert training.lineage["target"] == ["target", "double"]


def test_several_classes_are_fitted_together():
    frame = IRIS.assign(wide=np.where(IRIS["sepal width (cm)"] > 3, "wide", "narrow"))
    estimator = MultiOutputClassifier(RandomForestClassifier(5, random_state=0))
    training = fit(estimator, frame, target=["kind", "wide"])
    assert [len(classes) for classes in training.estimator.classes_] == [3, 2]
    assert training.metrics["accuracy"] > 0.9


def test_estimators_without_a_target_are_trained():
    frame = IRIS.drop(columns="kind")
    assert fit(make_pipeline(StandardScaler(), KMeans(3, random_state=0)), frame).metrics["silhouette"] > 0.2
    assert fit(IsolationForest(n_estimators=5, random_state=0), frame).metrics["outlier_share"] < 0.5
    assert fit(PCA(2), frame).metrics == {}


def test_several_classes_of_different_types_are_refused():
    frame = IRIS.assign(wide=IRIS["sepal width (cm)"] > 3)
    with pytest.raises(TrainError, match="one type, and 'kind' is a text, 'wide' is a boolean"):
        fit(MultiOutputClassifier(LogisticRegression()), frame, target=["kind", "wide"])


@pytest.mark.parametrize("labels", [[0, 1], [False, True]])
def test_xgboost_takes_numbered_classes_and_booleans(labels):
    import xgboost

    frame = CANCER.assign(target=np.array(labels)[CANCER["target"]])
    training = fit(xgboost.XGBClassifier(n_estimators=5), frame, target="target", class_weight="balanced")
    assert training.metrics["accuracy"] > 0.8
    assert training.lineage["libraries"]["xgboost"] == xgboost.__version__


def test_xgboost_refuses_labels_with_a_way_out():
    import xgboost

    with pytest.raises(
        TrainError, match=r"takes only the classes 0, 1, … 2, and 'kind' holds 'setosa', .*CASE"
    ):
        fit(make_pipeline(StandardScaler(), xgboost.XGBClassifier()), IRIS, target="kind")


# --- lineage --------------------------------------------------------------------------------------


def test_lineage_says_where_the_model_comes_from():
    import json

    lineage = fit(
        LOGISTIC, IRIS, target="kind", seed=5, class_weight={"setosa": 2.0}, cross_validation=3
    ).lineage
    assert json.loads(json.dumps(lineage)) == lineage
    assert (lineage["train_rows"], lineage["test_rows"], lineage["seed"]) == (120, 30, 5)
    assert lineage["estimator"].startswith("Pipeline(steps=[('standardscaler'")
    assert lineage["libraries"]["scikit-learn"] == importlib.metadata.version("scikit-learn")
    assert lineage["libraries"]["numpy"] == np.__version__


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "kinds"}, "The target 'kinds' is not in the data. Did you mean 'kind'"),
        ({"target": "zzz"}, "There is 'sepal length"),
        ({}, "LogisticRegression learns from a target|learns from a target"),
        ({"target": ["kind", "kind"]}, "A target comes twice"),
        ({"target": "kind", "features": ["petal"]}, "The feature 'petal' is not in the data"),
        ({"target": "kind", "features": ["kind"]}, "'kind' is the target or the weight"),
        ({"target": "kind", "features": ["petal width (cm)"] * 2}, "comes twice"),
        ({"target": "kind", "features": []}, "There is no feature"),
        ({"target": "kind", "sample_weight": "w"}, "The weight 'w' is not in the data"),
        ({"target": "petal width (cm)"}, "holds fractions, and the estimator is a classifier"),
        ({"target": "kind", "test_fraction": 1.0}, "test_fraction is a share from 0 to below 1, not 1.0"),
        ({"target": "kind", "test_fraction": -0.1}, "not -0.1"),
        ({"target": "kind", "test_fraction": "half"}, "not 'half'"),
        ({"target": "kind", "test_fraction": True}, "not True"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message):
    with pytest.raises(TrainError, match=message):
        fit(LOGISTIC, IRIS, **options)


@pytest.mark.parametrize(
    ("estimator", "frame", "options", "message"),
    [
        (LOGISTIC, IRIS.head(0), {"target": "kind"}, "no rows to train on: the query gives none"),
        (LOGISTIC, IRIS.assign(kind=None), {"target": "kind"}, "the target is NULL in all 150"),
        (LOGISTIC, IRIS.head(40), {"target": "kind"}, "has only one class, 'setosa'"),
        (LOGISTIC, IRIS.iloc[[0, 60]], {"target": "kind"}, "Only one class of the target 'kind' is left"),
        (Ridge(), DIABETES.head(1), {"target": "target"}, "1 row cannot be split with test_fraction=0.2"),
        (
            Ridge(),
            DIABETES.head(20),
            {"target": "target", "cross_validation": 17},
            "need 17 training rows; there are 16",
        ),
        (Ridge(), IRIS, {"target": "kind"}, "is str, not a number, and the estimator is a regressor"),
        (Ridge(), DIABETES.assign(target=np.inf), {"target": "target"}, "infinite values"),
        (
            Ridge(),
            IRIS,
            {"target": "petal width (cm)"},
            "Ridge cannot be fitted on these rows: could not convert",
        ),
        (
            LOGISTIC,
            IRIS.assign(kind=pd.Timestamp(0)),
            {"target": "kind"},
            "holds datetime64 values; a class is",
        ),
        (LOGISTIC, pd.concat([IRIS, IRIS], axis=1), {"target": "kind"}, "two columns called 'kind'"),
        (KMeans(), IRIS, {"target": "kind"}, "learns without a target; leave target out"),
        (LogisticRegression, IRIS, {"target": "kind"}, "is no estimator; give an instance"),
        ("churn", IRIS, {"target": "kind"}, "'churn' is no estimator"),
    ],
)
def test_data_that_do_not_fit_are_refused(estimator, frame, options, message):
    with pytest.raises(TrainError, match=message):
        fit(estimator, frame, **options)


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(MissingDependencyError, match=r"warehouse-ml\[train\]"):
        fit(LOGISTIC, IRIS, target="kind")


def test_no_bar_is_drawn_where_nobody_looks(capsys):
    fit(LOGISTIC, IRIS, target="kind", cross_validation=3)
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_drawn_on_stderr_on_request(capsys):
    fit(LOGISTIC, IRIS, target="kind", cross_validation=3, progress=True)
    drawn = capsys.readouterr()
    assert drawn.out == ""
    assert "Cross-validation" in drawn.err
    assert "Fitting Pipeline" in drawn.err


def test_without_rich_there_is_no_bar(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    fit(HistGradientBoostingClassifier(max_iter=2), IRIS, target="kind", progress=True)
    assert capsys.readouterr() == ("", "")
