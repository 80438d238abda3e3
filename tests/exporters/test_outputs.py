import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier

from tests.exporters.tree_data import numbers
from warehouse_ml.errors import ExportError
from warehouse_ml.export import export
from warehouse_ml.sample import Sample

FEATURES, TARGET = numbers()


@pytest.mark.parametrize(
    "classes",
    [
        np.array([0, 2**64 - 1], np.uint64),
        np.array(["2026-01-31", "2026-02-28"], "datetime64[ns]"),
        np.array(["2026-01-31", "2026-02-28"], "datetime64[D]"),
        np.array([1, 2], "timedelta64[s]"),
        np.array([b"no", b"yes"]),
    ],
)
def test_classes_that_sql_cannot_return_are_refused(classes: np.ndarray) -> None:
    model = DummyClassifier(strategy="prior").fit(FEATURES, classes[(TARGET > 2).astype(int)])
    with pytest.raises(ExportError, match=r"The class .* is no text, number of 64 bits or boolean"):
        export(model, Sample.of(model, FEATURES))


@pytest.mark.parametrize(
    "estimator", [HistGradientBoostingClassifier(max_iter=2), LGBMClassifier(n_estimators=2, verbose=-1)]
)
def test_boosting_that_has_seen_one_class_is_refused(estimator) -> None:
    model = estimator.fit(FEATURES, np.zeros(len(FEATURES)))
    with pytest.raises(ExportError, match="it has seen one class only"):
        export(model, Sample.of(model, FEATURES))
