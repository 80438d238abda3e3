"""Transactions on the registry: reads, and changes that are tried again while other writers are faster."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from warehouse_ml.engines.base import ConflictError, Engine, RegistryMissingError, Transaction
from warehouse_ml.errors import FormatVersionError, ModelNotFoundError, ReadOnlyError, RegistryError

FORMAT_VERSION = 1
"""The newest form of the tables that this release reads; it writes the same."""

PATIENCE = 60.0
"""Seconds for which a change is tried again while other writers are faster."""

TABLES = (
    "create_format_table",
    "create_model_table",
    "create_version_table",
    "create_alias_table",
    "create_plan_table",
    "create_versions_view",
    "create_models_view",
)
"""The statements that make a registry, in order."""

_T = TypeVar("_T")


class Access:
    """The registry of an engine's database, by transactions."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine; nothing is asked yet."""
        self._engine = engine
        self._readable = False

    def look(self, read: Callable[[Transaction], _T]) -> _T | None:
        """Read in one transaction; None where there is no registry yet."""
        with suppress(RegistryMissingError), self._engine.transaction() as transaction:
            self._check_format(transaction)
            return read(transaction)
        return None

    def change(
        self, action: str, name: str, change: Callable[[Transaction], _T], *, create: bool = False
    ) -> _T:
        """Change in one transaction, again while other writers are faster."""
        if self._engine.read_only:
            raise ReadOnlyError(action)
        deadline = time.monotonic() + PATIENCE
        longest = 0.002
        while True:
            missing = self.look(lambda transaction: True) is None
            try:
                with self._engine.transaction(create=create and missing) as transaction:
                    if create and missing:
                        for table in TABLES:
                            transaction.run(table)
                        transaction.run("insert_format", FORMAT_VERSION)
                    return change(transaction)
            except RegistryMissingError:
                if not create:
                    raise ModelNotFoundError(name, ()) from None
                if time.monotonic() > deadline:
                    raise
            except ConflictError as error:
                if time.monotonic() > deadline:
                    raise RegistryError(
                        f"Could not {action}: other writers were faster for {PATIENCE:.0f} seconds."
                    ) from error
            time.sleep(random.uniform(0, longest))
            longest = min(2 * longest, 0.1)

    def _check_format(self, transaction: Transaction) -> None:
        if self._readable:
            return
        found = transaction.run("select_format")[0][0]
        if found is None:
            raise RegistryMissingError("The registry's tables have not been filled.")
        if found > FORMAT_VERSION:
            raise FormatVersionError("The registry of this database", found, FORMAT_VERSION)
        # A file is open in one process at a time, so a newer release cannot come in between.
        self._readable = True
