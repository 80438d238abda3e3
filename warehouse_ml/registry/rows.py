"""Rows of the registry's tables as values, read and written within a transaction."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

from warehouse_ml.engines.base import ConflictError, Part, Transaction
from warehouse_ml.errors import (
    AliasNotFoundError,
    CorruptModelError,
    ModelNotFoundError,
    VersionNotFoundError,
    VersionNotYetError,
)
from warehouse_ml.model import ModelVersion
from warehouse_ml.registry.selector import DEFAULT_ALIAS, AsOf
from warehouse_ml.signature import Signature

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AliasChange:
    """A row of the history of aliases.

    Attributes:
        alias: The alias.
        version: What it points to from then on; None where it was removed.
        changed_at: When, in UTC.
        changed_by: Who.
    """

    alias: str
    version: int | None
    changed_at: datetime
    changed_by: str


class ModelRow(NamedTuple):
    """The row of a model. Every change makes `last` or `alias_changes` larger, so they tell its state."""

    last: int
    newest: int | None
    default: int | None
    alias_changes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a version is scored fast.

    Attributes:
        facts: What a query needs to know of it, as JSON.
        data: What a handler needs; see `udfs/planned_udf.py`.
    """

    facts: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Loader:
    """Reads the parts of a version; it holds on to nothing but the version's name and digest."""

    name: str
    version: int
    sha256: str

    @classmethod
    def of(cls, version: ModelVersion) -> "Loader":
        """The loader of a version."""
        return cls(version.name, version.version, version.sha256)

    def __call__(self, transaction: Transaction, part: Part = "onnx") -> bytes:
        """The ONNX bytes, the plan, what the plan says of itself, or the proof; empty where there is none.

        Raises:
            CorruptModelError: The bytes are not the ones that were stored.
            VersionNotFoundError: The version was dropped.
        """
        if part == "proof":
            rows = transaction.run("select_proof", self.name, self.version)
            return bytes(rows[0][0]) if rows and rows[0][0] is not None else b""
        if part != "onnx":
            statement = "select_plan" if part == "plan" else "select_plan_facts"
            rows = transaction.run(statement, self.name, self.version)
            return self._checked(*rows[0]) if rows else b""
        rows = transaction.run("select_onnx", self.name, self.version)
        if not rows or rows[0][0] is None:
            raise VersionNotFoundError(self.name, str(self.version), version_numbers(transaction, self.name))
        return self._checked(rows[0][0], self.sha256)

    def _checked(self, stored: Any, sha256: str) -> bytes:
        data = stored.encode() if isinstance(stored, str) else bytes(stored)
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise CorruptModelError(
                self.name, self.version, f"SHA-256 {found[:12]}… instead of {sha256[:12]}…"
            )
        return data


def make_plan_table(transaction: Transaction, plan: Plan | None) -> None:
    """Make the table of plans where one is needed: a registry that an older release made has none.

    It comes before all changes of a transaction, which some warehouses end where something is made.
    """
    if plan is not None:
        transaction.run("create_plan_table")


def store_plan(transaction: Transaction, name: str, version: int, plan: Plan | None) -> None:
    """Keep how a version is scored fast, unless that is known already; see `make_plan_table`."""
    if plan is None:
        return
    if not transaction.run("select_plan_facts", name, version):
        transaction.run("insert_plan", *plan_row(name, version, plan))


def plan_row(name: str, version: int, plan: Plan) -> tuple[object, ...]:
    """The row of a plan."""
    digests = [hashlib.sha256(part).hexdigest() for part in (plan.facts.encode(), plan.data)]
    return (name, version, plan.facts, *digests, plan.data)


def model_row(transaction: Transaction, name: str) -> ModelRow:
    """The row of a model.

    Raises:
        ModelNotFoundError: It has no version.
    """
    rows = transaction.run("select_model", name)
    if not rows or rows[0][1] is None:
        raise ModelNotFoundError(name, [row[0] for row in transaction.run("select_model_names")])
    return ModelRow(*rows[0])


def live_version(transaction: Transaction, name: str, version: int, selector: str = "") -> ModelVersion:
    """A version that was not dropped.

    Raises:
        VersionNotFoundError: There is none; `selector` is what named it.
    """
    rows = transaction.run("select_version", name, version)
    if not rows or rows[0][-1] is not None:
        raise VersionNotFoundError(name, selector or str(version), version_numbers(transaction, name))
    return model_version(rows[0])


def version_at(transaction: Transaction, name: str, wanted: AsOf, selector: str) -> int:
    """The version that `default` pointed to at a moment: the newest one then, where it was not set.

    Raises:
        VersionNotYetError: The model had no version then.
    """
    pointed = transaction.run("select_alias_at", name, DEFAULT_ALIAS, wanted.moment)
    if pointed and pointed[0][0] is not None:
        return int(pointed[0][0])
    newest = transaction.run("select_newest_at", name, wanted.moment, wanted.moment)[0][0]
    if newest is None:
        first = transaction.run("select_first_created", name)[0][0]
        raise VersionNotYetError(name, selector, wanted.moment, first)
    return int(newest)


def version_numbers(transaction: Transaction, name: str) -> list[int]:
    """The numbers of the versions that were not dropped, in order."""
    return [row[0] for row in transaction.run("select_version_numbers", name)]


def current_aliases(transaction: Transaction, name: str) -> dict[str, int]:
    """The aliases of a model, and what they point to."""
    return dict(transaction.run("select_aliases", name))


def aliased_version(transaction: Transaction, name: str, alias: str) -> int:
    """What an alias points to.

    Raises:
        AliasNotFoundError: There is no such alias.
    """
    version = transaction.run("select_alias", name, alias)[0][0]
    if version is None:
        raise AliasNotFoundError(name, alias, list(current_aliases(transaction, name)))
    return int(version)


def change_alias(
    transaction: Transaction, name: str, model: ModelRow, alias: str, version: int | None, author: str
) -> ModelRow:
    """Add a row to the history; without a version, the alias is removed."""
    default = version if alias == DEFAULT_ALIAS else model.default
    changed = model._replace(default=default, alias_changes=model.alias_changes + 1)
    moment = current_moment(transaction)
    state = (changed.alias_changes, name, model.alias_changes)
    change_rows(transaction, "update_model_aliases", changed.default, *state)
    transaction.run("insert_alias_change", name, changed.alias_changes, alias, version, moment, author)
    return changed


def change_versions(
    transaction: Transaction, name: str, model: ModelRow, last: int, newest: int | None
) -> ModelRow:
    """Say which versions a model has.

    Where the highest number stays, positions in the history of aliases get a gap.
    """
    changes = model.alias_changes + (last == model.last)
    state = (changes, name, model.last, model.alias_changes)
    change_rows(transaction, "update_model_versions", last, newest, *state)
    return model._replace(last=last, newest=newest, alias_changes=changes)


def change_rows(transaction: Transaction, statement: str, *parameters: object) -> None:
    """Run a statement that changes a row in the state that was read.

    Raises:
        ConflictError: Another writer has changed it since.
    """
    if transaction.run(statement, *parameters)[0][0] == 0:
        raise ConflictError("Another writer was faster.")


def current_moment(transaction: Transaction) -> datetime:
    """The moment of a change, in UTC, by the warehouse's clock: the only place where one is read."""
    moment: datetime = transaction.run("select_now")[0][0]
    return moment


def read_versions(transaction: Transaction, statement: str, *parameters: object) -> list[ModelVersion]:
    """The versions that a statement selects."""
    return [model_version(row) for row in transaction.run(statement, *parameters)]


def model_version(row: tuple[Any, ...]) -> ModelVersion:
    """A version, out of the columns of `select_version`.

    Raises:
        CorruptModelError: They cannot be those of a version.
    """
    (
        name,
        version,
        sha256,
        signature,
        metrics,
        parity,
        lineage,
        tags,
        comment,
        created_at,
        created_by,
        size,
        _,
    ) = row
    if _SHA256.fullmatch(sha256) is None:  # a part of it goes into the text of statements
        raise CorruptModelError(name, version, "its SHA-256 is none")
    return ModelVersion(
        name=name,
        version=version,
        sha256=sha256,
        signature=_signature(signature),
        metrics=json.loads(metrics),
        parity=json.loads(parity),
        lineage=json.loads(lineage),
        tags=json.loads(tags),
        comment=comment,
        created_at=created_at,
        created_by=created_by,
        size=size,
    )


@lru_cache(maxsize=256)
def _signature(text: str) -> Signature:
    # Many features take milliseconds to read, and the text never changes its meaning.
    return Signature.from_json(text)


def to_json(facts: Mapping[str, Any]) -> str:
    """Facts as JSON that any warehouse can read: no NaN, and sorted, so that equal facts are equal text."""
    return json.dumps(_plain(facts), allow_nan=False, sort_keys=True)


def _plain(value: Any) -> Any:
    """A value as JSON has it: numpy's numbers as Python's, moments as text, what is no number as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | int | bool):
        return value
    return str(value)
