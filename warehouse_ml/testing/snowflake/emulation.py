"""An account of its own for a test: a real Snowpark session on an emulated Snowflake."""

import shutil
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakesnow.instance import FakeSnow

from warehouse_ml.quoting import quoted
from warehouse_ml.testing.snowflake import macros
from warehouse_ml.testing.snowflake.catalog import Catalog, Settings
from warehouse_ml.testing.snowflake.grants import Grant
from warehouse_ml.testing.snowflake.plain_http import allow_plain_http
from warehouse_ml.testing.snowflake.server import Server
from warehouse_ml.testing.snowflake.services import Services
from warehouse_ml.testing.snowflake.stages import Stages
from warehouse_ml.testing.snowflake.system import PACKAGE_COLUMNS, PACKAGES
from warehouse_ml.testing.snowflake.workers import Workers

if TYPE_CHECKING:
    from snowflake.snowpark import Session


OFFERED = ("onnxruntime", "numpy", "pandas")
"""The packages that INFORMATION_SCHEMA.PACKAGES lists, in the versions installed here."""

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")
_LOADED = {
    **dict.fromkeys(_WHOLE, "BIGINT"),
    **dict.fromkeys(("FLOAT", "DECIMAL"), "DOUBLE"),
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "TIMESTAMP"),
    "ENUM": "VARCHAR",
}
"""What becomes of DuckDB's types in a loaded table; others stay."""


def _loaded_type(kind: str) -> str:
    return _LOADED.get(kind.partition("(")[0], kind)


def installed_packages() -> dict[str, list[str]]:
    """The versions of the handler's packages that are installed in this Python."""
    found: dict[str, list[str]] = {}
    for name in OFFERED:
        with suppress(PackageNotFoundError):
            found[name] = [version(name)]
    return found


LONGEST_STATEMENT = 24 * 3600
"""Seconds that a client waits for an answer; Snowflake's come before a statement has ended."""


class Emulation:
    """One emulated account, apart from every other one.

    Attributes:
        statements: The text of each statement that was sent, in order.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        allow_network: bool = False,
        roles: Collection[str] = (),
        packages: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="emulated_snowflake_"))
        self.statements: list[str] = []
        self.stages = Stages(self.folder)
        self.fakesnow = FakeSnow()
        # a division by zero and the root of a negative number are errors on Snowflake
        self.fakesnow.duck_conn.execute("SET GLOBAL ieee_floating_point_ops = false")
        macros.create(self.fakesnow.duck_conn)
        self.workers = Workers(self.stages, deny_network=not allow_network)
        settings = settings or Settings()
        self.catalog = Catalog(self.fakesnow.duck_conn, self.workers, settings)
        self.services = Services(settings)
        self.roles = {"ACCOUNTADMIN", "SYSADMIN", "PUBLIC", *map(str.upper, roles)}
        self.grants: list[Grant] = []
        self.offer(packages if packages is not None else installed_packages())
        self.sessions: list[Session] = []
        self.definitions = threading.RLock()
        allow_plain_http()
        self.server = Server(self)
        self.server.start()

    def offer(self, packages: Mapping[str, Collection[str]]) -> None:
        """Fill INFORMATION_SCHEMA.PACKAGES."""
        runtime = f"{sys.version_info.major}.{sys.version_info.minor}"
        rows = [
            (name, version, "python", runtime) for name, versions in packages.items() for version in versions
        ]
        duck = self.fakesnow.duck_conn
        columns = ", ".join(f"{name} VARCHAR" for name in PACKAGE_COLUMNS)
        duck.execute(f"CREATE TABLE {PACKAGES} ({columns})")
        if rows:
            duck.executemany(f"INSERT INTO {PACKAGES} VALUES (?, ?, ?, ?)", rows)

    def serve(self, service: str, address: str) -> None:
        """Say where a service answers.

        Args:
            service: The name of the service, with or without database and schema.
            address: The address of a server on this machine, such as `http://127.0.0.1:8000`.
        """
        self.services.serve(service, address)

    def load(self, table: str, rows: Any, *, database: str = "EMULATED", schema: str = "PUBLIC") -> None:
        """Make a table of rows that are here, in the place of an upload.

        Names become upper case, as unquoted ones do; whole numbers NUMBER(38,0), other numbers FLOAT.

        Args:
            table: Its name, without quotes.
            rows: A `pyarrow.Table`, or a pandas or polars frame.
            database: Where it goes.
            schema: Where it goes.
        """
        self.session(database, schema)  # makes both where they are missing
        duck = self.fakesnow.duck_conn.cursor()
        try:
            duck.register("emulation_rows", rows)
            found = duck.sql("DESCRIBE FROM emulation_rows").fetchall()
            columns = ", ".join(
                f"CAST({quoted(name)} AS {_loaded_type(kind)}) AS {quoted(name.upper())}"
                for name, kind, *_ in found
            )
            path = ".".join(quoted(name.upper()) for name in (database, schema, table))
            duck.execute(f"CREATE TABLE {path} AS SELECT {columns} FROM emulation_rows")
        finally:
            duck.close()

    @property
    def address(self) -> str:
        """Where the emulation is served."""
        return f"http://127.0.0.1:{self.server.port}"

    def connection_parameters(self, database: str = "EMULATED", schema: str = "PUBLIC") -> Mapping[str, Any]:
        """What `snowflake.connector.connect` and Snowpark's builder take; the database is made if absent."""
        return {
            "account": "emulated",
            "user": "emulated",
            "password": "emulated",
            "host": "127.0.0.1",
            "port": self.server.port,
            "protocol": "http",
            "database": database,
            "schema": schema,
            "paramstyle": "qmark",
            "network_timeout": 5,
            "socket_timeout": LONGEST_STATEMENT,
            "platform_detection_timeout_seconds": 0,
            "session_parameters": {"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
        }

    def session(self, database: str = "EMULATED", schema: str = "PUBLIC") -> "Session":
        """A new Snowpark session."""
        from snowflake.snowpark import Session

        self.sessions.append(
            Session.builder.configs({**self.connection_parameters(database, schema)}).create()
        )
        return self.sessions[-1]

    def close(self) -> None:
        """End the server, the workers and the database."""
        for session in self.sessions:
            session.close()
        self.server.stop()
        self.workers.close()
        self.catalog.close()
        self.fakesnow.duck_conn.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def emulated_snowflake(
    settings: Settings | None = None,
    *,
    allow_network: bool = False,
    roles: Collection[str] = (),
    packages: Mapping[str, Collection[str]] | None = None,
) -> Iterator[Emulation]:
    """An emulated account for as long as the block runs.

    Args:
        settings: How functions are called.
        allow_network: Run handlers also where the network cannot be taken from them.
        roles: Roles that grants may name, besides PUBLIC, SYSADMIN and ACCOUNTADMIN.
        packages: What INFORMATION_SCHEMA.PACKAGES lists: versions by name. By default those of numpy, pandas
            and onnxruntime that are installed here.
    """
    emulation = Emulation(settings, allow_network=allow_network, roles=roles, packages=packages)
    try:
        yield emulation
    finally:
        emulation.close()
