"""PUT, GET, LIST and REMOVE: what the client is told, which moves the bytes itself over HTTP."""

from typing import Any

from warehouse_ml.testing.snowflake.answers import Answer, answer
from warehouse_ml.testing.snowflake.errors import NotEmulatedError
from warehouse_ml.testing.snowflake.names import Current
from warehouse_ml.testing.snowflake.stages import StagePath, Stages
from warehouse_ml.testing.snowflake.tokens import Reader

BUCKET = "stages"
"""The first part of the addresses at which the client finds a stage's files."""

OPTIONS = {
    "PARALLEL": Reader.integer,
    "AUTO_COMPRESS": Reader.boolean,
    "SOURCE_COMPRESSION": lambda reader: (
        reader.text() if reader.token.kind == "text" else reader.identifier()
    ),
    "OVERWRITE": Reader.boolean,
    "PATTERN": Reader.text,
}


def located(reader: Reader) -> str:
    """A stage path or a file address, in quotes or without."""
    if reader.token.kind in ("stage", "file"):
        return reader.take().source
    return reader.text()


def options(reader: Reader, allowed: tuple[str, ...], what: str) -> dict[str, Any]:
    """`NAME = value` as often as they stand there."""
    found: dict[str, Any] = {}
    while reader.token.kind == "word" and reader.token.word in allowed:
        name = reader.take().word
        reader.accept("=")
        found[name] = OPTIONS[name](reader)
    reader.end(what)
    return found


def stage_info(place: StagePath, address: str, token: str) -> dict[str, Any]:
    """Where the client finds a folder of a stage: a bucket like Google's, on the emulation's server."""
    folder = place.path.strip("/")
    return {
        "locationType": "GCS",
        "location": "/".join([BUCKET, *place.stage, *folder.split("/")] if folder else [BUCKET, *place.stage])
        + "/",
        "creds": {"GCS_ACCESS_TOKEN": token},
        "endPoint": address,
    }


def local_path(source: str) -> str:
    """The path in a `file://` address."""
    if not source.startswith("file://"):
        raise NotEmulatedError(f"the file address {source!r}, which does not start with file://")
    return source.removeprefix("file://")


def put(reader: Reader, current: Current, stages: Stages, address: str, token: str) -> Answer:
    """PUT 'file://…' '@stage/path': the client uploads."""
    reader.expect("PUT")
    source = local_path(located(reader))
    place = current.stage_path(located(reader))
    names = ("PARALLEL", "AUTO_COMPRESS", "SOURCE_COMPRESSION", "OVERWRITE")
    chosen = options(reader, names, "PUT")
    stages.file(place)
    transfer = {
        "stageInfo": stage_info(place, address, token),
        "src_locations": [source],
        "parallel": chosen.get("PARALLEL", 4),
        "autoCompress": chosen.get("AUTO_COMPRESS", True),
        "sourceCompression": str(chosen.get("SOURCE_COMPRESSION", "AUTO_DETECT")).lower(),
        "overwrite": chosen.get("OVERWRITE", False),
        "command": "UPLOAD",
    }
    return Answer(None, [], transfer=transfer)


def get(reader: Reader, current: Current, stages: Stages, address: str, token: str) -> Answer:
    """GET '@stage/path' 'file://…': the client downloads the files whose names start with the path."""
    reader.expect("GET")
    place = current.stage_path(located(reader))
    target = local_path(located(reader))
    chosen = options(reader, ("PARALLEL", "PATTERN"), "GET")
    root = stages.root(place.stage)
    files = [file.file.relative_to(root).as_posix() for file in stages.listed(place, chosen.get("PATTERN"))]
    transfer = {
        "stageInfo": stage_info(StagePath(place.stage, ""), address, token),
        "src_locations": files,
        "parallel": chosen.get("PARALLEL", 10),
        "localLocation": target,
        "command": "DOWNLOAD",
    }
    return Answer(None, [], transfer=transfer)


def listing(reader: Reader, current: Current, stages: Stages) -> Answer:
    """LIST or LS."""
    reader.take()
    place = current.stage_path(located(reader))
    chosen = options(reader, ("PATTERN",), "LIST")
    rows = [file.row for file in stages.listed(place, chosen.get("PATTERN"))]
    return answer(["name", "size", "md5", "last_modified"], rows)


def remove(reader: Reader, current: Current, stages: Stages) -> Answer:
    """REMOVE or RM."""
    reader.take()
    place = current.stage_path(located(reader))
    chosen = options(reader, ("PATTERN",), "REMOVE")
    rows = []
    for file in stages.listed(place, chosen.get("PATTERN")):
        file.file.unlink()
        rows.append([file.name, "removed"])
    return answer(["name", "result"], rows)
