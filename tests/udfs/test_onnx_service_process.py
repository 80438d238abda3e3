"""The service as a process of its own, over a real connection."""

import asyncio
import signal
import time

import httpx
import pytest

from tests.udfs import service_load
from tests.udfs.service_deployments import deploy_sum, rows
from tests.udfs.service_load import connected, free_port, start_server, wait_until_ready


@pytest.fixture(scope="module")
def load() -> service_load.Load:
    return service_load.main(batches=1_000, clients=32)


def test_under_load_every_batch_is_answered_once_and_right(load):
    copies = service_load.copies_of
    assert load.answers == {
        batch: [service_load.expected_of(batch)] * copies(batch) for batch in range(1_000)
    }


def test_under_load_the_queue_was_full_and_the_server_was_killed(load):
    assert load.refusals["429"] > 0
    assert load.refusals["broken"] > 0
    assert 0 < load.killed_at < 1_000


def test_after_the_restart_no_batch_was_scored_twice(load):
    assert load.late_rows == len(load.late) * service_load.ROWS


def test_under_load_it_stays_quick(load):
    assert load.wall < 60
    assert "rows/s, p50" in service_load.report(load)


def test_a_stop_finishes_what_is_in_flight_and_takes_no_more(tmp_path):
    deploy_sum(tmp_path)
    port = free_port()
    server = start_server(tmp_path, port, max_delay_ms=800)

    async def stop():
        async with connected(port) as client:
            await wait_until_ready(client, server)
            first = asyncio.create_task(client.post("/churn/3/predict", json=rows([1, 2])))
            await asyncio.sleep(0.3)
            server.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
            refused = await refusal(client)
            return await first, refused

    try:
        answer, refused = asyncio.run(stop())
        assert (answer.status_code, answer.json()) == (200, {"data": [[0, 3.0]]})
        assert refused
        assert server.wait(10) == -signal.SIGTERM
    finally:
        server.kill()
        server.communicate()


async def refusal(client: httpx.AsyncClient) -> bool:
    """Whether a new batch is not taken: it is answered 503, or the connection is refused."""
    try:
        return (await client.post("/churn/3/predict", json=rows([1, 2]))).status_code == 503
    except httpx.TransportError:
        return True


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cuda"}, "has no CUDAExecutionProvider"),
        ({"serve": "churn/4"}, "churn/4: one deployment was expected"),
        ({"max_queue_rows": "many"}, "WML_MAX_QUEUE_ROWS is 'many'"),
    ],
)
def test_a_service_that_cannot_do_as_it_is_told_does_not_start(tmp_path, settings, message):
    deploy_sum(tmp_path)
    started = time.monotonic()
    server = start_server(tmp_path, free_port(), **settings)
    _, log = server.communicate(timeout=60)
    assert server.returncode == 1
    assert message in log
    assert time.monotonic() - started < 60
