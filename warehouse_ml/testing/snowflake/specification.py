"""The specification of a service: YAML of which every key has to be known."""

from dataclasses import dataclass
from typing import Any

import yaml  # type: ignore[import-untyped]

from warehouse_ml.testing.snowflake.errors import SERVICE, EmulationError, NotEmulatedError

GPU = "nvidia.com/gpu"

KEYS: dict[str, frozenset[str]] = {
    "": frozenset({"spec"}),
    "spec": frozenset({"containers", "endpoints", "volumes"}),
    "spec.containers": frozenset(
        {"name", "image", "env", "command", "args", "readinessProbe", "resources", "volumeMounts"}
    ),
    "spec.containers.readinessProbe": frozenset({"port", "path"}),
    "spec.containers.resources": frozenset({"requests", "limits"}),
    "spec.containers.resources.requests": frozenset({"cpu", "memory", GPU}),
    "spec.containers.resources.limits": frozenset({"cpu", "memory", GPU}),
    "spec.containers.volumeMounts": frozenset({"name", "mountPath"}),
    "spec.endpoints": frozenset({"name", "port", "public"}),
    "spec.volumes": frozenset({"name", "source", "stageConfig"}),
    "spec.volumes.stageConfig": frozenset({"name"}),
}
"""The keys at each place; what stands in a list is at the place of the list."""


@dataclass(frozen=True, slots=True)
class Specification:
    """What the emulation uses of a specification."""

    containers: tuple[str, ...]
    images: tuple[str, ...]
    endpoints: frozenset[str]
    readiness: str
    stages: tuple[str, ...]


def check(place: str, value: Any) -> None:
    """Refuse unknown keys, at every depth."""
    for entry in value if isinstance(value, list) else [value]:
        if place not in KEYS or not isinstance(entry, dict):
            continue
        for key, below in entry.items():
            if key not in KEYS[place]:
                raise NotEmulatedError(
                    f"the key {key!r} at {place or 'the top'!r} of a service's specification"
                )
            check(f"{place}.{key}".removeprefix("."), below)


def read_specification(text: str) -> Specification:
    """Read a specification.

    Raises:
        EmulationError: It is no YAML, lacks a part, or asks for other GPUs than it is limited to.
        NotEmulatedError: It holds a key that the emulation does not know.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise invalid(f"it is no YAML: {error}") from error
    check("", document)
    try:
        spec = document["spec"]
        containers = spec["containers"]
        for container in containers:
            resources = container.get("resources", {})
            wanted, limit = (resources.get(kind, {}).get(GPU) for kind in ("requests", "limits"))
            if wanted != limit:
                raise invalid(f"{GPU} is {wanted} in requests and {limit} in limits: there would be no GPU")
        probes = [
            container["readinessProbe"]["path"] for container in containers if "readinessProbe" in container
        ]
        return Specification(
            tuple(container["name"] for container in containers),
            tuple(container["image"] for container in containers),
            frozenset(endpoint["name"] for endpoint in spec.get("endpoints", ()) if endpoint["port"]),
            probes[0] if probes else "",
            tuple(
                volume["stageConfig"]["name"]
                for volume in spec.get("volumes", ())
                if volume["source"] == "stage"
            ),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise invalid(f"{error} is missing or of another type") from error


def invalid(why: str) -> EmulationError:
    """The error for a specification that Snowflake would refuse."""
    return EmulationError(SERVICE, f"Invalid spec: {why}.")
