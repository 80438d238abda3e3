"""Service functions: what is sent to a real server, what is sent again, and which answers are refused."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from snowflake.snowpark.exceptions import SnowparkSQLException

SPECIFICATION = """
spec:
  containers:
  - name: scorer
    image: /emulated/public/images/scorer:1
    readinessProbe:
      port: 8000
      path: /healthz
    resources:
      requests: {"nvidia.com/gpu": 1}
      limits: {"nvidia.com/gpu": 1}
  endpoints:
  - name: predict
    port: 8000
"""

Reply = tuple[int, Any]


class Scorer:
    """A server that doubles the first feature, unless `reply` says otherwise; it keeps every request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.lock = threading.Lock()
        self.reply: Callable[[int, list[Any]], Reply] = lambda number, rows: (200, doubled(rows))
        self.headers: dict[str, str] = {}
        scorer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.finish_with(*((200, "ready") if self.path == "/healthz" else scorer.take(self, [])))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-MD5"] == md5(body)
                self.finish_with(*scorer.take(self, json.loads(body)["data"]))

            def finish_with(self, status: int, answer: Any) -> None:
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **scorer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def take(self, handler: BaseHTTPRequestHandler, rows: list[Any]) -> Reply:
        with self.lock:
            self.requests.append((handler.path, {k.lower(): v for k, v in handler.headers.items()}, rows))
            return self.reply(len(self.requests), rows)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def doubled(rows: list[Any]) -> dict[str, Any]:
    return {"data": [[row[0], None if row[1] is None else 2 * row[1]] for row in rows]}


@pytest.fixture(scope="module")
def deployed(account):
    account.sql("CREATE COMPUTE POOL gpus MIN_NODES = 1 MAX_NODES = 2 INSTANCE_FAMILY = GPU_NV_S")
    account.sql(f"CREATE SERVICE scorer IN COMPUTE POOL gpus FROM SPECIFICATION $${SPECIFICATION}$$")
    account.sql(
        "CREATE FUNCTION served(a FLOAT, b VARCHAR, c BOOLEAN) RETURNS FLOAT CALLED ON NULL INPUT "
        "SERVICE = scorer ENDPOINT = predict MAX_BATCH_ROWS = 700 MAX_BATCH_RETRIES = 3 "
        "ON_BATCH_FAILURE = ABORT BATCH_TIMEOUT_SECS = 60 AS '/models/churn/1'"
    )
    return account


@pytest.fixture
def scorer(deployed):
    server = Scorer()
    deployed.emulation.serve("scorer", f"http://127.0.0.1:{server.server.server_port}")
    yield server
    server.close()


ONE = "SELECT served(1.5, 'x', NULL)"
MANY = (
    "SELECT i, served(i, 'x', TRUE) FROM "
    "(SELECT r.index::FLOAT AS i FROM TABLE(FLATTEN(input => PARSE_JSON(?))) AS r)"
)


def many(account, rows):
    return dict(tuple(row) for row in account.sql(MANY, json.dumps([0] * rows)))


def test_rows_go_and_scores_come_back_in_order(deployed, scorer):
    assert many(deployed, 3000) == {float(number): 2.0 * number for number in range(3000)}


def test_a_batch_holds_at_most_so_many_rows(deployed, scorer):
    many(deployed, 3000)
    sizes = [len(rows) for _, _, rows in scorer.requests]
    assert (max(sizes), sum(sizes)) == (700, 3000)


def test_a_request_as_snowflake_sends_it(deployed, scorer):
    deployed.sql(ONE)
    ((path, headers, rows),) = scorer.requests
    sent = {
        key: value
        for key, value in headers.items()
        if key.startswith("sf-") and not key.endswith(("-id", "64"))
    }
    assert (path, rows) == ("/models/churn/1", [[0, 1.5, "x", None]])
    assert sent == {
        "sf-external-function-format": "json",
        "sf-external-function-format-version": "1.0",
        "sf-external-function-name": "SERVED",
        "sf-external-function-signature": "(A FLOAT, B VARCHAR, C BOOLEAN)",
        "sf-external-function-return-type": "FLOAT",
    }


@pytest.mark.parametrize("status", [404, 429, 500, 502, 503, 504])
def test_a_batch_is_sent_again_under_the_same_id(deployed, scorer, status):
    scorer.reply = lambda number, rows: (status, "") if number < 3 else (200, doubled(rows))
    assert deployed.value(ONE) == 3
    assert len({headers["sf-external-function-query-batch-id"] for _, headers, _ in scorer.requests}) == 1
    assert len(scorer.requests) == 3


def test_different_batches_have_different_ids(deployed, scorer):
    many(deployed, 3000)
    ids = [headers["sf-external-function-query-batch-id"] for _, headers, _ in scorer.requests]
    assert len({*ids}) == len(ids)


def test_a_batch_is_not_sent_more_often_than_said(deployed, scorer):
    scorer.reply = lambda number, rows: (503, "down")
    with pytest.raises(SnowparkSQLException, match="remote service error 503"):
        deployed.sql(ONE)
    assert len(scorer.requests) == 4


def test_a_bad_batch_is_not_sent_again(deployed, scorer):
    scorer.reply = lambda number, rows: (400, "row 0: feature a is -1")
    with pytest.raises(SnowparkSQLException, match="remote service error 400.*feature a is -1"):
        deployed.sql(ONE)
    assert len(scorer.requests) == 1


def test_an_answer_that_is_not_ready_is_asked_for_again(deployed, scorer):
    scorer.reply = lambda number, rows: (202, "") if number < 3 else (200, {"data": [[0, 7]]})
    assert deployed.value(ONE) == 7
    assert [len(rows) for _, _, rows in scorer.requests] == [1, 0, 0]


def test_a_server_that_is_not_there(deployed):
    deployed.emulation.serve("scorer", "http://127.0.0.1:9")
    with pytest.raises(SnowparkSQLException, match="remote service error 503"):
        deployed.sql(ONE)


def test_a_body_that_is_not_that_of_its_md5_is_asked_for_again(deployed, scorer):
    scorer.headers = {"Content-MD5": md5(b"other")}
    with pytest.raises(SnowparkSQLException, match="remote service error 502"):
        deployed.sql(ONE)


ANSWERS = {
    "shuffled": (lambda rows: rows[::-1], "not in their order"),
    "short": (lambda rows: rows[1:], "not in their order"),
    "long": (lambda rows: [*rows, [len(rows), 1]], "not in their order"),
    "one row twice": (lambda rows: [rows[0], *rows[:-1]], "not in their order"),
    "without row numbers": (lambda rows: [row[1:] for row in rows], "not in their order"),
    "with two values": (lambda rows: [[*row, 1] for row in rows], "not in their order"),
    "of texts": (lambda rows: [[row[0], "1.0"] for row in rows], "of type str for RETURNS FLOAT"),
    "of truth values": (lambda rows: [[row[0], True] for row in rows], "of type bool for RETURNS FLOAT"),
    "of no rows": (lambda rows: None, "is no {'data'"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_is_refused(deployed, scorer, kind):
    change, message = ANSWERS[kind]
    scorer.reply = lambda number, rows: (200, {"data": change(doubled(rows)["data"])})
    with pytest.raises(SnowparkSQLException, match=message):
        many(deployed, 100)


def test_a_service_without_a_server(deployed):
    deployed.emulation.services.addresses.clear()
    with pytest.raises(SnowparkSQLException, match="tell it by emulation.serve"):
        deployed.sql(ONE)


def test_nan_is_refused(deployed, scorer):
    with pytest.raises(SnowparkSQLException, match="9999.*NaN"):
        deployed.sql("SELECT served('nan'::FLOAT, 'x', TRUE)")


def test_a_service_is_ready_when_its_probe_is(deployed, scorer):
    ready = json.loads(deployed.value("SELECT SYSTEM$GET_SERVICE_STATUS('scorer')"))
    shown = deployed.sql("SHOW SERVICES LIKE 'SCOR%'")[0]["status"]
    deployed.emulation.services.addresses.clear()
    pending = json.loads(deployed.value("SELECT SYSTEM$GET_SERVICE_STATUS('emulated.public.scorer')"))
    assert (ready[0]["status"], shown, pending[0]["status"]) == ("READY", "RUNNING", "PENDING")


def test_a_suspended_service_resumes_on_a_call(deployed, scorer):
    deployed.sql("ALTER SERVICE scorer SUSPEND")
    suspended = deployed.sql("SHOW SERVICES")[0]["status"]
    assert (suspended, deployed.value(ONE), deployed.sql("SHOW SERVICES")[0]["status"]) == (
        "SUSPENDED",
        3,
        "RUNNING",
    )


def test_the_containers_of_a_service(deployed):
    (row,) = deployed.sql("SHOW SERVICE CONTAINERS IN SERVICE scorer")
    assert (row["container_name"], row["image_name"]) == ("scorer", "/emulated/public/images/scorer:1")


def test_a_role_of_a_service_is_granted(deployed):
    deployed.sql("GRANT SERVICE ROLE scorer!all_endpoints_usage TO ROLE analyst")
    assert deployed.emulation.grants[-1].name == "EMULATED.PUBLIC.SCORER"


SPECIFICATIONS = {
    "other GPUs than the limit": (
        SPECIFICATION.replace('limits: {"nvidia.com/gpu": 1}', "limits: {}"),
        "no GPU",
    ),
    "a key that is not known": (SPECIFICATION.replace("image:", "picture: x\n    image:"), "9999.*'picture'"),
    "no containers": ("spec: {}", "'containers' is missing"),
    "no YAML": ("a: b: c", "it is no YAML"),
    "a stage that is not there": (
        SPECIFICATION + "  volumes:\n  - name: m\n    source: stage\n    stageConfig: {name: '@nowhere'}\n",
        "NOWHERE' does not exist",
    ),
}


@pytest.mark.parametrize("case", SPECIFICATIONS)
def test_a_specification_is_refused(deployed, case):
    text, message = SPECIFICATIONS[case]
    with pytest.raises(SnowparkSQLException, match=message):
        deployed.sql(f"CREATE SERVICE other IN COMPUTE POOL gpus FROM SPECIFICATION $${text}$$")


FUNCTION = "CREATE FUNCTION h(a FLOAT) RETURNS FLOAT SERVICE = scorer ENDPOINT = predict AS '/x'"
REFUSED = {
    "a pool that is not there": (
        f"CREATE SERVICE o IN COMPUTE POOL none FROM SPECIFICATION $${SPECIFICATION}$$",
        "Compute pool 'NONE' does not exist",
    ),
    "a service that is not there": (
        FUNCTION.replace("scorer", "none"),
        "Service 'EMULATED.PUBLIC.NONE' does not",
    ),
    "an endpoint that is not there": (FUNCTION.replace("= predict", "= score"), "no endpoint 'score'"),
    "NULL for a failed batch": (
        FUNCTION.replace("AS", "ON_BATCH_FAILURE = RETURN_NULL AS"),
        "9999.*other than ABORT",
    ),
    "a clause that is not known": (
        FUNCTION.replace("AS", "CONTEXT_HEADERS = (x) AS"),
        "9999.*CONTEXT_HEADERS",
    ),
    "a pool that is in use": ("DROP COMPUTE POOL gpus", "services run on it"),
    "a pool twice": (
        "CREATE COMPUTE POOL gpus MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = GPU_NV_S",
        "'GPUS' already exists",
    ),
    "a pool without its family": ("CREATE COMPUTE POOL p MIN_NODES = 1 MAX_NODES = 1", "INSTANCE_FAMILY"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_statement_is_refused(deployed, case):
    statement, message = REFUSED[case]
    with pytest.raises(SnowparkSQLException, match=message):
        deployed.sql(statement)


def test_what_is_dropped_is_gone(deployed):
    deployed.sql("CREATE COMPUTE POOL p MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS")
    deployed.sql(f"CREATE SERVICE s IN COMPUTE POOL p FROM SPECIFICATION $${SPECIFICATION}$$")
    deployed.sql("DROP SERVICE s")
    deployed.sql("DROP COMPUTE POOL p")
    assert deployed.sql("SHOW SERVICES LIKE 's'") == []


def test_an_image_repository_is_made_once(deployed):
    deployed.sql("CREATE IMAGE REPOSITORY IF NOT EXISTS images")
    with pytest.raises(SnowparkSQLException, match="'IMAGES' already exists"):
        deployed.sql("CREATE IMAGE REPOSITORY images")
