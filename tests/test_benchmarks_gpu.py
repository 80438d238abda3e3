"""The GPU's benchmark on the CPU, so that it does not rot; figures mean nothing here."""

import json
import math
import sys
from dataclasses import asdict

import numpy as np
import onnxruntime
import pytest

from benchmarks import gpu
from benchmarks.gpu_page import Answer, Measured, Run, page, shown
from benchmarks.gpu_sessions import Bound, NoDeviceError, open_on, require_cuda, run_in_parts
from benchmarks.sentences import Shape, random_weights, read_safetensors, sentence_graph

SMALL = Shape(words=50, positions=16, width=12, heads=3, layers=2, inner=20)

needs_no_cuda = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="there is a GPU here"
)


def texts(rows: int, tokens: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    mask = (np.arange(tokens) < random.integers(1, tokens + 1, (rows, 1))).astype(np.int64)
    return {"ids": random.integers(0, SMALL.words, (rows, tokens)), "mask": mask}


def embeddings(weights, ids, mask):
    """BERT of one text at a time, without its padding, in float64."""
    w = {name: values.astype(np.float64) for name, values in weights.items()}

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + SMALL.epsilon)
        return scaled * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]

    def dense(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    found = []
    for tokens, kept in zip(ids, mask, strict=True):
        tokens = tokens[kept == 1]
        x = w["embeddings.word_embeddings.weight"][tokens] + w["embeddings.token_type_embeddings.weight"][0]
        x = norm(x + w["embeddings.position_embeddings.weight"][: len(tokens)], "embeddings")
        for layer in range(SMALL.layers):
            stem = f"encoder.layer.{layer}"
            q, k, v = (dense(x, f"{stem}.attention.self.{part}") for part in ("query", "key", "value"))
            size = SMALL.width // SMALL.heads
            heads = []
            for head in range(SMALL.heads):
                cut = slice(head * size, (head + 1) * size)
                scores = np.exp(q[:, cut] @ k[:, cut].T / math.sqrt(size))
                heads.append(scores / scores.sum(1, keepdims=True) @ v[:, cut])
            attended = dense(np.concatenate(heads, axis=1), f"{stem}.attention.output.dense")
            x = norm(attended + x, f"{stem}.attention.output")
            inner = dense(x, f"{stem}.intermediate.dense")
            gelu = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
            x = norm(dense(gelu, f"{stem}.output.dense") + x, f"{stem}.output")
        mean = x.mean(0)
        found.append(mean / np.linalg.norm(mean))
    return np.array(found)


def test_the_transformer_is_bert():
    weights, feeds = random_weights(SMALL), texts(5, 9)
    session = open_on("cpu", sentence_graph(weights, SMALL, 9), 1)
    (got,) = session.run(["embedding"], feeds)
    np.testing.assert_allclose(got, embeddings(weights, **feeds), atol=2e-6)


def test_runs_in_parts_and_bound_runs_give_what_one_run_gives():
    feeds, axis = texts(7, 5), {"ids": 0, "mask": 0}
    session = open_on("cpu", sentence_graph(random_weights(SMALL), SMALL, 5), 1)
    (wanted,) = session.run(["embedding"], feeds)
    bound = Bound(session, "cpu", "embedding", feeds, axis, 3)
    bound.run()
    np.testing.assert_allclose(run_in_parts(session, "embedding", feeds, axis, 3), wanted, atol=1e-6)
    np.testing.assert_allclose(bound.result(), wanted, atol=1e-6)


def test_safetensors_are_read():
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [8, 16]},
            "ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
        }
    ).encode()
    data = len(header).to_bytes(8, "little") + header + bytes(8) + np.array([1.5, -2], "<f4").tobytes()
    assert {name: values.tolist() for name, values in read_safetensors(data).items()} == {"a": [[1.5], [-2]]}


@needs_no_cuda
def test_without_cuda_it_says_so():
    with pytest.raises(NoDeviceError, match=r"no CUDA here: .* --device cpu"):
        require_cuda()


@needs_no_cuda
def test_the_command_ends_with_the_message(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu"])
    with pytest.raises(SystemExit, match="There is no CUDA here"):
        gpu.main()


@pytest.mark.parametrize("key", ["xgboost", "mlp"])
def test_every_way_gives_the_same_scores(key):
    run = gpu.measured("cpu", [50], [key], quick=True)
    assert run.wrong == []
    (found,) = run.results
    assert all(answer.seconds for answer in found.answers)
    assert {provider for counted in run.nodes.values() for _, provider, _, _ in counted} == {
        "CPUExecutionProvider"
    }
    rewritten = [operator for counted in run.nodes.values() for graph, _, operator, _ in counted
                 if graph == "rewritten"]  # fmt: skip
    assert ("GatherElements" in rewritten) == (key != "mlp")
    assert "TreeEnsembleRegressor" not in rewritten


def some_run(device: str) -> Run:
    answers = [Answer("CPU: a", 0.0, median=2.0), Answer("CUDA: b", 1e-3, median=1.0)]
    run = Run("today", "command", device, "H200", {"cores": "2"}, {"numpy": "2", "mlflow": "not installed"})
    run.results.append(Measured("model", 1000, answers, other_labels=2))
    run.nodes["model"] = [("registered", "CUDAExecutionProvider", "Add", 3)]
    return run


def test_another_answer_is_named():
    assert some_run("cuda").wrong == [
        "model, 1,000 rows: 2 other labels",
        "model, 1,000 rows, CUDA: b: 0.001",
    ]


def test_rounded_factors_may_change_the_third_digit():
    assert Answer("CUDA, TF32", 1e-3).agrees
    assert not Answer("CUDA, TF32", 1e-1).agrees


def test_the_page_says_where_it_was_measured():
    assert "Measured on H200" in page(some_run("cuda"))
    assert "No GPU was at hand" in page(some_run("cpu"))
    assert "| CUDA: b | 1,000 | 1,000 | 1,000 | 2.00 x | 0.001 **another answer** |" in page(some_run("cuda"))
    assert "| model | registered | CUDA | 3 Add |" in page(some_run("cuda"))
    assert "3 Add" in shown(some_run("cuda"))
    assert "mlflow" not in page(some_run("cuda"))


def test_the_json_has_every_figure():
    assert json.loads(some_run("cuda").to_json()) == json.loads(json.dumps(asdict(some_run("cuda"))))
