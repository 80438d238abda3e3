"""What a deployment to Snowflake does, as statements: to be read, reviewed, or run by somebody else."""

import hashlib
from collections.abc import Mapping, Sequence

from warehouse_ml.engines.snowflake_ddl import (
    StagedFile,
    content_folder,
    create_function,
    create_schema,
    create_stage,
    grants,
    handler_files,
    model_files,
    put_file,
    tensors_file,
    tensors_of,
)
from warehouse_ml.engines.snowflake_deployment import Deployment
from warehouse_ml.engines.snowflake_dispatch import NAMES, create_dispatch, dispatched
from warehouse_ml.engines.snowflake_readers import create_readers
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.model import ModelVersion
from warehouse_ml.quoting import snowflake_name
from warehouse_ml.registry.access import TABLES

__all__ = ["Deployment", "dispatch_statements", "statements"]

_ALIAS = ("begin", "update_model_aliases", "insert_alias_change", "commit")
"""The statements that point an alias to a version."""


def statements(
    version: ModelVersion,
    deployment: Deployment,
    *,
    proof: bytes | None = None,
    plan: bytes | None = None,
    aliases: Sequence[str] = (),
) -> list[str]:
    """The text of every statement of a push that makes or changes something, in order, without a connection.

    Files stand with their bare names, and values that a push binds as `?`. A push asks in between what is
    there already; the functions that find versions by name are those of a registry without any other version.

    Args:
        version: The version, with the number that it is to have.
        deployment: How its functions are made.
        proof: The rows that were kept to verify it with.
        plan: How it is scored fast.
        aliases: Aliases that are to point to it.
    """
    schema = deployment.schema
    pointers = ("default", *(alias.lower() for alias in aliases))
    tensors = [tensors_file(version)] if tensors_of(plan) else []

    def put(file: StagedFile) -> str:
        return put_file(file.name, file.folder, schema)

    def content(name: str, data: bytes | None) -> list[str]:
        if not data:
            return []
        sha256 = hashlib.sha256(data).hexdigest()
        return [put(StagedFile(content_folder(version.name, version.version, sha256), name))]

    def registry(*names: str) -> list[str]:
        return [rendered(name, schema=schema) for name in names]

    return [
        create_schema(deployment),
        create_stage(deployment),
        *registry(*TABLES, "insert_format"),
        *map(put, (*handler_files(), *model_files(version), *tensors)),
        *(create_function(version, method, deployment) for method in version.methods),
        *grants(version, deployment),
        *content("proof.arrow", proof),
        *content("plan.bin", plan),
        *registry("insert_model", "begin", "update_model_versions", "insert_version"),
        *(registry("insert_plan") if plan else []),
        *registry("commit"),
        *(text for _ in aliases for text in registry(*_ALIAS)),
        *create_readers(deployment.schema),
        *dispatch_statements([version], {version.name: dict.fromkeys(pointers, version.version)}, deployment),
    ]


def dispatch_statements(
    versions: Sequence[ModelVersion], pointers: Mapping[str, Mapping[str, int]], deployment: Deployment
) -> list[str]:
    """The statements that make the functions that find versions by the names of models.

    Args:
        versions: The versions of all models.
        pointers: For each model what its aliases point to, with `default`.
        deployment: How the functions are made.
    """
    entries = dispatched(versions, pointers)
    found = []
    for method, name in NAMES.items():
        found.append(create_dispatch(entries, method, deployment.schema, secure=deployment.secure))
        if deployment.caller_role is not None:
            function, role = f"{deployment.schema}.{name}", snowflake_name(deployment.caller_role)
            found.append(rendered("grant_dispatch_function", function=function, role=role))
    return found
