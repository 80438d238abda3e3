"""Run a checked ONNX file for the first time: in a process of its own, which may crash or hang."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse_ml.errors import ImportModelError

ROWS = 3
TIMEOUT = 120.0
"""Seconds to load the model and to score six rows."""

_CHILD = Path(__file__).with_name("probe_child.py")


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """What an output turned out to be.

    Attributes:
        dtype: The numpy name of its type, or `string`; `list` for a sequence.
        shape: Its shape for three rows; None for what is no tensor.
        shares: Whether each row lies within 0 and 1 and sums to 1.
        values: The distinct values that came, where they are no floats; else None.
        rowwise: Whether it has a row per row, and no row depends on another.
    """

    dtype: str
    shape: tuple[int, ...] | None
    shares: bool
    values: tuple[str | int | bool, ...] | None
    rowwise: bool

    @property
    def width(self) -> int:
        """The number of columns."""
        return self.shape[1] if self.shape is not None and len(self.shape) == 2 else 1


def probe(content: bytes) -> Mapping[str, OutputFacts]:
    """Load the model, score a few rows, and say what came out.

    Args:
        content: An ONNX file whose inputs all have the shape [rows, 1].

    Raises:
        ImportModelError: It does not load or run, takes too long or too much memory.
    """
    search = os.pathsep.join(entry for entry in sys.path if entry)
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    try:
        child = subprocess.run(
            [sys.executable, "-P", str(_CHILD)],
            input=content,
            capture_output=True,
            timeout=TIMEOUT,
            env={**os.environ, **threads, "PYTHONPATH": search, "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ImportModelError(
            f"The model took over {TIMEOUT:.0f} seconds to load and to score {ROWS} rows, and was stopped."
        ) from None
    if child.returncode != 0:
        raise ImportModelError(
            f"onnxruntime died while it loaded or ran the model (exit code {child.returncode})."
        )
    answer = json.loads(child.stdout)
    if "error" in answer:
        raise ImportModelError(f"onnxruntime cannot load or run the model: {answer['error'][:500]}")
    return {
        name: OutputFacts(
            facts["dtype"],
            None if facts["shape"] is None else tuple(facts["shape"]),
            facts["shares"],
            None if facts["values"] is None else tuple(facts["values"]),
            facts["rowwise"],
        )
        for name, facts in answer["outputs"].items()
    }
