"""The files of `udfs/`, loaded as modules: the very files that a warehouse gets."""

import importlib.util
import sys
import threading
from functools import cache
from pathlib import Path
from types import ModuleType

_NEEDS = {"planned_udf": ("onnx_udf",)}
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
    sys.modules[spec.name] = module  # code that numba keeps on disk names its module
    others = {needed: sys.modules.get(needed) for needed in _NEEDS.get(name, ())}
    try:
        for needed in others:
            sys.modules[needed] = _load(needed)
        spec.loader.exec_module(module)
    finally:
        for needed, other in others.items():
            if other is None:
                del sys.modules[needed]
            else:
                sys.modules[needed] = other
    return module
