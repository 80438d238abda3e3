"""Whether a model can tell 0.0 from -0.0, which SQL takes for equal.

A comparison cannot, and so no tree can; 1 / x can. What is not known is taken to tell them apart.
"""

from __future__ import annotations

import onnx

_BLIND = frozenset(
    {
        *("TreeEnsemble", "TreeEnsembleRegressor", "TreeEnsembleClassifier"),
        *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "IsNaN", "IsInf"),
        *("Abs", "Exp", "Sigmoid", "Softmax", "ArgMax", "ArgMin", "Shape"),
    }
)
"""Operators that give the same for both."""

_KEEPING = frozenset(
    {
        *("Add", "Sub", "Mul", "Neg", "Sum", "Gemm", "MatMul", "ReduceSum", "ReduceMean"),
        *("Identity", "Cast", "Reshape", "Concat", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Expand"),
        *("Where", "Min", "Max", "Clip", "Slice", "Split", "Gather", "ArrayFeatureExtractor"),
        *("Sqrt", "Scaler", "Imputer"),
    }
)
"""Operators whose results for both are equal to SQL again: they differ in the sign of a zero at most."""

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)


def tells_zeros_apart(model: onnx.ModelProto) -> bool:
    """Whether a score may depend on the sign of a feature that is zero.

    Args:
        model: A graph whose inputs are features.
    """
    graph = model.graph
    signed = {entry.name for entry in graph.input if entry.type.tensor_type.elem_type in _FLOATS}
    for node in graph.node:
        if signed.isdisjoint(node.input) or node.op_type in _BLIND:
            continue
        if node.op_type not in _KEEPING and not (node.op_type == "Div" and node.input[1] not in signed):
            return True
        if node.op_type == "Cast":
            target = next(entry.i for entry in node.attribute if entry.name == "to")
            if target == onnx.TensorProto.STRING:
                return True
            if target not in _FLOATS:
                continue
        signed.update(node.output)
    return not signed.isdisjoint(entry.name for entry in graph.output)
