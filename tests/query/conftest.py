"""What several modules of these tests share."""

from collections.abc import Iterator

import pytest

from tests.query.kinds import kinds_catalog
from tests.query.sql_catalog import StubCatalog


@pytest.fixture(scope="module")
def kinds() -> Iterator[StubCatalog]:
    """A table with a column of each type."""
    with kinds_catalog() as stub:
        yield stub
