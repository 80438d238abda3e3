"""The models that the service serves: found in a folder, checked, loaded."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx_udf import CELLS_PER_RUN, DEVICE_CELLS_PER_RUN, Scorer
from service_placement import Placement, check_placement, placement_of, providers_of
from service_settings import Settings, StartError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_VERSION = re.compile(r"[1-9][0-9]*", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{16}", re.ASCII)

MODEL, TENSORS, DEPLOYMENT = "model.onnx", "tensors.onnx", "deployment.json"
"""The model; the same with tensor operators for its trees, which a GPU has; what must be known of them."""

SIGNATURE = "warehouse_ml.signature"
"""Where a model file carries its own copy of the signature."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version's files.

    Attributes:
        name: The model's name.
        version: The version's number.
        folder: Where they lie.
    """

    name: str
    version: int
    folder: Path

    @property
    def reference(self) -> str:
        """How the service names it: `churn/3`."""
        return f"{self.name}/{self.version}"


class ServedModel(Scorer):
    """A version in memory.

    Attributes:
        deployment: Its files.
        sha256: The digest of the ONNX bytes.
        packed: Whether a row of a request holds one object of the features by name.
        features: The features, as the signature lists them.
        placement: Where the nodes of its graph run.
    """

    def __init__(self, deployment: Deployment, settings: Settings) -> None:
        """Load a version.

        Raises:
            StartError: The bytes are not the deployed ones, or the device does not run the graph.
        """
        facts = json.loads(_read(deployment.folder / DEPLOYMENT))
        model = _checked(deployment, MODEL, facts["sha256"])
        cells = CELLS_PER_RUN
        if settings.device == "cuda":
            cells = DEVICE_CELLS_PER_RUN
            if facts.get("tensors"):
                model = _checked(deployment, TENSORS, facts["tensors"])
        super().__init__(model, facts["signature"], settings.threads, providers_of(settings.device), cells)
        if json.loads(self.metadata.get(SIGNATURE, "null")) not in (None, facts["signature"]):
            raise StartError(
                f"{deployment.reference}: the signature in {DEPLOYMENT} is not that of {MODEL}. "
                "Push the version again."
            )
        self.session.disable_fallback()  # a failed run is an error, not a new session on the CPU
        self.deployment = deployment
        self.sha256: str = facts["sha256"]
        self.packed: bool = facts["packed"]
        self.features: Sequence[Mapping[str, Any]] = self._features
        self.placement: Placement | None = placement_of(self.session)
        check_placement(
            deployment.reference,
            settings.device,
            self.session.get_providers(),
            self.placement,
            allow_cpu=bool(settings.allow_cpu_nodes),
        )


def _checked(deployment: Deployment, name: str, sha256: str) -> bytes:
    """A file of a version, if it is the one that was pushed."""
    content = _read(deployment.folder / name)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise StartError(
            f"{deployment.reference}: {name} has the SHA-256 {found}, but {DEPLOYMENT} says "
            f"{sha256}: it is another model, or was damaged. Push the version again."
        )
    return content


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StartError(f"{file} cannot be read: {error.strerror}.") from None


def find_deployments(folder: Path, serve: str = "") -> list[Deployment]:
    """The versions below a folder: `<name>/<version>/`, or `<name>/<version>/<start of the digest>/`.

    Args:
        folder: Where models lie; a stage is mounted there.
        serve: Which of them to serve, as `churn/3, churn/4/0123456789abcdef`; all if empty.

    Raises:
        StartError: There are none, or one that is to be served is missing or ambiguous.
    """
    if serve.strip():
        return [_wanted(folder, entry.strip()) for entry in serve.split(",") if entry.strip()]
    if not folder.is_dir():
        raise StartError(f"WML_MODELS is {str(folder)!r}, which is no folder.")
    found = [
        _wanted(folder, f"{name.name}/{version.name}")
        for name in sorted(folder.iterdir())
        if name.is_dir() and _NAME.fullmatch(name.name)
        for version in sorted(name.iterdir())
        if version.is_dir() and _VERSION.fullmatch(version.name)
    ]
    if not found:
        raise StartError(
            f"{str(folder)!r} holds no model: {MODEL} and {DEPLOYMENT} lie in <name>/<version>/."
        )
    return found


def _wanted(folder: Path, entry: str) -> Deployment:
    name, _, rest = entry.partition("/")
    version, _, digest = rest.partition("/")
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise StartError(f"WML_SERVE names {entry!r}; an entry is like churn/3.")
    whole = folder / name / version
    if digest:
        if not _DIGEST.fullmatch(digest):
            raise StartError(f"WML_SERVE names {entry!r}; a digest is 16 hexadecimal digits.")
        return Deployment(name, int(version), whole / digest)
    if (whole / DEPLOYMENT).is_file():
        return Deployment(name, int(version), whole)
    digests = [part for part in sorted(whole.glob("*")) if _DIGEST.fullmatch(part.name)]
    if len(digests) != 1:
        what = (
            "there are several: " + ", ".join(part.name for part in digests) if digests else "there is none"
        )
        raise StartError(f"{name}/{version}: one deployment was expected in {str(whole)!r}, but {what}.")
    return Deployment(name, int(version), digests[0])
