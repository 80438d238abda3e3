"""The statements that make a version callable on Snowflake, as text."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from warehouse_ml.engines.handler_files import handler_file, load_handler
from warehouse_ml.engines.snowflake_deployment import Deployment
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.errors import MethodError
from warehouse_ml.model import ModelVersion
from warehouse_ml.quoting import snowflake_literal, snowflake_name
from warehouse_ml.signature import TYPES, Method, Signature

MOST_ARGUMENTS = 500
"""How many arguments a function of Snowflake takes; more features are packed into one OBJECT."""

HANDLER = "snowflake_udf"
"""The module whose functions are called; the others are imported by it."""

HANDLERS = (HANDLER, "onnx_udf", "text_analysis")


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that a deployment puts on the stage.

    Attributes:
        folder: The folder below the stage; a digest of the content is part of it.
        name: The file's name; names differ over the imports of one function.
    """

    folder: str
    name: str

    @property
    def path(self) -> str:
        """Folder and name."""
        return f"{self.folder}/{self.name}"


def is_packed(signature: Signature) -> bool:
    """Whether the functions take one OBJECT with all features instead of an argument for each."""
    return len(signature.features) > MOST_ARGUMENTS


def content_folder(name: str, version: int, sha256: str) -> str:
    """Where content of a version lies: equal paths are equal content."""
    return f"models/{name}/{version}/{sha256[:16]}"


def model_files(version: ModelVersion) -> tuple[StagedFile, StagedFile]:
    """The model's own files: its ONNX file, and what the handler must know of it."""
    folder = content_folder(version.name, version.version, version.sha256)
    return StagedFile(folder, "model.onnx"), StagedFile(folder, "deployment.json")


def tensors_file(version: ModelVersion) -> StagedFile:
    """The same model as a GPU runs it, with tensor operators for its trees; only a service reads it."""
    return StagedFile(content_folder(version.name, version.version, version.sha256), "tensors.onnx")


def tensors_of(plan: bytes | None) -> bytes:
    """What a GPU runs in place of the model's file, out of a version's plan; empty where there is nothing."""
    return bytes(load_handler("planned_udf").tensors_of_plan(plan or b""))


def handler_files() -> tuple[StagedFile, ...]:
    """The handler's files, the same for all versions of a release."""
    contents = handler_contents()
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    folder = f"handlers/{digest.hexdigest()[:16]}"
    return tuple(StagedFile(folder, name) for name in contents)


@cache
def handler_contents() -> dict[str, bytes]:
    """The handler's files by name: the very files that DuckDB's functions run."""
    return {f"{name}.py": handler_file(name).read_bytes() for name in HANDLERS}


def deployment_json(version: ModelVersion, tensors: bytes = b"") -> bytes:
    """What the handler must know of a version, as JSON: the digests of its files, and the signature.

    Args:
        version: The version.
        tensors: The content of `tensors_file`, where there is one.
    """
    facts: dict[str, Any] = {
        "sha256": version.sha256,
        "signature": json.loads(version.signature.to_json()),
        "packed": is_packed(version.signature),
    }
    if tensors:
        facts["tensors"] = hashlib.sha256(tensors).hexdigest()
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def create_function(version: ModelVersion, method: Method, deployment: Deployment) -> str:
    """The statement that makes a method of a version callable.

    Raises:
        MethodError: The version has no such method.
    """
    output = version.signature.result(method)
    if output is None:
        raise MethodError(version.reference, method.upper(), version.signature.task)
    files = [*model_files(version), *handler_files()]
    stage = f"@{deployment.schema}.artifacts"
    repository = deployment.artifact_repository
    return rendered(
        "replace_function" if deployment.replace else "create_function",
        secure="SECURE " if deployment.secure else "",
        function=function_name(version, method, deployment.schema),
        arguments=", ".join(f"{name} {kind}" for name, kind in _parameters(version.signature)),
        result=output.sql_type("snowflake"),
        runtime=snowflake_literal(deployment.runtime),
        comment=snowflake_literal(f"{version.reference} {method}, SHA-256 {version.sha256}"),
        imports=_texts([f"{stage}/{file.path}" for file in files]),
        packages=_texts(deployment.packages),
        artifact_repository="" if repository is None else f"ARTIFACT_REPOSITORY = {repository}\n",
        resource_constraint=(
            ""
            if deployment.architecture is None
            else f"RESOURCE_CONSTRAINT = (architecture = {snowflake_literal(deployment.architecture)})\n"
        ),
        handler=snowflake_literal(f"{HANDLER}.{method}"),
    )


def function_name(version: ModelVersion, method: Method, schema: str) -> str:
    """A function's name with its schema. Letters, digits and underscores alone need no quotes."""
    return f"{schema}.{version.function_of(method)}"


def create_schema(deployment: Deployment) -> str:
    """The statement that makes the schema where it is missing."""
    return rendered("create_schema", schema=deployment.schema)


def create_stage(deployment: Deployment) -> str:
    """The statement that makes the stage where it is missing."""
    return rendered("create_stage", schema=deployment.schema)


def grants(version: ModelVersion, deployment: Deployment) -> list[str]:
    """The statements that let the caller's role call a version; none without such a role."""
    if deployment.caller_role is None:
        return []
    role = snowflake_name(deployment.caller_role)
    general = [
        rendered(name, schema=deployment.schema, role=role)
        for name in ("grant_schema", "grant_stage", "grant_tables", "grant_views")
    ]
    functions = [
        rendered(
            "grant_function",
            function=function_name(version, method, deployment.schema),
            types=_types(version.signature),
            role=role,
        )
        for method in version.methods
    ]
    return [*general, *functions]


def withdrawal(version: ModelVersion, schema: str) -> list[str]:
    """The statements that take a version's functions and files away."""
    drops = [
        rendered(
            "drop_function",
            function=function_name(version, method, schema),
            types=_types(version.signature),
        )
        for method in version.methods
    ]
    folder = f"models/{version.name}/{version.version}"
    return [*drops, rendered("remove_files", stage=f"{schema}.artifacts", folder=folder)]


def put_file(local: str, folder: str, schema: str) -> str:
    """The statement that puts a local file into a folder of the stage; a file that is there stays."""
    file = snowflake_literal(f"file://{local}")
    return rendered("put_file", file=file, stage=f"{schema}.artifacts", folder=folder)


def get_file(path: str, local: str, schema: str) -> str:
    """The statement that gets a file of the stage into a local folder."""
    folder = snowflake_literal(f"file://{local}/")
    return rendered("get_file", stage=f"{schema}.artifacts", path=path, folder=folder)


def call_of(version: ModelVersion, method: Method, schema: str, features: Sequence[str]) -> tuple[str, str]:
    """The name and the arguments of a call.

    Args:
        version: The version.
        method: One that it has.
        schema: Where its function is.
        features: The SQL of each feature's value, in the signature's order.
    """
    arguments = ", ".join(features)
    if is_packed(version.signature):
        names = version.signature.feature_names
        pairs = [f"{snowflake_literal(name)}, {value}" for name, value in zip(names, features, strict=True)]
        arguments = f"OBJECT_CONSTRUCT_KEEP_NULL({', '.join(pairs)})"
    return function_name(version, method, schema), arguments


def _parameters(signature: Signature) -> list[tuple[str, str]]:
    """Names and types of a function's parameters. Values come by position, so no feature's name is needed."""
    if is_packed(signature):
        return [("features", "OBJECT")]
    return [
        (f"feature_{position}", TYPES[feature.type].snowflake)
        for position, feature in enumerate(signature.features)
    ]


def _types(signature: Signature) -> str:
    """What names a function beside its name: the types of its arguments, without their precision."""
    return ", ".join(kind.partition("(")[0] for _, kind in _parameters(signature))


def _texts(texts: Sequence[str]) -> str:
    return ", ".join(map(snowflake_literal, texts))
