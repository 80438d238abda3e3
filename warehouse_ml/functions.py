"""The engine's functions of versions: made when a statement, a view or a person needs them."""

from collections.abc import Iterator

from warehouse_ml.engines.base import Engine
from warehouse_ml.errors import WarehouseMLError
from warehouse_ml.model import ModelVersion, version_of_function
from warehouse_ml.registry.registry import Registry
from warehouse_ml.signature import Method
from warehouse_ml.variant import Variant


class Functions:
    """Makes functions callable on an engine; one that is there already stays."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        """Make functions on this engine, of the versions of this registry."""
        self._engine = engine
        self._registry = registry

    def offer(self, version: ModelVersion, methods: tuple[Method, ...] | None = None) -> ModelVersion:
        """Make methods of a version callable, by default all that it has; returns the version."""
        for method in version.methods if methods is None else methods:
            self._engine.register_function(version, method, self._registry.loader(version))
        return version

    def offer_variant(self, variant: Variant) -> None:
        """Make a variant callable.

        Raises:
            RegistryError: An open transaction is in the way.
        """
        loads = [self._registry.loader(member.version) for member in variant.members]
        self._engine.register_variant(variant, loads)

    def provide(self, function: str) -> bool:
        """Make a function callable that a stored text names; False where no version has it."""
        found = version_of_function(function)
        if found is None:
            return False
        name, number, method = found
        for engine, registry in self._databases():
            try:
                version = registry.resolve(name, str(number))
            except WarehouseMLError:
                continue
            if version.function_of(method).casefold() == function.casefold():
                engine.register_function(version, method, registry.loader(version))
                return True
        return False

    def _databases(self) -> Iterator[tuple[Engine, Registry]]:
        """The session's own database, and those attached to it: a view may call their models."""
        yield self._engine, self._registry
        for engine in self._engine.attached():
            yield engine, Registry(engine)
