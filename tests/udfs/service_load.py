"""A load on the service, over a real network connection: many clients, a small queue, a server that dies.

Run it: `python -m tests.udfs.service_load [batches] [clients]`.
"""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from tests.udfs.service_deployments import deploy_sum
from warehouse_ml.engines.handler_files import handler_file

ROWS = 64
"""Rows of one batch."""

RETRIED = (404, 429, 500, 502, 503, 504)
"""What Snowflake sends a batch again for; a broken connection too."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_server(models, port: int, **settings) -> subprocess.Popen:
    """The service as a process of its own; it is not ready yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WML_")}
    own = {"models": models, "host": "127.0.0.1", "port": port, **settings}
    environment = kept | {f"WML_{name.upper()}": str(value) for name, value in own.items()}
    command = [sys.executable, str(handler_file("onnx_service"))]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@asynccontextmanager
async def connected(port: int):
    """A client of a local port."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    # nothing of the machine's settings: no proxy
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=30, trust_env=False
    ) as client:
        yield client


async def wait_until_ready(client: httpx.AsyncClient, server: subprocess.Popen, seconds: float = 60) -> None:
    """Ask for the state until it is ready."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert server.poll() is None, server.stderr.read()
        try:
            if (await client.get("/healthz")).status_code == 200:
                return
        except httpx.TransportError:
            pass  # nothing listens yet
        await asyncio.sleep(0.05)
    raise TimeoutError("the service did not become ready")


@dataclass
class Load:
    """What was sent, and what came back.

    Attributes:
        answers: The accepted answers of each batch, one for each time it was sent.
        refusals: How often each status was answered, and `broken` connections.
        seconds: From the first try to the answer, for each batch.
        late: The batches that the second server answered.
        late_rows: The rows that the second server says it scored.
        killed_at: How many batches were answered when the first server was killed.
        wall: Seconds from the first request to the last answer.
    """

    answers: dict[int, list] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    late: set[int] = field(default_factory=set)
    late_rows: float = 0
    killed_at: int = 0
    wall: float = 0


def table_of(batch: int) -> np.ndarray:
    """The rows of a batch, of shape [rows, 2]; no two batches have the same."""
    return np.random.default_rng(batch).normal(size=(ROWS, 2))


def request_of(batch: int) -> tuple[str, bytes]:
    """The path and the body of a batch; half of them go to another model."""
    data = [[place, *row] for place, row in enumerate(table_of(batch).tolist())]
    path = "/churn/3/predict" if batch % 2 else "/fraud/1/predict_proba"
    return path, json.dumps({"data": data}).encode()


def expected_of(batch: int) -> list:
    """What a batch is to be answered with: its sums, or its second column."""
    table = table_of(batch)
    values = table.sum(axis=1) if batch % 2 else table[:, 1]
    return [[place, value] for place, value in enumerate(values.tolist())]


def copies_of(batch: int) -> int:
    """How often a batch is sent at once under one id, as after a timeout."""
    return 2 if batch % 7 == 0 else 1


async def send(client: httpx.AsyncClient, batch: int, load: Load, restarted: asyncio.Event) -> None:
    """Send a batch until it is answered, with longer and longer waits between tries, as Snowflake does."""
    path, body = request_of(batch)
    headers = {"sf-external-function-query-batch-id": f"query:{batch}"}
    started, wait = time.perf_counter(), 0.01
    while True:
        again = restarted.is_set()
        try:
            response = await client.post(path, content=body, headers=headers)
            kind = str(response.status_code)
        except httpx.TransportError:
            kind = "broken"
        if kind == "200":
            break
        assert kind == "broken" or int(kind) in RETRIED, response.text
        load.refusals[kind] = load.refusals.get(kind, 0) + 1
        await asyncio.sleep(wait * random.uniform(0.5, 1.5))
        wait = min(2 * wait, 0.5)
    load.seconds.append(time.perf_counter() - started)
    load.answers.setdefault(batch, []).append(response.json()["data"])
    if again:
        load.late.add(batch)


async def run(models: Path, batches: int, clients: int) -> Load:
    """Send batches from clients at once; the server is killed on the way, and started again."""
    load, port, restarted = Load(), free_port(), asyncio.Event()
    settings = {"max_queue_rows": 2 * ROWS, "max_delay_ms": 5}
    server = start_server(models, port, **settings)
    waiting = iter(range(batches))

    async def work() -> None:
        for batch in waiting:
            copies = (send(client, batch, load, restarted) for _ in range(copies_of(batch)))
            await asyncio.gather(*copies)

    async def kill() -> None:
        nonlocal server
        while len(load.answers) < batches // 3:
            await asyncio.sleep(0.005)
        server.kill()
        server.communicate()
        load.killed_at = len(load.answers)
        restarted.set()  # nobody answers now until the next one does
        server = start_server(models, port, **settings)

    try:
        async with connected(port) as client:
            await wait_until_ready(client, server)
            started = time.perf_counter()
            await asyncio.gather(kill(), *(work() for _ in range(clients)))
            load.wall = time.perf_counter() - started
            load.late_rows = await scored_rows(client)
    finally:
        server.kill()
        server.communicate()
    return load


async def scored_rows(client: httpx.AsyncClient) -> float:
    """How many rows the server says it scored."""
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    return sum(
        sample.value for family in families for sample in family.samples if sample.name == "wml_rows_total"
    )


def report(load: Load) -> str:
    """What there was, in one line."""
    p50, p99 = np.percentile(load.seconds, [50, 99]) * 1000
    rows = len(load.answers) * ROWS
    return (
        f"{len(load.answers)} batches of {ROWS} rows in {load.wall:.1f} s: {rows / load.wall:,.0f} rows/s, "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, tries again {load.refusals}, "
        f"killed after {load.killed_at} batches"
    )


def main(batches: int = 1_000, clients: int = 32) -> Load:
    """Run the load on two small models, and print what there was."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        deploy_sum(models, "churn/3")
        deploy_sum(models, "fraud/1")
        load = asyncio.run(run(models, batches, clients))
    print(report(load))
    return load


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
