"""Named internal stages: files below a folder, listed, removed, and read at the time of a call."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from warehouse_ml.testing.snowflake.errors import ALREADY_THERE, NOT_THERE, EmulationError

Name = tuple[str, str, str]
"""Database, schema and the object's own name, folded."""


@dataclass(frozen=True, slots=True)
class StagePath:
    """A stage, and a path within it without a slash at its start."""

    stage: Name
    path: str


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One file of a stage, named from the stage on."""

    name: str
    file: Path

    @property
    def row(self) -> tuple[str, int, str, str]:
        """Name, size in bytes, MD5 and time, as LIST shows them."""
        content = self.file.read_bytes()
        modified = formatdate(self.file.stat().st_mtime, usegmt=True)
        return self.name, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest(), modified


class Stages:
    """All stages of one emulation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: set[Name] = set()

    def create(self, stage: Name, *, replace: bool, exists_is_fine: bool) -> bool:
        """Make a stage; says whether it is new."""
        if stage in self.names and not replace:
            if exists_is_fine:
                return False
            raise EmulationError(
                ALREADY_THERE, f"SQL compilation error: Object '{'.'.join(stage)}' already exists."
            )
        self.names.add(stage)
        shutil.rmtree(self.root(stage), ignore_errors=True)
        self.root(stage).mkdir(parents=True)
        return True

    def drop(self, stage: Name) -> None:
        """Remove a stage and its files."""
        self.root(stage)
        self.names.remove(stage)
        shutil.rmtree(self.folder.joinpath(*stage))

    def root(self, stage: Name) -> Path:
        """The folder of a stage that exists."""
        if stage not in self.names:
            raise EmulationError(
                NOT_THERE,
                f"SQL compilation error: Stage '{'.'.join(stage)}' does not exist or not authorized.",
                "02000",
            )
        return self.folder.joinpath(*stage)

    def file(self, place: StagePath) -> Path:
        """Where one file is or will be; a path cannot leave its stage."""
        root = self.root(place.stage)
        file = (root / place.path).resolve()
        if not file.is_relative_to(root.resolve()):
            raise EmulationError(NOT_THERE, f"The path {place.path!r} leaves its stage.")
        return file

    def content(self, place: StagePath) -> bytes:
        """The bytes of one file."""
        file = self.file(place)
        if not file.is_file():
            raise EmulationError(
                NOT_THERE,
                f"Remote file '@{'.'.join(place.stage)}/{place.path}' was not found.",
                "02000",
            )
        return file.read_bytes()

    def write(self, place: StagePath, content: bytes) -> None:
        """Put a file in place at once, as object storage does: a reader sees the old bytes or the new."""
        file = self.file(place)
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as part:
            part.write(content)
        os.replace(part.name, file)

    def listed(self, place: StagePath, pattern: str | None = None) -> Iterator[StagedFile]:
        """The files whose names start with a path, as Snowflake takes a path for a prefix."""
        root = self.root(place.stage)
        for file in sorted(root.rglob("*")):
            name = file.relative_to(root).as_posix()
            whole = f"{place.stage[2].lower()}/{name}"
            if (
                file.is_file()
                and name.startswith(place.path)
                and (not pattern or re.fullmatch(pattern, whole))
            ):
                yield StagedFile(whole, file)
