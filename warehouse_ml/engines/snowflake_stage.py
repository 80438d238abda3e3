"""The files of the stage: put once, read back, and never changed."""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snowflake.connector import errors

from warehouse_ml.engines.snowflake_ddl import get_file, put_file
from warehouse_ml.errors import StagedFileError

Run = Callable[[str], list[tuple[Any, ...]]]
"""Runs a statement and gives its rows."""

_PATH = re.compile(r"(models/[a-z0-9_]+/[0-9]+|handlers)/[0-9a-f]{16}/[a-z0-9_]+\.[a-z]+")
"""The form of a path: it stands in statements without quotes, and may come from a table of the registry."""

_NO_FILE = 253006
"""The number of the error of a GET of a file that is not there."""

_STATUS = 6
"""The position of a file's status in the answer to PUT."""


class Stage:
    """The stage `artifacts` of a schema."""

    def __init__(self, run: Run, schema: str) -> None:
        """Use the stage by statements that `run` sends."""
        self._run = run
        self._schema = schema

    def put(self, path: str, content: bytes) -> None:
        """Put a file where it is missing; the one that is there must be equal.

        Raises:
            StagedFileError: Another file lies there, or it was not taken.
        """
        folder, name = _split(path)
        # A folder that only this user can read: the file holds the model's weights.
        with tempfile.TemporaryDirectory(prefix="warehouse_ml_") as local:
            file = Path(local, name)
            file.write_bytes(content)
            rows = self._run(put_file(file.as_posix(), folder, self._schema))
        status = str(rows[0][_STATUS]).upper() if rows else "unknown"
        if status == "SKIPPED":
            self._compare(path, content)
        elif status != "UPLOADED":
            raise StagedFileError(path, f"was not taken (status {status})")

    def find(self, path: str) -> bytes | None:
        """The content of a file; None where there is none, or it cannot be read."""
        try:
            return self.read(path)
        except StagedFileError:
            return None

    def read(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            StagedFileError: There is no such file, or it cannot be read.
        """
        _, name = _split(path)
        with tempfile.TemporaryDirectory(prefix="warehouse_ml_") as local:
            try:
                self._run(get_file(path, local.replace(os.sep, "/"), self._schema))
            except errors.ProgrammingError as error:
                raise StagedFileError(path, "cannot be read") from error
            except errors.OperationalError as error:
                if error.errno != _NO_FILE:
                    raise
                raise StagedFileError(path, "is missing; push the version again") from error
            file = Path(local, name)
            if not file.is_file():
                raise StagedFileError(path, "is missing")
            return file.read_bytes()

    def _compare(self, path: str, content: bytes) -> None:
        found, wanted = (hashlib.sha256(data).hexdigest() for data in (self.read(path), content))
        if found != wanted:
            raise StagedFileError(
                path,
                f"is another one: SHA-256 {found[:12]}… instead of {wanted[:12]}…; it was not changed. Find "
                f"out who did, then REMOVE @{self._schema}.artifacts/{path} and push again",
            )


def _split(path: str) -> tuple[str, str]:
    if _PATH.fullmatch(path) is None:
        raise StagedFileError(path, "has no path of a model or a handler")
    folder, _, name = path.rpartition("/")
    return folder, name
