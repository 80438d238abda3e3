"""The engines: one file each, with the same methods in the same order as `base.Engine`."""

from os import PathLike
from typing import Any, get_args

from warehouse_ml.engines.base import Device, Engine
from warehouse_ml.errors import DeviceError, MissingDependencyError, SnowflakeTargetError, TargetError


def open_engine(target: Any = None, *, read_only: bool = False, device: Device = "cpu") -> Engine:
    """Open the engine that fits a target; its driver is imported now.

    Args:
        target: None for DuckDB in memory, the path of a DuckDB file, or a DuckDB connection; a Snowpark
            session, or `snowflake://…`.
        read_only: Open a file so that nothing can change it.
        device: What scores.

    Raises:
        TargetError: It is none of these.
        MissingDependencyError: The driver is not installed.
        DeviceError: There is no such device here.
    """
    if device not in get_args(Device):
        raise DeviceError(f"device is {device!r}; it must be 'cpu' or 'cuda'")
    driver = type(target).__module__.partition(".")[0]
    if driver == "snowflake" or (isinstance(target, str) and target[:12].lower() == "snowflake://"):
        return _snowflake(target, read_only, device)
    if isinstance(target, str) and target[:10].lower() == "snowflake:":
        raise SnowflakeTargetError("it has one slash or none behind the colon")
    if target is None or isinstance(target, str | PathLike) or driver in ("duckdb", "_duckdb"):
        from warehouse_ml.engines import duckdb

        if device == "cuda":
            from warehouse_ml.engines.device import providers

            providers()
        return duckdb.connect(target, read_only=read_only, device=device)
    raise TargetError(target)


def _snowflake(target: Any, read_only: bool, device: Device) -> Engine:
    if read_only:
        raise SnowflakeTargetError("read_only is for files of DuckDB; on Snowflake, a role's privileges tell")
    if not isinstance(target, str) and type(target).__name__ != "Session":
        raise TargetError(target)
    try:
        from warehouse_ml.engines import snowflake
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "snowflake":
            raise
        raise MissingDependencyError("snowflake-snowpark-python", "snowflake") from None
    return snowflake.connect(target, device=device)
