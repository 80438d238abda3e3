"""Which operators onnxruntime runs on CUDA, in which types, as far as models here have them.

Source: docs/OperatorKernels.md of microsoft/onnxruntime, the table of CUDAExecutionProvider, read in November
2026; the rows that hold for opset 15. An operator that is not listed runs on the CPU, and what it needs is
copied there and back: all of ai.onnx.ml, all that takes texts, and Where that chooses between two bools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx

from warehouse_ml.backends.simplify.flow import Flow

OPSETS = range(13, 16)
"""The opsets for which the list holds, as far as the operators are in them."""

_FLOAT = "float16 float32 float64"
_WHOLE = "int32 int64"
_NUMBER = f"{_FLOAT} {_WHOLE}"
_ORDERED = f"{_NUMBER} uint32 uint64"
_ALL = f"{_ORDERED} int8 int16 uint8 uint16"
_ANY = f"{_ALL} bool"

_KERNELS: Mapping[str, tuple[str, ...]] = {
    "Abs": (_ALL,),
    "Add": (_ALL,),
    "And": ("bool",),
    "ArgMax": (_FLOAT,),
    "ArgMin": (_FLOAT,),
    "Cast": (_ANY,),
    "Ceil": (_FLOAT,),
    "Clip": (f"{_FLOAT} int64 int8 uint64 uint8",),
    "Compress": (_ANY, "bool"),
    "Concat": (_ANY,),
    "ConstantOfShape": ("int64",),
    "Cos": (_FLOAT,),
    "CumSum": (_ORDERED, _WHOLE),
    "Div": (_ALL,),
    "Einsum": (_FLOAT,),
    "Equal": (f"{_ORDERED} bool",),
    "Erf": (_FLOAT,),
    "Exp": (_FLOAT,),
    "Expand": (_ANY, "int64"),
    "Flatten": (_ANY,),
    "Floor": (_FLOAT,),
    "Gather": (_ANY, _WHOLE),
    "GatherElements": (_ANY, _WHOLE),
    "GatherND": (f"{_FLOAT} bool int64", "int64"),
    "Gemm": (_FLOAT,),
    "Greater": (_ORDERED,),
    "GreaterOrEqual": (_ORDERED,),
    "Identity": (_ANY,),
    "IsInf": ("float32 float64",),
    "IsNaN": (_FLOAT,),
    "LayerNormalization": (_FLOAT,),
    "Less": (_ORDERED,),
    "LessOrEqual": (_ORDERED,),
    "Log": (_FLOAT,),
    "MatMul": (_FLOAT,),
    "Max": (_ORDERED,),
    "Min": (_ORDERED,),
    "Mod": (_ORDERED,),
    "Mul": (_ALL,),
    "Neg": (f"{_NUMBER} int8 int16",),
    "NonZero": ("bool float16 float32 int32 int64 uint8",),
    "Not": ("bool",),
    "OneHot": (_WHOLE, _WHOLE, "float16 float32 int64"),
    "Or": ("bool",),
    "Pad": (f"{_FLOAT} bool", "int64", f"{_FLOAT} bool"),
    "Pow": (_NUMBER,),
    "Range": ("float32 float64 int16 int32 int64",),
    "Reciprocal": (_FLOAT,),
    "ReduceL1": (f"{_FLOAT} int32",),
    "ReduceL2": (f"{_FLOAT} int32",),
    "ReduceLogSumExp": (_FLOAT,),
    "ReduceMax": (_NUMBER,),
    "ReduceMean": (f"{_FLOAT} int32",),
    "ReduceMin": (f"{_NUMBER} int8 uint8",),
    "ReduceProd": (f"{_FLOAT} int32",),
    "ReduceSum": (_NUMBER, "int64"),
    "ReduceSumSquare": (_FLOAT,),
    "Relu": (_FLOAT,),
    "Reshape": (_ANY, "int64"),
    "Round": (_FLOAT,),
    "ScatterElements": (_ANY, _WHOLE, _ANY),
    "ScatterND": (_ANY, "int64", _ANY),
    "Shape": (_ANY,),
    "Sigmoid": (_FLOAT,),
    "Sign": (_ALL,),
    "Sin": (_FLOAT,),
    "Size": (f"{_ANY} str",),
    "Slice": (_ANY, _WHOLE),
    "Softmax": (_FLOAT,),
    "Split": (_ANY, "int64"),
    "Sqrt": (_FLOAT,),
    "Squeeze": (_ANY, "int64"),
    "Sub": (_ALL,),
    "Sum": (_FLOAT,),
    "Tanh": (_FLOAT,),
    "Tile": (_NUMBER, "int64"),
    "TopK": (_NUMBER, "int64"),
    "Transpose": (_ANY,),
    "Trilu": (_ANY, "int64"),
    "Unsqueeze": (_ANY, "int64"),
    "Where": ("bool", f"{_NUMBER} uint8"),
    "Xor": ("bool",),
}
"""For each operator the types of its inputs, in order; further inputs have those of the last."""

CUDA_KERNELS: Mapping[str, tuple[frozenset[str], ...]] = {
    operator: tuple(frozenset(types.split()) for types in inputs) for operator, inputs in _KERNELS.items()
}
"""For each operator of ai.onnx the types of its inputs, as numpy calls them; `str` is a text."""


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A node that stays on the CPU.

    Attributes:
        operator: Its operator, with the domain where that is not ai.onnx.
        output: The first tensor that it computes.
        reason: Why, in words.
    """

    operator: str
    output: str
    reason: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the nodes of a graph run.

    Attributes:
        cuda: How many nodes CUDA runs.
        cpu: The others.
        copied: The tensors that are copied between the two, each once per direction, by name; the inputs and
            the outputs of the graph are not counted.
    """

    cuda: int
    cpu: tuple[Uncovered, ...]
    copied: tuple[str, ...]


def placement(model: bytes | onnx.ModelProto) -> Placement:
    """Where onnxruntime would run the nodes of a model by its list of kernels.

    What it does besides is not foreseen: it leaves the computation of shapes on the CPU, and folds nodes.

    Args:
        model: An ONNX file or model without sub-graphs.
    """
    loaded = onnx.load_model_from_string(model) if isinstance(model, bytes) else model
    flow = Flow.of(loaded)
    if flow is None:
        return Placement(0, (Uncovered("?", "?", "the graph has sub-graphs"),), ())
    reasons = {id(node): _reason(node, flow) for node in flow.nodes if node.op_type != "Constant"}
    copied = dict.fromkeys(_copied(flow, reasons))
    left = [node for node in flow.nodes if reasons.get(id(node)) is not None]
    return Placement(
        len(reasons) - len(left),
        tuple(Uncovered(_named(node), node.output[0], str(reasons[id(node)])) for node in left),
        tuple(copied),
    )


def _copied(flow: Flow, reasons: Mapping[int, str | None]) -> Iterator[str]:
    """Tensors that are made on one side and read on the other."""
    for node in flow.nodes:
        for name in node.input:
            maker = flow.makers.get(name)
            if maker is None or id(maker) not in reasons:
                continue
            if (reasons[id(maker)] is None) != (reasons[id(node)] is None):
                yield name


def _named(node: onnx.NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _reason(node: onnx.NodeProto, flow: Flow) -> str | None:
    """Why a node is not run by CUDA, or None where it is."""
    if node.domain not in ("", "ai.onnx"):
        return f"CUDA has no operator of {node.domain}"
    kernel: Sequence[frozenset[str]] | None = CUDA_KERNELS.get(node.op_type)
    if kernel is None:
        return "CUDA has no such operator"
    for place, name in enumerate(node.input):
        dtype = flow.kind(name).dtype
        if name and dtype not in kernel[min(place, len(kernel) - 1)]:
            return f"CUDA has it not for {dtype or 'a type that is not known'}"
    if node.op_type == "Cast" and flow.kind(node.output[0]).dtype == "str":
        return "CUDA has it not for str"
    return None
