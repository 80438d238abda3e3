"""Compute pools, image repositories and services, and where a service really answers."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace

from warehouse_ml.testing.snowflake.catalog import Calls, Settings
from warehouse_ml.testing.snowflake.errors import ALREADY_THERE, NOT_THERE, SERVICE, EmulationError
from warehouse_ml.testing.snowflake.functions import Function
from warehouse_ml.testing.snowflake.service_calls import ServiceCalls
from warehouse_ml.testing.snowflake.specification import Specification
from warehouse_ml.testing.snowflake.stages import Name


@dataclass(frozen=True, slots=True)
class Service:
    """A service that was created; it runs unless it was suspended."""

    name: Name
    pool: str
    specification: Specification
    text: str
    min_instances: int = 1
    max_instances: int = 1
    auto_resume: bool = True
    comment: str = ""
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class ComputePool:
    """A compute pool; the emulation has no nodes, and so holds no service to their number."""

    name: str
    family: str
    min_nodes: int
    max_nodes: int


class Services:
    """All services of one emulation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pools: dict[str, ComputePool] = {}
        self.repositories: set[Name] = set()
        self.services: dict[Name, Service] = {}
        self.addresses: dict[str, str] = {}

    def serve(self, name: str, address: str) -> None:
        """Say at which address the service of a name answers, such as `http://127.0.0.1:8000`."""
        self.addresses[name.upper()] = address.rstrip("/")

    def address(self, name: Name) -> str | None:
        """Where a service answers, by the longest name that was told."""
        for start in range(3):
            found = self.addresses.get(".".join(name[start:]).upper())
            if found is not None:
                return found
        return None

    def found(self, name: Name) -> Service:
        """A service that was created."""
        if name not in self.services:
            raise EmulationError(
                NOT_THERE,
                f"SQL compilation error: Service '{'.'.join(name)}' does not exist or not authorized.",
                "02000",
            )
        return self.services[name]

    def create(self, service: Service, *, exists_is_fine: bool) -> bool:
        """Take a service in; says whether it is new."""
        if service.name in self.services:
            if exists_is_fine:
                return False
            raise EmulationError(
                ALREADY_THERE, f"SQL compilation error: Object '{'.'.join(service.name)}' already exists."
            )
        if service.pool not in self.pools:
            raise EmulationError(
                NOT_THERE,
                f"SQL compilation error: Compute pool '{service.pool}' does not exist or not authorized.",
                "02000",
            )
        self.services[service.name] = service
        return True

    def suspend(self, name: Name, suspended: bool) -> None:
        """Suspend or resume a service."""
        self.services[name] = replace(self.found(name), suspended=suspended)

    def ready(self, service: Service) -> bool:
        """Whether the server of a service answers its readiness probe with 200."""
        address = self.address(service.name)
        if address is None or service.suspended:
            return False
        try:
            with urllib.request.urlopen(address + service.specification.readiness, timeout=5) as reply:
                return int(reply.status) == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def status(self, service: Service) -> str:
        """RUNNING, PENDING or SUSPENDED."""
        if service.suspended:
            return "SUSPENDED"
        return "RUNNING" if self.ready(service) else "PENDING"

    def matching(self, pattern: str | None) -> Iterator[Service]:
        """Services whose names are LIKE a pattern, in the order of their names."""
        for name in sorted(self.services):
            if pattern is None or like(pattern, name[2]):
                yield self.services[name]

    def calls(self, function: Function) -> Calls:
        """Calls of a service function."""
        service = self.found(function.service)
        if function.endpoint not in service.specification.endpoints:
            raise EmulationError(
                SERVICE,
                f"SQL compilation error: service {service.name[2]} has no endpoint {function.endpoint!r}, "
                "only "
                f"{', '.join(sorted(service.specification.endpoints))}.",
            )

        def calls(arrays: list[object]) -> object:
            running = self.found(function.service)
            if running.suspended and not running.auto_resume:
                raise EmulationError(
                    SERVICE, f"Service {running.name[2]} is suspended, and AUTO_RESUME is FALSE."
                )
            if running.suspended:
                self.suspend(running.name, False)
            address = self.address(running.name)
            if address is None:
                raise EmulationError(
                    SERVICE,
                    f"Service {running.name[2]} has no server in this emulation: tell it by "
                    f"emulation.serve({running.name[2]!r}, 'http://127.0.0.1:…').",
                )
            return ServiceCalls(function, address + function.body, self.settings.seed)(arrays)

        return calls


def like(pattern: str, name: str) -> bool:
    """LIKE of SHOW, which takes capitals and small letters for the same."""
    parts = [
        ".*" if part == "%" else "." if part == "_" else re.escape(part)
        for part in re.split(r"([%_])", pattern)
    ]
    return re.fullmatch("".join(parts), name, re.IGNORECASE | re.DOTALL) is not None
