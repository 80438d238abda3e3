"""Graphs for the tests of back ends, and how two of them are compared."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper, parser


def graph(
    body: str, constants: Mapping[str, Any], *, opsets: str = '"" : 15, "ai.onnx.ml" : 3'
) -> onnx.ModelProto:
    """A model of ONNX's text form, with these initializers."""
    model = parser.parse_model(f"<ir_version: 8, opset_import: [{opsets}]>\n{body}")
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()
    )
    onnx.checker.check_model(model)
    return model


def run(model: onnx.ModelProto, feeds: Mapping[str, Any]) -> list[Any]:
    """The outputs, computed as the handler computes them; feeds for other graphs' inputs are left out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {entry.name: feeds[entry.name] for entry in session.get_inputs()})


def operators(model: onnx.ModelProto) -> list[str]:
    """The operators of the nodes, in order."""
    return [node.op_type for node in model.graph.node]


def assert_same(wanted: list[Any], got: list[Any], tolerance: float) -> None:
    """Labels are identical, numbers agree to a share of themselves; NaN is NaN and infinity infinity."""
    for want, have in zip(wanted, got, strict=True):
        assert want.dtype == have.dtype
        assert want.shape == have.shape
        if want.dtype.kind == "f":
            np.testing.assert_allclose(have, want, rtol=tolerance, atol=0)
        else:
            np.testing.assert_array_equal(have, want)
