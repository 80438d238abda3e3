"""One session: which statements the emulation runs, which fakesnow runs, and that all others are refused."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
from snowflake.connector.errors import ProgrammingError

from warehouse_ml.testing.snowflake import (
    create,
    files,
    grants,
    queries,
    service_statements,
    show,
    system,
)
from warehouse_ml.testing.snowflake.answers import Answer, status
from warehouse_ml.testing.snowflake.catalog import Catalog
from warehouse_ml.testing.snowflake.errors import NOT_THERE, EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.failures import failed
from warehouse_ml.testing.snowflake.names import Current
from warehouse_ml.testing.snowflake.services import Services
from warehouse_ml.testing.snowflake.stages import Name, Stages
from warehouse_ml.testing.snowflake.tokens import Reader

if TYPE_CHECKING:
    from warehouse_ml.testing.snowflake.emulation import Emulation

MODIFIERS = ("OR", "REPLACE", "SECURE", "TEMPORARY", "TEMP", "TRANSIENT", "IF", "NOT", "EXISTS", "ON")
"""Words between a statement's verb and what it is about."""

VERBS = ("CREATE", "DROP", "ALTER", "USE", "SHOW", "DESCRIBE", "DESC", "COMMENT")
"""Verbs that do not say by themselves what a statement is."""

FAKESNOW = frozenset(
    {
        *("SELECT", "WITH", "(", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"),
        *("BEGIN", "START", "COMMIT", "ROLLBACK"),
        *("CREATE TABLE", "CREATE VIEW", "CREATE SCHEMA", "CREATE DATABASE"),
        *("DROP TABLE", "DROP VIEW", "DROP SCHEMA", "ALTER TABLE", "ALTER SESSION"),
        *("USE DATABASE", "USE SCHEMA"),
        *("SHOW TABLES", "SHOW VIEWS", "SHOW SCHEMAS", "DESCRIBE TABLE", "DESCRIBE VIEW"),
        *("COMMENT TABLE", "COMMENT VIEW"),
    }
)
"""Statements that fakesnow runs as Snowflake would."""

COMMITS = ("CREATE", "DROP", "ALTER", "GRANT", "COMMENT ", "TRUNCATE")
"""Statements that end a transaction before they run, as every DDL does on Snowflake."""

Statement = Callable[["Session", Reader], Answer]

OWN: dict[str, Statement] = {
    "CREATE FUNCTION": create.create_function,
    "DROP FUNCTION": create.drop_function,
    "CREATE STAGE": create.create_stage,
    "DROP STAGE": create.drop_stage,
    "SHOW FUNCTIONS": show.show_functions,
    "SHOW USER": show.show_functions,
    "DESCRIBE FUNCTION": show.describe_function,
    "COMMENT FUNCTION": show.comment,
    "GRANT": grants.grant,
    "CREATE COMPUTE": service_statements.create_compute_pool,
    "DROP COMPUTE": service_statements.drop_compute_pool,
    "CREATE IMAGE": service_statements.create_image_repository,
    "CREATE SERVICE": service_statements.create_service,
    "ALTER SERVICE": service_statements.alter_service,
    "DROP SERVICE": service_statements.drop_service,
    "SHOW SERVICES": service_statements.show_services,
    "SHOW SERVICE": service_statements.show_services,
    "PUT": lambda session, reader: files.put(reader, session.current, session.stages, *session.storage),
    "GET": lambda session, reader: files.get(reader, session.current, session.stages, *session.storage),
    **dict.fromkeys(
        ("LIST", "LS"), lambda session, reader: files.listing(reader, session.current, session.stages)
    ),
    **dict.fromkeys(
        ("REMOVE", "RM"), lambda session, reader: files.remove(reader, session.current, session.stages)
    ),
}
"""Statements that the emulation runs itself."""


def kind_of(reader: Reader) -> str:
    """A statement's verb, and what it is about where the verb alone does not say."""
    words = [token.word for token in reader.tokens]
    if words[0] not in VERBS:
        return words[0]
    about = next((word for word in words[1:] if word not in MODIFIERS), "")
    return f"{'DESCRIBE' if words[0] == 'DESC' else words[0]} {about}"


class Session:
    """Runs the statements of one connection."""

    def __init__(self, emulation: "Emulation", connection: Any, token: str) -> None:
        self.emulation = emulation
        self.connection = connection
        self.token = token
        self.transaction: int | None = None

    @property
    def current(self) -> Current:
        """The current database and schema."""
        return Current(self.connection.database, self.connection.schema)

    @property
    def stages(self) -> Stages:
        """The stages of the account."""
        return self.emulation.stages

    @property
    def catalog(self) -> Catalog:
        """The functions of the account."""
        return self.emulation.catalog

    @property
    def services(self) -> Services:
        """The services of the account."""
        return self.emulation.services

    @property
    def storage(self) -> tuple[str, str]:
        """Where the client finds stages, and what it shows there."""
        return self.emulation.address, self.token

    def check_schema(self, name: Name) -> None:
        """Refuse a name in a schema that is not there."""
        known = self.connection._duck_conn.execute(
            "SELECT 1 FROM information_schema.schemata WHERE catalog_name = ? AND schema_name = ?", name[:2]
        ).fetchone()
        if known is None:
            raise EmulationError(
                NOT_THERE,
                f"SQL compilation error: Schema '{name[0]}.{name[1]}' does not exist or not authorized.",
                "02000",
            )

    def run(self, sql: str, values: Sequence[Any] | None = None, *, describe: bool = False) -> Answer:
        """Run one statement; `describe` asks only for the columns of its result."""
        reader = Reader(sql)
        kind = kind_of(reader)
        self.emulation.statements.append(sql)
        if describe and kind in OWN and not kind.startswith(("SHOW", "DESCRIBE", "LIST", "LS")):
            return status("")  # what it would answer, without doing it
        if any(token.word == ";" for token in reader.tokens):
            raise EmulationError(
                8, "Actual statement count did not match the desired statement count 1.", "0A000"
            )
        if kind == "CREATE SCHEMA" and reader.sees("CREATE", "OR", "REPLACE"):
            raise NotEmulatedError("CREATE OR REPLACE SCHEMA")
        # definitions of several sessions follow each other; DuckDB would refuse one that meets another
        defines = not describe and kind.startswith(COMMITS)
        with self.emulation.definitions if defines else nullcontext():
            return self.answered(kind, reader, sql, values, describe=describe)

    def answered(
        self, kind: str, reader: Reader, sql: str, values: Sequence[Any] | None, *, describe: bool
    ) -> Answer:
        """What a statement of a kind gives, or its error as Snowflake has it."""
        try:
            if not describe:
                self.follow_transaction(kind)
            if kind in OWN:
                return OWN[kind](self, reader)
            if kind == "SELECT" and reader.tokens[1].word.startswith("SYSTEM$"):
                return system.system_function(self, reader)
            if kind in FAKESNOW:
                self.check_case(reader)
                found = queries.run(self, sql, values, describe=describe)
                if kind == "DROP SCHEMA":
                    self.forget_dropped()
                return found
        except EmulationError:
            raise
        except (ProgrammingError, duckdb.Error, RuntimeError, NotImplementedError) as error:
            failure = self.catalog.failure(str(error))
            if failure is not None:
                raise failure from error
            raise failed(error) from error
        raise NotEmulatedError(f"the statement {kind.strip()}")

    def forget_dropped(self) -> None:
        """Forget what was in schemas that are gone."""
        known = set(
            self.connection._duck_conn.execute(
                "SELECT catalog_name, schema_name FROM information_schema.schemata"
            ).fetchall()
        )
        for name in [name for name in self.catalog.functions if name[:2] not in known]:
            self.catalog.forget(name)
        for name in [name for name in self.stages.names if name[:2] not in known]:
            self.stages.drop(name)

    def follow_transaction(self, kind: str) -> None:
        """Keep in mind whether a transaction is open; one that is ends where a DDL statement begins."""
        if kind in ("BEGIN", "START"):
            self.transaction = time.time_ns()
        elif kind in ("COMMIT", "ROLLBACK"):
            self.transaction = None
        elif self.transaction and kind.startswith(COMMITS) and kind != "ALTER SESSION":
            self.connection._duck_conn.execute("COMMIT")
            self.transaction = None

    def check_case(self, reader: Reader) -> None:
        """Refuse calls whose quoted names differ in case from a function's: DuckDB would find it."""
        known = {name[2].upper(): name[2] for name in self.catalog.functions}
        for token, after in pairwise(reader.tokens):
            called = token.content if token.kind == "name" and after.word == "(" else ""
            if called and known.get(called.upper(), called) != called:
                raise EmulationError(NOT_THERE, f"SQL compilation error: Unknown function {called}.", "02000")
