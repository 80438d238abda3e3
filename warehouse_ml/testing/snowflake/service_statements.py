"""Compute pools, image repositories and services: created, altered, shown, dropped."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from warehouse_ml.testing.snowflake.answers import Answer, answer, status
from warehouse_ml.testing.snowflake.errors import (
    ALREADY_THERE,
    NOT_THERE,
    SERVICE,
    EmulationError,
)
from warehouse_ml.testing.snowflake.services import ComputePool, Service
from warehouse_ml.testing.snowflake.specification import read_specification
from warehouse_ml.testing.snowflake.tokens import Reader

if TYPE_CHECKING:
    from warehouse_ml.testing.snowflake.session import Session

POOL_OPTIONS = {
    "MIN_NODES": Reader.integer,
    "MAX_NODES": Reader.integer,
    "INSTANCE_FAMILY": Reader.identifier,
    "AUTO_RESUME": Reader.boolean,
    "AUTO_SUSPEND_SECS": Reader.integer,
    "INITIALLY_SUSPENDED": Reader.boolean,
    "COMMENT": Reader.text,
}

SERVICE_OPTIONS = {
    "AUTO_RESUME": Reader.boolean,
    "MIN_INSTANCES": Reader.integer,
    "MAX_INSTANCES": Reader.integer,
    "COMMENT": Reader.text,
}


def options(reader: Reader, known: dict[str, Any], what: str) -> dict[str, Any]:
    """`NAME = value`, each at most once."""
    found: dict[str, Any] = {}
    while reader.token.word in known and reader.token.word not in found:
        name = reader.take().word
        reader.expect("=")
        found[name] = known[name](reader)
    reader.end(what)
    return found


def create_compute_pool(session: "Session", reader: Reader) -> Answer:
    """CREATE COMPUTE POOL [IF NOT EXISTS] name MIN_NODES = … MAX_NODES = … INSTANCE_FAMILY = …."""
    reader.expect("CREATE", "COMPUTE", "POOL")
    exists_is_fine = reader.accept("IF", "NOT", "EXISTS")
    name = reader.identifier()
    chosen = options(reader, POOL_OPTIONS, "CREATE COMPUTE POOL")
    absent = [option for option in ("MIN_NODES", "MAX_NODES", "INSTANCE_FAMILY") if option not in chosen]
    if absent:
        raise EmulationError(1003, f"SQL compilation error: missing option(s): {absent}")
    pools = session.services.pools
    if name in pools:
        if exists_is_fine:
            return status(f"{name} already exists, statement succeeded.")
        raise EmulationError(ALREADY_THERE, f"SQL compilation error: Object '{name}' already exists.")
    pools[name] = ComputePool(name, chosen["INSTANCE_FAMILY"], chosen["MIN_NODES"], chosen["MAX_NODES"])
    return status(f"Compute pool {name} successfully created.")


def drop_compute_pool(session: "Session", reader: Reader) -> Answer:
    """DROP COMPUTE POOL [IF EXISTS] name, which no service may run on."""
    reader.expect("DROP", "COMPUTE", "POOL")
    absence_is_fine = reader.accept("IF", "EXISTS")
    name = reader.identifier()
    reader.end("DROP COMPUTE POOL")
    services = session.services
    if name not in services.pools:
        if absence_is_fine:
            return status("Drop statement executed successfully (compute pool already dropped).")
        raise EmulationError(
            NOT_THERE,
            f"SQL compilation error: Compute pool '{name}' does not exist or not authorized.",
            "02000",
        )
    if any(service.pool == name for service in services.services.values()):
        raise EmulationError(SERVICE, f"Compute pool {name} cannot be dropped: services run on it.")
    del services.pools[name]
    return status(f"{name} successfully dropped.")


def create_image_repository(session: "Session", reader: Reader) -> Answer:
    """CREATE IMAGE REPOSITORY [IF NOT EXISTS] name."""
    reader.expect("CREATE", "IMAGE", "REPOSITORY")
    exists_is_fine = reader.accept("IF", "NOT", "EXISTS")
    name = session.current.name(reader.path())
    session.check_schema(name)
    reader.end("CREATE IMAGE REPOSITORY")
    if name in session.services.repositories:
        if exists_is_fine:
            return status(f"{name[2]} already exists, statement succeeded.")
        raise EmulationError(ALREADY_THERE, f"SQL compilation error: Object '{name[2]}' already exists.")
    session.services.repositories.add(name)
    return status(f"Image Repository {name[2]} successfully created.")


def checked_specification(session: "Session", text: str) -> Any:
    """A specification whose stages are there."""
    specification = read_specification(text)
    for stage in specification.stages:
        session.stages.root(session.current.stage_path(stage).stage)
    return specification


def create_service(session: "Session", reader: Reader) -> Answer:
    """CREATE SERVICE [IF NOT EXISTS] name IN COMPUTE POOL pool FROM SPECIFICATION $$…$$."""
    reader.expect("CREATE", "SERVICE")
    exists_is_fine = reader.accept("IF", "NOT", "EXISTS")
    name = session.current.name(reader.path())
    session.check_schema(name)
    reader.expect("IN", "COMPUTE", "POOL")
    pool = reader.identifier()
    reader.expect("FROM", "SPECIFICATION")
    text = reader.text()
    chosen = options(reader, SERVICE_OPTIONS, "CREATE SERVICE")
    service = Service(
        name,
        pool,
        checked_specification(session, text),
        text,
        chosen.get("MIN_INSTANCES", 1),
        chosen.get("MAX_INSTANCES", 1),
        chosen.get("AUTO_RESUME", True),
        chosen.get("COMMENT", ""),
    )
    if not session.services.create(service, exists_is_fine=exists_is_fine):
        return status(f"{name[2]} already exists, statement succeeded.")
    return status(f"Service {name[2]} successfully created.")


def alter_service(session: "Session", reader: Reader) -> Answer:
    """ALTER SERVICE name SUSPEND, RESUME, or FROM SPECIFICATION $$…$$."""
    reader.expect("ALTER", "SERVICE")
    name = session.current.name(reader.path())
    service = session.services.found(name)
    if reader.accept("FROM", "SPECIFICATION"):
        text = reader.text()
        specification = checked_specification(session, text)
        session.services.services[name] = replace(service, text=text, specification=specification)
    elif reader.accept("SUSPEND"):
        session.services.suspend(name, True)
    else:
        reader.expect("RESUME")
        session.services.suspend(name, False)
    reader.end("ALTER SERVICE")
    return status("Statement executed successfully.")


def drop_service(session: "Session", reader: Reader) -> Answer:
    """DROP SERVICE [IF EXISTS] name."""
    reader.expect("DROP", "SERVICE")
    absence_is_fine = reader.accept("IF", "EXISTS")
    name = session.current.name(reader.path())
    reader.end("DROP SERVICE")
    if absence_is_fine and name not in session.services.services:
        return status("Drop statement executed successfully (service already dropped).")
    session.services.found(name)
    del session.services.services[name]
    return status(f"{name[2]} successfully dropped.")


def show_services(session: "Session", reader: Reader) -> Answer:
    """SHOW SERVICES [LIKE 'pattern'] [IN SCHEMA name], and SHOW SERVICE CONTAINERS IN SERVICE name."""
    reader.expect("SHOW")
    if reader.accept("SERVICE", "CONTAINERS", "IN", "SERVICE"):
        service = session.services.found(session.current.name(reader.path()))
        reader.end("SHOW SERVICE CONTAINERS")
        columns = [
            "service_name",
            "service_status",
            "instance_id",
            "container_name",
            "status",
            "message",
            "image_name",
        ]
        state = session.services.status(service)
        ready = "READY" if state == "RUNNING" else state
        return answer(
            columns,
            [
                [service.name[2], state, "0", container, ready, "Running" if ready == "READY" else "", image]
                for container, image in zip(
                    service.specification.containers, service.specification.images, strict=True
                )
            ],
        )
    reader.expect("SERVICES")
    pattern = reader.text() if reader.accept("LIKE") else None
    within = None
    if reader.accept("IN", "SCHEMA"):
        path = reader.path()
        within = path if len(path) == 2 else (session.current.database, path[0])
        session.check_schema((str(within[0]), str(within[1]), ""))
    reader.end("SHOW SERVICES")
    columns = [
        "name",
        "status",
        "database_name",
        "schema_name",
        "compute_pool",
        "min_instances",
        "max_instances",
    ]
    columns += ["auto_resume", "comment"]
    return answer(
        columns,
        [
            [
                *(service.name[2], session.services.status(service), *service.name[:2], service.pool),
                *(
                    service.min_instances,
                    service.max_instances,
                    str(service.auto_resume).lower(),
                    service.comment,
                ),
            ]
            for service in session.services.matching(pattern)
            if within in (None, service.name[:2])
        ],
    )


def service_status(session: "Session", reader: Reader) -> str:
    """SYSTEM$GET_SERVICE_STATUS('name'): JSON, an entry for each container."""
    path = Reader(reader.text()).path()
    service = session.services.found(session.current.name(path))
    state = session.services.status(service)
    if state == "SUSPENDED":
        return "[]"
    entry = {
        "status": "READY" if state == "RUNNING" else "PENDING",
        "message": "Running" if state == "RUNNING" else "Waiting for the readiness probe.",
        "instanceId": "0",
        "serviceName": service.name[2],
        "restartCount": 0,
    }
    return json.dumps([{**entry, "containerName": name} for name in service.specification.containers])
