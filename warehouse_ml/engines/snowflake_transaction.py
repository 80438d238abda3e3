"""Transactions on the registry of a Snowflake database.

Snowflake enforces no keys, commits at every statement that makes something, and has one transaction per
connection, which is the user's. So reads run as they are; BEGIN is sent before the first change; and a change
of a model names the state that it has read, and is none where another writer was faster.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol

from snowflake.connector import errors

from warehouse_ml.engines.base import ConflictError, RegistryMissingError
from warehouse_ml.engines.snowflake_ddl import content_folder
from warehouse_ml.engines.snowflake_sql import rendered
from warehouse_ml.engines.snowflake_stage import Stage
from warehouse_ml.errors import CorruptModelError, RegistryError, WarehouseMLError
from warehouse_ml.quoting import quoted

_CHANGES = ("insert_", "update_", "drop_", "delete_")
"""How the names of statements begin that change rows."""

_ALONE = frozenset({"insert_format", "insert_model"})
"""Those that are committed at once: they prepare a row, where it is missing, that says nothing yet."""

_FILES = {"insert_version": {12: "model.onnx", 13: "proof.arrow"}, "insert_plan": {5: "plan.bin"}}
"""The parameters that are bytes, by statement and position, and the names of the files that they become.

The registry's statements take a path, a digest and a size in the place of each.
"""

_READS = frozenset({"select_onnx", "select_proof", "select_plan"})
"""The statements whose rows begin with the path and the digest of a file; the bytes take their place."""

_MISSING = frozenset({"42S02", "02000"})
"""The states of errors on what does not exist, or is not to be seen by the role."""

_LOCKED = 625
"""The number of the error of a statement that waited for a lock in vain."""


class Host(Protocol):
    """What a transaction asks of its engine."""

    schema: str

    def run(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and give its rows."""
        ...

    def alone(self) -> AbstractContextManager[Any]:
        """Keep other threads of this connection from beginning a transaction."""
        ...


class SnowflakeTransaction:
    """Fills `base.Transaction` with the engine's connection."""

    def __init__(self, host: Host, begin: Callable[[], None]) -> None:
        """Run statements by a host; `begin` is called before one that changes rows."""
        self._host = host
        self._begin = begin
        self._stage = Stage(host.run, host.schema)
        self._there: set[str] = set()

    def stage(self, name: str, *parameters: object) -> None:
        """Put the files among a statement's parameters; in an open transaction are to be changes alone."""
        self._staged(name, parameters)

    def run(self, name: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement by its file name."""
        if name.startswith(_CHANGES) and name not in _ALONE:
            self._begin()
        with registry_errors():
            values = self._staged(name, parameters)
            rows = self._host.run(rendered(name, schema=self._host.schema), values)
        return [self._read(name, row) for row in rows] if name in _READS else rows

    def _staged(self, name: str, parameters: Sequence[object]) -> list[object]:
        """The parameters as Snowflake takes them: bytes become files, lists become JSON."""
        files = _FILES.get(name, {})
        values: list[object] = []
        for position, value in enumerate(parameters):
            if position in files:
                values += self._put(str(parameters[0]), parameters[1], files[position], value)
            elif isinstance(value, list):
                values.append(json.dumps(value))
            else:
                values.append(value)
        return values

    def _put(self, model: str, version: Any, file: str, content: Any) -> list[object]:
        if content is None:
            return [None, None, None]
        sha256 = hashlib.sha256(content).hexdigest()
        path = f"{content_folder(model, version, sha256)}/{file}"
        if path not in self._there:
            self._stage.put(path, content)
            self._there.add(path)
        return [path, sha256, len(content)]

    def _read(self, name: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
        path, sha256, *rest = row
        if path is None:
            return (None, *rest)
        content = self._stage.read(path)
        if hashlib.sha256(content).hexdigest() != sha256:
            model, version = path.split("/")[1:3]
            raise CorruptModelError(model, int(version), f"the staged file of {name[len('select_') :]}")
        return (content, *rest)


@contextmanager
def transaction(host: Host, create: bool = False) -> Iterator[SnowflakeTransaction]:
    """A transaction on the registry.

    Args:
        host: The engine.
        create: Make schema and stage first where they are missing.

    Raises:
        RegistryError: The user's own transaction is open; it would be committed with ours.
    """
    begun = False

    def begin() -> None:
        nonlocal begun
        if begun:
            return
        if host.run(rendered("select_transaction"))[0][0] is not None:
            raise RegistryError(
                "The session has an open transaction, and a change of the registry needs one of its own. "
                "Commit or roll back, then try again."
            )
        begun = True  # before it is: where its answer is lost, the transaction may be open all the same
        host.run(rendered("begin"))

    started = SnowflakeTransaction(host, begin)
    with host.alone():
        if create:
            _create(host, started)
        try:
            yield started
            if begun:
                with registry_errors():
                    host.run(rendered("commit"))
        except BaseException:
            if begun:
                _roll_back(host)
            raise


def _create(host: Host, started: SnowflakeTransaction) -> None:
    """Make schema and stage, and leave the session where it is: CREATE SCHEMA enters the new one."""
    before = host.run(rendered("select_current_schema"))
    try:
        for name in ("create_schema", "create_stage"):
            started.run(name)
        _return_to(host, before)
    except BaseException:
        # what was interrupted may have happened: the session's later statements are for its own schema
        with suppress(errors.Error, WarehouseMLError):
            _return_to(host, before)
        raise


def _return_to(host: Host, before: Any) -> None:
    database, schema = before[0]
    if database and schema and host.run(rendered("select_current_schema")) != before:
        host.run(rendered("use_schema", schema=f"{quoted(database)}.{quoted(schema)}"))


def _roll_back(host: Host) -> None:
    try:
        host.run(rendered("rollback"))
    except errors.Error:
        # The error that led here says more; a connection that is lost rolls back by itself.
        return


@contextmanager
def registry_errors() -> Iterator[None]:
    """Raise the errors of the connector that a registry knows as its own."""
    try:
        yield
    except errors.ProgrammingError as error:
        if error.errno == _LOCKED:
            raise ConflictError("Other transactions are changing the same rows.") from error
        if error.sqlstate in _MISSING:
            raise RegistryMissingError(
                "The database holds no registry of models, or the role may not see it."
            ) from error
        if error.errno == 3001:
            raise RegistryError(
                "The role has not the privileges that this needs on the schema warehouse_ml."
            ) from error
        raise
