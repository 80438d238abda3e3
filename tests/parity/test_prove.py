import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.handlers import Scorer
from warehouse_ml.errors import ParityError, SampleError
from warehouse_ml.export import export
from warehouse_ml.parity.comparison import compare
from warehouse_ml.parity.oracle import Oracle, expect
from warehouse_ml.parity.policies import choose_policies
from warehouse_ml.parity.prove import prove as prove_within
from warehouse_ml.parity.rows import as_columns, as_values
from warehouse_ml.sample import Sample

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True, as_frame=True)


prove = partial(prove_within, tolerance=1e-5)


def alone(exported):
    scorer = Scorer(exported.serialize(), json.loads(exported.signature.to_json()))
    return lambda rows, method: scorer.score(as_columns(rows, exported.signature.features), method)


def prepared(estimator, frame):
    sample = Sample.of(estimator, frame)
    oracle = Oracle(estimator, sample)
    values = as_values(sample.frame)
    exported = export(estimator, sample)
    return exported.with_features(choose_policies(sample.features, values.head(5), oracle)), values, oracle


def proved(estimator, frame, **settings):
    return prove(*prepared(estimator, frame), [alone], **settings)


def test_a_faithful_model_passes_with_its_figures() -> None:
    report = proved(LogisticRegression(max_iter=500).fit(IRIS, SPECIES), IRIS).report
    assert report.passed
    assert (report.rows, report.mismatches, report.label_mismatches) == (150, 0, 0.0)
    assert report.hard_rows > 50
    assert report.difference < 1e-12


def test_another_model_is_refused_with_its_worst_rows() -> None:
    right = LinearRegression().fit(DIABETES, PROGRESS)
    wrong = LinearRegression().fit(DIABETES, PROGRESS + DIABETES["age"])
    exported, values, _ = prepared(wrong, DIABETES)
    with pytest.raises(ParityError, match="does not score as the estimator does") as caught:
        prove(exported, values, Oracle(right, Sample.of(right, DIABETES)), [alone])
    report = caught.value.report
    assert report.difference > 1e-5
    assert len(report.worst) == 5
    assert set(report.worst[0]["features"]) == set(DIABETES.columns)


def test_one_flipped_label_is_refused() -> None:
    model = LogisticRegression(max_iter=500).fit(IRIS, SPECIES)
    exported, values, oracle = prepared(model, IRIS)

    def flipping(made):
        def score(rows, method):
            (labels, missing), *rest = alone(made)(rows, method)
            if method == "try_predict":
                labels = labels.copy()
                labels[7] = (labels[7] + 1) % 3
            return [(labels, missing), *rest]

        return score

    with pytest.raises(ParityError, match="PREDICT: expected 0, got 1"):
        prove(exported, values, oracle, [alone, flipping])


def test_a_score_where_the_estimator_raises_is_refused() -> None:
    frame = IRIS.assign(kind=["a", "b", "c"] * 50)
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    model = make_pipeline(encoder, LogisticRegression(max_iter=2000)).fit(frame, SPECIES)
    exported, values, oracle = prepared(model, frame)
    assert prove(exported, values, oracle, [alone]).report.refused_rows > 0
    silent = replace(exported, signature=replace(exported.signature, refusals=()))
    with pytest.raises(ParityError, match="expected None"):
        prove(silent, values, oracle, [alone])


def test_a_null_where_the_estimator_scores_is_refused() -> None:
    exported, values, oracle = prepared(LinearRegression().fit(DIABETES, PROGRESS), DIABETES)

    def nulling(made):
        def score(rows, method):
            ((numbers, _),) = alone(made)(rows, method)
            return [(numbers, np.arange(len(rows)) == 3)]

        return score

    with pytest.raises(ParityError, match="got None"):
        prove(exported, values, oracle, [nulling])


def test_the_tolerance_is_kept_and_recorded() -> None:
    exported, values, oracle = prepared(LinearRegression().fit(DIABETES, PROGRESS), DIABETES)

    def drifting(made):
        def score(rows, method):
            return [(numbers * (1 + 1e-4), missing) for numbers, missing in alone(made)(rows, method)]

        return score

    with pytest.raises(ParityError):
        prove(exported, values, oracle, [drifting])
    report = prove(exported, values, oracle, [drifting], tolerance=1e-3).report
    assert report.tolerance == 1e-3
    assert report.difference == pytest.approx(1e-4, rel=1e-2)


def test_extremes_that_do_not_agree_lower_the_limit() -> None:
    exported, values, oracle = prepared(LinearRegression().fit(DIABETES, PROGRESS), DIABETES)

    def clipping(made):
        def score(rows, method):
            return alone(made)(rows.assign(age=rows["age"].clip(-1e13, 1e13)), method)

        return score

    done = prove(exported, values, oracle, [clipping])
    report, lowered = done.report, done.exported
    age = lowered.signature.features[0]
    assert report.passed
    assert 1e12 < age.limit < 1e13
    assert lowered.signature.features[1].limit > 1e300


def test_extremes_that_only_the_engine_scores_otherwise_lower_the_limit_too() -> None:
    exported, values, oracle = prepared(LinearRegression().fit(DIABETES, PROGRESS), DIABETES)

    def overflowing(made):
        def score(rows, method):
            ((numbers, missing),) = alone(made)(rows, method)
            return [(np.where(rows["bmi"].astype(float).abs() > 1e20, np.inf, numbers), missing)]

        return score

    limits = prove(exported, values, oracle, [alone, overflowing]).exported.signature.features
    assert limits[2].limit < 1e20 < limits[0].limit


@pytest.mark.parametrize("value", [0.0, None])
def test_rows_of_one_value_are_asked_about(value: float | None) -> None:
    exported, values, oracle = prepared(HistGradientBoostingRegressor(max_iter=3).fit(IRIS, SPECIES), IRIS)

    def bent(made):
        def score(rows, method):
            ((numbers, missing),) = alone(made)(rows, method)
            same = rows.isna() if value is None else rows.astype(float) == value
            return [(numbers + same.all(axis=1).to_numpy(), missing)]

        return score

    with pytest.raises(ParityError):
        prove(exported, values, oracle, [bent])


def test_a_sample_that_differs_is_shown_with_its_differences_and_what_can_be_done() -> None:
    exported, values, oracle = prepared(LinearRegression().fit(DIABETES, PROGRESS), DIABETES)

    def drifting(made):
        def score(rows, method):
            return [(numbers * 1.001, missing) for numbers, missing in alone(made)(rows, method)]

        return score

    with pytest.raises(ParityError, match=r"register it with a larger tolerance=") as caught:
        prove(exported, values, oracle, [drifting])
    assert all(row["got"] is not None for row in caught.value.report.worst)


def test_a_sample_that_the_estimator_refuses_is_an_error() -> None:
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(IRIS[["petal width (cm)"]] * 0, SPECIES)
    with pytest.raises(SampleError, match="scores no row of the sample: Found unknown categories"):
        proved(model, IRIS[["petal width (cm)"]] + 5)


def test_neighbours_and_scalers_pass_through_the_gate() -> None:
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(7))
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    report = proved(model.fit(features[::3], target[::3]), features).report
    assert report.passed


TEN_ROWS = DIABETES.head(10)
MODEL = prepared(LinearRegression().fit(DIABETES, PROGRESS), TEN_ROWS)
SCORE = alone(MODEL[0])


@given(st.integers(0, 9), st.floats(1e-4, 1e3))
def test_any_larger_error_is_seen(row: int, error: float) -> None:
    exported, values, oracle = MODEL
    expected = expect(oracle, exported.signature, values)

    def bent(rows, method):
        ((numbers, missing),) = SCORE(rows, method)
        numbers = numbers.copy()
        numbers[row] *= 1 + error
        return [(numbers, missing)]

    found = compare(bent, exported.signature, values, expected, 1e-5, len(values))
    assert np.flatnonzero(found[0].wrong).tolist() == [row]
