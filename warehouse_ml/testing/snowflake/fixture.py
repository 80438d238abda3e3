"""The pytest fixture: `pytest_plugins = ["warehouse_ml.testing.snowflake.fixture"]` in conftest.py.

`snowflake_session` is a Snowpark session on an account of its own, `emulation` that account.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from warehouse_ml.testing.snowflake.emulation import Emulation, emulated_snowflake

if TYPE_CHECKING:
    from snowflake.snowpark import Session


@pytest.fixture
def emulation() -> Iterator[Emulation]:
    """An emulated account that no other test sees."""
    with emulated_snowflake() as account:
        yield account


@pytest.fixture
def snowflake_session(emulation: Emulation) -> "Session":
    """A Snowpark session on the test's own account, in database EMULATED and schema PUBLIC."""
    return emulation.session()
