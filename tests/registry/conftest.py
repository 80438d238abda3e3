"""What the tests of the registry share."""

from collections.abc import Iterator

import pytest

from warehouse_ml.engines import duckdb as engine_module
from warehouse_ml.engines.duckdb import DuckDBEngine


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    """A database in memory, without a registry."""
    engine = engine_module.connect()
    yield engine
    engine.close()
