"""What a deployment to Snowflake does, as statements: to be read, reviewed, or run by somebody else."""

from warehouse_ml.engines.snowflake_ddl import (
    create_function,
    create_schema,
    grants,
    handler_files,
    model_files,
    put_file,
)
from warehouse_ml.engines.snowflake_deployment import Deployment
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.model import ModelVersion

__all__ = ["Deployment", "statements"]

REGISTRY = (
    *("create_format_table", "create_model_table", "create_version_table", "create_alias_table"),
    *("create_versions_view", "create_models_view", "insert_format", "create_plan_table"),
)
"""The statements that make the registry, in order."""


def statements(version: ModelVersion, deployment: Deployment) -> list[str]:
    """The text of every statement that makes a version callable, in order; nothing is connected to.

    Files stand with their bare names, and values that a registration binds as `?`.

    Args:
        version: The version.
        deployment: How its functions are made.
    """
    schema = deployment.schema
    files = [*handler_files(), *model_files(version)]
    return [
        *create_schema(deployment),
        *(rendered(name, schema=schema) for name in REGISTRY),
        *(put_file(file.name, file.folder, schema) for file in files),
        *(create_function(version, method, deployment) for method in version.methods),
        *grants(version, deployment),
        rendered("begin"),
        rendered("insert_model", schema=schema),
        rendered("insert_version", schema=schema),
        rendered("commit"),
    ]
