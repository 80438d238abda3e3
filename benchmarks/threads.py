"""Two cores and two threads for everybody."""

from __future__ import annotations

import os

THREADS = 2

_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def pin_threads() -> None:
    """Set what libraries read when they are loaded; call it before numpy is imported.

    Libraries that take their number of threads as an argument are told in the call: DuckDB, onnxruntime,
    XGBoost, LightGBM, scikit-learn's forests, treelite and oneDAL.
    """
    for variable in _VARIABLES:
        os.environ[variable] = str(THREADS)
    if hasattr(os, "sched_setaffinity"):
        # whoever starts more threads than it is told still has no more than two cores
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    # asks a server for news at import
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
