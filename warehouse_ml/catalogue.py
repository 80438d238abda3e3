"""What a session does with the models of its database: tells, changes, verifies and hands them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse_ml.engines import open_engine
from warehouse_ml.engines.base import Engine
from warehouse_ml.errors import ArgumentError, RegistryError
from warehouse_ml.functions import Functions
from warehouse_ml.model import ModelVersion
from warehouse_ml.push_arguments import Aliases, check_deployment, check_target, chosen_aliases
from warehouse_ml.registry.registry import Registry
from warehouse_ml.registry.rows import AliasChange
from warehouse_ml.registry.selector import split_reference

if TYPE_CHECKING:
    from warehouse_ml.engines.snowflake_deployment import Deployment
    from warehouse_ml.parity.report import ParityReport
    from warehouse_ml.registration import Registrable


class Catalogue:
    """The models of a database, by a registry and the functions of its versions."""

    def __init__(self, engine: Engine, deployment: Deployment | None = None) -> None:
        """Look at the database of an engine.

        Args:
            engine: The engine.
            deployment: On Snowflake, how the functions of versions are made.
        """
        check_deployment("connect", deployment)
        self._engine = engine
        self._deployment = deployment
        self._registry = Registry(engine)
        self._functions = Functions(engine, self._registry)

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

    def verify(self, reference: str) -> ParityReport:
        """Score the rows that were kept when a version was proved, by SQL, and compare.

        On Snowflake, by its deployed functions too.

        Raises:
            RegistryError: No rows were kept.
            ParityError: A row differs now.
            CorruptModelError: The stored bytes are not the registered ones.
        """
        from warehouse_ml.registration import verify

        version = self.describe(reference)
        proof = self._registry.load_proof(version)
        if proof is None:
            raise RegistryError(f"No rows were kept to verify '{version.reference}' with.")
        onnx, plan = self._registry.load(version), self._registry.load(version, "plan")
        report = verify(version, onnx, proof, self._engine, plan, self._registry.plan_facts(version))
        if self._engine.dialect == "snowflake":
            from warehouse_ml.push import prove

            prove(self._engine, version, proof, self._deployment)
        return report

    def export(self, reference: str, path: str | Path) -> Path:
        """Write a version's ONNX file; the signature is in its metadata.

        Raises:
            CorruptModelError: The stored bytes are not the registered ones.
        """
        file = Path(path)
        file.write_bytes(self._registry.load(self.describe(reference)))
        return file

    def push(
        self,
        reference: str,
        to: Any,
        *,
        deployment: Deployment | None = None,
        aliases: Aliases = (),
    ) -> ModelVersion:
        """Make a version callable on Snowflake, under its own number, and prove it there.

        A push that failed anywhere is finished by another one; what is there is never changed.

        Args:
            reference: `name[@selector]` in this session.
            to: A session on Snowflake, or what `connect` opens one with.
            deployment: How its functions are made; by default as the other session has it.
            aliases: Aliases to point to the version there too, where they do here; or all.

        Returns:
            The version as it is there.

        Raises:
            ArgumentError: An argument is of another kind.
            VersionTakenError: Another model has that number there. Nothing was changed.
            ParityError: The functions there do not score as the model was proved to; it was not registered.
            WarehouseMLError: There is no such version, or the target is not on Snowflake.
        """
        check_deployment("push", deployment)
        if not isinstance(reference, str):
            raise ArgumentError("push", "reference", reference, "a text, name[@selector]")
        if not isinstance(to, Catalogue):
            check_target(to)
        target = to if isinstance(to, Catalogue) else Catalogue(open_engine(to))
        try:
            if target._engine.dialect != "snowflake":
                raise RegistryError(
                    f"A version is pushed to a session on Snowflake; Session({target._engine!r}) is none."
                )
            from warehouse_ml.push import push

            settings = deployment or target._deployment
            return push(reference, self._registry, target._engine, settings, aliases=aliases)
        finally:
            if target is not to:
                target._engine.close()

    def push_statements(
        self, reference: str, *, deployment: Deployment | None = None, aliases: Aliases = ()
    ) -> list[str]:
        """The statements by which `push` makes a version, in order, without a connection.

        The functions that find versions by name are those of an account without any other version.

        Args:
            reference: `name[@selector]`.
            deployment: How its functions are made.
            aliases: Aliases to point to the version there too, where they do here; or all.
        """
        from warehouse_ml.deployment import Deployment, statements

        check_deployment("push_statements", deployment)
        version = self.describe(reference)
        pointers = chosen_aliases(self._registry, version, aliases)
        proof, plan = self._registry.load_proof(version), self._registry.load(version, "plan")
        return statements(version, deployment or Deployment(), proof=proof, plan=plan, aliases=pointers)

    def _add(
        self,
        name: str,
        ready: Registrable,
        *,
        metrics: Mapping[str, float] | None = None,
        lineage: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        comment: str = "",
    ) -> ModelVersion:
        """Write a version of what is ready for it, and make that callable."""
        stored = self._registry.register(
            name,
            ready.onnx,
            ready.signature,
            metrics=metrics,
            parity=ready.parity,
            lineage={**ready.lineage, **(lineage or {})},
            tags=tags,
            comment=comment,
            proof=ready.proof,
            plan=ready.plan,
            prepare=self._preparation(ready),
        )
        self._changed()
        return self._functions.offer(stored)

    def _preparation(self, ready: Registrable) -> Callable[[ModelVersion], object]:
        """What must be done before a version's row is written: on Snowflake, deploy it and prove that."""
        if self._engine.dialect != "snowflake":
            return lambda version: None
        from warehouse_ml.push import preparation

        plan = b"" if ready.plan is None else ready.plan.data
        return preparation(self._engine, ready.onnx, ready.proof, self._deployment, plan=plan)

    def _changed(self, dropped: Sequence[ModelVersion] = ()) -> None:
        """On Snowflake, make the functions anew that find versions by name, and remove what was dropped."""
        if self._engine.dialect == "snowflake":
            from warehouse_ml.push import publish, withdraw

            publish(self._engine, self._registry, self._deployment)
            withdraw(self._engine, dropped, self._deployment)
