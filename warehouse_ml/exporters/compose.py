"""Pipelines, column transformers, unions, and the wrappers that only hand on to what they hold."""

from collections.abc import Mapping
from typing import Any

from warehouse_ml.exporters.columns import Columns
from warehouse_ml.exporters.exporter import Exporter, Predict, Transform
from warehouse_ml.exporters.prediction import Prediction


def _skipped(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def pipeline_transform(pipeline: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Every step's transform, one after another."""
    for name, step in pipeline.steps:
        if not _skipped(step):
            columns = exporter.transform(step, columns, name)
    return columns


def pipeline_predict(pipeline: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """Every step's transform, then the last one's prediction."""
    for name, step in pipeline.steps[:-1]:
        if not _skipped(step):
            columns = exporter.transform(step, columns, name)
    name, last = pipeline.steps[-1]
    return exporter.predict(last, columns, name)


def column_transformer(transformer: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Each part on its own columns, side by side in the order of `transformers_`."""
    parts = []
    for name, step, _ in transformer.transformers_:
        indices = transformer._transformer_to_input_indices[name]
        if (isinstance(step, str) and step == "drop") or len(indices) == 0:
            continue
        chosen = columns.select(list(indices))
        if not _skipped(step):
            chosen = exporter.transform(step, chosen, name)
            weight = (transformer.transformer_weights or {}).get(name)
            if weight is not None and chosen.blocks:
                chosen = Columns.of(exporter.numbers(chosen) * float(weight), sparse=chosen.sparse)
        parts.append(chosen)
    return Columns.join(parts, sparse=bool(transformer.sparse_output_))


def feature_union(union: Any, columns: Columns, exporter: Exporter) -> Columns:
    """Every part on all columns, side by side."""
    parts = []
    for name, step in union.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        part = columns if _skipped(step) else exporter.transform(step, columns, name)
        weight = (union.transformer_weights or {}).get(name)
        if weight is not None and part.blocks:
            part = Columns.of(exporter.numbers(part) * float(weight), sparse=part.sparse)
        parts.append(part)
    return Columns.join(parts, sparse=any(part.sparse for part in parts))


def _inner(wrapper: Any) -> Any:
    held = vars(wrapper)  # a frozen estimator hands out the attributes of the one inside as its own
    return held["best_estimator_"] if "best_estimator_" in held else held["estimator"]


def wrapped_transform(wrapper: Any, columns: Columns, exporter: Exporter) -> Columns:
    """What the estimator inside does."""
    return exporter.transform(_inner(wrapper), columns)


def wrapped_predict(wrapper: Any, columns: Columns, exporter: Exporter) -> Prediction:
    """What the estimator inside does."""
    return exporter.predict(_inner(wrapper), columns)


_WRAPPERS = (
    "sklearn.GridSearchCV",
    "sklearn.RandomizedSearchCV",
    "sklearn.HalvingGridSearchCV",
    "sklearn.HalvingRandomSearchCV",
    "sklearn.FrozenEstimator",
)

TRANSFORMERS: Mapping[str, Transform] = {
    "sklearn.Pipeline": pipeline_transform,
    "sklearn.ColumnTransformer": column_transformer,
    "sklearn.FeatureUnion": feature_union,
    **dict.fromkeys(_WRAPPERS, wrapped_transform),
}

PREDICTORS: Mapping[str, Predict] = {
    "sklearn.Pipeline": pipeline_predict,
    **dict.fromkeys(_WRAPPERS, wrapped_predict),
}
