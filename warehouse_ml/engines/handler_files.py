"""The files of `udfs/`, loaded as modules: the very files that a warehouse gets."""

import importlib.util
import sys
import threading
from functools import cache
from pathlib import Path
from types import ModuleType

_NEEDS = {
    "onnx_service": (
        *("onnx_udf", "service_answers", "service_batcher", "service_metrics", "service_models"),
        *("service_placement", "service_settings", "service_wire"),
    ),
    "onnx_udf": ("text_analysis",),
    "planned_udf": ("onnx_udf",),
    "service_batcher": ("onnx_udf",),
    "service_models": ("onnx_udf", "service_placement", "service_settings"),
    "service_placement": ("service_settings",),
    "service_wire": ("onnx_udf",),
    "snowflake_udf": ("onnx_udf",),
    "tree_arrangement": ("tree_columns", "tree_groups", "tree_nodes", "tree_program"),
    "tree_columns": ("tree_nodes",),
    "tree_groups": ("tree_nodes",),
    "tree_instructions": ("tree_vectors",),
    "tree_kernel": ("tree_arrangement", "tree_loops"),
    "tree_loops": ("tree_compiled", "tree_instructions", "tree_vectors"),
    "tree_program": ("tree_nodes",),
}
"""The handlers that a handler imports by their bare names, as they lie side by side in a warehouse."""

_loading = threading.RLock()


def handler_file(name: str) -> Path:
    """Where a handler lies: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "udfs"
    folder = inside if inside.is_dir() else package.parent / "udfs"
    return folder / f"{name}.py"


def load_handler(name: str) -> ModuleType:
    """A handler as a module of its own name in this package; nothing else can import it by its bare name.

    Raises:
        ImportError: A library that it needs is not installed.
    """
    with _loading:
        return _load(name)


@cache
def _load(name: str) -> ModuleType:
    file = handler_file(name)
    spec = importlib.util.spec_from_file_location(f"warehouse_ml_{name}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # as an import would
    others = {needed: sys.modules.get(needed) for needed in _NEEDS.get(name, ())}
    try:
        for needed in others:
            sys.modules[needed] = _load(needed)
        spec.loader.exec_module(module)
    finally:
        for needed, other in others.items():
            if other is None:
                sys.modules.pop(needed, None)  # not there when it could not be loaded
            else:
                sys.modules[needed] = other
    return module
