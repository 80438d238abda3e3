"""Snowflake without an account: a real Snowpark session on an emulation that runs staged handlers.

It runs the statements that warehouse_ml sends and refuses all others: see docs/emulation.md.
"""

from warehouse_ml.errors import MissingDependencyError

try:
    from warehouse_ml.testing.snowflake.catalog import Settings
    from warehouse_ml.testing.snowflake.emulation import Emulation, emulated_snowflake
    from warehouse_ml.testing.snowflake.errors import EmulationError, NotEmulatedError
except ModuleNotFoundError as error:
    missing = (error.name or "").partition(".")[0]
    if missing not in ("snowflake", "fakesnow", "pandas", "starlette", "uvicorn", "yaml"):
        raise
    raise MissingDependencyError(missing, "test-snowflake") from None

__all__ = ["Emulation", "EmulationError", "NotEmulatedError", "Settings", "emulated_snowflake"]
