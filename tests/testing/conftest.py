from collections.abc import Iterator

import pytest

from tests.testing.account import Account
from warehouse_ml.testing.snowflake import Settings, emulated_snowflake
from warehouse_ml.testing.snowflake.fixture import (
    emulation,
    snowflake_emulation_options,
    snowflake_session,
)

__all__ = ["emulation", "snowflake_emulation_options", "snowflake_session"]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """One account per module: tests name what they make apart."""
    with emulated_snowflake(Settings(time_limit=3.0), roles=["analyst"]) as emulation:
        found = Account(emulation, emulation.session())
        found.sql("CREATE STAGE files")
        yield found
