"""The HTTP server that the connector talks to: login, statements, and the bytes of stages."""

import gzip
import json
import secrets
import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import uvicorn
from fakesnow.converter import from_binding
from snowflake.connector.errors import ProgrammingError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from warehouse_ml.testing.snowflake.answers import Answer
from warehouse_ml.testing.snowflake.definitions import has_database, make_public, use_public
from warehouse_ml.testing.snowflake.errors import BROKEN, EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.files import BUCKET
from warehouse_ml.testing.snowflake.quiet import QuietConnection
from warehouse_ml.testing.snowflake.session import Session
from warehouse_ml.testing.snowflake.stages import StagePath

if TYPE_CHECKING:
    from warehouse_ml.testing.snowflake.emulation import Emulation

DIGEST = "x-goog-meta-sfc-digest"
"""The header in which the client keeps a file's SHA-256 with the file."""


def failed(error: ProgrammingError) -> JSONResponse:
    """The reply for a statement that failed."""
    code = f"{error.errno:06d}"
    data = {"errorCode": code, "sqlState": error.sqlstate, "queryId": str(uuid.uuid4())}
    return JSONResponse({"data": data, "code": code, "message": error.raw_msg, "success": False})


def bound(binding: dict[str, Any]) -> Any:
    """A bound value as Python has it."""
    if binding["value"] is None:
        return None
    if binding["type"] == "REAL":
        return float(binding["value"])
    return from_binding(binding)


def rows_of(bindings: dict[str, dict[str, Any]]) -> list[list[Any]]:
    """Bound values, a list per row of an array binding, or one list."""
    columns = [bindings[str(place)] for place in range(1, len(bindings) + 1)]
    if not any(isinstance(column["value"], list) for column in columns):
        return [[bound(column) for column in columns]]
    return [
        [bound({**column, "value": value}) for column, value in zip(columns, values, strict=True)]
        for values in zip(*(column["value"] for column in columns), strict=True)
    ]


class Server:
    """Serves one emulation on a port of the loopback interface, from a thread of its own."""

    def __init__(self, emulation: "Emulation") -> None:
        self.emulation = emulation
        self.sessions: dict[str, Session] = {}
        self.digests: dict[str, str] = {}
        # with the protocol named, asyncio turns Nagle's algorithm off, which costs 40 ms a statement
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        routes = [
            Route("/session/v1/login-request", self.login, methods=["POST"]),
            Route("/session", self.end_session, methods=["POST"]),
            Route("/session/heartbeat", self.end_session, methods=["POST"]),
            Route("/queries/v1/query-request", self.query, methods=["POST"]),
            Route("/queries/v1/abort-request", self.abort, methods=["POST"]),
            Route("/telemetry/send", self.abort, methods=["POST"]),
            Route(f"/{BUCKET}/{{path:path}}", self.storage, methods=["HEAD", "GET", "PUT"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def start(self) -> None:
        """Start, and wait until requests are served."""
        self.thread.start()
        while not self.server.started:
            if not self.thread.is_alive():
                raise EmulationError(BROKEN, "The emulation's HTTP server did not start.")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop, and wait for the thread."""
        self.server.should_exit = True
        self.server.force_exit = True
        self.thread.join()
        self.socket.close()

    def session(self, request: Request) -> Session | None:
        """The session whose token a request shows."""
        header = request.headers.get("Authorization", "")
        token = header.removeprefix('Snowflake Token="').removesuffix('"').removeprefix("Bearer ")
        return self.sessions.get(token)

    @staticmethod
    async def body(request: Request) -> dict[str, Any]:
        """The JSON of a request."""
        content = await request.body()
        if request.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return dict(json.loads(content))

    async def login(self, request: Request) -> JSONResponse:
        """Open a session."""
        database = request.query_params.get("databaseName", "").upper() or None
        schema = request.query_params.get("schemaName", "").upper() or None
        token = secrets.token_urlsafe(24)

        def connected() -> Any:
            with self.emulation.definitions:  # it makes a database that is missing
                with self.emulation.fakesnow.duck_conn.cursor() as duck:
                    new = database is not None and not has_database(duck, database)
                connection = self.emulation.fakesnow.connect(database, schema)
                if database and new:
                    make_public(connection._duck_conn, database)
                if database and not schema:
                    use_public(connection, database)
                return connection

        connection = await run_in_threadpool(connected)
        connection._duck_conn = QuietConnection(connection._duck_conn)
        self.sessions[token] = Session(self.emulation, connection, token)
        data = {
            "token": token,
            "masterToken": token,
            "serverVersion": "9.0.0",
            "sessionId": len(self.sessions),
            "parameters": [
                {"name": "AUTOCOMMIT", "value": True},
                {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
                {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
                {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
            ],
            "sessionInfo": {"databaseName": database, "schemaName": connection.schema},
        }
        return JSONResponse({"data": data, "success": True})

    async def end_session(self, request: Request) -> JSONResponse:
        """Keep a session alive, or close it."""
        if request.query_params.get("delete"):
            session = self.session(request)
            if session is not None:
                del self.sessions[session.token]
        return JSONResponse({"data": None, "success": True})

    async def abort(self, request: Request) -> JSONResponse:
        """Nothing runs on once it was asked to end: there is nothing to do."""
        return JSONResponse({"data": None, "success": True})

    async def query(self, request: Request) -> JSONResponse:
        """Run a statement."""
        session = self.session(request)
        if session is None:
            return JSONResponse(
                {"code": "390104", "message": "Not logged in.", "success": False, "data": None}
            )
        body = await self.body(request)
        if body.get("asyncExec"):
            return failed(NotEmulatedError("statements that are not waited for, nor results in parts"))
        rows = rows_of(body.get("bindings") or {})

        def run() -> tuple[Answer, int]:
            answers = [
                session.run(body["sqlText"], row, describe=bool(body.get("describeOnly"))) for row in rows
            ]
            changed = sum(
                int(one["rowset"][0][0]) for answer in answers[1:] if (one := answer.payload).get("rowset")
            )
            return answers[0], changed

        try:
            answer, more = await run_in_threadpool(run)
        except ProgrammingError as error:
            return failed(error)
        except Exception as error:  # a fault of the emulation must reach the test as one
            return failed(EmulationError(BROKEN, f"The emulation failed: {type(error).__name__}: {error}"))
        return self.reply(session, answer, more)

    @staticmethod
    def reply(session: Session, answer: Answer, more: int) -> JSONResponse:
        """The reply for a statement that was run."""
        if answer.transfer:
            return JSONResponse({"data": answer.transfer, "success": True})
        nothing: dict[str, Any] = {"queryResultFormat": "json", "rowset": []}
        payload = answer.payload if answer.table is not None else nothing
        if more:
            payload["rowset"] = [[str(int(payload["rowset"][0][0]) + more)]]
        data = {
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
            "rowtype": answer.rowtype,
            "total": 0,
            "queryId": str(uuid.uuid4()),
            "statementTypeId": answer.kind,
            "finalDatabaseName": session.current.database,
            "finalSchemaName": session.current.schema,
            **payload,
        }
        return JSONResponse({"data": data, "success": True})

    async def storage(self, request: Request) -> Response:
        """A file of a stage: its digest, its bytes, or new bytes."""
        if self.session(request) is None:
            return Response(status_code=401)
        parts = request.path_params["path"].split("/", 3)
        place = StagePath((parts[0], parts[1], parts[2]), parts[3])
        try:
            file = self.emulation.stages.file(place)
        except EmulationError:
            return Response(status_code=403)
        if request.method == "PUT":
            content = await request.body()
            await run_in_threadpool(self.emulation.stages.write, place, content)
            self.digests[str(file)] = request.headers.get(DIGEST, "")
            return Response()
        if not file.is_file():
            return Response(status_code=404)
        headers = {DIGEST: self.digests.get(str(file), "")}
        return Response(file.read_bytes(), headers=headers, media_type="application/octet-stream")
