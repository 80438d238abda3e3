"""The graphs that rivals run in onnxruntime: the public converter's, and one fused by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.synthetic import FEATURES
from benchmarks.threads import THREADS

OPSET = 15


def converted(estimator: Any) -> bytes:
    """What skl2onnx or onnxmltools make of an estimator of the synthetic features, in float32."""
    name = type(estimator).__name__
    if name == "XGBClassifier":
        return _xgboost(estimator)
    if name == "LGBMClassifier":
        from onnxmltools import convert_lightgbm

        graph = convert_lightgbm(estimator, initial_types=_inputs(), target_opset=OPSET, zipmap=False)
    else:
        from skl2onnx import to_onnx

        sample = np.zeros((1, len(FEATURES)), np.float32)
        graph = to_onnx(estimator, sample, options={"zipmap": False}, target_opset=OPSET)
    return bytes(graph.SerializeToString())


def _xgboost(estimator: Any) -> bytes:
    from onnxmltools import convert_xgboost

    booster = estimator.get_booster()
    names, booster.feature_names = booster.feature_names, None  # the converter wants f0, f1 and so on
    try:
        graph = convert_xgboost(estimator, initial_types=_inputs(), target_opset=OPSET)
    finally:
        booster.feature_names = names
    return bytes(graph.SerializeToString())


def _inputs() -> list[tuple[str, Any]]:
    from onnxmltools.convert.common.data_types import FloatTensorType

    return [("X", FloatTensorType([None, len(FEATURES)]))]


def fused(estimator: Any) -> bytes | None:
    """Scaler and dense layers as Gemm, Relu and one Sigmoid, in float32; None for other estimators."""
    if not hasattr(estimator, "named_steps"):
        return None
    scaler, model = estimator[0], estimator[-1]
    if hasattr(model, "coefs_"):
        weights, biases = list(model.coefs_), list(model.intercepts_)
    else:
        weights, biases = [model.coef_.T], [model.intercept_]
    weights, biases = [np.asarray(w, float) for w in weights], [np.asarray(b, float) for b in biases]
    biases[0] = biases[0] - (scaler.mean_ / scaler.scale_) @ weights[0]
    weights[0] = weights[0] / scaler.scale_[:, None]
    return _dense(weights, biases)


def _dense(weights: Sequence[Any], biases: Sequence[Any]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes, initializers, value = [], [], "X"
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        initializers.append(numpy_helper.from_array(weight.astype(np.float32), f"w{layer}"))
        initializers.append(numpy_helper.from_array(bias.astype(np.float32), f"b{layer}"))
        nodes.append(helper.make_node("Gemm", [value, f"w{layer}", f"b{layer}"], [f"g{layer}"]))
        last = layer == len(weights) - 1
        value = "probability" if last else f"a{layer}"
        nodes.append(helper.make_node("Sigmoid" if last else "Relu", [f"g{layer}"], [value]))
    graph = helper.make_graph(
        nodes,
        "fused",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(weights[0])])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    return bytes(model.SerializeToString())


class Graph:
    """A graph in onnxruntime that takes a float32 matrix and gives the probability of the second class."""

    def __init__(self, model: bytes, *, threads: int = THREADS) -> None:
        """Load a model.

        Args:
            model: The ONNX file.
            threads: How many threads one run may use; one where the engine runs several batches at once.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._feature = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[-1].name

    def run(self, matrix: Any) -> Any:
        """Probabilities, of shape [rows]."""
        return self._session.run([self._output], {self._feature: matrix})[0][:, -1]

    def run_in_batches(self, matrix: Any, batch: int) -> Any:
        """Probabilities of a matrix that is run part by part."""
        parts = [self.run(matrix[start : start + batch]) for start in range(0, len(matrix), batch)]
        return np.concatenate(parts)
