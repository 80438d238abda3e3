"""The settings of the service, read from its environment; `onnx_service.py` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PREFIX = "WML_"
"""How the names of the variables start; the rest is the name of the setting in capitals."""

DEVICES = ("cpu", "cuda")


class StartError(Exception):
    """The service cannot start; the message says why, and what to change."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the service is told; a size of 0 is allowed only where that means something."""

    models: str = "/models"
    serve: str = ""
    device: str = "cpu"
    allow_cpu_nodes: int = 0
    host: str = "0.0.0.0"
    port: int = 8000
    threads: int = 1
    max_batch_rows: int = 100_000
    max_delay_ms: int = 5
    max_queue_rows: int = 1_000_000
    max_body_bytes: int = 64 * 2**20
    max_buffer_bytes: int = 512 * 2**20
    kept_answers: int = 1_024
    kept_bytes: int = 128 * 2**20
    kept_seconds: int = 900
    stop_seconds: int = 25


_MAY_BE_ZERO = ("allow_cpu_nodes", "max_delay_ms", "kept_answers", "kept_bytes", "kept_seconds")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings that an environment holds.

    Raises:
        StartError: A value is not of its kind.
    """
    values: dict[str, Any] = {}
    for field in fields(Settings):
        variable = PREFIX + field.name.upper()
        if variable in environment:
            text = environment[variable]
            values[field.name] = _number(variable, field.name, text) if type(field.default) is int else text
    settings = Settings(**values)
    if settings.device not in DEVICES:
        raise StartError(f"WML_DEVICE is {settings.device!r}; it must be one of {', '.join(DEVICES)}.")
    return settings


def unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and are none: misspelt, or another program's."""
    known = {PREFIX + field.name.upper() for field in fields(Settings)}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)


def _number(variable: str, name: str, text: str) -> int:
    least = 0 if name in _MAY_BE_ZERO else 1
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise StartError(f"{variable} is {text!r}; it must be a whole number of at least {least}.")
    return int(text)
