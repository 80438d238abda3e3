"""What tree plans are compared with: the whole model in onnxruntime."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from tests.agreement import column_of
from tests.handlers import NULL_TEXT, ticks
from warehouse_ml.backends.read import NotRowwiseError, read_program
from warehouse_ml.backends.trees import TreePlan, tree_plan
from warehouse_ml.export import Exported, export
from warehouse_ml.sample import Sample, as_frame
from warehouse_ml.signature import Signature


def exported(estimator: Any, sample: Any) -> Exported:
    """The exported model; every NULL goes to the graph."""
    made = export(estimator, Sample.of(estimator, sample))
    return made.with_features(tuple(replace(feature, missing="model") for feature in made.signature.features))


def planned(model: Exported, **settings: bool) -> TreePlan | None:
    try:
        program = read_program(model.graph)
    except NotRowwiseError:
        program = None
    return tree_plan(model.graph, program, model.signature, **settings)


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def fed(signature: Signature, rows: Any) -> list[np.ndarray]:
    """For each feature its values as the handler prepares them: NaN and NULL_TEXT are missing."""
    frame = as_frame(rows)
    values = []
    for place, feature in enumerate(signature.features):
        column, missing = column_of(frame.iloc[:, place], feature.type)
        if feature.type == "TIMESTAMP":
            column = ticks(column, feature.unit)
        elif feature.type in ("DOUBLE", "BOOLEAN"):
            column = column.astype(np.float64)
        if missing is not None:
            column = column.copy()
            column[missing] = NULL_TEXT if feature.type == "VARCHAR" else np.nan
        values.append(column)
    return values


def run(
    model: bytes, signature: Signature, values: list[np.ndarray], more: Any = ()
) -> dict[str, np.ndarray]:
    """The outputs of a graph."""
    loaded = session(model)
    feeds = {entry.name: values[entry.feature].reshape(-1, 1) for entry in signature.inputs}
    feeds |= dict(more)
    wanted = [entry.name for entry in loaded.get_outputs()]
    given = {entry.name: feeds[entry.name] for entry in loaded.get_inputs()}
    return dict(zip(wanted, loaded.run(wanted, given), strict=True))


def walk_sums(arrays: dict[str, np.ndarray], columns: list[np.ndarray]) -> np.ndarray:
    """What the kernel does, plainly: tree after tree, all rows at once."""
    rows = len(columns[0])
    matrix = np.empty((rows, len(columns)))
    for place, column in enumerate(columns):
        with np.errstate(over="ignore"):
            matrix[:, place] = column.astype(np.float32) if arrays["kinds"][place] == 1 else column
    sums = np.repeat(arrays["base"][None], rows, axis=0)
    width = arrays["values"].shape[1]
    for root, output in zip(arrays["roots"], arrays["output"], strict=True):
        node = np.full(rows, root)
        while (active := np.flatnonzero(arrays["feature"][node] >= 0)).size:
            at = node[active]
            value = matrix[active, arrays["feature"][at]]
            left = (value <= arrays["threshold"][at]) | (np.isnan(value) & arrays["missing_left"][at])
            chosen = arrays["category_set"][at]
            code = np.where(chosen >= 0, value, 0).astype(int)
            left = np.where(chosen >= 0, arrays["sets"][chosen, code] if arrays["sets"].size else False, left)
            node[active] = np.where(left, arrays["left"][at], arrays["right"][at])
        sums[:, output : output + width] += arrays["values"][arrays["leaf"][node]]
    return sums


def codes(texts: tuple[str, ...], values: np.ndarray) -> np.ndarray:
    places = {text: place for place, text in enumerate(texts)} | {NULL_TEXT: len(texts) + 1}
    return np.array([places.get(value, len(texts)) for value in values], np.int32)


def run_plan(plan: TreePlan, signature: Signature, values: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of the model by its plan."""
    known = {place: codes(texts, values[place]) for place, texts in plan.categories.items()}
    sums = {}
    for part in plan.sums:
        if part.before is not None:
            (matrix,) = run(part.before, signature, values).values()
            columns = list(matrix.T)
        else:
            columns = [known.get(place, values[place]) for place in part.features]
        sums[part.input] = walk_sums(dict(part.arrays), columns)
    results = run(plan.after, signature, values, sums)
    if plan.refusals is not None:
        tables = [table[known[place]] for place, table in plan.refusals]
        results["refused"] = np.stack(tables, axis=1)
    return results


def assert_same(
    estimator: Any, sample: Any, rows: Any = None, *, on_cuts: bool = True, **settings: bool
) -> TreePlan:
    """The plan's outputs equal those of the whole graph."""
    model = exported(estimator, sample)
    plan = planned(model, **settings)
    assert plan is not None
    rows = sample if rows is None else rows
    compare(plan, model.graph.SerializeToString(), model.signature, rows, on_cuts=on_cuts)
    return plan


def ways(plan: TreePlan) -> list[str]:
    """How each kernel gets its columns."""
    return ["fold" if part.before is None else "before" for part in plan.sums]


def compare(
    plan: TreePlan,
    model: bytes,
    signature: Signature,
    rows: Any,
    rtol: float = 1e-12,
    on_cuts: bool = True,
) -> None:
    """The plan's outputs equal the model's, on rows and on rows with values on and beside the plan's cuts."""
    values = fed(signature, rows)
    if on_cuts:
        more = beside_cuts(plan, values)
        values = [np.concatenate(parts) for parts in zip(values, more, strict=True)]
    wanted = run(model, signature, values)
    found = run_plan(plan, signature, values)
    assert found.keys() == wanted.keys()
    for name, expected in wanted.items():
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(found[name], expected, rtol=rtol, atol=rtol)
        else:
            assert found[name].tolist() == expected.tolist()


def beside_cuts(plan: TreePlan, values: list[np.ndarray]) -> list[np.ndarray]:
    """Rows whose numbers are thresholds of the plan, and the next ones above; other features are shuffled."""
    random = np.random.default_rng(0)
    rows = 300
    result = [column[random.integers(0, len(column), rows)] for column in values]
    for part in plan.sums:
        for place, feature in enumerate(part.features):
            column = result[feature]
            cuts = part.arrays["threshold"][part.arrays["feature"] == place]
            if column.dtype != np.float64 or not len(cuts):
                continue
            chosen = np.flatnonzero(random.random(rows) < 0.5)
            odd = random.choice(cuts, len(chosen))
            towards = random.choice([-np.inf, np.inf], len(chosen))
            with np.errstate(over="ignore"):
                single = np.nextafter(odd.astype(np.float32), towards.astype(np.float32))
            near = [odd, np.nextafter(odd, towards), single.astype(np.float64)]
            column[chosen] = np.choose(random.integers(0, 3, len(chosen)), near)
    return result


def hard(frame: pd.DataFrame, *, infinite: bool = True) -> pd.DataFrame:
    """Rows with NaN, infinities, float32's edges, and texts that were never seen."""
    rows = frame.copy().reset_index(drop=True)
    odd = [np.nan, 0.0, -0.0, 1e-45, 3.5e38, -3.5e38, 16777217.0, 0.1]
    odd += [np.inf, -np.inf] if infinite else []
    for place, name in enumerate(rows.columns):
        kind = rows[name].dtype.kind if isinstance(rows[name].dtype, np.dtype) else "O"
        if kind in "fiu":
            rows[name] = rows[name].astype(float)
            rows.iloc[place::11, place] = np.resize(odd, len(rows.iloc[place::11]))
        elif kind == "O":
            rows[name] = rows[name].astype(object)
            rows.iloc[place::7, place] = np.resize(
                np.array(["never", None], object), len(rows.iloc[place::7])
            )
    return rows
