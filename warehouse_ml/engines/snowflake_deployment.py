"""The settings of a deployment to Snowflake, and the names that follow from them."""

import re
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from warehouse_ml.errors import DeploymentError, MissingDependencyError
from warehouse_ml.quoting import snowflake_name

PYPI = "snowflake.snowpark.pypi_shared_repository"
"""The artifact repository of Snowflake that holds what PyPI holds."""

RUNTIMES = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The Python versions that Snowflake's functions run on, as of late 2026; 3.9 is decommissioned."""

_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+!_-]*")
_IDENTIFIER = r'(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"]|"")+")'
_REPOSITORY = re.compile(rf"{_IDENTIFIER}(?:\.{_IDENTIFIER}){{0,2}}")


def _running_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@cache
def _installed_packages() -> tuple[str, ...]:
    """What the handlers import, pinned to the versions that the model was proved with."""
    return tuple(f"{name}=={_installed(name)}" for name in ("onnxruntime", "numpy", "pandas"))


def _installed(package: str) -> str:
    # the package for GPUs has another name here; a warehouse has none
    for name in (package, f"{package}-gpu"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    raise MissingDependencyError(package, "snowflake")


@dataclass(frozen=True, slots=True)
class Deployment:
    """How functions are made on Snowflake.

    Attributes:
        runtime: The Python version that functions run on; by default the one that runs here.
        packages: What they need, pinned: `name==version`; by default what is installed here.
        artifact_repository: Where packages come from; None for Snowflake's Anaconda channel.
        architecture: `x86` where a package has no build for another one.
        secure: Make SECURE functions: other functions of a statement cannot read their files, which hold the
            model's weights, and Snowflake optimizes calls of them less.
        caller_role: A role that may call the functions, and read the registry.
        database: The database; by default the current one of the session.
        replace: Make functions anew where they exist, for another runtime or other packages. The grants stay.
            Without it, a function that exists is never touched.
    """

    runtime: str = field(default_factory=_running_python)
    packages: tuple[str, ...] = field(default_factory=_installed_packages)
    artifact_repository: str | None = PYPI
    architecture: str | None = None
    secure: bool = False
    caller_role: str | None = None
    database: str | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        """Check all that becomes a part of a statement.

        Raises:
            DeploymentError: A setting is not of its form.
        """
        if self.runtime not in RUNTIMES:
            known = ", ".join(map(repr, RUNTIMES))
            raise DeploymentError("runtime", self.runtime, f"a Python version of Snowflake's, one of {known}")
        if not isinstance(self.packages, tuple | list) or not self.packages:
            raise DeploymentError("packages", self.packages, "a tuple of pins such as 'numpy==2.3.1'")
        for package in self.packages:
            if not isinstance(package, str) or _PIN.fullmatch(package) is None:
                raise DeploymentError("packages", package, "an exact pin such as 'numpy==2.3.1'")
        if self.architecture not in (None, "x86"):
            raise DeploymentError("architecture", self.architecture, "'x86', or None for any")
        repository = self.artifact_repository
        if repository is not None and _REPOSITORY.fullmatch(str(repository)) is None:
            raise DeploymentError("artifact_repository", repository, f"a name such as '{PYPI}'")
        for setting, name in (("caller_role", self.caller_role), ("database", self.database)):
            if name is not None and not _is_name(name):
                raise DeploymentError(setting, name, "a name of 1 to 255 characters")
        for setting, switch in (("secure", self.secure), ("replace", self.replace)):
            if not isinstance(switch, bool):
                raise DeploymentError(setting, switch, "True or False")

    @property
    def schema(self) -> str:
        """The schema as it stands in statements."""
        return schema_of(self.database)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name.strip()) and len(name) <= 255 and "\0" not in name


def schema_of(database: str | None) -> str:
    """The schema of the registry and the functions, of a database or of the current one."""
    return "warehouse_ml" if database is None else f"{snowflake_name(database)}.warehouse_ml"
