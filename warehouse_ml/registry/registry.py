"""What a session holds of the registry: every question and every change, each in a transaction.

What a name stands for is asked each time, since another session, thread or process may register at any
moment: a look-up is two small queries. Only what never changes of a version is kept. Every change is one
transaction, so that it is there as a whole or not at all.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from getpass import getuser
from typing import Any, TypeVar

from warehouse_ml.backends.plan import PlanFacts
from warehouse_ml.engines.base import Engine, Part, RegistryMissingError, Transaction
from warehouse_ml.errors import (
    AliasInUseError,
    ModelNotFoundError,
    ReadOnlyError,
    VersionNotFoundError,
    WarehouseMLError,
)
from warehouse_ml.model import ModelVersion
from warehouse_ml.registry.access import Access
from warehouse_ml.registry.addition import Addition
from warehouse_ml.registry.known_versions import KnownVersions
from warehouse_ml.registry.names import alias_name, model_name, version_number
from warehouse_ml.registry.rows import (
    AliasChange,
    Loader,
    Plan,
    aliased_version,
    change_alias,
    change_versions,
    current_aliases,
    current_moment,
    live_version,
    model_row,
    read_versions,
    to_json,
    version_at,
    version_numbers,
)
from warehouse_ml.registry.selector import DEFAULT_ALIAS, AsOf, Latest, Numbered, read_selector
from warehouse_ml.registry.together import Reference, find_together
from warehouse_ml.signature import Signature

_T = TypeVar("_T")


class Registry:
    """The models of a database."""

    def __init__(self, engine: Engine) -> None:
        """Look at the database of an engine; nothing is written before the first registration."""
        self._engine = engine
        access = Access(engine)
        self._look, self._change = access.look, access.change
        self._plan_facts: dict[tuple[str, int, str], PlanFacts | None] = {}
        self._known = KnownVersions()

    def register(
        self,
        name: str,
        onnx: bytes,
        signature: Signature,
        *,
        metrics: Mapping[str, float] | None = None,
        parity: Mapping[str, Any] | None = None,
        lineage: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        comment: str = "",
        created_by: str | None = None,
        proof: bytes | None = None,
        plan: Plan | None = None,
        prepare: Callable[[ModelVersion], object] = lambda version: None,
    ) -> ModelVersion:
        """Add a version, or find the one that holds the same bytes.

        Args:
            name: The model's name.
            onnx: The ONNX file, with the signature in its metadata.
            signature: Features and results.
            metrics: Figures of the training, by name.
            parity: Figures of the parity gate.
            lineage: Where it comes from.
            tags: The user's own labels.
            comment: The user's own words.
            created_by: Who; by default the user of the operating system.
            proof: Rows with the estimator's answers, to verify the version with.
            plan: How it is scored fast.
            prepare: Makes what a version needs before its row is written, given its name, number, digest,
                signature and parity; again, with another number, where another writer was faster.

        Returns:
            The new version, or the existing one as it was; that gets the plan if it had none.

        Raises:
            InvalidNameError: The name is not an identifier.
            ReadOnlyError: The database cannot be written.
        """
        author = _user() if created_by is None else created_by
        given = {"metrics": metrics, "parity": parity, "lineage": lineage, "tags": tags}
        facts: dict[str, Any] = {kind: values or {} for kind, values in given.items()}
        version = ModelVersion(
            model_name(name), 0, "", signature, **facts, comment=comment, created_by=author
        )
        addition = Addition(version, onnx, proof, plan, prepare)
        stored = self._change("register a model", version.name, addition.register, create=True)
        self._plan_facts.pop((stored.name, stored.version, stored.sha256), None)
        return stored

    def adopt(
        self,
        version: ModelVersion,
        onnx: bytes,
        *,
        proof: bytes | None = None,
        plan: Plan | None = None,
        prepare: Callable[[ModelVersion], object] = lambda version: None,
    ) -> ModelVersion:
        """Add a version of another registry with its own number and facts.

        Args:
            version: The version as it is there.
            onnx: Its ONNX file.
            proof: Its proof.
            plan: How it is scored fast.
            prepare: Makes what it needs; called before its row is written, and where it is there already.

        Returns:
            The version, or the existing one of the same bytes as it was; that gets the plan if it had none.

        Raises:
            VersionTakenError: Its number stands for other bytes here, or for a version that was dropped.
            ReadOnlyError: The database cannot be written.
        """
        addition = Addition(version, onnx, proof, plan, prepare)
        return self._change("push a model", version.name, addition.push, create=True)

    def resolve(self, name: str, selector: str = "") -> ModelVersion:
        """Find the version that a reference names.

        Args:
            name: The model's name.
            selector: What stands after `@`: empty, a number, an alias, `latest` or `asof:` and a moment.

        Raises:
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: It has no such version, or had none at that moment.
            AliasNotFoundError: It has no such alias.
        """
        folded = model_name(name)
        wanted = read_selector(selector)

        def find(transaction: Transaction) -> ModelVersion:
            model = model_row(transaction, folded)
            if isinstance(wanted, Numbered):
                number = wanted.version
            elif isinstance(wanted, Latest):
                number = model.newest
            elif isinstance(wanted, AsOf):
                number = version_at(transaction, folded, wanted, selector)
            elif wanted.alias == DEFAULT_ALIAS:
                number = model.default or model.newest
            else:
                number = aliased_version(transaction, folded, wanted.alias)
            if number is None:
                raise VersionNotFoundError(folded, selector, version_numbers(transaction, folded))
            return self._known.live(transaction, folded, number, selector)

        found = self._look(find)
        if found is None:
            raise ModelNotFoundError(folded, ())
        return found

    def resolve_together(self, references: Collection[Reference]) -> dict[Reference, ModelVersion]:
        """Find the versions of several references at once, as far as that is easy; see `find_together`."""
        if not references:
            return {}
        with suppress(WarehouseMLError):  # `resolve` says which of them it is about
            return self._look(lambda transaction: find_together(transaction, references)) or {}
        return {}

    def load(self, version: ModelVersion, part: Part = "onnx") -> bytes:
        """The ONNX bytes of a version, or another part of it; empty for a plan that was not made.

        Raises:
            CorruptModelError: They are not the ones that were registered.
            VersionNotFoundError: The version was dropped.
        """
        if part != "onnx":
            with suppress(RegistryMissingError), self._engine.transaction() as transaction:
                return Loader.of(version)(transaction, part)
            return b""
        onnx = self._look(Loader.of(version))
        if onnx is None:
            raise ModelNotFoundError(version.name, ())
        return onnx

    def check_writable(self, name: str) -> None:
        """Check, before much work is done, that a model of this name can be registered.

        Raises:
            InvalidNameError: The name is not an identifier.
            ReadOnlyError: The database cannot be written.
        """
        model_name(name)
        if self._engine.read_only:
            raise ReadOnlyError("register a model")

    def load_proof(self, version: ModelVersion) -> bytes | None:
        """The rows that were kept to verify a version with; None where none were."""
        rows = self._look(lambda transaction: transaction.run("select_proof", version.name, version.version))
        return bytes(rows[0][0]) if rows and rows[0][0] is not None else None

    @staticmethod
    def loader(version: ModelVersion) -> Loader:
        """What `load` does within a transaction; it holds on to nothing but the version's name and digest."""
        return Loader.of(version)

    def plan_facts(self, version: ModelVersion) -> PlanFacts | None:
        """What a version's plan says of itself; None where no plan was made. It is read once.

        Raises:
            CorruptModelError: It is not what was stored.
            SignatureMismatchError: It was made for another signature.
        """
        key = (version.name, version.version, version.sha256)
        if key not in self._plan_facts:
            text = self.load(version, "facts")
            self._plan_facts[key] = PlanFacts.from_json(text.decode(), version.signature) if text else None
        return self._plan_facts[key]

    def models(self) -> list[ModelVersion]:
        """The newest version of each model, by name."""
        return self._look(lambda transaction: read_versions(transaction, "select_newest_versions")) or []

    def versions(self, name: str) -> list[ModelVersion]:
        """The versions of a model, oldest first.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        return self._of_model(
            name, lambda transaction, folded: read_versions(transaction, "select_versions", folded)
        )

    def live_versions(self) -> list[ModelVersion]:
        """All versions of all models, by name and number."""
        return self._look(lambda transaction: read_versions(transaction, "select_live_versions")) or []

    def pointers(self) -> dict[str, dict[str, int]]:
        """For each model what its aliases point to, and `default` also where it was not set."""
        found: dict[str, dict[str, int]] = {}
        for name, alias, number in self._look(lambda transaction: transaction.run("select_pointers")) or []:
            found.setdefault(name, {})[alias] = number
        return found

    def aliases(self, name: str) -> dict[str, int]:
        """The aliases of a model and the versions that they point to.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        return self._of_model(name, current_aliases)

    def alias_history(self, name: str) -> list[AliasChange]:
        """Every change of an alias of a model, oldest first.

        Raises:
            ModelNotFoundError: There is no such model.
        """

        def read(transaction: Transaction, folded: str) -> list[AliasChange]:
            return [AliasChange(*row) for row in transaction.run("select_alias_changes", folded)]

        return self._of_model(name, read)

    def set_alias(self, name: str, alias: str, version: int, *, changed_by: str | None = None) -> None:
        """Point an alias to a version. Nothing is written where it does already.

        Raises:
            InvalidNameError: The alias is not an identifier, or is `latest`.
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: It has no such version.
        """
        folded, pointer, version = model_name(name), alias_name(alias), version_number(version)
        author = _user() if changed_by is None else changed_by

        def point(transaction: Transaction) -> None:
            model = model_row(transaction, folded)
            if version not in version_numbers(transaction, folded):
                raise VersionNotFoundError(folded, str(version), version_numbers(transaction, folded))
            if current_aliases(transaction, folded).get(pointer) != version:
                change_alias(transaction, folded, model, pointer, version, author)

        self._change("set an alias", folded, point)

    def drop_alias(self, name: str, alias: str, *, changed_by: str | None = None) -> None:
        """Remove an alias; its history stays.

        Raises:
            ModelNotFoundError: There is no such model.
            AliasNotFoundError: It has no such alias.
        """
        folded, pointer = model_name(name), alias_name(alias)
        author = _user() if changed_by is None else changed_by

        def remove(transaction: Transaction) -> None:
            model = model_row(transaction, folded)
            aliased_version(transaction, folded, pointer)
            change_alias(transaction, folded, model, pointer, None, author)

        self._change("drop an alias", folded, remove)

    def drop_model(self, name: str, version: int | None = None, *, changed_by: str | None = None) -> None:
        """Drop a version, or a model with all its versions and aliases.

        The bytes go; numbers are never used again, and the history of aliases stays.

        Raises:
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: It has no such version.
            AliasInUseError: An alias points to the version.
        """
        folded = model_name(name)
        version = None if version is None else version_number(version)
        author = _user() if changed_by is None else changed_by

        def drop(transaction: Transaction) -> None:
            model = model_row(transaction, folded)
            numbers = version_numbers(transaction, folded)
            pointers = current_aliases(transaction, folded)
            if version is None:
                for alias in pointers:
                    model = change_alias(transaction, folded, model, alias, None, author)
            elif version not in numbers:
                raise VersionNotFoundError(folded, str(version), numbers)
            elif version in pointers.values():
                used = [alias for alias, target in pointers.items() if target == version]
                raise AliasInUseError(folded, version, used)
            gone = numbers if version is None else [version]
            moment = current_moment(transaction)
            planned = bool(transaction.run("select_plan_table"))
            for number in gone:
                transaction.run("drop_version", moment, folded, number)
                if planned:
                    transaction.run("delete_plan", folded, number)
            newest = max((number for number in numbers if number not in gone), default=None)
            change_versions(transaction, folded, model, model.last, newest)

        self._change("drop a model", folded, drop)

    def set_tags(self, name: str, version: int, tags: Mapping[str, str]) -> ModelVersion:
        """Replace the tags of a version.

        Raises:
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: It has no such version.
        """
        return self._annotate("update_tags", name, version, to_json(tags))

    def set_comment(self, name: str, version: int, comment: str) -> ModelVersion:
        """Replace the comment of a version.

        Raises:
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: It has no such version.
        """
        return self._annotate("update_comment", name, version, comment)

    def _annotate(self, statement: str, name: str, version: int, text: str) -> ModelVersion:
        folded = model_name(name)

        def annotate(transaction: Transaction) -> ModelVersion:
            model_row(transaction, folded)
            live_version(transaction, folded, version)
            transaction.run(statement, text, folded, version)
            return live_version(transaction, folded, version)

        return self._change("change a model", folded, annotate)

    def _of_model(self, name: str, read: Callable[[Transaction, str], _T]) -> _T:
        folded = model_name(name)

        def look(transaction: Transaction) -> _T:
            model_row(transaction, folded)
            return read(transaction, folded)

        found = self._look(look)
        if found is None:
            raise ModelNotFoundError(folded, ())
        return found


def _user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        # A container may run as a number that has no name.
        return ""
