"""What a session tells and changes of its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from warehouse_ml.functions import Functions
from warehouse_ml.model import ModelVersion
from warehouse_ml.registry.registry import Registry
from warehouse_ml.registry.rows import AliasChange
from warehouse_ml.registry.selector import split_reference


class Catalogue:
    """The models of a database, by a registry and the functions of its versions."""

    _registry: Registry
    _functions: Functions

    def models(self) -> list[ModelVersion]:
        """The newest version of every model, by name."""
        return self._registry.models()

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of a model, oldest first.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        return self._registry.versions(name)

    def describe(self, reference: str) -> ModelVersion:
        """The version that `name[@selector]` stands for; print it to read all of it.

        From then on its plain functions can be called by any SQL on this connection.

        Raises:
            WarehouseMLError: There is no such model, version or alias.
        """
        name, selector = split_reference(reference)
        return self._functions.offer(self._registry.resolve(name, selector))

    def aliases(self, name: str) -> dict[str, int]:
        """The aliases of a model and the versions that they point to."""
        return self._registry.aliases(name)

    def alias_history(self, name: str) -> list[AliasChange]:
        """Every change of an alias of a model, oldest first."""
        return self._registry.alias_history(name)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias to a version; `default` is what a call without a selector takes.

        Raises:
            InvalidNameError: The alias is not an identifier, or is reserved.
            VersionNotFoundError: There is no such version.
        """
        self._registry.set_alias(name, alias, version)
        self._changed()

    def drop_alias(self, name: str, alias: str) -> None:
        """Remove an alias; its history stays."""
        self._registry.drop_alias(name, alias)
        self._changed()

    def set_comment(self, reference: str, comment: str) -> ModelVersion:
        """Replace the comment of a version."""
        version = self.describe(reference)
        return self._registry.set_comment(version.name, version.version, comment)

    def set_tags(self, reference: str, tags: Mapping[str, str]) -> ModelVersion:
        """Replace the tags of a version."""
        version = self.describe(reference)
        return self._registry.set_tags(version.name, version.version, tags)

    def drop_model(self, name: str, version: int | None = None) -> None:
        """Drop a version, or a model with all of them; their numbers are never used again.

        Raises:
            ModelNotFoundError: There is no such model.
            AliasInUseError: An alias points to the version.
        """
        dropped = [known for known in self._registry.versions(name) if version in (None, known.version)]
        self._registry.drop_model(name, version)
        self._changed(dropped)

    def _changed(self, dropped: Sequence[ModelVersion] = ()) -> None:
        """What references stand for may have changed, and versions may be gone."""
