"""The statements that serve versions from GPUs on Snowflake, as text.

A compute pool has nodes with GPUs, a service runs `udfs/onnx_service.py` on them, and a service function
sends it the rows of a statement. The names of pools and services, and of the database and the schema of a
service, cannot be quoted there, so all that a name may be is what needs no quotes.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from warehouse_ml.engines.snowflake_ddl import is_packed
from warehouse_ml.engines.snowflake_deployment import schema_of
from warehouse_ml.engines.snowflake_service_functions import comment_of
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.errors import DeploymentError, MethodError
from warehouse_ml.model import ModelVersion
from warehouse_ml.quoting import snowflake_literal, snowflake_name
from warehouse_ml.signature import TYPES, Method, Signature

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,254}", re.ASCII)
_IMAGE = re.compile(
    r"/?(?:[a-z0-9_][a-z0-9_.-]*/)+[a-z0-9_][a-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})",
    re.ASCII,
)


FAMILIES = {"cuda": "GPU_NV_S", "cpu": "CPU_X64_M"}
"""For each device the smallest nodes with the processors and the memory that an instance gets."""

VERBS = {
    "suspend": "suspend_service",
    "resume": "resume_service",
    "drop": "drop_service",
    "status": "show_service_containers",
}
"""What can be done with a service by its name alone, and the statement of each."""


@dataclass(frozen=True, slots=True)
class ComputePool:
    """Nodes of one kind.

    Attributes:
        name: The pool's name; pools belong to the account.
        family: The kind of the nodes, see `FAMILIES`; `SHOW COMPUTE POOL INSTANCE FAMILIES` lists those of a
            region.
        min_nodes: How many nodes it has at least, while it runs.
        max_nodes: How many at most.
        suspend_seconds: After how much idleness it suspends itself.
    """

    name: str
    family: str = FAMILIES["cuda"]
    min_nodes: int = 1
    max_nodes: int = 1
    suspend_seconds: int = 600

    def __post_init__(self) -> None:
        """Check all that becomes a part of a statement.

        Raises:
            DeploymentError: A setting is not of its form.
        """
        _check_name("pool", self.name)
        _check_name("family", self.family)
        _check_number("max_nodes", self.max_nodes, 1, 1_000)
        _check_number("min_nodes", self.min_nodes, 1, self.max_nodes)
        _check_number("suspend_seconds", self.suspend_seconds, 1, 7 * 86_400)


@dataclass(frozen=True, slots=True)
class ModelService:
    """A service that scores.

    Attributes:
        name: The service's name.
        pool: The name of the compute pool that it runs on.
        image: The path of its image in a repository of the account, with a tag or a digest:
            `/db/warehouse_ml/images/scorer:0.1.0`.
        versions: What it serves.
        device: What scores; a service for `cuda` does not start without.
        gpus: How many GPUs an instance gets; none on the CPU.
        cpus: How many processors an instance gets.
        memory: How much memory, in GiB.
        min_instances: How many instances run at least.
        max_instances: How many at most.
        max_batch_rows: How many rows Snowflake sends at a time.
        batch_retries: How often it sends a batch again; a service with a full queue asks for that.
        batch_timeout_seconds: How long it waits for a batch in all.
        database: The database of the registry; by default the current one of the session.
        caller_role: A role that may call the functions.
    """

    name: str
    pool: str
    image: str
    versions: tuple[ModelVersion, ...]
    device: Literal["cuda", "cpu"] = "cuda"
    gpus: int = 1
    cpus: int = 4
    memory: int = 16
    min_instances: int = 1
    max_instances: int = 1
    max_batch_rows: int = 4_096
    batch_retries: int = 10
    batch_timeout_seconds: int = 3_600
    database: str | None = None
    caller_role: str | None = None

    def __post_init__(self) -> None:
        """Check all that becomes a part of a statement.

        Raises:
            DeploymentError: A setting is not of its form.
        """
        _check_name("name", self.name)
        _check_name("pool", self.pool)
        if self.database is not None:
            _check_name("database", self.database)
        if _IMAGE.fullmatch(self.image) is None:
            raise DeploymentError("image", self.image, "a path with a tag: '/db/schema/images/scorer:0.1.0'")
        if not self.versions:
            raise DeploymentError("versions", self.versions, "one version at least")
        for version in self.versions:
            _check_times(version)
        if self.device not in ("cuda", "cpu"):
            raise DeploymentError("device", self.device, "'cuda' or 'cpu'")
        _check_number("gpus", self.gpus, 1 if self.device == "cuda" else 0, 64)
        _check_number("cpus", self.cpus, 1, 1_024)
        _check_number("memory", self.memory, 1, 16_384)
        _check_number("max_instances", self.max_instances, 1, 1_000)
        _check_number("min_instances", self.min_instances, 1, self.max_instances)
        _check_number("max_batch_rows", self.max_batch_rows, 1, 1_000_000)
        _check_number("batch_retries", self.batch_retries, 0, 1_000)
        _check_number("batch_timeout_seconds", self.batch_timeout_seconds, 1, 86_400)
        if self.caller_role is not None and (not self.caller_role.strip() or len(self.caller_role) > 255):
            raise DeploymentError("caller_role", self.caller_role, "a name of 1 to 255 characters")

    @property
    def schema(self) -> str:
        """The schema as it stands in statements; the service lies beside the registry."""
        # snowflake_name would quote it
        return schema_of(None) if self.database is None else f"{self.database}.{schema_of(None)}"

    @property
    def path(self) -> str:
        """The service with its schema."""
        return f"{self.schema}.{self.name}"


def _check_name(setting: str, name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise DeploymentError(setting, name, "a name of letters, digits and underscores")


def _check_times(version: ModelVersion) -> None:
    """Refuse times that count in parts of a second: whether they reach a service whole is not documented."""
    for feature in version.signature.features:
        if feature.type == "TIMESTAMP" and feature.unit not in ("D", "s"):
            raise DeploymentError(
                "versions",
                version.reference,
                f"versions without times in parts of a second, such as its feature {feature.name!r}: "
                "the text in which Snowflake sends them to a service may lose the fraction",
            )


def _check_number(setting: str, value: int, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise DeploymentError(setting, value, f"a whole number from {least} to {most}")


def create_compute_pool(pool: ComputePool) -> str:
    """The statement that makes a compute pool."""
    return rendered(
        "create_compute_pool",
        pool=pool.name,
        family=pool.family,
        min_nodes=str(pool.min_nodes),
        max_nodes=str(pool.max_nodes),
        suspend_seconds=str(pool.suspend_seconds),
    )


def drop_compute_pool(pool: ComputePool) -> str:
    """The statement that gives the nodes of a pool back."""
    return rendered("drop_compute_pool", pool=pool.name)


def create_image_repository(service: ModelService) -> str:
    """The statement that makes the repository that images are pushed to."""
    return rendered("create_image_repository", schema=service.schema)


def specification(service: ModelService) -> str:
    """What the service runs, as YAML.

    A GPU is given only where requests and limits ask for as many. The stage is mounted read-only in effect:
    the server opens two files of each version, and never writes.
    """
    serve = ",".join(
        f"{version.name}/{version.version}/{version.sha256[:16]}" for version in service.versions
    )
    return _template("service_specification.yaml").format(
        # a JSON text is a YAML text
        image=json.dumps(service.image),
        serve=json.dumps(serve),
        device=service.device,
        cpus=str(service.cpus),
        memory=str(service.memory),
        gpus=f"\n        nvidia.com/gpu: {service.gpus}" if service.gpus else "",
        stage=json.dumps(f"@{service.schema}.artifacts/models"),
    )


def _template(name: str) -> str:
    package = Path(__file__).resolve().parents[1]
    inside = package / "sql"
    folder = inside if inside.is_dir() else package.parent / "sql"
    return (folder / "snowflake" / name).read_text(encoding="utf-8").strip()


def create_service(service: ModelService) -> str:
    """The statement that starts the service."""
    return rendered(
        "create_service",
        service=service.path,
        pool=service.pool,
        specification=specification(service),
        min_instances=str(service.min_instances),
        max_instances=str(service.max_instances),
        comment=snowflake_literal(f"warehouse_ml: {_references(service)}"),
    )


def alter_service(service: ModelService) -> str:
    """The statement that gives a service that runs other versions, or another image."""
    return rendered("alter_service", service=service.path, specification=specification(service))


def show_services(name: str, schema: str | None = None) -> str:
    """The statement that lists the services of a name: one row, or none."""
    _check_name("name", name)
    pattern = snowflake_literal(name.upper())
    return rendered("show_services", pattern=pattern, schema=schema or schema_of(None))


def service_statement(verb: str, name: str, database: str | None = None) -> str:
    """The statement that stops or starts the instances of a service, removes it, or lists its containers.

    Args:
        verb: A key of `VERBS`.
        name: The service's name.
        database: The database of the registry; by default the current one.

    Raises:
        DeploymentError: It is no such name.
    """
    _check_name("name", name)
    if database is not None:
        _check_name("database", database)
    schema = schema_of(None) if database is None else f"{database}.{schema_of(None)}"
    return rendered(VERBS[verb], service=f"{schema}.{name}")


def service_function_name(version: ModelVersion, method: Method, service: ModelService) -> str:
    """A service function's name with its schema: that of a warehouse's function, and `_gpu` or `_cpu`."""
    suffix = "gpu" if service.device == "cuda" else "cpu"
    return f"{service.schema}.{version.function_of(method)}_{suffix}"


def create_service_function(
    version: ModelVersion, method: Method, service: ModelService, *, replace: bool = False
) -> str:
    """The statement that makes a method of a version callable.

    Args:
        version: One that the service serves.
        method: A method that it has.
        service: The service.
        replace: Make it anew where it exists; its grants are lost.

    Raises:
        MethodError: The version has no such method.
    """
    output = version.signature.result(method)
    if output is None:
        raise MethodError(version.reference, method.upper(), version.signature.task)
    return rendered(
        "create_service_function",
        or_replace="OR REPLACE " if replace else "",
        function=service_function_name(version, method, service),
        arguments=", ".join(f"{name} {kind}" for name, kind in _parameters(version.signature)),
        result=output.sql_type("snowflake"),
        service=service.path,
        comment=snowflake_literal(comment_of(version, method, service.device, service.name)),
        max_batch_rows=str(service.max_batch_rows),
        batch_retries=str(service.batch_retries),
        batch_timeout_seconds=str(service.batch_timeout_seconds),
        path=snowflake_literal(f"/{version.name}/{version.version}/{version.sha256[:16]}/{method}"),
    )


def drop_service_function(version: ModelVersion, method: Method, service: ModelService) -> str:
    """The statement that removes a service function."""
    name = service_function_name(version, method, service)
    return rendered("drop_service_function", function=name, types=_types(version.signature))


def service_grants(service: ModelService) -> list[str]:
    """The statements that let the caller's role call all functions; none without such a role."""
    if service.caller_role is None:
        return []
    role = snowflake_name(service.caller_role)
    functions = [
        rendered(
            "grant_function",
            function=service_function_name(version, method, service),
            types=_types(version.signature),
            role=role,
        )
        for version in service.versions
        for method in version.methods
    ]
    return [
        rendered("grant_schema", schema=service.schema, role=role),
        rendered("grant_service_role", service=service.path, role=role),
        *functions,
    ]


def _references(service: ModelService) -> str:
    return ", ".join(version.reference for version in service.versions)


def _parameters(signature: Signature) -> list[tuple[str, str]]:
    if is_packed(signature):
        return [("features", "OBJECT")]
    return [
        (f"feature_{place}", TYPES[feature.type].snowflake)
        for place, feature in enumerate(signature.features)
    ]


def _types(signature: Signature) -> str:
    """A function is named by the types of its arguments too, without their precision."""
    return ", ".join(kind.partition("(")[0] for _, kind in _parameters(signature))
