"""Score batches of rows with ONNX models over HTTP: a GPU UDF, as a service function of Snowflake.

`python onnx_service.py` serves every model of a folder in one process. It speaks the format of service
functions: POST /churn/3/predict_proba with `{"data": [[0, a, b], [1, a, b]]}` is answered by
`{"data": [[0, p], [1, p]]}`; a path /churn/3/0123456789abcdef/predict names the digest of the bytes too.
GET /healthz is 200 when all models are loaded; GET /metrics is for Prometheus.

| variable | default | |
| --- | --- | --- |
| WML_MODELS | /models | the folder: `<name>/<version>/[<digest>/]{model.onnx,deployment.json}` |
| WML_SERVE | all | which of them, as `churn/3,fraud/1` |
| WML_DEVICE | cpu | `cpu` or `cuda`; where CUDA is not to be had, the service does not start |
| WML_ALLOW_CPU_NODES | 0 | 1: it starts even where CUDA leaves the bulk of a graph to the CPU |
| WML_HOST, WML_PORT | 0.0.0.0, 8000 | where it listens |
| WML_THREADS | 1 | the CPU threads of one run |
| WML_MAX_BATCH_ROWS | 100000 | how many rows of several requests are scored together |
| WML_MAX_DELAY_MS | 5 | how long a request waits for others to be scored with |
| WML_MAX_QUEUE_ROWS | 1000000 | rows in the service at a time; beyond that it answers 429 |
| WML_MAX_BODY_BYTES | 64 MiB | of one request; beyond that it answers 413 |
| WML_MAX_BUFFER_BYTES | 512 MiB | of all requests in the service; beyond that it answers 429 |
| WML_KEPT_ANSWERS, _BYTES, _SECONDS | 1024, 128 MiB, 900 | answers that are kept for retries |
| WML_STOP_SECONDS | 25 | how long it finishes what is in flight when it is told to stop |
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import onnxruntime
import uvicorn
from onnx_udf import ScoringError
from service_answers import Answers
from service_batcher import Batcher
from service_metrics import Metrics
from service_models import ServedModel, find_deployments
from service_placement import described, providers_of
from service_settings import Settings, StartError, read_settings, unknown_settings
from service_wire import BatchError, read_batch, write_batch
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

BATCH_ID = "sf-external-function-query-batch-id"
"""The header that is the same when Snowflake sends a batch again."""

log = logging.getLogger("wml.service")


class Service:
    """The models, and what a request goes through.

    Attributes:
        state: `starting`, `ready`, `stopping` or `failed`.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.state = "starting"
        self._settings, self._metrics = settings, metrics
        self._models: dict[tuple[str, int], ServedModel] = {}
        self._batchers: dict[tuple[str, int, str], Batcher] = {}
        self._executors: list[ThreadPoolExecutor] = []
        self._wire = ThreadPoolExecutor(4, "wire")
        self._answers = Answers(settings.kept_answers, settings.kept_bytes, settings.kept_seconds)
        self._rows = self._bytes = 0

    async def load(self) -> None:
        """Load all models; the service is ready thereafter.

        Raises:
            StartError: One of them cannot be served as it was asked for.
        """
        loop = asyncio.get_running_loop()
        for model in await loop.run_in_executor(self._wire, self._loaded):
            executor = ThreadPoolExecutor(1, model.deployment.reference)
            self._executors.append(executor)
            name, version = model.deployment.name, model.deployment.version
            self._models[name.lower(), version] = model
            for method in model.results:
                self._batchers[name.lower(), version, method] = Batcher(
                    partial(model.score, method=method),
                    executor,
                    self._settings.max_batch_rows,
                    self._settings.max_delay_ms / 1000,
                    self._metrics.scored.labels(name, version, method).observe,
                )
            log.info(
                "%s, SHA-256 %s: %s", model.deployment.reference, model.sha256, described(model.placement)
            )
            for (provider, operator), count in (model.placement or {}).items():
                self._metrics.nodes.labels(name, version, provider, operator).set(count)
        self._metrics.describe({"device": self._settings.device, "onnxruntime": onnxruntime.__version__})
        if self.state == "starting":
            self.state = "ready"
            self._metrics.ready.set(1)
            log.info("ready: %d models on %s", len(self._models), self._settings.device)

    def _loaded(self) -> list[ServedModel]:
        folder = Path(self._settings.models)
        found = find_deployments(folder, self._settings.serve)
        return [ServedModel(deployment, self._settings) for deployment in found]

    def stop(self, state: str = "stopping") -> None:
        """Take no more batches; what is in flight is finished."""
        self.state = state
        self._metrics.ready.set(0)

    async def close(self) -> None:
        """Stop, and wait for what is in flight."""
        if self.state != "failed":
            self.stop()
        if self._answers.running:
            await asyncio.wait(self._answers.running, timeout=self._settings.stop_seconds)
        for batcher in self._batchers.values():
            await batcher.close()
        for executor in (*self._executors, self._wire):
            executor.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: Request) -> Response:
        """The scores of a batch."""
        started = time.perf_counter()
        model = self._model(request)
        method = request.path_params["method"]
        labels = (model.deployment.name, model.deployment.version, method)
        status = 500
        try:
            body = await self._body(request)
            self._bytes += len(body)
            try:
                answer = await self._once(request, model, method, body)
            finally:
                self._bytes -= len(body)
            status = 200
        except (BatchError, ScoringError) as error:
            status = 400
            raise HTTPException(status, str(error)) from None
        except HTTPException as error:
            status = error.status_code
            raise
        except ClientDisconnect:
            status = 400
            raise HTTPException(status, "The connection broke.") from None
        except Exception as error:  # of any library below, and its words may quote a row: none are passed on
            log.error("%s at %s, in a batch for %s/%s/%s", type(error).__name__, _place(error), *labels)
            raise HTTPException(
                status, "The batch could not be scored; the log of the service says where."
            ) from None
        finally:
            self._metrics.requests.labels(*labels, status).inc()
            self._metrics.seconds.labels(*labels).observe(time.perf_counter() - started)
        return Response(answer, media_type="application/json", headers={"Content-MD5": _md5(answer)})

    def _model(self, request: Request) -> ServedModel:
        if self.state != "ready":
            raise HTTPException(503, f"The service is {self.state}.", {"Retry-After": "1"})
        path = request.path_params
        name, version, digest = path["model"], path["version"], path.get("digest", "")
        model = self._models.get((name.lower(), version))
        if model is None or not model.sha256.startswith(digest):
            raise HTTPException(404, f"No model {name}/{version}{digest and '/'}{digest} is served here.")
        if path["method"] not in model.results:
            raise HTTPException(404, f"{name}/{version} has no method {path['method']!r}.")
        return model

    async def _body(self, request: Request) -> bytes:
        """What was sent, if it is whole and not too much."""
        limit = self._settings.max_body_bytes
        if int(request.headers.get("content-length", 0)) > limit:
            raise HTTPException(413, f"A request may hold {limit} bytes; use a smaller MAX_BATCH_ROWS.")
        parts, size = [], 0
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > limit:
                raise HTTPException(413, f"A request may hold {limit} bytes; use a smaller MAX_BATCH_ROWS.")
            if self._bytes + size > self._settings.max_buffer_bytes:
                raise HTTPException(429, "The service holds too many requests.", {"Retry-After": "1"})
        body = b"".join(parts)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise HTTPException(400, "The service takes no compressed requests.")
        if request.headers.get("sf-external-function-format", "json") != "json":
            raise HTTPException(400, "The service takes batches in the format json.")
        if request.headers.get("content-md5") not in (None, _md5(body)):
            raise HTTPException(400, "The body is not the one that Content-MD5 was made of.")
        return body

    async def _once(self, request: Request, model: ServedModel, method: str, body: bytes) -> bytes:
        """The answer to a batch, which is made once however often the batch is sent."""
        batch = request.headers.get(BATCH_ID)
        if batch is None:
            return await self._scored(model, method, body)
        # the digest keeps apart what a caller may send under one id by mistake
        key = (model.sha256, method, batch, hashlib.blake2b(body, digest_size=16).digest())
        answer, reused = await self._answers.once(key, lambda: self._scored(model, method, body))
        if reused:
            self._metrics.reused.inc()
        return answer

    async def _scored(self, model: ServedModel, method: str, body: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        lenient = method == "try_predict"
        read = partial(read_batch, body, model.features, packed=model.packed, lenient=lenient)
        batch = await loop.run_in_executor(self._wire, read)
        limit = self._settings.max_queue_rows
        if batch.rows > limit:
            raise HTTPException(413, f"A request may hold {limit} rows; use a smaller MAX_BATCH_ROWS.")
        if self._rows + batch.rows > limit:
            raise HTTPException(429, f"The queue is full: it holds {limit} rows.", {"Retry-After": "1"})
        name, version = model.deployment.name, model.deployment.version
        self._count(batch.rows)
        try:
            leaves = await self._batchers[name.lower(), version, method].submit(batch.columns, batch.rows)
        finally:
            self._count(-batch.rows)
        write = partial(write_batch, leaves, model.results[method], batch.refused)
        answer = await loop.run_in_executor(self._wire, write)
        self._metrics.rows.labels(name, version, method).inc(batch.rows)
        return answer

    def _count(self, rows: int) -> None:
        self._rows += rows
        self._metrics.queue_rows.set(self._rows)


class Server(uvicorn.Server):
    """A server that takes no more batches from the moment of a signal, and finishes those it has."""

    service: Service | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See `uvicorn.Server`."""
        if self.service is not None:
            self.service.stop()
        super().handle_exit(sig, frame)


def create_app(settings: Settings, server: Server | None = None) -> Starlette:
    """The application; where its models cannot be loaded, `server` is told to end."""
    metrics = Metrics()
    service = Service(settings, metrics)
    if server is not None:
        server.service = service

    def loaded(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        service.stop("failed")
        log.error("%s", error if isinstance(error, StartError) else f"{type(error).__name__}: {error}")
        if server is not None:
            server.should_exit = True

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.loading = asyncio.create_task(service.load())  # meanwhile the answer is 503
        app.state.loading.add_done_callback(loaded)
        yield
        app.state.loading.cancel()
        await service.close()

    async def health(request: Request) -> Response:
        return _said(200 if service.state == "ready" else 503, state=service.state)

    async def figures(request: Request) -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = _said(error.status_code, error=error.detail)
        response.headers.update(error.headers or {})
        return response

    return Starlette(
        routes=[
            Route("/healthz", health),
            Route("/metrics", figures),
            Route("/{model}/{version:int}/{method}", service.answer, methods=["POST"]),
            Route("/{model}/{version:int}/{digest}/{method}", service.answer, methods=["POST"]),
        ],
        exception_handlers={HTTPException: refuse},
        lifespan=lifespan,
    )


def _said(status: int, **facts: Any) -> Response:
    return Response(json.dumps(facts), status, media_type="application/json")


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _md5(body: bytes) -> str:
    """As RFC 1864 writes it: the 16 bytes of the digest in base64."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")


def main() -> int:
    """Serve until a signal; the exit status is 1 where the service could not start."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = read_settings(os.environ)
        providers_of(settings.device)
    except StartError as error:
        log.error("%s", error)
        return 1
    for name in unknown_settings(os.environ):
        log.warning("%s is no setting of the service", name)
    server: Server
    config = uvicorn.Config(
        lambda: create_app(settings, server),
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    server = Server(config)
    server.run()
    return 1 if server.service is None or server.service.state == "failed" else 0


if __name__ == "__main__":
    sys.exit(main())
