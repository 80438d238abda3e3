from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import linear_kernel
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from tests.agreement import assert_agrees, name_of, score
from warehouse_ml.errors import UnsupportedStepError
from warehouse_ml.export import export
from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter
from warehouse_ml.sample import Sample

IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)
DIABETES, PROGRESSION = load_diabetes(return_X_y=True, as_frame=True)

KERNELS: list[dict[str, Any]] = [
    {},
    {"kernel": "linear"},
    {"kernel": "poly"},
    {"kernel": "poly", "degree": 5, "coef0": 1.5, "gamma": 0.01},
    {"kernel": "poly", "degree": 0},
    {"kernel": "rbf", "gamma": "auto"},
    {"kernel": "sigmoid", "coef0": 0.1, "gamma": 0.001},
]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("options", KERNELS, ids=name_of)
def test_classifier_agrees(options: dict[str, Any], classes: int) -> None:
    kept = classes > CULTIVAR
    features, target = WINE[kept], CULTIVAR[kept]
    assert_agrees(SVC(**options).fit(features[::2], target[::2]), features[::2], features[1::2])


@pytest.mark.parametrize("options", KERNELS, ids=name_of)
@pytest.mark.parametrize("kind", [SVR, NuSVR])
def test_regressor_agrees(kind: Any, options: dict[str, Any]) -> None:
    assert_agrees(kind(**options).fit(DIABETES[::4], PROGRESSION[::4]), DIABETES[::4], DIABETES[1::4])


@pytest.mark.parametrize("options", KERNELS, ids=name_of)
def test_one_class_agrees(options: dict[str, Any]) -> None:
    assert_agrees(OneClassSVM(nu=0.3, **options).fit(IRIS[::2]), IRIS[::2], IRIS[1::2])


@pytest.mark.parametrize("model", [NuSVC(nu=0.1), SVC(break_ties=True), SVC(C=0.001)], ids=name_of)
def test_ten_classes_agree(model: Any) -> None:
    digits, figure = load_digits(return_X_y=True, as_frame=True)
    assert_agrees(model.fit(digits[::6], figure[::6]), digits[::6], digits[1::6])


def decision(model: Any, frame: pd.DataFrame) -> np.ndarray:
    """The graph's decision, by a session over it alone."""
    import onnxruntime

    exporter = Exporter()
    columns = Columns.join(exporter.feature(i, "DOUBLE") for i in range(frame.shape[1]))
    tensor = exporter.predict(model, columns).decision
    assert tensor is not None
    session = onnxruntime.InferenceSession(exporter.graph.build({"d": tensor}).SerializeToString())
    feeds = {f"feature_{i}": frame.iloc[:, [i]].to_numpy() for i in range(frame.shape[1])}
    return session.run(None, feeds)[0]


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
@pytest.mark.parametrize("classes", [2, 3])
def test_decision_agrees(shape: str, classes: int) -> None:
    kept = classes > SPECIES
    model = SVC(decision_function_shape=shape).fit(IRIS[kept], SPECIES[kept])
    expected = model.decision_function(IRIS).reshape(len(IRIS), -1)
    np.testing.assert_allclose(decision(model, IRIS), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_probabilities_agree(classes: int) -> None:
    digits, figure = load_digits(return_X_y=True, as_frame=True)
    kept = figure < classes
    model = SVC(probability=True, random_state=0).fit(digits[kept][::4], figure[kept][::4])
    assert_agrees(model, digits[kept][::4], digits[::5])


@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_probabilities_of_hopeless_classes_agree() -> None:
    noise = np.random.default_rng(0).normal(size=(80, 3))
    model = NuSVC(probability=True, random_state=0, nu=0.5).fit(noise, np.arange(80) % 4)
    assert_agrees(model, noise)


def test_text_agrees() -> None:
    texts = ["the dog barks", "a cat sleeps", "dogs and cats", "the cat the dog", "nothing else"]
    for kernel in ("linear", "rbf", "poly"):
        model = make_pipeline(TfidfVectorizer(), SVC(kernel=kernel)).fit(texts, ["d", "c", "d", "c", "d"])
        assert_agrees(model, texts, [*texts, "", "unseen"])


def test_far_rows_and_offsets_agree() -> None:
    years = IRIS + 2013.0
    model = SVC(gamma=50.0).fit(years, SPECIES)
    rows = pd.concat([years[::3], years[:3] * 1e200, -years[:3] * 1e160, years[:3] * 1e-310])
    assert_agrees(model, years, rows)


def test_no_support_vectors_agree() -> None:
    for kernel in ("linear", "rbf"):
        model = SVR(kernel=kernel, epsilon=1e4).fit(DIABETES, PROGRESSION)
        assert len(model.support_) == 0
        assert_agrees(model, DIABETES)


@pytest.mark.parametrize("kernel", ["precomputed", linear_kernel], ids=name_of)
def test_kernels_from_outside_are_refused(kernel: Any) -> None:
    gram = pd.DataFrame(linear_kernel(IRIS)).rename(columns=str)
    model = SVC(kernel=kernel).fit(gram, SPECIES)
    with pytest.raises(UnsupportedStepError, match="its kernel is computed outside of it"):
        export(model, Sample.of(model, gram))


def test_labels_keep_their_type() -> None:
    names = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    assert_agrees(SVC().fit(IRIS, names), IRIS)
    assert score(SVC().fit(IRIS, SPECIES == 1), IRIS)[0].dtype == bool
