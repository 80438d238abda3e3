"""GRANT … TO ROLE: taken down and checked for what it names, but not held to when statements run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse_ml.testing.snowflake.answers import Answer, status
from warehouse_ml.testing.snowflake.create import argument_types
from warehouse_ml.testing.snowflake.errors import NOT_THERE, EmulationError, NotEmulatedError
from warehouse_ml.testing.snowflake.tokens import Reader

if TYPE_CHECKING:
    from warehouse_ml.testing.snowflake.session import Session


@dataclass(frozen=True, slots=True)
class Grant:
    """A privilege on an object, given to a role."""

    privilege: str
    kind: str
    name: str
    role: str


def function(session: "Session", reader: Reader) -> str:
    """A function with the types of its arguments."""
    name = session.current.name(reader.path())
    return ".".join(session.catalog.found(name, argument_types(reader)).name)


def stage(session: "Session", reader: Reader) -> str:
    """A stage."""
    name = session.current.name(reader.path())
    session.stages.root(name)
    return ".".join(name)


def schema(session: "Session", reader: Reader) -> str:
    """A schema, with or without its database."""
    path = reader.path()
    database, own = (str(session.current.database), path[0]) if len(path) == 1 else path[:2]
    session.check_schema((database, own, ""))
    return f"{database}.{own}"


def service(session: "Session", reader: Reader) -> str:
    """A service."""
    return ".".join(session.services.found(session.current.name(reader.path())).name)


def compute_pool(session: "Session", reader: Reader) -> str:
    """A compute pool."""
    name = reader.identifier()
    if name not in session.services.pools:
        raise absent("Compute pool", name)
    return name


def in_schema(session: "Session", reader: Reader) -> str:
    """All objects of a kind in a schema."""
    reader.expect("IN", "SCHEMA")
    return schema(session, reader)


def database(session: "Session", reader: Reader) -> str:
    """The current database."""
    name = reader.identifier()
    if name != session.current.database:
        raise absent("Database", name)
    return name


OBJECTS: dict[tuple[str, ...], tuple[frozenset[str], Callable[["Session", Reader], str]]] = {
    ("FUNCTION",): (frozenset({"USAGE"}), function),
    ("STAGE",): (frozenset({"READ", "WRITE"}), stage),
    ("SCHEMA",): (frozenset({"USAGE", "CREATE FUNCTION", "CREATE STAGE", "CREATE TABLE"}), schema),
    ("DATABASE",): (frozenset({"USAGE"}), database),
    ("SERVICE",): (frozenset({"USAGE", "MONITOR", "OPERATE"}), service),
    ("COMPUTE", "POOL"): (frozenset({"USAGE", "MONITOR"}), compute_pool),
    ("ALL", "TABLES"): (frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}), in_schema),
    ("ALL", "VIEWS"): (frozenset({"SELECT"}), in_schema),
}
"""What may be granted on, with which privileges."""

ROLES = ("ROLE", "DATABASE", "APPLICATION")
"""What may stand after GRANT where a role is granted."""

OTHER_RECEIVERS = ("DATABASE", "SHARE", "USER", "APPLICATION")
"""What may stand after TO besides a role of the account."""


def absent(kind: str, name: str) -> EmulationError:
    """The error for an object that is not there."""
    return EmulationError(
        NOT_THERE, f"SQL compilation error: {kind} '{name}' does not exist or not authorized.", "02000"
    )


def privileges(reader: Reader) -> list[str]:
    """Privileges up to ON, such as USAGE or CREATE FUNCTION."""
    found = [reader.identifier()]
    while not reader.accept("ON"):
        if reader.accept(","):
            found.append(reader.identifier())
        else:
            found[-1] += f" {reader.identifier()}"
    return found


def role(session: "Session", reader: Reader, what: str) -> str:
    """TO [ROLE] name, which ends a GRANT."""
    reader.expect("TO")
    if reader.token.word in OTHER_RECEIVERS:
        raise NotEmulatedError(f"{what} TO {reader.token.word}")
    reader.accept("ROLE")
    name = reader.identifier()
    reader.end(what)
    if name not in session.emulation.roles:
        raise absent("Role", name)
    return name


def grant(session: "Session", reader: Reader) -> Answer:
    """GRANT privileges ON object TO ROLE role, and GRANT SERVICE ROLE service!role TO ROLE role."""
    reader.expect("GRANT")
    if reader.accept("SERVICE", "ROLE"):
        name = service(session, reader)
        reader.expect("!")
        service_role = reader.identifier()
        if service_role != "ALL_ENDPOINTS_USAGE":
            raise absent("Service role", service_role)
        new = [Grant(service_role, "SERVICE", name, role(session, reader, "GRANT SERVICE ROLE"))]
    elif reader.token.word in ROLES:
        raise NotEmulatedError(f"GRANT {reader.token.word} ROLE".replace("ROLE ROLE", "ROLE"))
    else:
        wanted = privileges(reader)
        kind = next((words for words in OBJECTS if reader.accept(*words)), None)
        if kind is None:
            raise NotEmulatedError(f"GRANT … ON {reader.token.source}")
        allowed, find = OBJECTS[kind]
        refused = [privilege for privilege in wanted if privilege not in allowed]
        if refused:
            raise NotEmulatedError(f"GRANT {', '.join(refused)} ON {' '.join(kind)}")
        name = find(session, reader)
        receiver = role(session, reader, "GRANT")
        new = [Grant(privilege, " ".join(kind), name, receiver) for privilege in wanted]
    session.emulation.grants.extend(one for one in new if one not in session.emulation.grants)
    return status("Statement executed successfully.")
