"""Load and run an ONNX file: what `probe` starts in a process of its own.

It reads the model's bytes from stdin and writes JSON to stdout. It imports nothing of warehouse_ml.
"""

import json
import sys
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

ROWS = 3
OPEN_WIDTH = 2
"""How many columns an input gets whose width is open: the terms of a text."""

_ELEMENTS: dict[str, Any] = {
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(string)": np.object_,
}
_FAILURES: tuple[type[Exception], ...] = (
    # The errors of onnxruntime have no base of their own.
    *(kind for kind in vars(ort_state).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    RuntimeError,
    ValueError,
    MemoryError,
)


def examine(content: bytes) -> dict[str, Any]:
    """Run the model on three rows at once and on each alone.

    Args:
        content: An ONNX file whose inputs all have the shape [rows, 1], or [rows, terms].

    Returns:
        For each output its `dtype`, its `shape` for three rows, whether each row holds `shares` (within
        0 and 1, and in sum 1), its distinct `values` where they are few and no floats, and whether it
        is `rowwise`: a row per row, and none depends on another.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # as the handler does
    options.enable_mem_reuse = False
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    exact = {"disabled_optimizers": ["NoopElimination", "DivMulFusion"]}
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"], **exact)
    feeds = {entry.name: _values(entry.type, entry.shape[1]) for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    together = session.run(names, feeds)
    alone = [
        session.run(names, {name: rows[place : place + 1] for name, rows in feeds.items()})
        for place in range(ROWS)
    ]
    return {
        name: _facts(result, [parts[place] for parts in alone])
        for place, (name, result) in enumerate(zip(names, together, strict=True))
    }


def _values(kind: str, width: int | str | None) -> np.ndarray[Any, Any]:
    columns = width if isinstance(width, int) else OPEN_WIDTH
    rows = [["0"], ["1"], ["2"]] if kind == "tensor(string)" else [[0], [1], [2]]
    return np.repeat(np.array(rows, dtype=_ELEMENTS[kind]), columns, axis=1)


def _facts(result: Any, alone: list[Any]) -> dict[str, Any]:
    if not isinstance(result, np.ndarray):
        return {"dtype": "list", "shape": None, "shares": False, "values": None, "rowwise": False}
    floating = result.dtype.kind == "f"
    shares = False
    if floating and result.ndim == 2 and result.shape[1] > 1:
        rows = result[~np.isnan(result).any(axis=1)].astype(np.float64)
        shares = bool(
            len(rows) > 0
            and ((rows >= -1e-6) & (rows <= 1 + 1e-6)).all()
            and (abs(rows.sum(axis=1) - 1) < 1e-3).all()
        )
    few = not floating and result.size <= 1000
    return {
        "dtype": "string" if result.dtype.kind in "OSU" else result.dtype.name,
        "shape": list(result.shape),
        "shares": shares,
        "values": np.unique(result.ravel()).tolist() if few else None,
        "rowwise": _same(result, alone),
    }


def _same(result: np.ndarray[Any, Any], alone: list[np.ndarray[Any, Any]]) -> bool:
    if any(part.shape[:1] != (1,) for part in alone) or result.shape[:1] != (ROWS,):
        return False
    rows = np.concatenate(alone)
    if rows.shape != result.shape:
        return False
    if result.dtype.kind == "f":
        return bool(np.allclose(result, rows, rtol=1e-3, atol=1e-4, equal_nan=True))
    # A tie may fall to another class in a batch of another size; all of them may not.
    return bool(result.size == 0 or (result == rows).any())


def _limit_memory(length: int) -> None:
    """Let an absurd tensor fail here, not take the machine's memory."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limits.
        return
    limit = (8 << 30) + 8 * length
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or hard > limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Answer on stdout; a failure is an answer too."""
    content = sys.stdin.buffer.read()
    _limit_memory(len(content))
    answer: dict[str, Any]
    try:
        answer = {"outputs": examine(content)}
    except _FAILURES as error:
        answer = {"error": " ".join(str(error).split()) or type(error).__name__}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
