"""Sessions on a device: which there is, runs in parts, runs on what lies on the device, where nodes run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class NoDeviceError(Exception):
    """There is no CUDA here; the message says what is missing."""


def require_cuda() -> None:
    """Check that onnxruntime finds CUDA.

    Raises:
        NoDeviceError: It does not.
    """
    if CUDA not in onnxruntime.get_available_providers():
        raise NoDeviceError(
            f"There is no CUDA here: onnxruntime {onnxruntime.__version__} has only "
            f"{', '.join(onnxruntime.get_available_providers())}. On a machine with a GPU, install "
            "onnxruntime-gpu in place of onnxruntime; with --device cpu the script runs on the CPU alone."
        )
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # finds the libraries of the nvidia packages


def open_on(
    device: str, model: bytes, threads: int, *, profile: str = "", tf32: bool = False
) -> onnxruntime.InferenceSession:
    """A session as the handler opens it, on a device.

    Raises:
        NoDeviceError: CUDA could not be started.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_reuse = False
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    providers: list[Any] = [CPU]
    if device == "cuda":
        # TF32 keeps ten bits of a factor
        providers = [(CUDA, {"use_tf32": str(int(tf32))}), CPU]
    session = onnxruntime.InferenceSession(model, options, providers=providers)
    if device == "cuda" and CUDA not in session.get_providers():
        raise NoDeviceError("CUDA is installed, but could not be started: is there a GPU, and its driver?")
    return session


def run_in_parts(
    session: Any, output: str, feeds: Mapping[str, Any], axis: Mapping[str, int], size: int
) -> Any:
    """One output of a session, numpy in and numpy out.

    Args:
        session: The session.
        output: The output.
        feeds: The inputs.
        axis: The axis of each input on which the rows lie.
        size: How many rows a run may have.
    """
    name = next(iter(feeds))
    rows = feeds[name].shape[axis[name]]
    if rows <= size:
        return session.run([output], feeds)[0]
    parts = []
    for start in range(0, rows, size):
        fed = {key: part(value, axis[key], start, start + size) for key, value in feeds.items()}
        parts.append(session.run([output], fed)[0])
    return np.concatenate(parts)


def part(values: Any, axis: int, start: int, stop: int) -> Any:
    """Some of the rows of an input, which lie on its first or its second axis."""
    return np.ascontiguousarray(values[start:stop] if axis == 0 else values[:, start:stop])


class Bound:
    """Inputs that lie on the device, and outputs that stay there."""

    def __init__(
        self,
        session: Any,
        device: str,
        output: str,
        feeds: Mapping[str, Any],
        axis: Mapping[str, int],
        size: int,
    ) -> None:
        """Copy the inputs to the device; the arguments are those of `run_in_parts`."""
        self._session, self._output, self._device = session, output, device
        name = next(iter(feeds))
        rows = feeds[name].shape[axis[name]]
        self._bindings = []
        for start in range(0, rows, size):
            binding = session.io_binding()
            for key, value in feeds.items():
                rows_of = part(value, axis[key], start, start + size)
                binding.bind_ortvalue_input(key, onnxruntime.OrtValue.ortvalue_from_numpy(rows_of, device, 0))
            binding.bind_output(output, device, 0)
            self._bindings.append(binding)

    def run(self) -> None:
        """Run, and wait until the device is done."""
        for binding in self._bindings:
            self._session.run_with_iobinding(binding)
            binding.synchronize_outputs()

    def result(self) -> Any:
        """What the last run gave, copied to numpy."""
        return np.concatenate([binding.copy_outputs_to_cpu()[0] for binding in self._bindings])


def nodes_by_provider(
    device: str, model: bytes, threads: int, output: str, feeds: Mapping[str, Any]
) -> Sequence[tuple[str, str, int]]:
    """How many nodes a run executes, by provider and operator, from onnxruntime's profile of it."""
    with TemporaryDirectory() as folder:
        session = open_on(device, model, threads, profile=str(Path(folder) / "profile"))
        session.run([output], dict(feeds))
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    counts = Counter(
        (event["args"]["provider"], event["args"]["op_name"])
        for event in events
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")
    )
    return [(provider, operator, count) for (provider, operator), count in sorted(counts.items())]


def graphics_card() -> str:
    """The name of the first GPU, by nvidia-smi; empty where there is none."""
    import shutil
    import subprocess

    command = shutil.which("nvidia-smi")
    if command is None:
        return ""
    query = [command, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout.strip().splitlines()[0] if answer.returncode == 0 and answer.stdout.strip() else ""
