"""Golden triples on a Snowflake session: what a user writes, what Snowflake gets, and the rows that come.

`name.sql` -> `name.bound.sql`, which runs on the emulation and gives `name.rows.json`.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot

from tests.query.snowflake_catalog import SnowflakeCatalog, snowflake_catalog

FOLDER = Path(__file__).parents[1] / "fixtures" / "snowflake"
PAIRS = sorted(path for path in FOLDER.glob("*.sql") if not path.name.endswith(".bound.sql"))


@pytest.fixture(scope="module")
def opened() -> Iterator[SnowflakeCatalog]:
    with snowflake_catalog() as catalog:
        yield catalog


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_bound_text_is_the_golden_one(opened: SnowflakeCatalog, path: Path) -> None:
    assert opened.sql(path.read_text()) == path.with_suffix(".bound.sql").read_text()


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_bound_text_is_snowflakes(path: Path) -> None:
    assert sqlglot.parse_one(path.with_suffix(".bound.sql").read_text(), read="snowflake") is not None


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_bound_text_gives_the_rows(opened: SnowflakeCatalog, path: Path) -> None:
    rows = opened.undone(path.with_suffix(".bound.sql").read_text())
    assert json.loads(json.dumps(rows)) == json.loads(path.with_suffix(".rows.json").read_text())
