"""The operators of ai.onnx.ml but trees: what scikit-learn's public converters write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from warehouse_ml.backends.program import Dtype, Expression, Lookup
from warehouse_ml.backends.read_along import fold_max, fold_sum, reduced
from warehouse_ml.backends.read_cells import Builder, Cells, NotRowwiseError, Value, dtype_of
from warehouse_ml.backends.read_choices import best_places, gather
from warehouse_ml.backends.read_elementwise import cast_to
from warehouse_ml.backends.read_node import Node, Operator, cells_of, given
from warehouse_ml.backends.read_products import matmul

_DEFAULTS: Mapping[str, Any] = {"string": "_Unused", "int64": -1, "float": -0.0}
_RESULTS: Mapping[str, Dtype] = {"string": "string", "int64": "int64", "float": "float32"}


def _label_encoder(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value, attributes = cells_of(values[0]), node.attributes
    keys = _listed(attributes, "keys", value.dtype)
    kind = next((kind for kind in _DEFAULTS if f"values_{kind}s" in attributes), None)
    if keys is None or kind is None:
        raise NotRowwiseError("it looks values up in a way that is not known")
    found = _texts(attributes[f"values_{kind}s"])
    default = _text(attributes.get(f"default_{kind}", _DEFAULTS[kind]))
    dtype = _RESULTS[kind]
    if kind == "float":
        found, default = np.array(found, np.float32).tolist(), float(np.float32(default))
    table: dict[Any, Any] = {}
    missing = None
    for key, result in zip(keys, found, strict=True):
        if key != key:
            missing = result if missing is None else missing
        else:
            table.setdefault(key, result)
    lookup = Lookup(table, default)

    def change(cell: Expression) -> Expression:
        usual = builder.make("lookup", dtype, cell, value=lookup)
        if missing is None:
            return usual
        absent = builder.make("isnan", "bool", cell)
        return builder.make("where", dtype, absent, builder.constant(missing, dtype), usual)

    return builder.each(value, dtype, change)


def _listed(attributes: Mapping[str, Any], name: str, dtype: Dtype) -> list[Any] | None:
    kind = {"string": "strings", "int64": "int64s", "float32": "floats"}.get(dtype)
    listed = attributes.get(f"{name}_{kind}")
    if listed is None:
        return None
    return np.array(listed, np.float32).tolist() if dtype == "float32" else _texts(listed)


def _texts(values: Sequence[Any]) -> list[Any]:
    return [_text(value) for value in values]


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def single(value: Value, builder: Builder) -> Cells:
    """Numbers as the operators of ai.onnx.ml take them: in float32."""
    return cells_of(cast_to(cells_of(value), "float32", builder))


def row_of(numbers: Sequence[float], dtype: str = "float32") -> Any:
    """An attribute as a constant row."""
    return np.array(numbers, np.float32).astype(dtype).reshape(1, -1)


def _scaler(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = cells_of(values[0])
    if value.dtype != "float64":
        value = single(value, builder)
    offset = row_of(node.attributes["offset"], value.dtype)
    shifted = builder.elementwise("sub", None, value, offset)
    scaled = builder.elementwise("mul", None, shifted, row_of(node.attributes["scale"], value.dtype))
    return cast_to(scaled, "float32", builder)


def _imputer(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = cells_of(values[0])
    whole = value.dtype == "int64"
    kind, marker = ("int64s", "int64") if whole else ("floats", "float")
    replaced = node.attributes.get(f"replaced_value_{marker}", 0)
    filled = np.array(node.attributes[f"imputed_value_{kind}"], np.int64 if whole else np.float32)
    filled = filled.astype(value.dtype).reshape(1, -1)
    if replaced != replaced:
        gone = builder.elementwise("isnan", "bool", value)
    else:
        gone = builder.elementwise("eq", "bool", value, np.array(replaced, value.dtype))
    return builder.elementwise("where", value.dtype, gone, filled, value)


def _one_hot_encoder(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = cells_of(values[0])
    if not node.attributes.get("zeros", 1):
        raise NotRowwiseError("it fails where a category is not known")
    if value.dtype == "string":
        categories = np.array(_texts(node.attributes["cats_strings"]), dtype=object)
    else:
        categories = np.array(node.attributes["cats_int64s"], np.int64)
        value = cells_of(cast_to(value, "int64", builder))
    hit = builder.elementwise("eq", "bool", value.of(value.array[..., None]), categories)
    return cast_to(hit, "float32", builder)


def _normalizer(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    value = single(given(values[0]), builder)
    norm = _text(node.attributes.get("norm", "MAX"))
    if norm == "MAX":
        raise NotRowwiseError("it divides by the largest")
    parts = builder.elementwise("abs", None, value)
    if norm == "L2":
        parts = builder.elementwise("mul", None, value, value)
    size: Value = reduced(cells_of(parts), [-1], True, fold_sum, builder)
    if norm == "L2":
        size = builder.elementwise("sqrt", None, size)
    empty = builder.elementwise("eq", "bool", size, np.array(0, np.float32))
    size = builder.elementwise("where", "float32", empty, np.array(1, np.float32), size)
    return builder.elementwise("div", None, value, size)


def _linear_regressor(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    if _text(node.attributes.get("post_transform", "NONE")) != "NONE":
        raise NotRowwiseError("it changes what a linear model gives")
    return _linear(node, given(values[0]), node.attributes.get("targets", 1), builder)


def _linear(node: Node, value: Value, outputs: int, builder: Builder) -> Value:
    weights = np.array(node.attributes["coefficients"], np.float32).reshape(outputs, -1)
    product = matmul(single(value, builder), np.ascontiguousarray(weights.T), builder)
    if not node.attributes.get("intercepts"):
        return product
    return builder.elementwise("add", None, product, row_of(node.attributes["intercepts"]))


def _linear_classifier(node: Node, values: Sequence[Value | None], builder: Builder) -> Sequence[Value]:
    labels = class_labels(node)
    if len(node.attributes.get("intercepts", ())) != len(labels) or len(labels) < 2:
        raise NotRowwiseError("it has fewer scores than classes")
    scores = cells_of(_linear(node, given(values[0]), len(labels), builder))
    transform = _text(node.attributes.get("post_transform", "NONE"))
    return [label_of(scores, labels, builder), transformed(scores, transform, builder)]


def class_labels(node: Node) -> Any:
    """The classes, as a table of one column."""
    texts = node.attributes.get("classlabels_strings")
    if texts:
        return np.array(_texts(texts), dtype=object)
    whole = node.attributes.get("classlabels_ints") or node.attributes.get("classlabels_int64s") or []
    return np.array(whole, np.int64)


def label_of(scores: Cells, labels: Any, builder: Builder) -> Value:
    """The class of the first of the largest scores."""
    return gather(labels, best_places(scores, 1, False, builder), 0, builder)


def transformed(scores: Cells, transform: str, builder: Builder) -> Value:
    """Scores after the operator's own last step, in float32."""
    if transform == "NONE":
        return scores
    if transform == "LOGISTIC":
        return builder.elementwise("sigmoid", None, scores)
    if transform == "SOFTMAX":
        top = reduced(scores, [1], True, fold_max, builder)
        powers = cells_of(builder.elementwise("exp", None, builder.elementwise("sub", None, scores, top)))
        return builder.elementwise("div", None, powers, reduced(powers, [1], True, fold_sum, builder))
    raise NotRowwiseError(f"it ends with {transform}")


def logistic(scores: Value, builder: Builder) -> Value:
    """1 / (1 + exp(-|x|)), or its complement where x is negative, as onnxruntime has it."""
    one = np.array(1, dtype_of(scores))
    size = builder.elementwise("abs", None, scores)
    power = builder.elementwise("exp", None, builder.elementwise("neg", None, size))
    large = builder.elementwise("div", None, one, builder.elementwise("add", None, one, power))
    negative = builder.elementwise("lt", "bool", scores, np.array(0, one.dtype))
    small = builder.elementwise("sub", None, one, large)
    return builder.elementwise("where", dtype_of(scores), negative, small, large)


def _array_feature_extractor(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    data, places = given(values[0]), given(values[1])
    if not isinstance(places, Cells):
        return gather(data, places.ravel(), -1, builder)
    if isinstance(data, Cells) or data.size != data.shape[-1] or places.array.size != 1:
        raise NotRowwiseError("a step mixes rows")
    chosen = cells_of(gather(data.ravel(), places.of(places.array.reshape(1)), 0, builder))
    return Cells(chosen.array, chosen.dtype, turned=True)


def _feature_vectorizer(node: Node, values: Sequence[Value | None], builder: Builder) -> Value:
    parts = [single(given(value), builder) for value in values]
    return parts[0].of(np.concatenate([part.array.reshape(1, -1) for part in parts], axis=1))


LEARNED: Mapping[str, Operator] = {
    "ArrayFeatureExtractor": _array_feature_extractor,
    "FeatureVectorizer": _feature_vectorizer,
    "Imputer": _imputer,
    "LabelEncoder": _label_encoder,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "Normalizer": _normalizer,
    "OneHotEncoder": _one_hot_encoder,
    "Scaler": _scaler,
}
"""By name, of ai.onnx.ml."""
