"""DuckDB: in memory, in a file, or a connection that the user already has."""

import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import duckdb

from warehouse_ml.engines.base import Device, Load, Namespace, Parameters, Part, Transaction
from warehouse_ml.engines.duckdb_bind import binder, bound_columns, small_rows
from warehouse_ml.engines.duckdb_caller import in_namespace, plain_parameters
from warehouse_ml.engines.duckdb_connection_functions import ConnectionFunctions
from warehouse_ml.engines.duckdb_connections import close_at_exit, own_cursor
from warehouse_ml.engines.duckdb_functions import (
    FUNCTION_NAME,
    create_function,
    create_variant,
    is_callable,
    provided,
)
from warehouse_ml.engines.duckdb_open_transaction import may_not_fail, transaction_open
from warehouse_ml.engines.duckdb_progress import Progress
from warehouse_ml.engines.duckdb_rows import DuckDBRows, Stream
from warehouse_ml.engines.duckdb_transaction import SCHEMA, transaction
from warehouse_ml.engines.duckdb_trial import score_trial
from warehouse_ml.engines.interrupts import interruptible, keyboard_interrupts
from warehouse_ml.engines.meter import SCORED, Reading
from warehouse_ml.engines.scoring import carried_error, shared_function, shared_scorer
from warehouse_ml.engines.variants import shared_variant
from warehouse_ml.errors import ScopeError, StatementInterruptedError, WarehouseMLError
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Method, Signature
from warehouse_ml.statements import statement
from warehouse_ml.variant import REFUSAL_MARK, Variant

_pure_functions: list[frozenset[str]] = []


def connect(
    target: str | os.PathLike[str] | duckdb.DuckDBPyConnection | None = None,
    *,
    read_only: bool = False,
    device: Device = "cpu",
) -> "DuckDBEngine":
    """Open a database.

    Args:
        target: None for one in memory, a file, or a connection, which stays the user's.
        read_only: Open the file so that nothing can change it; other processes may then read it too.
        device: Where statements score.
    """
    if isinstance(target, duckdb.DuckDBPyConnection):
        return DuckDBEngine(target, owned=False, device=device)
    path = ":memory:" if target is None else os.fspath(target)
    return DuckDBEngine(duckdb.connect(path, read_only=read_only), owned=True, device=device)


class DuckDBEngine:
    """Fills `base.Engine` with a DuckDB connection."""

    dialect = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, owned: bool, device: Device = "cpu") -> None:
        """Use a connection.

        Args:
            connection: The connection.
            owned: Whether `close` closes it.
            device: Where statements score.
        """
        self._device = device
        self._connection = connection
        self._owned = owned
        self._database: str | None = None
        self._stream: weakref.ref[Stream] | None = None
        self._functions = ConnectionFunctions(connection)
        self._progress = Progress(connection)
        if owned:
            close_at_exit(connection)

    @property
    def device(self) -> Device:
        """Where functions that are made for one statement may score; a version's own stay on the CPU."""
        return self._device

    @property
    def bind_error(self) -> tuple[type[duckdb.Error], ...]:
        """What DuckDB raises where words, names or types of a statement do not fit."""
        return duckdb.BinderException, duckdb.ParserException

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """DuckDB's own connection."""
        return self._connection

    @property
    def read_only(self) -> bool:
        """Whether the database was opened read-only."""
        query = statement("duckdb", "select_read_only")
        with own_cursor(self._connection) as cursor:
            return bool(cursor.execute(query, [self._database_name()]).fetchall()[0][0])

    def cursor(self) -> "DuckDBEngine":
        """A second connection to the same database, for another thread."""
        return DuckDBEngine(self._connection.cursor(), owned=True, device=self._device)

    def attached(self) -> "list[DuckDBEngine]":
        """The other databases of the connection that hold models; they are used through this engine."""
        query = statement("duckdb", "select_registry_databases")
        with own_cursor(self._connection) as cursor:
            names = [row[0] for row in cursor.execute(query, [SCHEMA, self._database_name()]).fetchall()]
        return [self._on(name) for name in names]

    def close(self) -> None:
        """Close the connection, unless it is the user's own."""
        if self._owned:
            self._free(Stream.stop)
            self._functions.withdraw()
            self._connection.close()

    def interrupt(self) -> None:
        """Stop the statement that runs, from another thread; nothing happens where none does."""
        with suppress(duckdb.ConnectionException):
            self._connection.interrupt()

    @contextmanager
    def progress(self) -> Iterator[Callable[[], float | None]]:
        """Let another thread ask how much of the statement is done that runs within.

        Yields:
            A function that returns a share from 0 to 1, or None where it is not known.
        """
        self._free()
        with keyboard_interrupts():
            self._progress.start()
            try:
                yield self._progress.share
            finally:
                self._progress.stop()

    @keyboard_interrupts()
    def columns(
        self,
        query: str,
        parameters: Parameters = None,
        *,
        namespace: Namespace | None = None,
        provide: Callable[[str], bool] | None = None,
    ) -> list[tuple[str, str]]:
        """The names and types of a query's columns, without running it.

        Raises:
            ScopeError: DuckDB refuses the query.
        """

        def describe() -> list[tuple[str, str]]:
            with self.reading():
                bind = binder(self._connection, query) if parameters is None else None
                found = None if bind is None else bound_columns(in_namespace(bind, namespace))
                if found is not None:
                    return found
                described = self._evaluate("DESCRIBE " + query, parameters, namespace)
                return [(row[0], row[1]) for row in described.fetchall()]

        try:
            return provided(describe, provide)
        except duckdb.Error as error:
            raise ScopeError(str(error)) from error

    @keyboard_interrupts()
    def query(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        namespace: Namespace | None = None,
        provide: Callable[[str], bool] | None = None,
    ) -> DuckDBRows | None:
        """Run a statement, or prepare a SELECT to be read.

        A SELECT can be bound again after `provide`, in a transaction too. A failed bind of anything else
        ends the user's transaction, and a script cannot be run twice, so there the functions that are
        stored in the database come first.
        """
        statements = self._connection.extract_statements(sql)
        reads = len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT
        if provide is not None and not reads and (len(statements) > 1 or self._transaction_open()):
            for name in sorted(self.referenced_functions()):
                provide(name)

        parsed = statements[0] if reads else sql  # long expressions take a millisecond to parse

        def run() -> DuckDBRows | None:
            with self.reading():
                relation = self._evaluate(parsed, parameters, namespace)
            return None if relation is None else DuckDBRows(relation, self)

        return provided(run, provide if len(statements) == 1 else None)

    @keyboard_interrupts()
    def probe(self, query: str, *, reads: bool) -> list[tuple[Any, ...]]:
        """The rows of a small query that must disturb nothing; none where it is refused or not run."""
        try:
            self._free()
            if reads and may_not_fail(self._connection):
                return []
            if not reads and not query.startswith("EXPLAIN"):
                self.columns(query)  # a refusal of this one leaves an open transaction as it is
            with self.reading():
                rows: list[tuple[Any, ...]] = in_namespace(partial(small_rows, self._connection, query), None)
        except (duckdb.Error, WarehouseMLError):
            return []
        return rows

    def pure_functions(self) -> frozenset[str]:
        """The builtin functions, in lower case, that give one result for the same arguments in a query."""
        if not _pure_functions:
            with own_cursor(self._connection) as cursor:
                found = cursor.execute(statement("duckdb", "select_pure_functions")).fetchall()
            _pure_functions.append(frozenset(name for (name,) in found))
        return _pure_functions[0]

    def __repr__(self) -> str:
        """The dialect and the name of the database."""
        try:
            return f"DuckDB {self._database_name()!r}"
        except duckdb.ConnectionException:
            return "DuckDB, closed"

    @contextmanager
    def transaction(self, *, create: bool = False) -> Iterator[Transaction]:
        """A transaction on the registry, on a connection of its own."""
        with (
            keyboard_interrupts(),
            transaction(self._connection, self._database_name(), create) as started,
        ):
            yield started

    @keyboard_interrupts()
    def register_function(self, version: ModelVersion, method: Method, load: Load) -> None:
        """Make a method of a version callable by its name; nothing happens where it already is.

        Raises:
            RegistryError: An open transaction is in the way.
        """
        name = version.function_of(method)
        self._functions.offer(shared_scorer(version.sha256, version.signature), self._database_name(), load)
        if is_callable(self._connection, name):
            return
        function = shared_function(version.sha256, version.signature, method)
        make = partial(create_function, name, function, version.signature, method)
        self._functions.make(name, make, version.reference, self._transaction_open)

    @keyboard_interrupts()
    def register_variant(self, variant: Variant, loads: Sequence[Load]) -> None:
        """Make a variant callable by its name; nothing happens where it already is.

        Raises:
            RegistryError: An open transaction is in the way.
        """
        for member, load in zip(variant.members, loads, strict=True):
            scorer = shared_scorer(member.version.sha256, member.version.signature, variant.route)
            self._functions.offer(scorer, self._database_name(), load)
        if not is_callable(self._connection, variant.name):
            make = partial(create_variant, variant.name, shared_variant(variant), variant)
            reference = variant.members[0].version.reference
            self._functions.make(variant.name, make, reference, self._transaction_open)

    def score(
        self,
        model: Mapping[Part, bytes],
        signature: Signature,
        method: Method,
        rows: Any,
        *,
        expression: Callable[[Sequence[str], str], str | None] | None = None,
    ) -> Any:
        """Score rows by a SELECT on a cursor, for a model that need not be registered.

        Args:
            model: The ONNX bytes, and the plan where it is to be used.
            signature: Its signature.
            method: One that it has.
            rows: A `pyarrow.Table` whose columns are the features, in order.
            expression: Writes the score as SQL, from that of the features and of the call of the function;
                None leaves the call as it is.

        Returns:
            A `pyarrow.ChunkedArray` with a result for each row, in order.
        """
        with own_cursor(self._connection) as cursor, self.translating(cursor):
            return score_trial(cursor, model, signature, method, rows, expression)

    def referenced_functions(self) -> frozenset[str]:
        """The functions of versions that views, macros and generated columns call, in lower case."""
        with own_cursor(self._connection) as cursor:
            texts = cursor.execute(statement("duckdb", "select_stored_texts")).fetchall()
        return frozenset(name.lower() for (text,) in texts for name in FUNCTION_NAME.findall(text))

    def scored(self) -> Reading:
        """What functions have scored so far, in all threads of the process."""
        return SCORED.reading

    def translate(self, error: Exception) -> WarehouseMLError | None:
        """The error of this package that an error of DuckDB, or of a stream of it, carries."""
        if str(error).startswith("INTERRUPT Error"):
            return StatementInterruptedError()
        # A refusal that SQL itself raises is raised by `error`, which adds nothing of its own.
        carries = "executing the UDF" in str(error) or REFUSAL_MARK in str(error)
        return carried_error(str(error)) if carries else None

    @contextmanager
    def translating(self, cursor: duckdb.DuckDBPyConnection | None = None) -> Iterator[None]:
        """Let Ctrl-C stop what is done within, on this connection or a cursor, and translate its errors."""
        connection = self._connection if cursor is None else cursor
        try:
            with interruptible(connection.interrupt):
                yield
        # A stream's errors come through Arrow as OSError.
        except (duckdb.Error, OSError) as error:
            translated = self.translate(error)
            if translated is None:
                raise
            raise translated from None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Make the connection ready for a read, and translate the errors of what is done within."""
        self._free()
        self._settle()
        with self.translating():
            yield

    def lend(self, stream: Stream) -> None:
        """Leave the connection to a stream until it is wanted back."""
        self._stream = weakref.ref(stream)

    def _free(self, end: Callable[[Stream], None] = Stream.keep) -> None:
        stream = None if self._stream is None else self._stream()
        self._stream = None
        if stream is not None:
            end(stream)

    def _settle(self) -> None:
        """Do what had to wait for the end of a transaction."""
        self._progress.settle()
        self._functions.settle()

    def _transaction_open(self) -> bool:
        self._free()
        return transaction_open(self._connection)

    def _on(self, database: str) -> "DuckDBEngine":
        """The same connection, with the models of another of its databases."""
        other = DuckDBEngine(self._connection, owned=False, device=self._device)
        other._database = database
        other._functions = self._functions
        return other

    def _database_name(self) -> str:
        if self._database is None:
            self._free()
            self._database = self._connection.sql(statement("duckdb", "select_database")).fetchall()[0][0]
        return self._database

    def _evaluate(self, sql: Any, parameters: Parameters, namespace: Namespace | None) -> Any:
        run = partial(self._connection.sql, sql, params=plain_parameters(parameters))
        return in_namespace(run, namespace)
