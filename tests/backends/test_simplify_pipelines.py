"""Pipelines of the conformance suite and foreign files: the simple graph scores as the exported one."""

import logging
from functools import cache
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from tests.backends.graphs import assert_same, operators, run
from tests.conformance.pipelines import PIPELINES
from warehouse_ml.backends.simplify import PACKED, packed, simplify
from warehouse_ml.export import export
from warehouse_ml.exporters.columns import NULL_TEXT
from warehouse_ml.import_onnx import read_onnx
from warehouse_ml.sample import Sample
from warehouse_ml.signature import Signature

CHOSEN = (
    "logistic, two classes",
    "logistic, ten classes",
    "stochastic gradient, modified huber",
    "elastic net",
    "gamma",
    "support vectors, rbf",
    "support vectors, polynomial",
    "support vector regression, nu",
    "naive bayes, gaussian",
    "quadratic discriminant",
    "network, two classes",
    "network, three classes",
    "network, three outputs",
    "tree, two classes",
    "extra trees",
    "gradient boosting, two classes",
    "LightGBM, categories",
    "XGBoost, two classes, missing values",
    "mean, with indicators",
    "min-max",
    "rows of length one",
    "polynomials",
    "kernel map, random",
    "penguins, one-hot",
    "penguins, unknown categories refused",
    "flights, one-hot",
    "target encoding, three classes",
    "principal components, whitened",
    "independent components",
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

EXTREMES = (np.nan, np.inf, -np.inf, 1e30, -1e12, 0.0)


@cache
def exported(name: str) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """The graph of a pipeline, and tensors of ordinary, hard and extreme rows."""
    case = PIPELINES[name]()
    made = export(case.estimator, Sample.of(case.estimator, case.sample))
    return made.graph, with_extremes(tensors(made.signature, case.rows))


def tensors(signature: Signature, rows: pd.DataFrame) -> dict[str, Any]:
    fed: dict[str, Any] = {}
    for entry in signature.inputs:
        column, kind = rows.iloc[:, entry.feature], signature.features[entry.feature].type
        if kind == "VARCHAR":
            values = np.array([NULL_TEXT if pd.isna(v) else str(v) for v in column], dtype=object)
        elif kind == "BIGINT":
            values = column.fillna(0).to_numpy(dtype=np.float64).astype(np.int64)
        else:
            values = column.astype(object).where(column.notna(), np.nan).to_numpy(dtype=np.float64)
        fed[entry.name] = values.reshape(-1, 1)
    return fed


def with_extremes(fed: dict[str, Any]) -> dict[str, Any]:
    """For each extreme two more rows: it in the first numeric input, and in all of them."""
    numbers = [name for name, values in fed.items() if values.dtype.kind == "f"]
    more = {name: np.repeat(values[:1], 2 * len(EXTREMES), axis=0) for name, values in fed.items()}
    for name in numbers:
        more[name][1::2, 0] = EXTREMES
    if numbers:
        more[numbers[0]][::2, 0] = EXTREMES
    return {name: np.concatenate([fed[name], more[name]]) for name in fed}


def with_packed(fed: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    return {**fed, PACKED: np.stack([fed[name][:, 0] for name in order])} if order else fed


@pytest.mark.parametrize("name", CHOSEN)
def test_simple_graph_scores_as_the_exported_one(name):
    model, fed = exported(name)
    assert_same(run(model, fed), run(simplify(model), fed), 1e-12)


@pytest.mark.parametrize("name", CHOSEN)
def test_packed_graph_scores_as_the_exported_one(name):
    model, fed = exported(name)
    made, order = packed(simplify(model), fed)
    assert_same(run(model, fed), run(made, with_packed(fed, order)), 1e-12)


@pytest.mark.parametrize("name", ["principal components, whitened", "independent components", "factors"])
def test_finite_rows_score_the_same_when_products_are_merged(name):
    model, fed = exported(name)
    finite = np.all([np.isfinite(values[:, 0]) for values in fed.values()], axis=0)
    fed = {key: values[finite] for key, values in fed.items()}
    simple = simplify(model, finite=True)
    assert len(operators(simple)) < len(operators(simplify(model)))
    assert_same(run(model, fed), run(simple, fed), 1e-12)


def foreign(estimator: Any) -> onnx.ModelProto:
    """An imported file of skl2onnx, in float32."""
    from skl2onnx import to_onnx

    logging.getLogger("skl2onnx").setLevel(logging.ERROR)
    made = to_onnx(estimator, ROWS[:1].astype(np.float32), target_opset=15)
    return onnx.load_from_string(read_onnx(made.SerializeToString()).onnx)


ROWS = np.random.default_rng(8).normal(2, 3, size=(300, 12))
LABELS = (ROWS[:, 0] + ROWS[:, 1] > 4).astype(int)
FOREIGN = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS),
    "three classes": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(
        ROWS, LABELS + (ROWS[:, 2] > 2)
    ),
    "unit rows": lambda: make_pipeline(StandardScaler(), Normalizer(), Ridge()).fit(ROWS, LABELS * 1.0),
    "network": lambda: make_pipeline(
        StandardScaler(), MLPClassifier((16, 16), random_state=0, early_stopping=True)
    ).fit(ROWS, LABELS),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_graph_scores_the_same(name):
    model = foreign(FOREIGN[name]())
    simple = simplify(model)
    assert "Scaler" not in operators(simple)
    fed = with_extremes({entry.name: ROWS[:, [place]] for place, entry in enumerate(model.graph.input)})
    made, order = packed(simple, fed)
    assert_same(run(model, fed), run(simple, fed), 0.0)
    assert_same(run(model, fed), run(made, with_packed(fed, order)), 0.0)
