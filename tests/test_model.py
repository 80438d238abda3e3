from dataclasses import replace
from datetime import datetime

import pytest

from warehouse_ml.model import ModelVersion, version_of_function
from warehouse_ml.signature import Feature, GraphInput, Method, Output, Signature

FIELDS = tuple(Output(name, "DOUBLE", "probabilities", i) for i, name in enumerate(("no", "yes")))
SIGNATURE = Signature(
    "classification",
    (Feature("age", "DOUBLE", "null", limit=1e6), Feature("two words", "VARCHAR", "default", default="x")),
    (GraphInput("feature_0", 0), GraphInput("feature_1", 1)),
    Output("prediction", "VARCHAR", "prediction"),
    Output("prediction", "STRUCT", fields=FIELDS),
    ("no", "yes"),
)
VERSION = ModelVersion(
    "churn",
    3,
    "ab12cd34" * 8,
    SIGNATURE,
    metrics={"accuracy": 0.9123456789},
    lineage={"estimator": "Pipeline(\n   steps=[])", "libraries": {"numpy": "2.4"}},
    comment="the first",
    created_at=datetime(2026, 1, 31),
    created_by="ann",
    size=1234,
)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "try_predict"])
def test_a_function_name_leads_back_to_its_version(method: Method) -> None:
    assert version_of_function(VERSION.function_of(method).upper()) == ("churn", 3, method)


@pytest.mark.parametrize(
    "name", ["", "churn", "wml_churn_v3", "wml_churn_v3_ab12cd34_else", "wml_churn_3_ab12cd34"]
)
def test_other_names_are_no_functions(name: str) -> None:
    assert version_of_function(name) is None


def test_a_model_may_be_called_like_a_version() -> None:
    version = replace(VERSION, name="a_v2_0011aabb_proba")
    assert version_of_function(version.function) == ("a_v2_0011aabb_proba", 3, "predict")


def test_a_regressor_has_no_probabilities() -> None:
    signature = replace(SIGNATURE, task="regression", probabilities=None)
    assert replace(VERSION, signature=signature).methods == ("predict", "try_predict")


def test_its_text_tells_all() -> None:
    assert str(VERSION).splitlines() == [
        "churn@3: classification",
        '  functions of (age DOUBLE, "two words" VARCHAR):',
        "    wml_churn_v3_ab12cd34 -> VARCHAR",
        "    wml_churn_v3_ab12cd34_proba -> DOUBLE",
        "    wml_churn_v3_ab12cd34_try -> VARCHAR",
        "  features:",
        "    age: DOUBLE, NULL gives NULL, up to 1e+06",
        "    \"two words\": VARCHAR, NULL becomes 'x'",
        "  classes: 'no', 'yes'",
        "  metrics:",
        "    accuracy: 0.912346",
        "  lineage:",
        "    estimator: Pipeline( steps=[])",
        "    libraries: numpy 2.4",
        "  comment: the first",
        "  created: 2026-01-31 00:00:00 by ann, 1,234 bytes",
        f"  sha256: {'ab12cd34' * 8}",
    ]
