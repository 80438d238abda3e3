"""The machine and the versions that figures were measured with."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.threads import THREADS

LIBRARIES = (
    "warehouse-ml",
    "duckdb",
    "numpy",
    "pyarrow",
    "onnxruntime",
    "numba",
    "sqlglot",
    "pandas",
    "scikit-learn",
    "xgboost",
    "lightgbm",
    "onnx",
    "skl2onnx",
    "onnxmltools",
    "scikit-learn-intelex",
    "treelite",
    "orbital",
    "mlflow",
)


def machine() -> dict[str, str]:
    """Facts about the hardware, by their names."""
    return {
        "processor": _processor(),
        "cores": f"{_cores()} of {os.cpu_count()}",
        "threads": f"{THREADS}, for every contestant",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that are installed, by their names."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def command() -> str:
    """The command that was given."""
    return " ".join(["python -m benchmarks", *sys.argv[1:]])


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2].strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> str:
    if not hasattr(os, "sysconf"):
        return "unknown"
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.0f} GiB"
