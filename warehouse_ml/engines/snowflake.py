"""Snowflake: a Snowpark session that the user has, or one that is opened for a connection's settings."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from snowflake.connector import errors
from snowflake.snowpark import Session

from warehouse_ml.engines.base import Device, Engine, Load, Namespace, Parameters, Part, Transaction
from warehouse_ml.engines.meter import Reading
from warehouse_ml.engines.scoring import carried_error
from warehouse_ml.engines.snowflake_arrow import result_columns
from warehouse_ml.engines.snowflake_deployment import schema_of
from warehouse_ml.engines.snowflake_login import with_login_timeout
from warehouse_ml.engines.snowflake_rows import FetchedRows, QueryRows
from warehouse_ml.engines.snowflake_script import statements
from warehouse_ml.engines.snowflake_stage import Stage
from warehouse_ml.engines.snowflake_target import connection_settings, shown
from warehouse_ml.engines.snowflake_transaction import transaction
from warehouse_ml.errors import (
    ScopeError,
    SnowflakeTargetError,
    SqlError,
    StatementInterruptedError,
    WarehouseMLError,
)
from warehouse_ml.model import ModelVersion
from warehouse_ml.signature import Method, Signature
from warehouse_ml.variant import Variant

_CANCELED = 604
"""The number of the error of a statement that was stopped."""

_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "("})
"""How a statement begins that only reads; with WITH, Snowflake begins nothing else."""


def connect(target: str | Session, *, device: Device = "cpu") -> "SnowflakeEngine":
    """Use a Snowpark session, or open one.

    Args:
        target: A session, which stays the user's; or `snowflake://…`, see `connection_settings`.
        device: What scores, see `SnowflakeEngine`.

    Raises:
        SnowflakeTargetError: The URL cannot be read, or Snowflake cannot be reached with it.
    """
    if isinstance(target, Session):
        return SnowflakeEngine(target, device=device)
    settings = connection_settings(target)

    def open_session() -> Session:
        try:
            session: Session = Session.builder.configs(with_login_timeout(settings)).create()
            return session
        except errors.Error as error:
            # The connector's sentence names the user and the account, and no secret; its cause may hold more.
            raise SnowflakeTargetError(f"{shown(settings)} cannot be opened ({error.msg})") from None

    return SnowflakeEngine(open_session(), reopen=open_session, name=shown(settings), device=device)


class SnowflakeEngine:
    """Fills `base.Engine` with the connection of a Snowpark session.

    Attributes:
        schema: The schema of the registry and the functions, as it stands in statements.
    """

    dialect = "snowflake"

    def __init__(
        self,
        session: Session,
        *,
        reopen: Callable[[], Session] | None = None,
        name: str = "",
        database: str | None = None,
        lock: Any = None,
        device: Device = "cpu",
    ) -> None:
        """Use a session.

        Args:
            session: The session.
            reopen: Opens another one like it; None for the user's own, which `close` leaves open.
            name: What the connection is called.
            database: Where the registry is; by default in the current database.
            lock: Held while a transaction is open on the connection.
            device: `cuda` where statements call the functions of a service on GPUs.

        Raises:
            SnowflakeTargetError: The connection cannot bind values.
        """
        if session.connection.is_pyformat:
            raise SnowflakeTargetError(
                "its connection does not bind values by '?'; open it with paramstyle='qmark'"
            )
        self.schema = schema_of(database)
        self._database = database
        self._session = session
        self._reopen = reopen
        self._name = name
        self._lock = lock or threading.RLock()
        self._device = device
        self._local: Engine | None = None

    @property
    def device(self) -> Device:
        """What scores: functions on a warehouse, or those of a service on GPUs, whose names end in `_gpu`."""
        return self._device

    @property
    def bind_error(self) -> tuple[type[Exception], ...]:
        """What the connector raises where words, names or types of a statement do not fit."""
        return (errors.ProgrammingError,)

    @property
    def connection(self) -> Session:
        """The Snowpark session."""
        return self._session

    @property
    def read_only(self) -> bool:
        """Whether the database refuses to be written: privileges tell, statement by statement."""
        return False

    def cursor(self) -> "SnowflakeEngine":
        """A second connection where this one was opened here; else the user's own once more.

        Statements of several threads can run on one session at a time; a transaction is the whole session's.
        """
        if self._reopen is None:
            return self._another(self._session, self._database)
        return self._another(self._reopen(), self._database)

    def attached(self) -> "list[SnowflakeEngine]":
        """Other databases are read by their names; their models are called by their functions."""
        return []

    def close(self) -> None:
        """Close the session, unless it is the user's own."""
        if self._local is not None:
            self._local.close()
            self._local = None
        if self._reopen is not None:
            self._session.close()

    def interrupt(self) -> None:
        """Cancel what runs on the session, from another thread; nothing happens where nothing does."""
        self._session.cancel_all()

    @contextmanager
    def progress(self) -> Iterator[Callable[[], float | None]]:
        """Snowflake does not say how much of a statement is done."""
        yield lambda: None

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
            ScopeError: Snowflake refuses the query.
        """
        try:
            described = self._describe(query, _positional(parameters))
        except errors.ProgrammingError as error:
            raise ScopeError(_sentence(error)) from error
        return [(column.name, column.type) for column in described]

    def query(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        namespace: Namespace | None = None,
        provide: Callable[[str], bool] | None = None,
    ) -> QueryRows | FetchedRows | None:
        """Run a statement, or prepare a SELECT to be read. Variables of the caller are not looked at."""
        script = statements(sql)
        if not script:
            return None
        *before, (last, word) = script
        values = _positional(parameters)
        for text, _ in before:
            self.execute(text)
        with self._translating():
            if word not in _QUERIES:
                return FetchedRows(self.execute(last, values))
            return QueryRows(self, last, values, self._describe(last, values))

    def probe(self, query: str, *, reads: bool) -> list[tuple[Any, ...]]:
        """The rows of a small query that must disturb nothing; none where it is refused.

        A refused statement leaves an open transaction as it is.
        """
        try:
            return self.run(query)
        except (errors.Error, WarehouseMLError):
            return []

    def pure_functions(self) -> frozenset[str]:
        """The builtin functions that are known to give one result for the same arguments in a query."""
        return _PURE

    def __repr__(self) -> str:
        """The dialect, the connection's name and its database."""
        database = self._database or self._session.get_current_database()
        return " ".join(["Snowflake", *filter(None, (self._name, database))])

    def transaction(self, *, create: bool = False) -> AbstractContextManager[Transaction]:
        """A transaction on the registry, on the session's own connection; it begins at the first change."""
        return transaction(self, create)

    def register_function(self, version: ModelVersion, method: Method, load: Load) -> None:
        """Nothing: a version's functions are made, and proved, before its row is written; see `push`."""

    def register_variant(self, variant: Variant, loads: Sequence[Load]) -> None:
        """Refuse: there are no variants on Snowflake.

        Raises:
            SqlError: Always.
        """
        raise SqlError("Snowflake calls the functions of versions; a function for one statement is not made.")

    def score(
        self,
        model: Mapping[Part, bytes],
        signature: Signature,
        method: Method,
        rows: Any,
        *,
        expression: Callable[[Sequence[str], str], str | None] | None = None,
    ) -> Any:
        """Score rows for a model that need not be registered, in a DuckDB database in this process.

        The functions of a version on Snowflake are held to the same rows when they are made.
        """
        if self._local is None:
            from warehouse_ml.engines import duckdb

            self._local = duckdb.connect()
        return self._local.score(model, signature, method, rows, expression=expression)

    def referenced_functions(self) -> frozenset[str]:
        """None: functions are objects of the database, which views call by their names."""
        return frozenset()

    def scored(self) -> Reading:
        """What functions have scored in this process: Snowflake's run elsewhere."""
        return Reading()

    def translate(self, error: Exception) -> WarehouseMLError | None:
        """The error of this package that an error of the connector carries."""
        if isinstance(error, errors.Error):
            if error.errno == _CANCELED:
                return StatementInterruptedError()
            # Snowflake adds where it was raised below the sentence.
            return carried_error(str(error.msg).partition("\n in function ")[0])
        return None

    # --- what its parts use ---------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """The stage of the registry's schema."""
        return Stage(self.run, self.schema)

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> Any:
        """A cursor of the connector on which a statement has run."""
        with self._translating():
            return self._cursor().execute(sql, list(parameters) if parameters else None)

    def run(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and give its rows."""
        rows: list[tuple[Any, ...]] = self.execute(sql, parameters).fetchall()
        return rows

    def alone(self) -> AbstractContextManager[Any]:
        """Keep other threads of this connection from beginning a transaction."""
        return self._lock

    def in_database(self, database: str | None) -> "SnowflakeEngine":
        """The same connection, with the registry of another database; None is the current one."""
        if database == self._database:
            return self
        return self._another(self._session, database)

    def _another(self, session: Session, database: str | None) -> "SnowflakeEngine":
        """An engine like this one; on the same session it does not close it, and shares its lock."""
        same = session is self._session
        return SnowflakeEngine(
            session,
            reopen=None if same else self._reopen,
            name=self._name,
            database=database,
            lock=self._lock if same else None,
            device=self._device,
        )

    def _describe(self, query: str, values: Sequence[object] | None) -> Any:
        return result_columns(self._cursor().describe(query, list(values) if values else None))

    def _cursor(self) -> Any:
        return self._session.connection.cursor()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except errors.Error as error:
            translated = self.translate(error)
            if translated is None:
                raise
            raise translated from None


def _positional(parameters: Parameters) -> Sequence[object] | None:
    """The values of a statement's `?`.

    Raises:
        SqlError: They are given by name.
    """
    if isinstance(parameters, Mapping):
        raise SqlError("Snowflake binds values by position: write '?' and give a list.")
    return parameters


def _sentence(error: errors.ProgrammingError) -> str:
    return str(error.msg or error)


_PURE = frozenset(
    (
        *("abs", "ceil", "floor", "round", "trunc", "mod", "sqrt", "exp", "ln", "log", "power", "sign"),
        *("square", "greatest", "least", "coalesce", "nvl", "nvl2", "nullif", "iff", "ifnull", "zeroifnull"),
        *("lower", "upper", "trim", "ltrim", "rtrim", "length", "left", "right", "substr", "substring"),
        *("concat", "replace", "split_part", "startswith", "endswith", "contains", "position", "decode"),
        *("year", "month", "day", "dayofweek", "dayofyear", "hour", "minute", "second", "quarter", "week"),
        *("date_trunc", "datediff", "dateadd", "date_part", "to_date", "to_number", "to_double"),
    )
)
"""Builtin functions that are not volatile; Snowflake has no list of them."""
