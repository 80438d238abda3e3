"""What a push is asked for, checked before anything is opened or changed."""

from collections.abc import Iterable
from typing import Any, Literal

from warehouse_ml.engines.snowflake_deployment import Deployment
from warehouse_ml.engines.snowflake_target import likely_target
from warehouse_ml.errors import ArgumentError, RegistryError
from warehouse_ml.model import ModelVersion
from warehouse_ml.registry.registry import Registry

Aliases = Iterable[str] | Literal["all"]


def check_target(to: Any) -> None:
    """Check what a version is to be pushed to, where it is no session of this package.

    Raises:
        RegistryError: It is a text, but no URL.
        ArgumentError: It is no session.
    """
    if isinstance(to, str):
        if to[:12].lower() != "snowflake://":
            raise RegistryError(f"A version is pushed to Snowflake; write '{likely_target(to)}'.")
    elif type(to).__module__.partition(".")[0] != "snowflake" or type(to).__name__ != "Session":
        raise ArgumentError(
            "push",
            "to",
            to,
            "a session on Snowflake, one of Snowpark, or 'snowflake://' and a connection's name or URL",
        )


def check_deployment(method: str, deployment: object) -> None:
    """Check that a deployment is one.

    Raises:
        ArgumentError: It is something else.
    """
    if deployment is not None and not isinstance(deployment, Deployment):
        raise ArgumentError(method, "deployment", deployment, "a Deployment(runtime=…, packages=…)")


def chosen_aliases(source: Registry, version: ModelVersion, aliases: Aliases) -> list[str]:
    """The aliases that are to point to a version in the target too.

    Raises:
        ArgumentError: They are no texts.
        RegistryError: One does not point to the version in the source.
    """
    known = source.aliases(version.name)
    mine = [alias for alias, number in known.items() if number == version.version]
    if aliases == "all":
        return mine
    asked: list[Any] = (
        [aliases] if isinstance(aliases, str) or not isinstance(aliases, Iterable) else [*aliases]
    )
    if not all(isinstance(alias, str) for alias in asked):
        raise ArgumentError("push", "aliases", aliases, "a list of aliases, or 'all'")
    wanted = list(dict.fromkeys(alias.lower() for alias in asked))
    for alias in wanted:
        if alias not in mine:
            raise RegistryError(f"The alias {alias!r} does not point to '{version.reference}' in the source.")
    return wanted
