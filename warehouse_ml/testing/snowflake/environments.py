"""Virtual environments that hold exactly PACKAGES, made once and kept in the user's cache folder."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from warehouse_ml.testing.snowflake.errors import PACKAGES, EmulationError, NotEmulatedError

LAYOUT = 1
"""Counts changes of how an environment is made: older ones are not used again."""

REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(==[A-Za-z0-9.!+]+)?")


def cache_folder() -> Path:
    """Where environments are kept: `$XDG_CACHE_HOME/warehouse-ml`, or the same below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "warehouse-ml" / "snowflake-environments"


def interpreter(runtime: str) -> str:
    """A Python of the runtime's minor version, such as 3.11."""
    if runtime == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{runtime}")
    # a shim may stand for a Python that is not installed
    if found is None or subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
        raise NotEmulatedError(
            f"RUNTIME_VERSION = '{runtime}' on this machine, which has no python{runtime}: install one, "
            "or deploy from the Python that runs the tests"
        )
    return found


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock that other processes wait for."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def environment(packages: tuple[str, ...], runtime: str) -> Path:
    """The Python of an environment with these packages and what they need, and nothing else.

    Raises:
        EmulationError: A package or a version cannot be had, with Snowflake's number 391546.
        NotEmulatedError: No such Python is on this machine, or a package is not `name` or `name==version`.
    """
    for package in packages:
        if not REQUIREMENT.fullmatch(package):
            raise NotEmulatedError(f"the package {package!r}: give a name, or name==version")
    wanted = sorted({package.lower() for package in packages})
    key = hashlib.sha256(json.dumps([LAYOUT, runtime, sys.platform, wanted]).encode()).hexdigest()[:16]
    folder = cache_folder() / f"{runtime}-{key}"
    python = folder / "bin" / "python"
    done = folder / "complete.json"
    if done.exists():
        return python
    with locked(folder.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder, wanted, interpreter(runtime))
            done.write_text(json.dumps(wanted))
    return python


def installer(python: Path) -> list[str]:
    """The command that installs into another environment: pip's, or uv's where pip is not."""
    if find_spec("pip") is not None:
        quiet = ["--quiet", "--disable-pip-version-check"]
        return [sys.executable, "-m", "pip", "--python", str(python), "install", *quiet]
    uv = shutil.which("uv")
    if uv is None:
        raise NotEmulatedError("PACKAGES on this machine, which has neither pip nor uv to install them")
    return [uv, "pip", "install", "--quiet", "--python", str(python)]


def make(folder: Path, packages: list[str], base: str) -> None:
    """Make an environment by venv and pip; pip itself stays outside of it."""
    subprocess.run([base, "-m", "venv", "--without-pip", str(folder)], check=True, capture_output=True)
    if not packages:
        return
    installed = subprocess.run(
        [*installer(folder / "bin" / "python"), "--only-binary", ":all:", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        said = [
            line for line in installed.stderr.splitlines() if line.strip() and not line.startswith("WARNING")
        ]
        raise EmulationError(
            PACKAGES,
            "SQL compilation error: Cannot create a Python function with the specified packages. "
            f"Please check your packages specification and try again. {' '.join(said)}",
            "22023",
        )
