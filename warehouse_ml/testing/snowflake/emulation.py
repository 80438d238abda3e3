"""An account of its own for a test: a real Snowpark session on an emulated Snowflake."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakesnow.instance import FakeSnow

from warehouse_ml.testing.snowflake.catalog import Catalog, Settings
from warehouse_ml.testing.snowflake.plain_http import allow_plain_http
from warehouse_ml.testing.snowflake.server import Server
from warehouse_ml.testing.snowflake.stages import Stages
from warehouse_ml.testing.snowflake.workers import Workers

if TYPE_CHECKING:
    from snowflake.snowpark import Session


class Emulation:
    """One emulated account, apart from every other one.

    Attributes:
        statements: The text of each statement that was sent, in order.
    """

    def __init__(self, settings: Settings | None = None, *, allow_network: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="emulated_snowflake_"))
        self.statements: list[str] = []
        self.stages = Stages(self.folder)
        self.fakesnow = FakeSnow()
        self.workers = Workers(self.stages, deny_network=not allow_network)
        self.catalog = Catalog(self.fakesnow.duck_conn, self.workers, settings or Settings())
        self.sessions: list[Session] = []
        allow_plain_http()
        self.server = Server(self)
        self.server.start()

    @property
    def address(self) -> str:
        """Where the emulation is served."""
        return f"http://127.0.0.1:{self.server.port}"

    def connection_parameters(self, database: str = "EMULATED", schema: str = "PUBLIC") -> Mapping[str, Any]:
        """What `snowflake.connector.connect` and Snowpark's session builder take; the database is made if absent."""
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
    settings: Settings | None = None, *, allow_network: bool = False
) -> Iterator[Emulation]:
    """An emulated account for as long as the block runs."""
    emulation = Emulation(settings, allow_network=allow_network)
    try:
        yield emulation
    finally:
        emulation.close()
