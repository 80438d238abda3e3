"""A version that is about to be added to a registry, in one transaction."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from warehouse_ml.engines.base import Transaction
from warehouse_ml.errors import VersionTakenError
from warehouse_ml.model import ModelVersion
from warehouse_ml.registry.rows import (
    ModelRow,
    Plan,
    change_versions,
    current_moment,
    live_version,
    make_plan_table,
    plan_row,
    store_plan,
    to_json,
)


@dataclass(frozen=True)
class Addition:
    """All that is written of a version.

    Attributes:
        version: The version; its number counts where it is pushed.
        onnx: Its ONNX file.
        proof: Rows with the estimator's answers.
        plan: How it is scored fast.
        prepare: Makes what the version needs before its row is written.
    """

    version: ModelVersion
    onnx: bytes = field(repr=False)
    proof: bytes | None = field(default=None, repr=False)
    plan: Plan | None = field(default=None, repr=False)
    prepare: Callable[[ModelVersion], object] = lambda version: None

    @property
    def sha256(self) -> str:
        """The digest of the ONNX file."""
        return hashlib.sha256(self.onnx).hexdigest()

    def register(self, transaction: Transaction) -> ModelVersion:
        """Add it under the next number, or find the version of the same bytes."""
        name, sha256 = self.version.name, self.sha256
        make_plan_table(transaction, self.plan)
        known = transaction.run("select_version_by_digest", name, sha256)
        if known:
            return self._again(transaction, live_version(transaction, name, known[0][0]))
        model = _model(transaction, name)
        version = replace(self.version, version=1 if model is None else model.last + 1, sha256=sha256)
        self.prepare(version)
        return self._insert(transaction, version, model, current_moment(transaction))

    def push(self, transaction: Transaction) -> ModelVersion:
        """Add it under its own number, or find it there.

        Raises:
            VersionTakenError: Its number stands for other bytes, or for a version that was dropped.
        """
        version = self.version
        # read first: a version that another writer adds from here on is a conflict, as no key is held to
        model = _model(transaction, version.name)
        existing = transaction.run("select_version", version.name, version.version)
        if existing:
            self._check_same(existing[0][2], dropped=existing[0][-1] is not None)
        make_plan_table(transaction, self.plan)
        if existing:
            return self._again(transaction, live_version(transaction, version.name, version.version))
        self.prepare(version)
        moment = version.created_at or current_moment(transaction)
        return self._insert(transaction, version, model, moment)

    def _again(self, transaction: Transaction, found: ModelVersion) -> ModelVersion:
        """Make what may be missing of a version that is there."""
        self.prepare(found)
        store_plan(transaction, found.name, found.version, self.plan)
        return found

    def _insert(
        self, transaction: Transaction, version: ModelVersion, model: ModelRow | None, moment: datetime
    ) -> ModelVersion:
        """Write the row, and count it in the row of the model."""
        name, number = version.name, version.version
        facts = [to_json(facts) for facts in (version.metrics, version.parity, version.lineage, version.tags)]
        head = (name, number, version.sha256, len(self.onnx), version.signature.to_json())
        row = (*head, *facts, version.comment, moment, version.created_by, self.onnx, self.proof)
        transaction.stage("insert_version", *row)
        if self.plan is not None:
            transaction.stage("insert_plan", *plan_row(name, number, self.plan))
        if model is None:
            transaction.run("insert_model", name)
            model = ModelRow(0, None, None, 0)
        newest = max(number, model.newest or number)
        change_versions(transaction, name, model, max(number, model.last), newest)
        transaction.run("insert_version", *row)
        store_plan(transaction, name, number, self.plan)
        return live_version(transaction, name, number)

    def _check_same(self, sha256: str, *, dropped: bool) -> None:
        version = self.version
        if sha256 != version.sha256:
            raise VersionTakenError(version.reference, version.sha256, sha256)
        if dropped:
            raise VersionTakenError(version.reference, version.sha256, sha256, "it was dropped there")


def _model(transaction: Transaction, name: str) -> ModelRow | None:
    rows = transaction.run("select_model", name)
    return ModelRow(*rows[0]) if rows else None
