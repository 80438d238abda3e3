"""Calls of a service function: JSON batches by HTTP, with the headers, retries and checks of Snowflake's."""

import base64
import hashlib
import json
import math
import random
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow

from warehouse_ml.testing.snowflake.columns import split
from warehouse_ml.testing.snowflake.errors import SERVICE, EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.functions import Function
from warehouse_ml.testing.snowflake.identifiers import shown
from warehouse_ml.testing.snowflake.types import SEMI_STRUCTURED, SnowflakeType

RETRIED = frozenset({404, 429, 500, 502, 503, 504})
"""Answers after which a batch is sent again, under the same batch id."""

FIRST_PAUSE = 0.05
"""Seconds before the first retry; each further pause is twice as long. Snowflake's own are longer."""

THREADS = 4
"""How many batches are under way at a time."""

DEFAULT_TIMEOUT = 600

EXPECTED: dict[str, tuple[type, ...]] = {
    "FLOAT": (int, float),
    "NUMBER": (int,),
    "BOOLEAN": (bool,),
    "VARCHAR": (str,),
    "TIMESTAMP_NTZ": (str,),
    "DATE": (str,),
    "OBJECT": (dict,),
    "ARRAY": (list,),
    "VARIANT": (dict, list, str, bool, int, float),
}
"""What JSON may hold for each type of result, other than null."""


def sent(type_: SnowflakeType, value: Any) -> Any:
    """A value as it stands in a request: what JSON knows as JSON, all else as text."""
    if value is None or isinstance(value, bool):
        return value
    if type_.kind in SEMI_STRUCTURED:
        return json.loads(shown(value))
    if isinstance(value, Decimal):
        return int(value) if not type_.scale else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise NotEmulatedError(
            "NaN and infinity in a request to a service: what Snowflake sends is not documented"
        )
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return value if isinstance(value, (int, float, str)) else str(value)


def received(type_: SnowflakeType, value: Any) -> Any:
    """A value of an answer, refused where its type is not that of RETURNS."""
    if value is None:
        return None
    if not isinstance(value, EXPECTED[type_.kind]) or (
        isinstance(value, bool) and type_.kind in ("FLOAT", "NUMBER")
    ):
        raise EmulationError(
            SERVICE, f"The service answered a value of type {type(value).__name__} for RETURNS {type_.sql}."
        )
    if type_.kind in SEMI_STRUCTURED:
        return json.dumps(value)
    if type_.kind == "TIMESTAMP_NTZ":
        return datetime.fromisoformat(str(value))
    return value


def digest(body: bytes) -> str:
    """Content-MD5: the MD5 of a body, in base64."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a body."""

    status: int
    body: bytes


def request(address: str, body: bytes | None, headers: dict[str, str], limit: float) -> Reply:
    """Send one request; a server that cannot be reached is one that answers 503."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(address, data=body, headers=headers), timeout=limit
        ) as response:
            content = response.read()
            stated = response.headers.get("Content-MD5")
            if stated is not None and stated != digest(content):
                return Reply(502, b"Content-MD5 is not that of the body")
            return Reply(response.status, content)
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.read())
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        return Reply(503, str(error).encode())


class ServiceCalls:
    """Runs the batches of one service function at an address."""

    def __init__(self, function: Function, address: str, seed: int) -> None:
        self.function = function
        self.address = address
        self.chance = random.Random(seed)

    def headers(self, query: str, batch: str) -> dict[str, str]:
        """What comes with a batch; the same at each retry."""
        function = self.function
        signature = ", ".join(f"{one.name} {one.type.sql}" for one in function.arguments)
        named = {
            "name": function.name[2],
            "signature": f"({signature})",
            "return-type": function.returns.sql,
        }
        encoded = {
            f"sf-external-function-{key}-base64": base64.b64encode(value.encode()).decode()
            for key, value in named.items()
        }
        return {
            "Content-Type": "application/json",
            "sf-external-function-format": "json",
            "sf-external-function-format-version": "1.0",
            "sf-external-function-current-query-id": query,
            "sf-external-function-query-batch-id": batch,
            **{f"sf-external-function-{key}": value for key, value in named.items() if value.isascii()},
            **encoded,
        }

    def batches(self, arrays: Sequence[Any]) -> Iterator[bytes]:
        """The rows as requests of odd sizes, none larger than MAX_BATCH_ROWS."""
        largest = self.function.max_batch_rows or len(arrays[0])
        types = [argument.type for argument in self.function.arguments]
        for piece in split(len(arrays[0]), self.chance):
            for start in range(piece.start, piece.stop, largest):
                stop = min(start + largest, piece.stop)
                columns = [array[start:stop].to_pylist() for array in arrays]
                rows = [
                    [number, *map(sent, types, row)] for number, row in enumerate(zip(*columns, strict=True))
                ]
                yield json.dumps({"data": rows}, allow_nan=False).encode()

    def __call__(self, arrays: list[Any]) -> Any:
        """One result for each row."""
        query = str(uuid.uuid4())
        with ThreadPoolExecutor(THREADS) as threads:
            parts = threads.map(lambda body: self.answer(query, body), self.batches(arrays))
            values = [value for part in parts for value in part]
        kind = self.function.returns.kind
        known = {"FLOAT": "double", "NUMBER": "int64", "BOOLEAN": "bool", "TIMESTAMP_NTZ": "timestamp[us]"}
        return pyarrow.array(values, known.get(kind, "string"))

    def answer(self, query: str, body: bytes) -> list[Any]:
        """The results of one batch, which is sent again as long as that may help."""
        function = self.function
        limit = float(function.batch_timeout or DEFAULT_TIMEOUT)
        until = time.monotonic() + limit
        headers = self.headers(query, str(uuid.uuid4()))
        post = {**headers, "Content-MD5": digest(body)}
        pause = FIRST_PAUSE
        for attempt in range(function.max_batch_retries + 1):
            reply = request(self.address, body, post, limit)
            while reply.status == 202 and time.monotonic() < until:
                time.sleep(FIRST_PAUSE)
                reply = request(self.address, None, headers, limit)
            if reply.status == 200:
                return self.values(reply.body, body)
            if (
                reply.status not in RETRIED
                or attempt == function.max_batch_retries
                or time.monotonic() > until
            ):
                break
            time.sleep(pause)
            pause *= 2
        said = reply.body[:500].decode(errors="replace")
        raise EmulationError(
            SERVICE,
            f"Request failed for service function {function.name[2]}: "
            f"remote service error {reply.status} {said!r}",
        )

    def values(self, reply: bytes, asked: bytes) -> list[Any]:
        """The results of an answer, which has to hold each row number once and in order."""
        try:
            rows = json.loads(reply)["data"]
            numbers = [row[0] for row in rows]
            values = [row[1] for row in rows if len(row) == 2]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise EmulationError(
                SERVICE, f"The service's answer is no {{'data': [[0, value], …]}}: {error}"
            ) from error
        expected = len(json.loads(asked)["data"])
        if numbers != list(range(expected)) or len(values) != expected:
            raise EmulationError(
                SERVICE,
                f"The service answered {len(rows)} rows for {expected}, or not in their order: "
                f"row numbers {numbers[:5]} …",
            )
        return [received(self.function.returns, value) for value in values]
