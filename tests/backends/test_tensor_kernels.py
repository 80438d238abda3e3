"""The list of CUDA's operators against ONNX's own definitions."""

import numpy as np
import pytest
from onnx import defs

from tests.backends.graphs import graph
from warehouse_ml.backends.tensor_kernels import CUDA_KERNELS, OPSETS, placement

LATER = {"LayerNormalization": 17}
"""Operators that onnxruntime has before ONNX did."""


def allowed(operator: str, place: int) -> set[str]:
    """The types that ONNX allows for an input, as numpy calls them."""
    schema = defs.get_schema(operator, LATER.get(operator, max(OPSETS)))
    if not schema.inputs:
        return set()
    kind = schema.inputs[min(place, len(schema.inputs) - 1)].type_str
    types = next((c.allowed_type_strs for c in schema.type_constraints if c.type_param_str == kind), [kind])
    return {numpy_name(text[len("tensor(") : -1]) for text in types}


def numpy_name(name: str) -> str:
    return {"float": "float32", "double": "float64", "string": "str"}.get(name, name)


@pytest.mark.parametrize("operator", CUDA_KERNELS)
def test_types_are_those_of_the_operator(operator: str) -> None:
    for place, types in enumerate(CUDA_KERNELS[operator]):
        assert types <= allowed(operator, place)
        assert types


def test_texts_stay_on_the_cpu_and_their_codes_are_copied() -> None:
    model = graph(
        """g (string[N] s, double[N] a) => (double[N] y) {
            code = ai.onnx.ml.LabelEncoder<keys_strings = ["u", "v"], values_int64s = [0, 1]>(s)
            number = Cast<to = 11>(code)
            y = Add(number, a)
        }""",
        {},
    )
    place = placement(model)
    assert [(entry.operator, entry.reason) for entry in place.cpu] == [
        ("ai.onnx.ml.LabelEncoder", "CUDA has no operator of ai.onnx.ml")
    ]
    assert place.copied == ("code",)
    assert place.cuda == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("c = Less(a, a)  y = Where(c, c, c)", "CUDA has it not for bool"),
        ("h = Asinh(a)  y = Less(h, a)", "CUDA has no such operator"),
    ],
)
def test_what_cuda_has_not_is_named(body: str, reason: str) -> None:
    place = placement(graph(f"g (double[N] a) => (bool[N] y) {{ {body} }}", {}))
    assert [entry.reason for entry in place.cpu] == [reason]
    assert len(place.copied) == 1


def test_labels_are_chosen_on_the_cpu() -> None:
    labels = np.array(["no", "yes"], object)
    body = "g (double[N] a) => (string[N] y) { k = Cast<to = 7>(a)  y = Gather(labels, k) }"
    model = graph(body, {"labels": labels})
    assert [entry.operator for entry in placement(model).cpu] == ["Gather"]
    assert placement(model).copied == ("k",)


def test_parts_of_a_graph_that_cannot_be_read_are_told() -> None:
    model = graph(
        """g (bool c, double[N] a) => (double[N] y) {
            y = If (c) <then_branch = t () => (double[N] z) { z = Identity(a) },
                        else_branch = e () => (double[N] z) { z = Neg(a) }>
        }""",
        {},
    )
    assert placement(model).cpu[0].reason == "the graph has sub-graphs"
