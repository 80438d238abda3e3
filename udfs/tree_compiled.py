"""Functions compiled by numba, kept on disk until a file that went into them changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]

SOURCES = ("tree_compiled.py", "tree_instructions.py", "tree_loops.py", "tree_vectors.py")
"""The files that compiled code is made of."""

_njit: Callable[..., Any] = numba.njit


@cache
def _digest() -> str:
    """What tells the sources from any others."""
    digest = hashlib.sha256()
    for name in SOURCES:
        text = Path(__file__).with_name(name).read_bytes()
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()[:16]


def compiled(function: Any) -> Any:
    """Has a function compiled when it is first called, and kept on disk.

    What numba keeps names the module of the function, and loading it imports that module. These files are
    loaded under more than one name, or none that can be imported, hence the name of a module that always can
    be.

    Whether what it kept is still right, numba asks the function's own file alone, not those that the
    instructions come from. But it finds it by the function's qualified name, hence the digest in that: code
    that was made of other sources is never found. Where the sources cannot be read, nothing is kept.
    """
    function.__module__ = "numpy"
    try:
        function.__qualname__ = f"{function.__name__}_{_digest()}"
        return _njit(nogil=True, cache=True, error_model="numpy")(function)
    # the sources lie in an archive, or no folder can be written to: neither this one nor the user's
    except (OSError, RuntimeError):
        return _njit(nogil=True, error_model="numpy")(function)
