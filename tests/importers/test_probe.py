import io
import json
import resource
import sys

import pytest
from onnx import parser

from warehouse_ml.importers import probe_child
from warehouse_ml.importers.probe import OutputFacts, probe


def model(graph: str) -> bytes:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["": 15]> g {graph}').SerializeToString()


EVERY_KIND = model(
    """
    (double[N, 1] x, string[N, 1] t, int64[N, 1] i) =>
    (double[N, 2] shares, string[N, 1] text, int64[N] flat, double total, seq(double[N, 1]) several)
    <int64[1] axis = {1}, double one = {1.0}>
    {
        p = Sigmoid (x)
        q = Sub (one, p)
        shares = Concat <axis = 1> (p, q)
        text = Identity (t)
        flat = Squeeze (i, axis)
        total = ReduceSum <keepdims = 0> (x)
        several = SequenceConstruct (x)
    }
    """
)
FACTS = {
    "shares": OutputFacts("float64", (3, 2), True, None, True),
    "text": OutputFacts("string", (3, 1), False, ("0", "1", "2"), True),
    "flat": OutputFacts("int64", (3,), False, (0, 1, 2), True),
    "total": OutputFacts("float64", (), False, None, False),
    "several": OutputFacts("list", None, False, None, False),
}


def test_facts_of_every_kind_of_output():
    assert probe(EVERY_KIND) == FACTS


def test_child_says_the_same_in_this_process():
    facts = probe_child.examine(EVERY_KIND)
    assert {name: entry["rowwise"] for name, entry in facts.items()} == {
        name: entry.rowwise for name, entry in FACTS.items()
    }


def test_a_row_that_depends_on_the_others_is_seen():
    facts = probe_child.examine(model("(double[N, 1] x) => (double[N, 1] y) { y = Softmax <axis = 0> (x) }"))
    assert not facts["y"]["rowwise"]


def test_a_label_that_depends_on_the_others_is_seen():
    graph = "(int64[N, 1] x) => (int64[N, 1] y) { s = Size (x) z = Mul (x, s) y = Add (z, s) }"
    assert not probe_child.examine(model(graph))["y"]["rowwise"]


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_failure_is_an_answer(content, monkeypatch):
    monkeypatch.setattr(probe_child, "_limit_memory", lambda length: None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    monkeypatch.setattr(sys, "stdout", answer := io.StringIO())
    assert probe_child.main() == 0
    assert "error" in json.loads(answer.getvalue())


def test_memory_is_limited_by_the_size_of_the_model(monkeypatch):
    limits = {}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    probe_child._limit_memory(1000)
    assert limits[resource.RLIMIT_AS] == ((8 << 30) + 8000, resource.RLIM_INFINITY)
