"""The pytest fixture: `pytest_plugins = ["warehouse_ml.testing.snowflake.fixture"]` in conftest.py.

`snowflake_session` is a Snowpark session on an account of its own, `emulation` that account, and
`snowflake_emulation_options` what a test, a module or a folder overrides to have another account.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from warehouse_ml.testing.snowflake.emulation import Emulation, emulated_snowflake

if TYPE_CHECKING:
    from snowflake.snowpark import Session


@pytest.fixture(scope="session")
def snowflake_emulation_options() -> Mapping[str, Any]:
    """What `emulated_snowflake` is called with, by name: `{"roles": ["ANALYST"]}`; nothing by default."""
    return {}


@pytest.fixture
def emulation(snowflake_emulation_options: Mapping[str, Any]) -> Iterator[Emulation]:
    """An emulated account that no other test sees."""
    with emulated_snowflake(**snowflake_emulation_options) as account:
        yield account


@pytest.fixture
def snowflake_session(emulation: Emulation) -> "Session":
    """A Snowpark session on the test's own account, in database EMULATED and schema PUBLIC."""
    return emulation.session()
