"""The engines: one file each, with the same methods in the same order as `base.Engine`."""

from os import PathLike
from typing import Any

from warehouse_ml.engines.base import Engine
from warehouse_ml.errors import TargetError


def open_engine(target: Any = None, *, read_only: bool = False) -> Engine:
    """Open the engine that fits a target; its driver is imported now.

    Args:
        target: None for DuckDB in memory, the path of a DuckDB file, or a DuckDB connection.
        read_only: Open a file so that nothing can change it.

    Raises:
        TargetError: It is none of these.
    """
    driver = type(target).__module__.partition(".")[0]
    if target is None or isinstance(target, str | PathLike) or driver in ("duckdb", "_duckdb"):
        from warehouse_ml.engines import duckdb

        return duckdb.connect(target, read_only=read_only)
    raise TargetError(target)
