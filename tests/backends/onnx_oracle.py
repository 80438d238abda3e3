"""What onnxruntime makes of a model, and rows that are hard for a reader of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from warehouse_ml.exporters.columns import NULL_TEXT

ROWS = 300

_SPECIAL = (np.nan, np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.0, 3.0, 1e12)


def scored(model: onnx.ModelProto, feeds: Mapping[str, Any], *tensors: str) -> dict[str, np.ndarray]:
    """The outputs by name, and tensors inside the graph, as the handler's session computes them."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    more = onnx.ModelProto()
    more.CopyFrom(model)
    more.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in tensors)
    session = onnxruntime.InferenceSession(
        more.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    shapes = {entry.name: (-1,) if len(entry.shape) == 1 else (-1, 1) for entry in session.get_inputs()}
    fed = {name: np.asarray(values).reshape(shapes[name]) for name, values in feeds.items() if name in shapes}
    return dict(zip(names, session.run(names, fed), strict=True))


def random_feeds(model: onnx.ModelProto, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Rows of what the graph compares with and of what it does not expect: NaN, infinities, unseen texts."""
    random = np.random.default_rng(seed)
    numbers, texts = _constants(model)
    feeds: dict[str, np.ndarray] = {}
    for entry in model.graph.input:
        kind = entry.type.tensor_type.elem_type
        if kind == onnx.TensorProto.STRING:
            feeds[entry.name] = random.choice(np.array([*texts, NULL_TEXT, "", "unseen"], object), ROWS)
            continue
        values = random.choice(numbers, ROWS)
        values = np.where(random.random(ROWS) < 0.5, values, random.normal(size=ROWS) * 10)
        if kind == onnx.TensorProto.INT64:
            feeds[entry.name] = np.clip(np.rint(values), -100, 100).astype(np.int64)
            continue
        hard = random.random(ROWS) < 0.1
        values[hard] = random.choice(_SPECIAL, ROWS)[hard]
        feeds[entry.name] = values.astype(helper.tensor_dtype_to_np_dtype(kind))
    return feeds


def _constants(model: onnx.ModelProto) -> tuple[np.ndarray, list[str]]:
    """The numbers and texts that the graph holds, some of each."""
    numbers, texts = [np.arange(-5.0, 6.0)], []
    arrays = [numpy_helper.to_array(entry) for entry in model.graph.initializer]
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "keys_strings":
                texts += [key.decode() for key in attribute.strings][:50]
            elif attribute.name == "nodes_values":
                arrays.append(np.array(attribute.floats))
            elif attribute.name == "nodes_values_as_tensor":
                arrays.append(numpy_helper.to_array(attribute.t))
    for array in arrays:
        if array.dtype.kind == "f":
            numbers.append(array.ravel()[:200].astype(np.float64))
    known = np.concatenate(numbers)
    return known[np.abs(known) < 1e12], texts
